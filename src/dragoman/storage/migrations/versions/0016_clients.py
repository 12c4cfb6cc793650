"""Keys of submissions, scoped tokens, webhooks, phone settings, and which text came to which phone.

Revision: 0016; after: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "phone_settings",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("signing_key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_phone_settings_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_phone_settings")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "scoped_tokens",
        sa.Column("token_id", sa.Text(), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("access_digest", sa.LargeBinary(), nullable=False),
        sa.Column(
            "access_expires_ms",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("refresh_digest", sa.LargeBinary(), nullable=False),
        sa.Column(
            "refresh_expires_ms",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "refreshed_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "revoked_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_scoped_tokens_account_id")
        ),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_scoped_tokens")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_scoped_tokens_account_id", "scoped_tokens", ["account_id"], unique=False)
    op.create_index(
        "ix_scoped_tokens_refresh_expires_ms", "scoped_tokens", ["refresh_expires_ms"], unique=False
    )
    op.create_index(
        "uq_scoped_tokens_access_digest", "scoped_tokens", ["access_digest"], unique=True
    )
    op.create_index(
        "uq_scoped_tokens_refresh_digest", "scoped_tokens", ["refresh_digest"], unique=True
    )
    op.create_table(
        "submission_keys",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("dialect", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("recipients", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_submission_keys_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "dialect", "key", name=op.f("pk_submission_keys")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_submission_keys_account_id_batch_id",
        "submission_keys",
        ["account_id", "dialect", "batch_id"],
        unique=False,
    )
    op.create_table(
        "webhooks",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("dialect", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "created_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_webhooks_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "dialect", "key", name=op.f("pk_webhooks")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "device_texts",
        sa.Column(
            "inbound_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("slot", sa.SmallInteger(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.device_id"], name=op.f("fk_device_texts_device_id")
        ),
        sa.PrimaryKeyConstraint("inbound_id", name=op.f("pk_device_texts")),
    )
    op.create_index(
        "ix_device_texts_device_id_digest", "device_texts", ["device_id", "digest"], unique=False
    )
