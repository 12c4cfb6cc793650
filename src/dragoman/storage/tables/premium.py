"""Messages that their recipients pay for, and what was given back."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Integer, SmallInteger, Table, Text

from dragoman.storage.tables.metadata import Identifier, metadata

premium_messages = Table(
    "premium_messages",
    metadata,
    Column(
        "message_id",
        Identifier,
        ForeignKey("messages.message_id"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("account_id", Identifier, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("price", Integer, nullable=False),
    Column("content_type", Integer, nullable=False),
    Column("charity", Boolean, nullable=False),
    Column("invoice_text", Text, nullable=False),
    Column("revenue_text", Text, nullable=False),
    Column("refunded_ms", Identifier),
    Column("notice_batch_id", Identifier, ForeignKey("batches.batch_id")),
)
"""`notice_batch_id` is the batch that told the recipient of the refund, where one was asked for."""
