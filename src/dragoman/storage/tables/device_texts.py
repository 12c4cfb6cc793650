"""Which phone, and which of its SIMs, a text came to, and by what it is known again."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, SmallInteger, Table

from dragoman.storage.tables.metadata import Identifier, metadata, primary_identifier

device_texts = Table(
    "device_texts",
    metadata,
    primary_identifier("inbound_id"),
    Column("device_id", Identifier, ForeignKey("devices.device_id"), nullable=False),
    Column("slot", SmallInteger),
    Column("digest", LargeBinary),
    Index("ix_device_texts_device_id_digest", "device_id", "digest"),
)
"""Beside `inbound_texts`, for those that came to a phone; no `slot` where the SIM is not known.

`digest` is of sender, content and the network's time, where the phone tells it: one that is asked
for its inbox tells the same text under a new event.
"""
