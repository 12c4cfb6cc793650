"""What a provider keeps of its users.

Revision: 0006; after: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, default in (("prefixes", ""), ("profile", ""), ("details", "{}")):
        column = sa.Column(name, sa.Text(), server_default=default, nullable=False)
        op.add_column("accounts", column)
    for name in ("deactivated_ms", "deleted_ms"):
        kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
        op.add_column("accounts", sa.Column(name, kind, nullable=True))
    op.create_index("ix_accounts_parent_id", "accounts", ["parent_id"], unique=False)
