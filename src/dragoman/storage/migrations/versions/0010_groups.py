"""Groups of contacts, profiles of contacts, and how opt-outs came to us.

Revision: 0010; after: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

IS_NAMED_GROUP = sa.text("kind = 'group' AND deleted_ms IS NULL")


def upgrade() -> None:
    op.create_table(
        "contact_profiles",
        sa.Column(
            "contact_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_contact_profiles_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.contact_id"], name=op.f("fk_contact_profiles_contact_id")
        ),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_contact_profiles")),
    )
    op.create_index(
        "ix_contact_profiles_account_id_email_contact_id",
        "contact_profiles",
        ["account_id", "email", "contact_id"],
        unique=False,
    )
    op.create_table(
        "memberships",
        sa.Column("list_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contacts.contact_id"], name=op.f("fk_memberships_contact_id")
        ),
        sa.ForeignKeyConstraint(
            ["list_id"], ["contact_lists.list_id"], name=op.f("fk_memberships_list_id")
        ),
        sa.PrimaryKeyConstraint("list_id", "contact_id", name=op.f("pk_memberships")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_memberships_contact_id_list_id",
        "memberships",
        ["contact_id", "list_id"],
        unique=False,
    )
    op.add_column(
        "contact_lists", sa.Column("kind", sa.Text(), server_default="list", nullable=False)
    )
    op.add_column(
        "contact_lists", sa.Column("description", sa.Text(), server_default="", nullable=False)
    )
    op.create_index(
        "uq_contact_lists_account_id_name",
        "contact_lists",
        ["account_id", "name"],
        unique=True,
        sqlite_where=IS_NAMED_GROUP,
        postgresql_where=IS_NAMED_GROUP,
    )
    op.add_column("opt_outs", sa.Column("origin", sa.Text(), server_default="web", nullable=False))
    op.execute("UPDATE opt_outs SET origin = 'stop' WHERE inbound_id IS NOT NULL")
    op.create_index(
        "ix_opt_outs_account_id_opt_out_id", "opt_outs", ["account_id", "opt_out_id"], unique=False
    )
