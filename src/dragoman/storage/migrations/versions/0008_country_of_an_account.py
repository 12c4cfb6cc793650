"""The country whose numbers people of an account write without its calling code.

Revision: 0008; after: 0007
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None
additive = True


def upgrade() -> None:
    op.execute("ALTER TABLE accounts ADD COLUMN country TEXT NOT NULL DEFAULT ''")
