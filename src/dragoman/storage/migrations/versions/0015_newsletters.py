"""What the SMSGateway24 dialect keeps.

Revision: 0015; after: 0014
"""

from __future__ import annotations

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
