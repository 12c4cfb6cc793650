"""What programs call their submissions themselves, once each in an account."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, Text

from dragoman.storage.tables.metadata import Identifier, metadata

submission_keys = Table(
    "submission_keys",
    metadata,
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), primary_key=True),
    Column("dialect", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("batch_id", Identifier, nullable=False),
    Column("device_id", Identifier),
    Column("recipients", Text, nullable=False),
    Index("ix_submission_keys_account_id_batch_id", "account_id", "dialect", "batch_id"),
    sqlite_with_rowid=False,
)
"""Written with the batch, so that a key that was taken refuses the batch.

`device_id` is the phone that was asked for. `recipients` has the digits of each, between commas,
where they become messages later; stopping such a batch leaves no other trace of them.
"""
