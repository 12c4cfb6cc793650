"""Who may use the gateway: accounts, their credentials and their senders."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Text

from dragoman.storage.metadata import (
    Identifier,
    optional,
    primary,
    primary_identifier,
    required,
    table,
)

accounts = table(
    "accounts",
    primary_identifier("account_id"),
    Column("parent_id", Identifier, ForeignKey("accounts.account_id")),
    Column("path", Text, nullable=False),
    Column("username", Text, nullable=False, unique=True),
    Column("enabled", Boolean, nullable=False),
    *required(Text, "permissions", "allowed_addresses", "time_zone", "default_sender"),
    *required(Integer, "max_parts", "max_recipients"),
    Column("created_ms", Identifier, nullable=False),
    Column("prefixes", Text, nullable=False, server_default=""),
    Column("profile", Text, nullable=False, server_default=""),
    Column("details", Text, nullable=False, server_default="{}"),
    *optional(Identifier, "deactivated_ms", "deleted_ms"),
    Column("payer", Text, nullable=False, server_default="own"),
    Column("message_types", Text, nullable=False, server_default=""),
    *optional(Integer, "texts_days", "numbers_days", "messages_days"),
    Column("country", Text, nullable=False, server_default=""),
    Index("ix_accounts_parent_id", "parent_id"),
)
"""`permissions` are names with blanks between; names of a newer version are kept, not heeded.

`details` is JSON (`domain.accounts.AccountDetails`), `message_types` are names with blanks
between, none for all. The days say how long what it sends and receives is kept, where that is not
as for the account above it; `country` is ISO 3166-1 alpha-2, or empty. A deleted account keeps its
row for what it sent; `path` holds identifiers in base 36 from the root to the account.
"""

credentials = table(
    "credentials",
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

account_records = table(
    "account_records",
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), primary_key=True),
    Column("dialect", Text, primary_key=True),
    Column("record", Text, nullable=False),
)
"""What a provider's API keeps of an account and nothing else reads; `record` is JSON."""

dialect_records = table(
    "dialect_records",
    *primary(Text, "dialect", "kind", "name"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("position", Identifier, nullable=False),
    Column("record", Text, nullable=False),
    Index(
        "ix_dialect_records_account_id_dialect_kind_position",
        "account_id",
        "dialect",
        "kind",
        "position",
    ),
    sqlite_with_rowid=False,
)
"""What an account makes in a provider's API and nothing else reads; `record` is JSON.

`position` is an identifier of when it was made; `name` is unique among all accounts.
"""

auth_tokens = table(
    "auth_tokens",
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), primary_key=True),
    Column("public_id", Text, nullable=False, unique=True),
    Column("token", LargeBinary, nullable=False),
    Column("created_ms", Identifier, nullable=False),
)
"""Secrets that both sides compute with, sealed with a key that is not in the database."""

one_time_links = table(
    "one_time_links",
    primary_identifier("link_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("expires_ms", Identifier, nullable=False),
    Index("uq_one_time_links_digest", "digest", unique=True),
    Index("ix_one_time_links_expires_ms", "expires_ms"),
)
"""Links that log an account in once; a used one is deleted."""

admin_tokens = table(
    "admin_tokens",
    Column("name", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("created_ms", Identifier, nullable=False),
    Index("uq_admin_tokens_digest", "digest", unique=True),
    sqlite_with_rowid=False,
)
"""Operators' tokens for the admin interface, as SHA-256; a revoked one is deleted."""

senders = table(
    "senders",
    primary_identifier("sender_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    *required(Text, "sender", "state"),
    Column("created_ms", Identifier, nullable=False),
    Column("details", Text, nullable=False, server_default="{}"),
    Index("uq_senders_account_id_sender", "account_id", "sender", unique=True),
)
"""`details` is JSON (`domain.senders.SenderDetails`): who uses the name."""


scoped_tokens = table(
    "scoped_tokens",
    Column("token_id", Text, primary_key=True),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    *required(Text, "family", "scopes"),
    Column("access_digest", LargeBinary, nullable=False),
    Column("access_expires_ms", Identifier, nullable=False),
    Column("refresh_digest", LargeBinary, nullable=False),
    Column("refresh_expires_ms", Identifier, nullable=False),
    *optional(Identifier, "refreshed_ms", "revoked_ms"),
    Index("uq_scoped_tokens_access_digest", "access_digest", unique=True),
    Index("uq_scoped_tokens_refresh_digest", "refresh_digest", unique=True),
    Index("ix_scoped_tokens_account_id", "account_id"),
    Index("ix_scoped_tokens_refresh_expires_ms", "refresh_expires_ms"),
    sqlite_with_rowid=False,
)
"""Both tokens of a pair as SHA-256. `scopes` are the provider's names, separated by spaces.

`refreshed_ms` is when the pair was exchanged for a new one, which happens once and ends it.
`family` is the `token_id` of the first pair; all that came of it are revoked together.
"""

smpp_logins = table(
    "smpp_logins",
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), primary_key=True),
    Column("system_id", Text, nullable=False),
    Column("receives", Boolean, nullable=False),
    Column("options", Text, nullable=False),
    Index("uq_smpp_logins_system_id", "system_id", unique=True),
    sqlite_with_rowid=False,
)
"""What accounts bind with over SMPP; their passwords are credentials. `options` is JSON
(`model.smpp_logins.SmppOptions`)."""


audit_entries = table(
    "audit_entries",
    primary_identifier("entry_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("actor_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    *required(Text, "action", "subject"),
    Column("at_ms", Identifier, nullable=False),
    Column("person_id", Identifier),
    Index("ix_audit_entries_account_id_entry_id", "account_id", "entry_id"),
)
"""Changes of an account by an actor; rows are only ever added. What belongs to no account, such as
a carrier, stands at its actor's. `person_id` is who of the actor's people did it, if that is known.
"""

held_carriers = table(
    "held_carriers",
    Column("carrier", Text, primary_key=True),
    Column("held_ms", Identifier, nullable=False),
)
"""Carriers that get no new messages until they are enabled again."""


console_sessions = table(
    "console_sessions",
    Column("digest", LargeBinary, primary_key=True),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    *required(Identifier, "created_ms", "used_ms"),
    Column("person_id", Identifier),
    Column("address", Text, nullable=False, server_default=""),
    Column("browser", Text, nullable=False, server_default=""),
    Index("ix_console_sessions_account_id", "account_id"),
    sqlite_with_rowid=False,
)
"""Console sessions by the SHA-256 of their cookie; ended ones are deleted. `person_id` is NULL
where the account itself signed in."""

people = table(
    "people",
    primary_identifier("person_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    *required(Text, "name", "role"),
    Column("enabled", Boolean, nullable=False),
    Column("password", LargeBinary),
    *optional(Text, "issuer", "subject"),
    Column("invitation", LargeBinary),
    Column("invited_until_ms", Identifier),
    Column("created_ms", Identifier, nullable=False),
    *optional(Identifier, "signed_in_ms", "deleted_ms"),
    Index("ix_people_account_id", "account_id"),
    Index("uq_people_name", "name", unique=True),
    Index("uq_people_issuer_subject", "issuer", "subject", unique=True),
    Index("ix_people_invitation", "invitation"),
)
"""People of accounts. `name` is in lower case; `password` is Argon2id, `invitation` the SHA-256 of
the token in a link; `issuer` and `subject` are an identity at an OpenID provider. A deleted one
keeps its row for the audit log, under another name."""

second_factors = table(
    "second_factors",
    *primary(Identifier, "account_id", "person_id"),
    Column("secret", LargeBinary, nullable=False),
    Column("recovery", Text, nullable=False),
    Column("last_step", Identifier, nullable=False),
    Column("created_ms", Identifier, nullable=False),
    sqlite_with_rowid=False,
)
"""Secrets of one-time codes (RFC 6238), sealed; `person_id` is 0 for the account's own sign-in.
`last_step` is the time step of the last code that was used, `recovery` JSON with the SHA-256 of the
recovery codes that are left."""

sign_in_policies = table(
    "sign_in_policies",
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), primary_key=True),
    Column("second_factor", Boolean, nullable=False),
)
"""What an account asks of all who sign in to the console for it."""

saved_searches = table(
    "saved_searches",
    primary_identifier("search_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("person_id", Identifier, nullable=False),
    *required(Text, "name", "query"),
    Index(
        "uq_saved_searches_account_id_person_id_name",
        "account_id",
        "person_id",
        "name",
        unique=True,
    ),
)
"""Searches of the page Messages that somebody keeps; `person_id` is 0 for the account's own."""

api_keys = table(
    "api_keys",
    Column(
        "credential_id",
        Identifier,
        ForeignKey("credentials.credential_id"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    *required(Text, "name", "scopes", "allowed_addresses"),
    *optional(Identifier, "expires_ms", "used_ms"),
    Index("ix_api_keys_account_id", "account_id"),
)
"""What is known of an API key besides its digest, which is a credential. `scopes` are names of
dialects and of calls with blanks between, none for all. A key without a row here has no name and no
limits. `used_ms` is as old as a minute."""
