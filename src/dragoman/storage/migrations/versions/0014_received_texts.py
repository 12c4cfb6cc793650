"""Cursors of received texts and codes of two-factor checks.

Revision: 0014; after: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "text_cursors",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_text_cursors_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "number", name=op.f("pk_text_cursors")),
    )
    op.create_table(
        "verifications",
        sa.Column(
            "verification_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("tries_left", sa.SmallInteger(), nullable=False),
        sa.Column(
            "expires_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_verifications_account_id")
        ),
        sa.PrimaryKeyConstraint("verification_id", name=op.f("pk_verifications")),
    )
    op.create_index(
        "ix_verifications_account_id_recipient_verification_id",
        "verifications",
        ["account_id", "recipient", "verification_id"],
        unique=False,
    )
    op.create_index("ix_verifications_expires_ms", "verifications", ["expires_ms"], unique=False)
    op.create_index(
        "ix_inbound_texts_account_id_recipient_inbound_id",
        "inbound_texts",
        ["account_id", "recipient", "inbound_id"],
        unique=False,
    )
