"""The user data headers of inbound texts; codes that are sent again.

Revision: 0002; after: 0001
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    identifier = {"sqlite": "INTEGER", "postgresql": "BIGINT"}[connection.dialect.name]
    for table, column in (
        ("inbound_texts", "header TEXT DEFAULT '' NOT NULL"),
        ("inbound_parts", "header TEXT DEFAULT '' NOT NULL"),
        ("verifications", "sends SMALLINT DEFAULT '1' NOT NULL"),
        ("verifications", f"batch_id {identifier}"),
    ):
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {column}")
