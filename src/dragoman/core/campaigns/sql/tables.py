"""E-mail campaigns: lists, subscriptions, issues, and every mail."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
)

from dragoman.storage.metadata import (
    Identifier,
    optional,
    partial_index,
    primary_identifier,
    required,
    table,
)

mailing_lists = table(
    "mailing_lists",
    primary_identifier("list_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    *required(Text, "title", "language", "sender", "reply_to", "company_name", "company_address"),
    *required(Text, "company_url", "company_phone", "company_fax"),
    Column("state", SmallInteger, nullable=False),
    Column("created_ms", Identifier, nullable=False),
    Index("ix_mailing_lists_account_id_list_id", "account_id", "list_id"),
)

mailing_list_groups = table(
    "mailing_list_groups",
    Column("list_id", Identifier, ForeignKey("mailing_lists.list_id"), primary_key=True),
    Column("group_id", Identifier, primary_key=True, autoincrement=False),
    *required(Identifier, "account_id", "added_ms"),
)
"""Groups of contacts whose members were put on a list."""

subscriptions = table(
    "subscriptions",
    primary_identifier("subscription_id"),
    Column("account_id", Identifier, nullable=False),
    Column("list_id", Identifier, ForeignKey("mailing_lists.list_id"), nullable=False),
    Column("contact_id", Identifier),
    *required(Text, "address", "address_key"),
    Column("state", SmallInteger, nullable=False),
    *optional(Identifier, "confirmed_ms", "ended_ms"),
    Column("ended_by", Text, nullable=False),
    Column("hard_bounces", Integer, nullable=False),
    Index("uq_subscriptions_list_id_address_key", "list_id", "address_key", unique=True),
    Index("ix_subscriptions_list_id_subscription_id", "list_id", "subscription_id"),
)
"""`ended_ms` and `ended_by` are of the last time it ended, also where it lives again."""

subscription_tokens = table(
    "subscription_tokens",
    Column("digest", LargeBinary, primary_key=True),
    Column("subscription_id", Identifier, nullable=False),
    Column("purpose", SmallInteger, nullable=False),
    Column("created_ms", Identifier, nullable=False),
)
"""The links that stand in mails, as SHA-256 of their token; each attempt has tokens of its own,
since the mail of an attempt whose answer was lost may have arrived."""

issues = table(
    "issues",
    primary_identifier("issue_id"),
    Column("account_id", Identifier, nullable=False),
    Column("list_id", Identifier, ForeignKey("mailing_lists.list_id"), nullable=False),
    *required(Text, "title", "subject", "text", "html"),
    Column("share_social", Boolean, nullable=False),
    Column("web_analytics", Text, nullable=False),
    Index("ix_issues_list_id_issue_id", "list_id", "issue_id"),
)

issue_attachments = table(
    "issue_attachments",
    Column("issue_id", Identifier, ForeignKey("issues.issue_id"), primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    *required(Text, "name", "content_type"),
    Column("content", LargeBinary, nullable=False),
)
"""The files of an issue, from number 1 on."""

mail_templates = table(
    "mail_templates",
    primary_identifier("template_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    *required(Text, "name", "subject", "text", "html"),
    Index("ix_mail_templates_account_id_template_id", "account_id", "template_id"),
)

sendings = table(
    "sendings",
    primary_identifier("sending_id"),
    *required(Identifier, "account_id", "list_id"),
    Column("issue_id", Identifier, ForeignKey("issues.issue_id"), nullable=False),
    Column("contact_ids", Text),
    *required(Identifier, "due_ms", "position"),
    Column("finished_ms", Identifier),
    partial_index("ix_sendings_waiting", "due_ms", where="finished_ms IS NULL"),
)
"""An issue that is to become mails. `contact_ids` is a JSON array; empty: the whole list.

`position` is how many contacts have become mails, or the last subscription that has.
"""

deliveries = table(
    "deliveries",
    primary_identifier("delivery_id"),
    Column("account_id", Identifier, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("list_id", Identifier, nullable=False),
    Column("issue_id", Identifier),
    Column("subscription_id", Identifier, nullable=False),
    Column("address", Text, nullable=False),
    *required(SmallInteger, "state", "attempts"),
    Column("next_attempt_ms", Identifier, nullable=False),
    Column("possible_duplicate", Boolean, nullable=False),
    Column("answered_ms", Identifier),
    Column("answer_code", SmallInteger),
    Column("answer", Text),
    Index("uq_deliveries_issue_id_subscription_id", "issue_id", "subscription_id", unique=True),
    Index("ix_deliveries_subscription_id", "subscription_id"),
    partial_index("ix_deliveries_pending", "account_id", "next_attempt_ms", where="state = 0"),
    partial_index("ix_deliveries_sending", "delivery_id", where="state = 1"),
)
"""One row a recipient and issue, before it is sent; an opt-in mail has no issue."""

email_services = table(
    "email_services",
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("bandwidth", Float, nullable=False),
    *required(Text, "purchased", "billing", "expiry"),
)
"""What an account has bought of e-mail (`domain.mailings.EmailService`)."""

text_templates = table(
    "text_templates",
    primary_identifier("template_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    *required(Text, "name", "text"),
    Column("changed_ms", Identifier, nullable=False),
    Index("uq_text_templates_account_id_name", "account_id", "name", unique=True),
)

campaigns = table(
    "campaigns",
    primary_identifier("campaign_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    *required(Text, "name", "sender", "text", "plan"),
    Column("state", SmallInteger, nullable=False),
    Column("problem", Text, nullable=False),
    Column("changed_ms", Identifier, nullable=False),
    *optional(Identifier, "started_ms", "ended_ms"),
    *optional(Text, "estimate", "tally"),
    Index("ix_campaigns_account_id_campaign_id", "account_id", "campaign_id"),
    partial_index("ix_campaigns_active", "campaign_id", where="state IN (20, 30, 40)"),
)
"""Campaigns by text message. `plan`, `estimate` and `tally` are JSON: to whom and when, what it
would cost, and its result by state and cause as last counted."""

campaign_batches = table(
    "campaign_batches",
    Column("campaign_id", Identifier, primary_key=True, autoincrement=False),
    Column("batch_id", Identifier, primary_key=True, autoincrement=False),
    Column("zone", Text, nullable=False),
    Index("ix_campaign_batches_batch_id", "batch_id"),
    sqlite_with_rowid=False,
)
"""What a campaign sends: one batch, or one for each `zone` of its recipients."""

short_links = table(
    "short_links",
    primary_identifier("link_id"),
    Column("campaign_id", Identifier, nullable=False),
    *required(Text, "token", "url"),
    Column("clicks", Integer, nullable=False),
    Column("clicked_ms", Identifier),
    Index("uq_short_links_token", "token", unique=True),
    Index("ix_short_links_campaign_id", "campaign_id"),
)
"""Links of campaigns, the same for all recipients: it is counted how often, not who."""
