"""The country whose numbers people of an account write without its calling code.

Revision: 0007; after: 0006
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE accounts ADD COLUMN country TEXT NOT NULL DEFAULT ''")
