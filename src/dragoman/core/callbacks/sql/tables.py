"""URLs that customers want called for events of a kind."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Text

from dragoman.storage.metadata import Identifier, primary, required, table

webhooks = table(
    "webhooks",
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), primary_key=True),
    *primary(Text, "dialect", "key"),
    *required(Text, "event", "url"),
    Column("device_id", Identifier),
    Column("created_ms", Identifier, nullable=False),
    sqlite_with_rowid=False,
)
"""`key` is what the customer calls it. Without `device_id` it is for all of the account."""

paused_hosts = table(
    "paused_hosts",
    Column("account_id", Identifier, primary_key=True),
    *primary(Text, "origin"),
    Column("since_ms", Identifier, nullable=False),
    sqlite_with_rowid=False,
)
"""Origins to which an account's callbacks wait until somebody lets them go on."""
