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
    op.create_index(
        "ix_inbound_texts_account_id_recipient_inbound_id",
        "inbound_texts",
        ["account_id", "recipient", "inbound_id"],
        unique=False,
    )
