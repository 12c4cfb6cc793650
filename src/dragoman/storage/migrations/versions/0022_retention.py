"""An index by which what was told long ago is found.

Revision: 0022; after: 0020
"""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_ingested_rows_ingested_ms", "ingested_rows", ["ingested_ms"], unique=False)
