"""Numbers, keywords and forwardings, inbound texts, and opt-outs."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
)

from dragoman.storage.metadata import (
    Identifier,
    partial_index,
    primary_identifier,
    required,
    table,
)

numbers = table(
    "numbers",
    primary_identifier("number_id"),
    Column("number", Text, nullable=False, unique=True),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("shared", Boolean, nullable=False),
)
"""`number` is digits without `+`; on a shared one every account may reserve keywords."""

forwardings = table(
    "forwardings",
    primary_identifier("forwarding_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    *required(Text, "kind", "dialect", "url", "charset"),
    Column("continuous", Boolean, nullable=False),
    Index("ix_forwardings_account_id_forwarding_id", "account_id", "forwarding_id"),
)
"""`dialect` makes the request; an empty `charset` leaves the choice to it."""

keywords = table(
    "keywords",
    primary_identifier("keyword_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("number", Text, nullable=False),
    Column("main_keyword_id", Identifier, nullable=False),
    Column("keyword", Text, nullable=False),
    Column("forwarding_id", Identifier, ForeignKey("forwardings.forwarding_id")),
    Column("free_ms", Identifier, nullable=False),
    Index("ix_keywords_account_id_keyword_id", "account_id", "keyword_id"),
    Index(
        "uq_keywords_number_main_keyword_id_keyword_free_ms",
        "number",
        "main_keyword_id",
        "keyword",
        "free_ms",
        unique=True,
    ),
)
"""`main_keyword_id` is 0 for a keyword that stands first in a text.

A deleted keyword belongs to its account until `free_ms`, which is 0 before. The number may be one
that only the configuration names, so it is no reference.
"""

opt_outs = table(
    "opt_outs",
    primary_identifier("opt_out_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    *required(Text, "sender", "recipient"),
    Column("inbound_id", Identifier),
    Column("origin", Text, nullable=False, server_default="web"),
    Index("ix_opt_outs_account_id_opt_out_id", "account_id", "opt_out_id"),
    Index(
        "uq_opt_outs_account_id_sender_recipient", "account_id", "sender", "recipient", unique=True
    ),
)
"""Who wants no messages of an account, since the time in the identifier.

An empty `sender` means all of them. `origin` is a `domain.inbound.OptOutOrigin`; `inbound_id` the
text that requested it, if any. A `recipient` that was erased is `#` and the HMAC-SHA256 of its
number, in hex.
"""

secrets = table(
    "secrets",
    Column("name", Text, primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""Keys of our own; `opt_outs` is that of erased opt-outs, made with the first of them."""


inbound_texts = table(
    "inbound_texts",
    primary_identifier("inbound_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id")),
    *required(Text, "carrier", "sender", "recipient", "text", "alphabet", "keyword"),
    Column("parts", SmallInteger, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("handling", Text, nullable=False, server_default="kept"),
    Column("header", Text, nullable=False, server_default=""),
    Index("ix_inbound_texts_account_id_inbound_id", "account_id", "inbound_id"),
    Index("ix_inbound_texts_account_id_sender_inbound_id", "account_id", "sender", "inbound_id"),
    Index(
        "ix_inbound_texts_account_id_recipient_inbound_id", "account_id", "recipient", "inbound_id"
    ),
)
"""`account_id` is NULL if the number of a text had no owner.

`handling` says what was done with it (`domain.inbound.Handling`). `header` is the user data header
in hexadecimal, without the place of a part among others; of parts in `inbound_parts` likewise.
"""

inbound_parts = table(
    "inbound_parts",
    primary_identifier("part_id"),
    *required(Text, "carrier", "sender", "recipient"),
    Column("reference", Integer, nullable=False),
    *required(SmallInteger, "total", "number"),
    Column("content", LargeBinary, nullable=False),
    Column("alphabet", Text, nullable=False),
    Column("header", Text, nullable=False, server_default=""),
)
"""Stored before they are acknowledged, so that a restart loses no part.

`content` is UTF-16, which alone can hold a character that its sender cut in two.
"""

carrier_texts = table(
    "carrier_texts",
    Column("carrier", Text, primary_key=True),
    Column("provider_id", Text, primary_key=True),
    Column("stored_id", Identifier, nullable=False),
    Index("ix_carrier_texts_stored_id", "stored_id"),
    sqlite_with_rowid=False,
)
"""Texts and parts by the IDs that their carriers gave them, to know those that come again.

`stored_id` is the identifier of the text or part, and has its time.
"""

text_cursors = table(
    "text_cursors",
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), primary_key=True),
    Column("number", Text, primary_key=True),
    Column("position", Identifier, nullable=False),
)
"""The position up to which an account has fetched the texts to a number; empty for all."""

conversations = table(
    "conversations",
    Column("account_id", Identifier, primary_key=True, autoincrement=False),
    Column("number", Text, primary_key=True),
    *required(Identifier, "last_id", "read_id"),
    Index("ix_conversations_account_id_last_id", "account_id", "last_id"),
    Index("ix_conversations_last_id", "last_id"),
    partial_index("ix_conversations_unread", "account_id", "last_id", where="read_id < last_id"),
    sqlite_with_rowid=False,
)
"""Who wrote to an account: the last text of each number, and the last that somebody read.

Numbers go with the text: a row is deleted when the number of its last text is forgotten.
"""

auto_answers = table(
    "auto_answers",
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), primary_key=True),
    Column("number", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("changed_ms", Identifier, nullable=False),
    sqlite_with_rowid=False,
)
"""What is answered to STOP, START and HELP on one number of an account, or on all (empty)."""
