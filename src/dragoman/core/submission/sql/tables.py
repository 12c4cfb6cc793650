"""Verifications, orders and idempotency keys."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, SmallInteger, Text

from dragoman.storage.metadata import Identifier, primary, primary_identifier, required, table

verifications = table(
    "verifications",
    primary_identifier("verification_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("recipient", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("tries_left", SmallInteger, nullable=False),
    Column("expires_ms", Identifier, nullable=False),
    Column("scope", Text, nullable=False, server_default=""),
    Column("sends", SmallInteger, nullable=False, server_default="1"),
    Column("batch_id", Identifier),
    Index(
        "ix_verifications_account_id_recipient_verification_id",
        "account_id",
        "recipient",
        "verification_id",
    ),
    Index("ix_verifications_expires_ms", "expires_ms"),
)
"""Only the newest of a recipient in a `scope` counts; it is used up when no tries are left.

`batch_id` is the message that the code is in, for it to be sent again; `sends` is how often it was.
`tries_left` is -1 for one that was accepted or ended. Older ones are kept for an hour, in which
only so many may be sent.
"""


orders = table(
    "orders",
    *primary(Identifier, "account_id", "number"),
    Column("batch_id", Identifier, nullable=False),
    *required(Text, "order_id", "message_type"),
    Index("uq_orders_account_id_order_id", "account_id", "order_id", unique=True),
    Index("uq_orders_account_id_batch_id", "account_id", "batch_id", unique=True),
    sqlite_with_rowid=False,
)
"""`number` counts an account's orders from 1 on without a gap, in the order of their batches, so
that how many lie between two times is a difference, and a page is a range. `message_type` is the
type as the customer called it. `batch_id` is no reference, for which every batch that is dropped
would be looked for here.
"""


submission_keys = table(
    "submission_keys",
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), primary_key=True),
    *primary(Text, "dialect", "key"),
    Column("batch_id", Identifier, nullable=False),
    Column("device_id", Identifier),
    Column("recipients", Text, nullable=False),
    Index(
        "uq_submission_keys_account_id_dialect_batch_id",
        "account_id",
        "dialect",
        "batch_id",
        unique=True,  # else SQLite prefers the first columns of the primary key
    ),
    sqlite_with_rowid=False,
)
"""Written with the batch, so that a key that was taken refuses the batch.

`device_id` is the phone that was asked for. `recipients` has the digits of each, between commas,
where they become messages later; stopping such a batch leaves no other trace of them.
"""


newsletters = table(
    "newsletters",
    primary_identifier("batch_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("title", Text, nullable=False),
    Index("ix_newsletters_account_id_batch_id", "account_id", "batch_id"),
)
"""A batch with an audience that has a title; its row of `batches` has all the rest."""
