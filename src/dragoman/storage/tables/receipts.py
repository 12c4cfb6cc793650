"""How reports find their messages: the carriers' ids, and reports that found none yet."""

from __future__ import annotations

from sqlalchemy import Column, Index, SmallInteger, Table, Text

from dragoman.storage.tables.metadata import Identifier, metadata, primary_identifier

receipt_keys = Table(
    "receipt_keys",
    metadata,
    Column("carrier", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("message_id", Identifier, nullable=False),
    Column("part", SmallInteger, nullable=False),
    Index("ix_receipt_keys_message_id", "message_id"),
    sqlite_with_rowid=False,
)

parked_receipts = Table(
    "parked_receipts",
    metadata,
    primary_identifier("receipt_id"),
    Column("carrier", Text, nullable=False),
    Column("carrier_message_id", Text, nullable=False),
    Column("keys", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("error", Text, nullable=False),
    Column("raw", Text, nullable=False),
)
"""Reports whose message is not known (yet); kept 72 hours, their time is in the identifier."""
