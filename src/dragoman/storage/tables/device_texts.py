"""Which texts devices have handed in, so that one handed in again is stored once."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, LargeBinary, Table

from dragoman.storage.tables.metadata import Identifier, metadata

device_texts = Table(
    "device_texts",
    metadata,
    Column("device_id", Identifier, ForeignKey("devices.device_id"), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("inbound_id", Identifier, nullable=False),
    sqlite_with_rowid=False,
)
"""`digest` is of sender, content and the network's time; a phone that is asked for its inbox tells
the same text under a new event."""
