"""PostgreSQL checks no references of the rows that every message inserts.

Revision: 0006; after: 0005
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
additive = True

_UNCHECKED = {
    "batches": "account_id",
    "ledger_entries": "wallet_id",
    "messages": "batch_id",
    "parts": "message_id",
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return  # there a check is a look at a page in memory, and to end it all rows are copied
    for table, column in _UNCHECKED.items():
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT fk_{table}_{column}")
