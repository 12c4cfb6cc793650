"""What an account sets on all of its phones, and the key its webhooks are signed with."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Table, Text

from dragoman.storage.tables.metadata import Identifier, metadata

phone_settings = Table(
    "phone_settings",
    metadata,
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), primary_key=True),
    Column("settings", Text, nullable=False),
    Column("signing_key", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""`settings` is JSON: groups of keys and values. The key is no digest: we compute with it."""
