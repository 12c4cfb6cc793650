"""Submissions and what becomes of them: batches, their messages, the parts of long messages."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    literal_column,
    text,
)

from dragoman.storage.tables.metadata import Identifier, metadata, primary_identifier

batches = Table(
    "batches",
    metadata,
    primary_identifier("batch_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("dialect", Text, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("reference", Text),
    Column("sender", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("due_ms", Identifier, nullable=False),
    Column("expires_ms", Identifier, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("recipients", Integer, nullable=False),
    Column("waiting_recipients", LargeBinary),
    Column("expanded", Integer, nullable=False),
    Column("unsent", Integer, nullable=False),
    Column("buffered", Integer, nullable=False),
    Column("received", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Index("ix_batches_account_id_batch_id", "account_id", "batch_id"),
    Index(
        "ix_batches_account_id_reference",
        "account_id",
        "reference",
        sqlite_where=text("reference IS NOT NULL"),
        postgresql_where=text("reference IS NOT NULL"),
    ),
    Index(
        "ix_batches_due_ms",
        "due_ms",
        sqlite_where=text("waiting_recipients IS NOT NULL"),
        postgresql_where=text("waiting_recipients IS NOT NULL"),
    ),
)
"""`waiting_recipients` holds the recipients that are not messages yet, from index `expanded` on.

It is a list of numbers between commas, a JSON list of numbers with texts of their own, or empty
where an audience says who they are. A batch of one keeps no counters: its message is the counter.
"""

IS_FAILED: ColumnElement[bool] = literal_column("state > 30 AND state <> 40")
"""Unknown, undelivered, expired, rejected or cancelled: few messages, and often asked for.

Without the type of a truth value, which SQLite would be told to compare with 1: it takes an index
only where a query has the very words of its condition.
"""

IS_UNSENT: ColumnElement[bool] = literal_column("state IN (10, 20)")
"""Queued or given to a carrier that has not answered."""

messages = Table(
    "messages",
    metadata,
    primary_identifier("message_id"),
    Column("batch_id", Identifier, ForeignKey("batches.batch_id"), nullable=False),
    Column("account_id", Identifier, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("mcc", Text, nullable=False),
    Column("parts", SmallInteger, nullable=False),
    Column("credits", Integer, nullable=False),
    Column("price", Integer, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("carrier", Text),
    Column("failure", Text),
    Column("detail", Text),
    Column("attempts", SmallInteger, nullable=False),
    Column("possible_duplicate", Boolean, nullable=False),
    Column("sent_ms", Identifier),
    Column("final_ms", Identifier),
    Column("text", Text),
    Index("ix_messages_of_batch", "batch_id", "message_id", "parts"),
    Index("ix_messages_of_recipient", "account_id", "recipient", "message_id", "parts"),
    Index("ix_messages_of_account", "account_id", "message_id", "batch_id", "parts"),
    Index(
        "ix_messages_unsent",
        "route",
        "message_id",
        sqlite_where=IS_UNSENT,
        postgresql_where=IS_UNSENT,
    ),
    Index(
        "ix_messages_failed",
        *("account_id", "message_id", "state"),
        sqlite_where=IS_FAILED,
        postgresql_where=IS_FAILED,
    ),
    Index(
        "ix_messages_failed_of_recipient",
        *("account_id", "recipient", "message_id", "state", "parts"),
        sqlite_where=IS_FAILED,
        postgresql_where=IS_FAILED,
    ),
)
"""One recipient of a batch; created at the time in its identifier.

`text` is empty where the message has the text of its batch. The last columns of the indexes hardly
ever change, and spare a search that adds up parts, or looks for batches, the look at every row.
"""

audiences = Table(
    "audiences",
    metadata,
    Column("batch_id", Identifier, ForeignKey("batches.batch_id"), primary_key=True),
    Column("content", Text, nullable=False),
    Column("done_up_to", Text, nullable=False),
    Column("seen", Integer, nullable=False),
    Column("taken", Integer, nullable=False),
    Column("stopped", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Whom a batch is for, as was asked (JSON), and how far it has become messages.

Recipients are taken in the order of their numbers, and those up to `done_up_to` are settled. `seen`
counts the contacts of lists that a percentage is taken of, `taken` those that were; `stopped` is
why no more are sent to.
"""

parts = Table(
    "parts",
    metadata,
    Column("message_id", Identifier, ForeignKey("messages.message_id"), primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("carrier_message_id", Text),
    Column("state", SmallInteger),
    Column("error", Text),
    Column("reported_ms", Identifier),
    sqlite_with_rowid=False,
)
"""What became of each part of a message in several parts; a single part is its message."""
