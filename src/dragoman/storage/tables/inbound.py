"""Texts that phones sent to us, parts of long ones that wait, and how far each was fetched."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
)

from dragoman.storage.tables.metadata import Identifier, metadata, primary_identifier

inbound_texts = Table(
    "inbound_texts",
    metadata,
    primary_identifier("inbound_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id")),
    Column("carrier", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("alphabet", Text, nullable=False),
    Column("keyword", Text, nullable=False),
    Column("parts", SmallInteger, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("handling", Text, nullable=False, server_default="kept"),
    Index("ix_inbound_texts_account_id_inbound_id", "account_id", "inbound_id"),
    Index("ix_inbound_texts_account_id_sender_inbound_id", "account_id", "sender", "inbound_id"),
    Index(
        "ix_inbound_texts_account_id_recipient_inbound_id", "account_id", "recipient", "inbound_id"
    ),
)
"""`account_id` is empty where nobody owned the number a text came to.

`handling` says what was done with it (`domain.inbound.Handling`).
"""

inbound_parts = Table(
    "inbound_parts",
    metadata,
    primary_identifier("part_id"),
    Column("carrier", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("reference", Integer, nullable=False),
    Column("total", SmallInteger, nullable=False),
    Column("number", SmallInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("alphabet", Text, nullable=False),
)
"""Stored before they are acknowledged, so that a restart loses no part.

`content` is UTF-16, which alone can hold a character that its sender cut in two.
"""

text_cursors = Table(
    "text_cursors",
    metadata,
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), primary_key=True),
    Column("number", Text, primary_key=True),
    Column("position", Identifier, nullable=False),
)
"""Up to which of its texts to a number an account has fetched; an empty number stands for all."""
