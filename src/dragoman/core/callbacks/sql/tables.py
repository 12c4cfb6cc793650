"""URLs that customers want called for events of a kind."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Table, Text

from dragoman.storage.metadata import Identifier, metadata, required

webhooks = Table(
    "webhooks",
    metadata,
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), primary_key=True),
    Column("dialect", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    *required(Text, "event", "url"),
    Column("device_id", Identifier),
    Column("created_ms", Identifier, nullable=False),
    sqlite_with_rowid=False,
)
"""`key` is what the customer calls it. Without `device_id` it is for all of the account."""
