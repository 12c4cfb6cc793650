"""What the console remembers of those who use it."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table

from dragoman.storage.tables.metadata import Identifier, metadata

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("created_ms", Identifier, nullable=False),
    Column("used_ms", Identifier, nullable=False),
    Index("ix_console_sessions_account_id", "account_id"),
    sqlite_with_rowid=False,
)
"""Who is signed in, by the SHA-256 of the token in the cookie; what has ended is deleted."""
