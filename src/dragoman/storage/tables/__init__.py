"""The tables, one module a noun family. Times are milliseconds since the Unix epoch, UTC."""

from dragoman.storage.tables.accounts import (
    account_records,
    accounts,
    credentials,
    one_time_links,
    senders,
)
from dragoman.storage.tables.attachments import attachments
from dragoman.storage.tables.callbacks import callbacks
from dragoman.storage.tables.contacts import (
    contact_counts,
    contact_lists,
    contacts,
    imports,
    merge_fields,
)
from dragoman.storage.tables.devices import (
    device_events,
    device_registrations,
    devices,
    handovers,
    sims,
)
from dragoman.storage.tables.groups import contact_profiles, memberships
from dragoman.storage.tables.inbound import inbound_parts, inbound_texts
from dragoman.storage.tables.keywords import forwardings, keywords, numbers, opt_outs
from dragoman.storage.tables.messages import IS_FAILED, audiences, batches, messages, parts
from dragoman.storage.tables.metadata import metadata
from dragoman.storage.tables.premium import premium_messages
from dragoman.storage.tables.receipts import parked_receipts, receipt_keys
from dragoman.storage.tables.statistics import hourly_statistics, ingested_rows
from dragoman.storage.tables.wallets import ledger_entries, purchases, wallets

__all__ = [
    "IS_FAILED",
    "account_records",
    "accounts",
    "attachments",
    "audiences",
    "batches",
    "callbacks",
    "contact_counts",
    "contact_lists",
    "contact_profiles",
    "contacts",
    "credentials",
    "device_events",
    "device_registrations",
    "devices",
    "forwardings",
    "handovers",
    "hourly_statistics",
    "imports",
    "inbound_parts",
    "inbound_texts",
    "ingested_rows",
    "keywords",
    "ledger_entries",
    "memberships",
    "merge_fields",
    "messages",
    "metadata",
    "numbers",
    "one_time_links",
    "opt_outs",
    "parked_receipts",
    "parts",
    "premium_messages",
    "purchases",
    "receipt_keys",
    "senders",
    "sims",
    "wallets",
]
