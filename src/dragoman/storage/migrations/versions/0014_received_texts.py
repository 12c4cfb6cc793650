"""Cursors of received texts and codes of two-factor checks.

Revision: 0014; after: 0013
"""

from __future__ import annotations

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
