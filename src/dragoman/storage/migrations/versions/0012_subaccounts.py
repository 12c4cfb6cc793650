"""Who pays for accounts, what they bought, their senders, and links to the console.

Revision: 0012; after: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account_records",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("dialect", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_account_records_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "dialect", name=op.f("pk_account_records")),
    )
    op.create_table(
        "one_time_links",
        sa.Column(
            "link_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column(
            "expires_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_one_time_links_account_id")
        ),
        sa.PrimaryKeyConstraint("link_id", name=op.f("pk_one_time_links")),
    )
    op.create_index("ix_one_time_links_expires_ms", "one_time_links", ["expires_ms"], unique=False)
    op.create_index("uq_one_time_links_digest", "one_time_links", ["digest"], unique=True)
    op.create_table(
        "purchases",
        sa.Column(
            "purchase_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("gives", sa.Boolean(), nullable=False),
        sa.Column("amount", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("prices", sa.Text(), nullable=False),
        sa.Column(
            "created_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_purchases_account_id")
        ),
        sa.PrimaryKeyConstraint("purchase_id", name=op.f("pk_purchases")),
    )
    op.create_index(
        "ix_purchases_account_id_purchase_id",
        "purchases",
        ["account_id", "purchase_id"],
        unique=False,
    )
    op.add_column("accounts", sa.Column("payer", sa.Text(), server_default="own", nullable=False))
    op.add_column(
        "accounts", sa.Column("message_types", sa.Text(), server_default="", nullable=False)
    )
    op.add_column("senders", sa.Column("details", sa.Text(), server_default="{}", nullable=False))
