"""Premium messages and their refunds.

Revision: 0004; after: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "premium_messages",
        sa.Column(
            "message_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("price", sa.Integer(), nullable=False),
        sa.Column("content_type", sa.Integer(), nullable=False),
        sa.Column("charity", sa.Boolean(), nullable=False),
        sa.Column("invoice_text", sa.Text(), nullable=False),
        sa.Column("revenue_text", sa.Text(), nullable=False),
        sa.Column(
            "refunded_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "notice_batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.message_id"],
            name=op.f("fk_premium_messages_message_id"),
        ),
        sa.ForeignKeyConstraint(
            ["notice_batch_id"],
            ["batches.batch_id"],
            name=op.f("fk_premium_messages_notice_batch_id"),
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_premium_messages")),
    )
