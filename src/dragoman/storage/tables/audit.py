"""Who changed what, and what was taken out of service by hand."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, Text

from dragoman.storage.tables.metadata import Identifier, metadata, primary_identifier

audit_entries = Table(
    "audit_entries",
    metadata,
    primary_identifier("entry_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("actor_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("at_ms", Identifier, nullable=False),
    Index("ix_audit_entries_account_id_entry_id", "account_id", "entry_id"),
)
"""Changes of an account by an actor; rows are only ever added. What belongs to no account, such as
a carrier, stands at its actor's."""

held_carriers = Table(
    "held_carriers",
    metadata,
    Column("carrier", Text, primary_key=True),
    Column("held_ms", Identifier, nullable=False),
)
"""Carriers that are given nothing new until somebody enables them again."""
