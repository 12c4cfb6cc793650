"""How far texts, numbers and messages are forgotten."""

from __future__ import annotations

from sqlalchemy import Column, Text

from dragoman.storage.metadata import Identifier, primary, table

retention_positions = table(
    "retention_positions",
    Column("account_id", Identifier, primary_key=True, autoincrement=False),
    Column("sweep", Text, primary_key=True),
    Column("position", Identifier, nullable=False),
    sqlite_with_rowid=False,
)
"""The last row of an account that a sweep (`retention.model.Sweep`) went over.

Account 0 stands for none.
"""

retention_leftovers = table(
    "retention_leftovers",
    Column("account_id", Identifier, primary_key=True, autoincrement=False),
    Column("sweep", Text, primary_key=True),
    *primary(Identifier, "row_id"),
    sqlite_with_rowid=False,
)
"""Rows that a sweep went over while they were still needed: it comes back for them."""
