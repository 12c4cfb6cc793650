"""Statistics that are told to us, and indexes of what is searched.

Revision: 0007; after: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

IS_FAILED = sa.text("state > 30 AND state <> 40")


def upgrade() -> None:
    op.create_table(
        "ingested_rows",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column(
            "ingested_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "direction", "reference", name=op.f("pk_ingested_rows")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_inbound_texts_account_id_sender_inbound_id",
        "inbound_texts",
        ["account_id", "sender", "inbound_id"],
        unique=False,
    )
    op.drop_index(op.f("ix_messages_account_id_recipient"), table_name="messages")
    op.drop_index(op.f("ix_messages_batch_id"), table_name="messages")
    op.create_index(
        "ix_messages_account_id_recipient_message_id",
        "messages",
        ["account_id", "recipient", "message_id"],
        unique=False,
    )
    op.create_index(
        "ix_messages_batch_id_message_id", "messages", ["batch_id", "message_id"], unique=False
    )
    op.create_index(
        "ix_messages_failed",
        "messages",
        ["account_id", "message_id"],
        unique=False,
        sqlite_where=IS_FAILED,
        postgresql_where=IS_FAILED,
    )
