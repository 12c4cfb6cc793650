"""Numbers, keywords on them, forwardings, and opt-outs.

Revision: 0005; after: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "forwardings",
        sa.Column(
            "forwarding_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("dialect", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("charset", sa.Text(), nullable=False),
        sa.Column("continuous", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_forwardings_account_id")
        ),
        sa.PrimaryKeyConstraint("forwarding_id", name=op.f("pk_forwardings")),
    )
    op.create_index(
        "ix_forwardings_account_id_forwarding_id",
        "forwardings",
        ["account_id", "forwarding_id"],
        unique=False,
    )
    op.create_table(
        "numbers",
        sa.Column(
            "number_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_numbers_account_id")
        ),
        sa.PrimaryKeyConstraint("number_id", name=op.f("pk_numbers")),
        sa.UniqueConstraint("number", name=op.f("uq_numbers_number")),
    )
    op.create_table(
        "opt_outs",
        sa.Column(
            "opt_out_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column(
            "inbound_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_opt_outs_account_id")
        ),
        sa.PrimaryKeyConstraint("opt_out_id", name=op.f("pk_opt_outs")),
    )
    op.create_index(
        "uq_opt_outs_account_id_sender_recipient",
        "opt_outs",
        ["account_id", "sender", "recipient"],
        unique=True,
    )
    op.create_table(
        "keywords",
        sa.Column(
            "keyword_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column(
            "main_keyword_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("keyword", sa.Text(), nullable=False),
        sa.Column(
            "forwarding_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("free_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_keywords_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["forwarding_id"], ["forwardings.forwarding_id"], name=op.f("fk_keywords_forwarding_id")
        ),
        sa.PrimaryKeyConstraint("keyword_id", name=op.f("pk_keywords")),
    )
    op.create_index(
        "ix_keywords_account_id_keyword_id", "keywords", ["account_id", "keyword_id"], unique=False
    )
    op.create_index(
        "uq_keywords_number_main_keyword_id_keyword_free_ms",
        "keywords",
        ["number", "main_keyword_id", "keyword", "free_ms"],
        unique=True,
    )
    op.add_column(
        "inbound_texts", sa.Column("handling", sa.Text(), server_default="kept", nullable=False)
    )
