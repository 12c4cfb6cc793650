"""How contacts of lists are found for a batch."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from dragoman.storage.engine import Storage

WALK = (
    "SELECT mobile, contact_id, fields FROM contacts WHERE list_id = 1 AND mobile > '45'"
    " AND deleted_ms IS NULL ORDER BY mobile, contact_id LIMIT 1000"
)


@pytest.fixture
def plan(database_url: str) -> str:
    storage = Storage(database_url)
    storage.migrate()
    try:
        with storage._write_engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                rows = connection.execute(text(f"EXPLAIN QUERY PLAN {WALK}"))
            else:
                # An empty table is scanned whatever its indexes are.
                connection.execute(text("SET LOCAL enable_seqscan = off"))
                connection.execute(text("SET LOCAL enable_bitmapscan = off"))
                rows = connection.execute(text(f"EXPLAIN {WALK}"))
            return "\n".join(str(row) for row in rows)
    finally:
        storage.close()


def test_a_list_is_walked_in_the_order_of_its_index(plan: str) -> None:
    assert "ix_contacts_list_id_mobile" in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan
