"""Codes that were sent to a number, so that who reads them there can prove it."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, SmallInteger, Table, Text

from dragoman.storage.tables.metadata import Identifier, metadata, primary_identifier

verifications = Table(
    "verifications",
    metadata,
    primary_identifier("verification_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("recipient", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("tries_left", SmallInteger, nullable=False),
    Column("expires_ms", Identifier, nullable=False),
    Index(
        "ix_verifications_account_id_recipient_verification_id",
        "account_id",
        "recipient",
        "verification_id",
    ),
    Index("ix_verifications_expires_ms", "expires_ms"),
)
"""Only the newest of a recipient counts; it is used up when no tries are left.

Older ones are kept for an hour, in which only so many may be sent.
"""
