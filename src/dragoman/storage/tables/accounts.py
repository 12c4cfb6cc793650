"""Who may use the gateway: accounts, their credentials and their senders."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from dragoman.storage.tables.metadata import Identifier, metadata, primary_identifier

accounts = Table(
    "accounts",
    metadata,
    primary_identifier("account_id"),
    Column("parent_id", Identifier, ForeignKey("accounts.account_id")),
    Column("path", Text, nullable=False),
    Column("username", Text, nullable=False, unique=True),
    Column("enabled", Boolean, nullable=False),
    Column("permissions", Text, nullable=False),
    Column("allowed_addresses", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("default_sender", Text, nullable=False),
    Column("max_parts", Integer, nullable=False),
    Column("max_recipients", Integer, nullable=False),
    Column("created_ms", Identifier, nullable=False),
    Column("prefixes", Text, nullable=False, server_default=""),
    Column("profile", Text, nullable=False, server_default=""),
    Column("details", Text, nullable=False, server_default="{}"),
    Column("deactivated_ms", Identifier),
    Column("deleted_ms", Identifier),
    Column("payer", Text, nullable=False, server_default="own"),
    Column("message_types", Text, nullable=False, server_default=""),
    Index("ix_accounts_parent_id", "parent_id"),
)
"""`permissions` are names with blanks between; names of a newer version are kept, not heeded.

`details` is JSON (`domain.accounts.AccountDetails`), `message_types` are names with blanks
between, none for all. A deleted account keeps its row for what it
sent; `path` holds identifiers in base 36 from the root to the account.
"""

credentials = Table(
    "credentials",
    metadata,
    primary_identifier("credential_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("created_ms", Identifier, nullable=False),
    Column("revoked_ms", Identifier),
    Index("ix_credentials_digest", "digest"),
    Index("ix_credentials_account_id", "account_id"),
)
"""API keys as SHA-256 of the key, passwords as Argon2id, legacy logins as Argon2id of the md5."""

account_records = Table(
    "account_records",
    metadata,
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), primary_key=True),
    Column("dialect", Text, primary_key=True),
    Column("record", Text, nullable=False),
)
"""What a provider's API keeps of an account and nothing else reads; `record` is JSON."""

one_time_links = Table(
    "one_time_links",
    metadata,
    primary_identifier("link_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("expires_ms", Identifier, nullable=False),
    Index("uq_one_time_links_digest", "digest", unique=True),
    Index("ix_one_time_links_expires_ms", "expires_ms"),
)
"""Links that log an account in once; a used one is deleted."""

senders = Table(
    "senders",
    metadata,
    primary_identifier("sender_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("sender", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_ms", Identifier, nullable=False),
    Column("details", Text, nullable=False, server_default="{}"),
    Index("uq_senders_account_id_sender", "account_id", "sender", unique=True),
)
"""`details` is JSON (`domain.senders.SenderDetails`): who stands behind the name."""
