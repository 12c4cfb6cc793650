"""Batches, their messages, the parts of long messages, and everything about them."""

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
    Text,
    literal_column,
)

from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.storage.connections import bind_as_numbers
from dragoman.storage.metadata import (
    Identifier,
    optional,
    partial_index,
    primary,
    primary_identifier,
    required,
    table,
    unchecked_reference,
)

bind_as_numbers(State, BatchState)

batches = table(
    "batches",
    primary_identifier("batch_id"),
    Column("account_id", Identifier, nullable=False),
    *required(Text, "dialect", "protocol"),
    Column("reference", Text),
    *required(Text, "sender", "text", "format", "options"),
    Column("lane", SmallInteger, nullable=False),
    *required(Identifier, "due_ms", "expires_ms"),
    Column("state", SmallInteger, nullable=False),
    Column("recipients", Integer, nullable=False),
    Column("waiting_recipients", LargeBinary),
    *required(Integer, "expanded", "unsent", "buffered", "received", "failed"),
    unchecked_reference("account_id", "accounts.account_id"),
    Index("ix_batches_account_id_batch_id", "account_id", "batch_id"),
    partial_index(
        "ix_batches_account_id_reference", "account_id", "reference", where="reference IS NOT NULL"
    ),
    partial_index("ix_batches_due_ms", "due_ms", where="waiting_recipients IS NOT NULL"),
    partial_index(
        "ix_batches_of_account_due_ms",
        "account_id",
        "due_ms",
        "batch_id",
        where="waiting_recipients IS NOT NULL",
    ),
)
"""`waiting_recipients` holds the recipients that are not messages yet, from index `expanded` on.

It is a list of numbers between commas, a JSON list of numbers with texts of their own, or empty
where an audience says who they are. A batch of one keeps no counters: its message is the counter.
"""

IS_FAILED: ColumnElement[bool] = literal_column("state > 30 AND state <> 40")
"""Unknown, undelivered, expired, rejected or cancelled: few messages, and often asked for.

Not typed as boolean, which SQLAlchemy would compare with 1 on SQLite: that uses a partial index
only if a query repeats its condition literally.
"""

IS_UNSENT: ColumnElement[bool] = literal_column("state IN (10, 20)")
"""Queued or given to a carrier that has not answered."""

messages = table(
    "messages",
    primary_identifier("message_id"),
    *required(Identifier, "batch_id", "account_id"),
    *required(Text, "recipient", "route", "mcc"),
    Column("parts", SmallInteger, nullable=False),
    *required(Integer, "credits", "price"),
    Column("state", SmallInteger, nullable=False),
    *optional(Text, "carrier", "failure", "detail"),
    Column("attempts", SmallInteger, nullable=False),
    Column("possible_duplicate", Boolean, nullable=False),
    *optional(Identifier, "sent_ms", "final_ms"),
    Column("text", Text),
    unchecked_reference("batch_id", "batches.batch_id"),
    Index("ix_messages_of_batch", "batch_id", "message_id", "parts"),
    Index("ix_messages_of_recipient", "account_id", "recipient", "message_id", "parts"),
    Index("ix_messages_of_account", "account_id", "message_id", "batch_id", "parts"),
    partial_index("ix_messages_unsent", "route", "account_id", "message_id", where=IS_UNSENT),
    partial_index("ix_messages_failed", "account_id", "message_id", "state", where=IS_FAILED),
    partial_index(
        "ix_messages_failed_of_recipient",
        "account_id",
        "recipient",
        "message_id",
        "state",
        "parts",
        where=IS_FAILED,
    ),
)
"""One recipient of a batch; created at the time in its identifier.

`text` is NULL where the message has the text of its batch. The last columns of the indexes hardly
ever change, and spare a search that adds up parts, or looks for batches, the look at every row.
"""

audiences = table(
    "audiences",
    Column("batch_id", Identifier, ForeignKey("batches.batch_id"), primary_key=True),
    *required(Text, "content", "done_up_to"),
    *required(Integer, "seen", "taken"),
    Column("stopped", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""The audience of a batch as requested (JSON), and the progress of its expansion.

Recipients are taken in the order of their numbers, and those up to `done_up_to` are settled. `seen`
counts the contacts of lists that a percentage is taken of, `taken` those that were; `stopped` is
why no more are sent to.
"""

parts = table(
    "parts",
    Column("message_id", Identifier, primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("carrier_message_id", Text),
    Column("state", SmallInteger),
    Column("error", Text),
    Column("reported_ms", Identifier),
    unchecked_reference("message_id", "messages.message_id"),
    sqlite_with_rowid=False,
)
"""The state of each part of a message in several parts; a single part has no row."""


IS_BY_COUNTRY: ColumnElement[bool] = literal_column("dimension = 'mcc:status'")
"""Counts by country and state; as a literal, for the same reason as `IS_FAILED`."""

hourly_statistics = table(
    "hourly_statistics",
    *primary(Identifier, "account_id", "hour_ms"),
    *primary(Text, "direction", "dimension", "value"),
    *required(Identifier, "count", "parts"),
    partial_index("ix_hourly_statistics_of_country", "value", "hour_ms", where=IS_BY_COUNTRY),
    sqlite_with_rowid=False,
)
"""`direction` is outbox or inbox, with the prefix `told:` for counts without rows: customers
reported them, or their rows were dropped.

`dimension` is sum, mcc:status or keyword:number, or one of `repositories/outcome_counts.py`. What a
search finds is read from these counts, so nothing is counted under outbox or inbox that has no row
of its own.
"""

ingested_rows = table(
    "ingested_rows",
    Column("account_id", Identifier, primary_key=True),
    *primary(Text, "direction", "reference"),
    Column("ingested_ms", Identifier, nullable=False),
    Index("ix_ingested_rows_ingested_ms", "ingested_ms"),
    sqlite_with_rowid=False,
)
"""References of reported messages, so that none is counted twice."""


message_events = table(
    "message_events",
    primary_identifier("event_id"),
    Column("message_id", Identifier, nullable=False),
    Column("kind", Text, nullable=False),
    Column("part", SmallInteger, nullable=False),
    *required(Text, "carrier", "link", "code", "detail", "raw"),
    Index("ix_message_events_message_id", "message_id"),
)
"""Attempts that failed, and reports that do not say `delivered` or changed nothing.

A message that is taken and delivered at once has none: its own row says it all.
"""

callback_attempts = table(
    "callback_attempts",
    primary_identifier("callback_id"),
    Column("number", SmallInteger, primary_key=True),
    Column("answered_ms", Identifier, nullable=False),
    Column("answer_status", SmallInteger),
    Column("answer", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Calls to customers that had to be repeated; the last call is in the row of its callback."""


callbacks = table(
    "callbacks",
    primary_identifier("callback_id"),
    *required(Identifier, "account_id", "message_id"),
    *required(Text, "dialect", "origin", "url", "payload"),
    *required(SmallInteger, "state", "attempts"),
    Column("next_attempt_ms", Identifier, nullable=False),
    Column("answered_ms", Identifier),
    Column("answer_status", SmallInteger),
    Column("answer", Text),
    Index("ix_callbacks_message_id", "message_id"),
    partial_index("ix_callbacks_given_up", "account_id", "callback_id", where="state = 2"),
    partial_index(
        "ix_callbacks_pending", "account_id", "origin", "next_attempt_ms", where="state = 0"
    ),
)
"""`payload` holds the facts as JSON; the dialect makes the request from them when it is sent.
`origin` is the scheme, host and port of the URL: what can be slow or away on its own, for each
account that has it called.
"""


receipt_keys = table(
    "receipt_keys",
    *primary(Text, "carrier", "key"),
    Column("message_id", Identifier, nullable=False),
    Column("part", SmallInteger, nullable=False),
    Index("ix_receipt_keys_message_id", "message_id"),
    sqlite_with_rowid=False,
)

parked_receipts = table(
    "parked_receipts",
    primary_identifier("receipt_id"),
    *required(Text, "carrier", "carrier_message_id", "keys", "recipient"),
    Column("state", SmallInteger, nullable=False),
    *required(Text, "error", "raw"),
)
"""Receipts without a known message; deleted once it is stored what they say of one, else after 72
hours. Their time is in the identifier."""


premium_messages = table(
    "premium_messages",
    Column(
        "message_id",
        Identifier,
        ForeignKey("messages.message_id"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("account_id", Identifier, nullable=False),
    Column("state", SmallInteger, nullable=False),
    *required(Integer, "price", "content_type"),
    Column("charity", Boolean, nullable=False),
    *required(Text, "invoice_text", "revenue_text"),
    Column("refunded_ms", Identifier),
    Column("notice_batch_id", Identifier),
)
"""`notice_batch_id` is the batch that notified the recipient of the refund, if any; no reference,
for which every batch that is dropped would be looked for here."""


attachments = table(
    "attachments",
    Column("batch_id", Identifier, ForeignKey("batches.batch_id"), primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    *required(Text, "name", "content_type"),
    Column("content", LargeBinary, nullable=False),
)
"""The files of a batch, from number 1 on; all its messages share them."""
