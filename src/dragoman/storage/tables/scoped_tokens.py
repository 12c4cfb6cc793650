"""Tokens that are good for some calls and for a time, and those that renew them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table, Text

from dragoman.storage.tables.metadata import Identifier, metadata

scoped_tokens = Table(
    "scoped_tokens",
    metadata,
    Column("token_id", Text, primary_key=True),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("access_digest", LargeBinary, nullable=False),
    Column("access_expires_ms", Identifier, nullable=False),
    Column("refresh_digest", LargeBinary, nullable=False),
    Column("refresh_expires_ms", Identifier, nullable=False),
    Column("refreshed_ms", Identifier),
    Column("revoked_ms", Identifier),
    Index("uq_scoped_tokens_access_digest", "access_digest", unique=True),
    Index("uq_scoped_tokens_refresh_digest", "refresh_digest", unique=True),
    Index("ix_scoped_tokens_account_id", "account_id"),
    Index("ix_scoped_tokens_refresh_expires_ms", "refresh_expires_ms"),
    sqlite_with_rowid=False,
)
"""Both tokens of a pair as SHA-256. `scopes` are the provider's words, between spaces.

`refreshed_ms` is when the pair was exchanged for a new one, which happens once.
"""
