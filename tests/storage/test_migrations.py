"""The migrations make the tables that the code describes."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from dragoman.storage import records
from dragoman.storage.engine import Storage
from dragoman.storage.migrations import revisions
from dragoman.storage.repositories import inbound
from dragoman.storage.repositories.handovers import StoredHandover
from dragoman.storage.tables import (
    batches,
    handovers,
    inbound_parts,
    inbound_texts,
    messages,
    metadata,
    parked_receipts,
    parts,
)
from dragoman.storage.writer import StorageUnavailable


def test_upgrade_makes_the_tables_that_the_code_describes(empty_database_url: str) -> None:
    storage = Storage(empty_database_url)
    try:
        storage.migrate()
        with storage._write_engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []
        assert revisions.current(storage._write_engine) == revisions.newest()
        storage.migrate()  # a second time changes nothing
        storage.check()
    finally:
        storage.close()


def test_check_names_the_remedy_where_tables_are_missing(empty_database_url: str) -> None:
    storage = Storage(empty_database_url)
    try:
        with pytest.raises(StorageUnavailable, match="dragoman migrate"):
            storage.check()
    finally:
        storage.close()


@pytest.mark.parametrize(
    ("record", "table"),
    [
        (records.StoredBatch, batches),
        (records.StoredMessage, messages),
        (records.StoredPart, parts),
        (records.ParkedReceipt, parked_receipts),
        (inbound.StoredInbound, inbound_texts),
        (inbound.StoredInboundPart, inbound_parts),
        (StoredHandover, handovers),
    ],
    ids=lambda value: getattr(value, "__name__", None) or value.name,
)
def test_records_have_the_fields_of_their_rows_in_order(record, table) -> None:
    assert list(record.__struct_fields__) == [column.name for column in table.columns]
