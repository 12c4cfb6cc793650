"""Credits: wallets, and every movement between their sides as a double entry."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
)

from dragoman.storage.metadata import (
    Identifier,
    Word,
    primary_identifier,
    required,
    table,
    unchecked_reference,
)

wallets = table(
    "wallets",
    primary_identifier("wallet_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("unlimited", Boolean, nullable=False),
    *required(Identifier, "available", "held", "spent"),
    Index("uq_wallets_account_id_kind", "account_id", "kind", unique=True),
)

KINDS: Final = ("reserve", "commit", "refund", "top_up", "transfer", "purchase")
"""Kinds of movements, by the numbers that are stored."""
SIDES: Final = ("available", "held", "spent", "outside")
"""Sides of a wallet, the world outside among them, by the numbers that are stored."""

ledger_entries = table(
    "ledger_entries",
    *required(Identifier, "entry_id", "wallet_id"),
    Column("kind", Word(KINDS), nullable=False),
    *required(Word(SIDES), "debit", "credit"),
    Column("amount", Identifier, nullable=False),
    Column("batch_id", Identifier),
    Column("note", Text),
    PrimaryKeyConstraint("wallet_id", "entry_id"),
    unchecked_reference("wallet_id", "wallets.wallet_id"),
    sqlite_with_rowid=False,
)
"""`amount` leaves the side `debit` and enters `credit`.

Every message makes two rows here, which are kept for ever: so they are in the order in which they
are asked for, without an index beside it, and their words are numbers.
"""

purchases = table(
    "purchases",
    primary_identifier("purchase_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("gives", Boolean, nullable=False),
    Column("amount", Identifier, nullable=False),
    Column("prices", Text, nullable=False),
    Column("created_ms", Identifier, nullable=False),
    Index("ix_purchases_account_id_purchase_id", "account_id", "purchase_id"),
)
"""What an account bought of the one above it, or, where not `gives`, gave back.

`amount` is in ten-thousandths; `prices` is JSON, the same for a credit of each message type.
"""

price_lists = table(
    "price_lists",
    Column("carrier", Text, primary_key=True),
    Column("imported_ms", Identifier, nullable=False),
    Column("size", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""What carriers charge, as it was imported: `content` is CSV, compressed with zlib, of `size` rows.

A list is read and written whole; one row is written in no time, a hundred thousand would keep
others waiting.
"""
