"""What customers are to be told, and what came of telling them."""

from __future__ import annotations

from sqlalchemy import Column, Index, SmallInteger, Table, Text, text

from dragoman.storage.tables.metadata import Identifier, metadata, primary_identifier

callbacks = Table(
    "callbacks",
    metadata,
    primary_identifier("callback_id"),
    Column("account_id", Identifier, nullable=False),
    Column("message_id", Identifier, nullable=False),
    Column("dialect", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("next_attempt_ms", Identifier, nullable=False),
    Column("answered_ms", Identifier),
    Column("answer_status", SmallInteger),
    Column("answer", Text),
    Index("ix_callbacks_message_id", "message_id"),
    Index(
        "ix_callbacks_pending",
        "origin",
        "next_attempt_ms",
        sqlite_where=text("state = 0"),
        postgresql_where=text("state = 0"),
    ),
)
"""`payload` holds the facts as JSON; the dialect makes the request from them when it is sent.
`origin` is the scheme, host and port of the URL: what can be slow or away on its own.
"""
