"""Which phone, and which of its SIMs, a text came to."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, SmallInteger, Table

from dragoman.storage.tables.metadata import Identifier, metadata, primary_identifier

device_texts = Table(
    "device_texts",
    metadata,
    primary_identifier("inbound_id"),
    Column("device_id", Identifier, ForeignKey("devices.device_id"), nullable=False),
    Column("slot", SmallInteger, nullable=False),
)
"""Beside `inbound_texts`, for those that came to a phone; `slot` is 0 where it is not known."""
