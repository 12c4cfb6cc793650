"""Mailing lists, issues and their deliveries.

Revision: 0011; after: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column(
            "delivery_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("list_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("issue_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "subscription_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column(
            "next_attempt_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("possible_duplicate", sa.Boolean(), nullable=False),
        sa.Column(
            "answered_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("answer_code", sa.SmallInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_deliveries")),
    )
    op.create_index(
        "ix_deliveries_pending",
        "deliveries",
        ["account_id", "next_attempt_ms"],
        unique=False,
        sqlite_where=sa.text("state = 0"),
        postgresql_where=sa.text("state = 0"),
    )
    op.create_index(
        "ix_deliveries_sending",
        "deliveries",
        ["delivery_id"],
        unique=False,
        sqlite_where=sa.text("state = 1"),
        postgresql_where=sa.text("state = 1"),
    )
    op.create_index(
        "ix_deliveries_subscription_id", "deliveries", ["subscription_id"], unique=False
    )
    op.create_index(
        "uq_deliveries_issue_id_subscription_id",
        "deliveries",
        ["issue_id", "subscription_id"],
        unique=True,
    )
    op.create_table(
        "subscription_tokens",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column(
            "subscription_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("purpose", sa.SmallInteger(), nullable=False),
        sa.Column(
            "created_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_subscription_tokens")),
    )
    op.create_table(
        "email_services",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("bandwidth", sa.Float(), nullable=False),
        sa.Column("purchased", sa.Text(), nullable=False),
        sa.Column("billing", sa.Text(), nullable=False),
        sa.Column("expiry", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_email_services_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_email_services")),
    )
    op.create_table(
        "mail_templates",
        sa.Column(
            "template_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_mail_templates_account_id")
        ),
        sa.PrimaryKeyConstraint("template_id", name=op.f("pk_mail_templates")),
    )
    op.create_index(
        "ix_mail_templates_account_id_template_id",
        "mail_templates",
        ["account_id", "template_id"],
        unique=False,
    )
    op.create_table(
        "mailing_lists",
        sa.Column(
            "list_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("reply_to", sa.Text(), nullable=False),
        sa.Column("company_name", sa.Text(), nullable=False),
        sa.Column("company_address", sa.Text(), nullable=False),
        sa.Column("company_url", sa.Text(), nullable=False),
        sa.Column("company_phone", sa.Text(), nullable=False),
        sa.Column("company_fax", sa.Text(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column(
            "created_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_mailing_lists_account_id")
        ),
        sa.PrimaryKeyConstraint("list_id", name=op.f("pk_mailing_lists")),
    )
    op.create_index(
        "ix_mailing_lists_account_id_list_id",
        "mailing_lists",
        ["account_id", "list_id"],
        unique=False,
    )
    op.create_table(
        "issues",
        sa.Column(
            "issue_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("list_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("share_social", sa.Boolean(), nullable=False),
        sa.Column("web_analytics", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"], ["mailing_lists.list_id"], name=op.f("fk_issues_list_id")
        ),
        sa.PrimaryKeyConstraint("issue_id", name=op.f("pk_issues")),
    )
    op.create_index("ix_issues_list_id_issue_id", "issues", ["list_id", "issue_id"], unique=False)
    op.create_table(
        "mailing_list_groups",
        sa.Column("list_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "group_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("added_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"], ["mailing_lists.list_id"], name=op.f("fk_mailing_list_groups_list_id")
        ),
        sa.PrimaryKeyConstraint("list_id", "group_id", name=op.f("pk_mailing_list_groups")),
    )
    op.create_table(
        "subscriptions",
        sa.Column(
            "subscription_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("list_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column(
            "confirmed_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("ended_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("hard_bounces", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"], ["mailing_lists.list_id"], name=op.f("fk_subscriptions_list_id")
        ),
        sa.PrimaryKeyConstraint("subscription_id", name=op.f("pk_subscriptions")),
    )
    op.create_index(
        "ix_subscriptions_list_id_subscription_id",
        "subscriptions",
        ["list_id", "subscription_id"],
        unique=False,
    )
    op.create_index(
        "uq_subscriptions_list_id_address_key",
        "subscriptions",
        ["list_id", "address_key"],
        unique=True,
    )
    op.create_table(
        "issue_attachments",
        sa.Column("issue_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["issue_id"], ["issues.issue_id"], name=op.f("fk_issue_attachments_issue_id")
        ),
        sa.PrimaryKeyConstraint("issue_id", "number", name=op.f("pk_issue_attachments")),
    )
    op.create_table(
        "sendings",
        sa.Column(
            "sending_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("list_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("issue_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contact_ids", sa.Text(), nullable=True),
        sa.Column("due_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "finished_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.ForeignKeyConstraint(
            ["issue_id"], ["issues.issue_id"], name=op.f("fk_sendings_issue_id")
        ),
        sa.PrimaryKeyConstraint("sending_id", name=op.f("pk_sendings")),
    )
    op.create_index(
        "ix_sendings_waiting",
        "sendings",
        ["due_ms"],
        unique=False,
        sqlite_where=sa.text("finished_ms IS NULL"),
        postgresql_where=sa.text("finished_ms IS NULL"),
    )
