"""Where customers want to be told of what their phones send and receive."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Table, Text

from dragoman.storage.tables.metadata import Identifier, metadata

webhooks = Table(
    "webhooks",
    metadata,
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), primary_key=True),
    Column("device_id", Identifier, primary_key=True, autoincrement=False),
    Column("event", Text, primary_key=True),
    Column("dialect", Text, nullable=False),
    Column("url", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""`device_id` is 0 for what an account has for all its messages; a phone's own comes before it."""
