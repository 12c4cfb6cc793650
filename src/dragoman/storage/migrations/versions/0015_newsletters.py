"""What customers call the batches they send to tags.

Revision: 0015; after: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "newsletters",
        sa.Column(
            "batch_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("title", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_newsletters_account_id")
        ),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_newsletters")),
    )
    op.create_index(
        "ix_newsletters_account_id_batch_id",
        "newsletters",
        ["account_id", "batch_id"],
        unique=False,
    )
