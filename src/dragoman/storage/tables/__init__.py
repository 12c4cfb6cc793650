"""The tables, one module a noun family. Times are milliseconds since the Unix epoch, UTC."""

from dragoman.storage.tables.accounts import (
    account_records,
    accounts,
    credentials,
    one_time_links,
    senders,
)
from dragoman.storage.tables.attachments import attachments
from dragoman.storage.tables.audit import audit_entries, held_carriers
from dragoman.storage.tables.callbacks import callbacks
from dragoman.storage.tables.console import console_sessions
from dragoman.storage.tables.contacts import (
    contact_blocks,
    contact_lists,
    contact_values,
    contacts,
    imports,
    merge_fields,
    unnoted_contacts,
)
from dragoman.storage.tables.device_texts import device_texts
from dragoman.storage.tables.devices import (
    device_events,
    device_registrations,
    devices,
    handovers,
    sims,
)
from dragoman.storage.tables.groups import contact_profiles, memberships
from dragoman.storage.tables.inbound import inbound_parts, inbound_texts, text_cursors
from dragoman.storage.tables.journal import callback_attempts, message_events
from dragoman.storage.tables.keywords import forwardings, keywords, numbers, opt_outs
from dragoman.storage.tables.mailings import (
    deliveries,
    email_services,
    issue_attachments,
    issues,
    mail_templates,
    mailing_list_groups,
    mailing_lists,
    sendings,
    subscription_tokens,
    subscriptions,
)
from dragoman.storage.tables.messages import (
    IS_FAILED,
    IS_UNSENT,
    audiences,
    batches,
    messages,
    parts,
)
from dragoman.storage.tables.metadata import metadata
from dragoman.storage.tables.newsletters import newsletters
from dragoman.storage.tables.orders import orders
from dragoman.storage.tables.phone_settings import phone_settings
from dragoman.storage.tables.premium import premium_messages
from dragoman.storage.tables.receipts import parked_receipts, receipt_keys
from dragoman.storage.tables.scoped_tokens import scoped_tokens
from dragoman.storage.tables.statistics import hourly_statistics, ingested_rows
from dragoman.storage.tables.submission_keys import submission_keys
from dragoman.storage.tables.verifications import verifications
from dragoman.storage.tables.wallets import ledger_entries, purchases, wallets
from dragoman.storage.tables.webhooks import webhooks

__all__ = [
    "IS_FAILED",
    "IS_UNSENT",
    "account_records",
    "accounts",
    "attachments",
    "audiences",
    "audit_entries",
    "batches",
    "callback_attempts",
    "callbacks",
    "console_sessions",
    "contact_blocks",
    "contact_lists",
    "contact_profiles",
    "contact_values",
    "contacts",
    "credentials",
    "deliveries",
    "device_events",
    "device_registrations",
    "device_texts",
    "devices",
    "email_services",
    "forwardings",
    "handovers",
    "held_carriers",
    "hourly_statistics",
    "imports",
    "inbound_parts",
    "inbound_texts",
    "ingested_rows",
    "issue_attachments",
    "issues",
    "keywords",
    "ledger_entries",
    "mail_templates",
    "mailing_list_groups",
    "mailing_lists",
    "memberships",
    "merge_fields",
    "message_events",
    "messages",
    "metadata",
    "newsletters",
    "numbers",
    "one_time_links",
    "opt_outs",
    "orders",
    "parked_receipts",
    "parts",
    "phone_settings",
    "premium_messages",
    "purchases",
    "receipt_keys",
    "scoped_tokens",
    "senders",
    "sendings",
    "sims",
    "submission_keys",
    "subscription_tokens",
    "subscriptions",
    "text_cursors",
    "unnoted_contacts",
    "verifications",
    "wallets",
    "webhooks",
]
