"""What happened to single messages beside their rows; written for what is rare."""

from __future__ import annotations

from sqlalchemy import Column, Index, SmallInteger, Table, Text

from dragoman.storage.tables.metadata import Identifier, metadata, primary_identifier

message_events = Table(
    "message_events",
    metadata,
    primary_identifier("event_id"),
    Column("message_id", Identifier, nullable=False),
    Column("kind", Text, nullable=False),
    Column("part", SmallInteger, nullable=False),
    Column("carrier", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("raw", Text, nullable=False),
    Index("ix_message_events_message_id", "message_id"),
)
"""Attempts that failed, and reports that do not say `delivered` or changed nothing.

A message that is taken and delivered at once has none: its own row says it all.
"""

callback_attempts = Table(
    "callback_attempts",
    metadata,
    primary_identifier("callback_id"),
    Column("number", SmallInteger, primary_key=True),
    Column("answered_ms", Identifier, nullable=False),
    Column("answer_status", SmallInteger),
    Column("answer", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Calls to customers that had to be repeated; the last call is in the row of its callback."""
