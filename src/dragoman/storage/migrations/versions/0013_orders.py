"""Orders and their numbers.

Revision: 0013; after: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("message_type", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.batch_id"], name=op.f("fk_orders_batch_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "number", name=op.f("pk_orders")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "uq_orders_account_id_batch_id", "orders", ["account_id", "batch_id"], unique=True
    )
    op.create_index(
        "uq_orders_account_id_order_id", "orders", ["account_id", "order_id"], unique=True
    )
