"""Lists of contacts, their merge fields, and imports into them.

Revision: 0002; after: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contact_counts",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "list_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("live", sa.Integer(), nullable=False),
        sa.Column("deleted", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_contact_counts_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "list_id", name=op.f("pk_contact_counts")),
    )
    op.create_table(
        "contact_lists",
        sa.Column(
            "list_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("parent_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "deleted_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_contact_lists_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["contact_lists.list_id"], name=op.f("fk_contact_lists_parent_id")
        ),
        sa.PrimaryKeyConstraint("list_id", name=op.f("pk_contact_lists")),
    )
    op.create_index(
        "ix_contact_lists_account_id_list_id",
        "contact_lists",
        ["account_id", "list_id"],
        unique=False,
    )
    op.create_table(
        "merge_fields",
        sa.Column(
            "field_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_merge_fields_account_id")
        ),
        sa.PrimaryKeyConstraint("field_id", name=op.f("pk_merge_fields")),
    )
    op.create_index(
        "ix_merge_fields_account_id_field_id",
        "merge_fields",
        ["account_id", "field_id"],
        unique=False,
    )
    op.create_index(
        "ix_merge_fields_account_id_name", "merge_fields", ["account_id", "name"], unique=True
    )
    op.create_table(
        "contacts",
        sa.Column(
            "contact_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("list_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("mobile", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column(
            "changed_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "deleted_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_contacts")),
    )
    op.create_index(
        "ix_contacts_account_id_contact_id",
        "contacts",
        ["account_id", "contact_id", "deleted_ms"],
        unique=False,
        sqlite_where=sa.text("deleted_ms IS NULL"),
        postgresql_where=sa.text("deleted_ms IS NULL"),
    )
    op.create_index(
        "ix_contacts_account_id_contact_id_deleted",
        "contacts",
        ["account_id", "contact_id"],
        unique=False,
        sqlite_where=sa.text("deleted_ms IS NOT NULL"),
        postgresql_where=sa.text("deleted_ms IS NOT NULL"),
    )
    op.create_index(
        "ix_contacts_account_id_mobile", "contacts", ["account_id", "mobile"], unique=False
    )
    op.create_index(
        "ix_contacts_list_id_contact_id",
        "contacts",
        ["list_id", "contact_id", "account_id", "deleted_ms"],
        unique=False,
        sqlite_where=sa.text("deleted_ms IS NULL"),
        postgresql_where=sa.text("deleted_ms IS NULL"),
    )
    op.create_table(
        "imports",
        sa.Column(
            "import_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("list_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("clean", sa.Boolean(), nullable=False),
        sa.Column("drop_duplicates", sa.Boolean(), nullable=False),
        sa.Column("cleaned", sa.Boolean(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("processed", sa.Integer(), nullable=False),
        sa.Column("rows_digest", sa.Text(), nullable=False),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_imports_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["list_id"], ["contact_lists.list_id"], name=op.f("fk_imports_list_id")
        ),
        sa.PrimaryKeyConstraint("import_id", name=op.f("pk_imports")),
    )
    op.create_index("ix_imports_key", "imports", ["key"], unique=True)
