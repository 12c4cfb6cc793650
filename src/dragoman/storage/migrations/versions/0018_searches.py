"""Contacts counted in blocks and found by their values, and indexes with the parts of messages.

Revision: 0018; after: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

IS_FAILED = sa.text("state > 30 AND state <> 40")
BLOCKS = (
    "INSERT INTO contact_blocks (account_id, list_id, first_id, last_id, live, deleted)"
    " SELECT account_id, scope, CASE WHEN block = 0 THEN 0 ELSE min(contact_id) END,"
    " max(contact_id), count(*) - count(deleted_ms), count(deleted_ms)"
    " FROM (SELECT account_id, scope, contact_id, deleted_ms, (row_number() OVER"
    " (PARTITION BY account_id, scope ORDER BY contact_id) - 1) / 1000 AS block"
    " FROM (SELECT account_id, {scope} AS scope, contact_id, deleted_ms FROM contacts) AS scoped)"
    " AS numbered GROUP BY account_id, scope, block"
)


def upgrade() -> None:
    op.create_table(
        "contact_values",
        sa.Column(
            "field_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "digest",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "contact_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("field_id", "digest", "contact_id", name=op.f("pk_contact_values")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "contact_blocks",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "list_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "first_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("last_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("live", sa.Integer(), nullable=False),
        sa.Column("deleted", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_contact_blocks_account_id")
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "list_id", "first_id", name=op.f("pk_contact_blocks")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "unnoted_contacts",
        sa.Column(
            "first_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("last_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("first_id", name=op.f("pk_unnoted_contacts")),
    )
    op.execute(BLOCKS.format(scope="coalesce(list_id, 0)"))
    op.execute(BLOCKS.format(scope="-1"))
    op.execute(
        "INSERT INTO unnoted_contacts (first_id, last_id)"
        " SELECT min(contact_id), max(contact_id) FROM contacts HAVING count(*) > 0"
    )
    op.drop_table("contact_counts")
    op.drop_index(op.f("ix_messages_account_id_message_id"), table_name="messages")
    op.drop_index(op.f("ix_messages_account_id_recipient_message_id"), table_name="messages")
    op.drop_index(op.f("ix_messages_batch_id_message_id"), table_name="messages")
    op.drop_index(op.f("ix_messages_failed"), table_name="messages")
    op.create_index(
        "ix_messages_failed",
        "messages",
        ["account_id", "message_id", "state"],
        unique=False,
        sqlite_where=IS_FAILED,
        postgresql_where=IS_FAILED,
    )
    op.create_index(
        "ix_messages_failed_of_recipient",
        "messages",
        ["account_id", "recipient", "message_id", "state", "parts"],
        unique=False,
        sqlite_where=IS_FAILED,
        postgresql_where=IS_FAILED,
    )
    op.create_index(
        "ix_messages_of_account",
        "messages",
        ["account_id", "message_id", "batch_id", "parts"],
        unique=False,
    )
    op.create_index(
        "ix_messages_of_batch", "messages", ["batch_id", "message_id", "parts"], unique=False
    )
    op.create_index(
        "ix_messages_of_recipient",
        "messages",
        ["account_id", "recipient", "message_id", "parts"],
        unique=False,
    )
