"""Who changed what in the console, and carriers that are held.

Revision: 0020; after: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column(
            "entry_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_audit_entries_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["accounts.account_id"], name=op.f("fk_audit_entries_actor_id")
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_audit_entries")),
    )
    op.create_index(
        "ix_audit_entries_account_id_entry_id",
        "audit_entries",
        ["account_id", "entry_id"],
        unique=False,
    )
    op.create_table(
        "held_carriers",
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("held_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("carrier", name=op.f("pk_held_carriers")),
    )
