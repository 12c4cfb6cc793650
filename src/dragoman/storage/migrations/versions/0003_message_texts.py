"""Texts that differ by recipient, and audiences of lists and contacts.

Revision: 0003; after: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audiences",
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("done_up_to", sa.Text(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("stopped", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.batch_id"], name=op.f("fk_audiences_batch_id")
        ),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_audiences")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_contacts_list_id_mobile",
        "contacts",
        ["list_id", "mobile", "contact_id"],
        unique=False,
        sqlite_where=sa.text("deleted_ms IS NULL"),
        postgresql_where=sa.text("deleted_ms IS NULL"),
    )
    op.add_column("messages", sa.Column("text", sa.Text(), nullable=True))
