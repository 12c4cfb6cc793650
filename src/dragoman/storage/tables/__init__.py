"""The tables, one module a noun family. Times are milliseconds since the Unix epoch, UTC."""

from dragoman.storage.tables.accounts import accounts, credentials, senders
from dragoman.storage.tables.callbacks import callbacks
from dragoman.storage.tables.contacts import contact_lists, contacts, merge_fields
from dragoman.storage.tables.devices import (
    device_events,
    device_registrations,
    devices,
    handovers,
    sims,
)
from dragoman.storage.tables.inbound import inbound_parts, inbound_texts
from dragoman.storage.tables.messages import batches, messages, parts
from dragoman.storage.tables.metadata import metadata
from dragoman.storage.tables.receipts import parked_receipts, receipt_keys
from dragoman.storage.tables.statistics import hourly_statistics
from dragoman.storage.tables.wallets import ledger_entries, wallets

__all__ = [
    "accounts",
    "batches",
    "callbacks",
    "contact_lists",
    "contacts",
    "credentials",
    "device_events",
    "device_registrations",
    "devices",
    "handovers",
    "hourly_statistics",
    "inbound_parts",
    "inbound_texts",
    "ledger_entries",
    "merge_fields",
    "messages",
    "metadata",
    "parked_receipts",
    "parts",
    "receipt_keys",
    "senders",
    "sims",
    "wallets",
]
