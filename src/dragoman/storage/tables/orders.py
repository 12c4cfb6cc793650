"""Orders: batches by the names that customers give them, numbered so that they can be paged."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, Text

from dragoman.storage.tables.metadata import Identifier, metadata

orders = Table(
    "orders",
    metadata,
    Column("account_id", Identifier, primary_key=True),
    Column("number", Identifier, primary_key=True),
    Column("batch_id", Identifier, ForeignKey("batches.batch_id"), nullable=False),
    Column("order_id", Text, nullable=False),
    Column("message_type", Text, nullable=False),
    Index("uq_orders_account_id_order_id", "account_id", "order_id", unique=True),
    Index("uq_orders_account_id_batch_id", "account_id", "batch_id", unique=True),
    sqlite_with_rowid=False,
)
"""`number` counts an account's orders from 1 on without a gap, in the order of their batches, so
that how many lie between two times is a difference, and a page is a range. `message_type` is the
type as the customer called it.
"""
