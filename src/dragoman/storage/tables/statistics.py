"""Counters an hour, added in the transaction that changes the state."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text

from dragoman.storage.tables.metadata import Identifier, metadata

hourly_statistics = Table(
    "hourly_statistics",
    metadata,
    Column("account_id", Identifier, primary_key=True),
    Column("hour_ms", Identifier, primary_key=True),
    Column("direction", Text, primary_key=True),
    Column("dimension", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("count", Identifier, nullable=False),
    Column("parts", Identifier, nullable=False),
    sqlite_with_rowid=False,
)
"""`direction` is outbox or inbox, with `told:` before it for what others counted and told us.

`dimension` is sum, mcc:status or keyword:number, or one of `repositories/outcome_counts.py`. What a
search finds is read from these counts, so nothing is counted under outbox or inbox that has no row
of its own.
"""

ingested_rows = Table(
    "ingested_rows",
    metadata,
    Column("account_id", Identifier, primary_key=True),
    Column("direction", Text, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("ingested_ms", Identifier, nullable=False),
    Index("ix_ingested_rows_ingested_ms", "ingested_ms"),
    sqlite_with_rowid=False,
)
"""What was counted because we were told, by its sender's own reference: none counts twice."""
