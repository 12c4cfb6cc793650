"""The user data headers of inbound texts.

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
    for table in ("inbound_texts", "inbound_parts"):
        statement = f"ALTER TABLE {table} ADD COLUMN header TEXT DEFAULT '' NOT NULL"
        connection.exec_driver_sql(statement)
