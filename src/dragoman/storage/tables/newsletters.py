"""What customers call the batches they send to tags."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, Text

from dragoman.storage.tables.metadata import Identifier, metadata, primary_identifier

newsletters = Table(
    "newsletters",
    metadata,
    primary_identifier("batch_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("title", Text, nullable=False),
    Index("ix_newsletters_account_id_batch_id", "account_id", "batch_id"),
)
"""A batch with an audience that has a title; its row of `batches` has all the rest."""
