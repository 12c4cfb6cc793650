"""Attachments of multimedia messages."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, LargeBinary, SmallInteger, Table, Text

from dragoman.storage.tables.metadata import Identifier, metadata

attachments = Table(
    "attachments",
    metadata,
    Column("batch_id", Identifier, ForeignKey("batches.batch_id"), primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("name", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""The files of a batch, from number 1 on; all its messages share them."""
