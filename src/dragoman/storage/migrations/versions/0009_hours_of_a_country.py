"""The hours with messages to a country are found without a look at those of all others.

Revision: 0009; after: 0008
"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
additive = True


def upgrade() -> None:
    op.execute(
        "CREATE INDEX ix_hourly_statistics_of_country ON hourly_statistics (value, hour_ms)"
        " WHERE dimension = 'mcc:status'"
    )
