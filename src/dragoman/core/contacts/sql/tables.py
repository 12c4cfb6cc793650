"""Address books: lists of contacts, the merge fields of an account, and imports into lists."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Text, text

from dragoman.storage.metadata import Identifier, primary_identifier, required, table

# A search shows either contacts that are there or deleted ones, so neither must step over the
# other; a query fits the indexes of those that are there where it says `deleted_ms IS NULL`. Their
# last columns spare a deep page the look at every row that it steps over.
_LIVE: Final[Mapping[str, Any]] = MappingProxyType(
    {"sqlite_where": text("deleted_ms IS NULL"), "postgresql_where": text("deleted_ms IS NULL")}
)
_DELETED: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "sqlite_where": text("deleted_ms IS NOT NULL"),
        "postgresql_where": text("deleted_ms IS NOT NULL"),
    }
)

_NAMED_GROUP: Final = text("kind = 'group' AND deleted_ms IS NULL")
"""Texts are sent to groups by name, so a name leads to one group at most."""

contact_lists = table(
    "contact_lists",
    primary_identifier("list_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("parent_id", Identifier, ForeignKey("contact_lists.list_id")),
    Column("name", Text, nullable=False),
    Column("deleted_ms", Identifier),
    Column("kind", Text, nullable=False, server_default="list"),
    Column("description", Text, nullable=False, server_default=""),
    Index("ix_contact_lists_account_id_list_id", "account_id", "list_id"),
    Index(
        "uq_contact_lists_account_id_name",
        "account_id",
        "name",
        unique=True,
        sqlite_where=_NAMED_GROUP,
        postgresql_where=_NAMED_GROUP,
    ),
)
"""`parent_id` is empty for a list of the first level.

A contact is in the one list that it names; groups and tags (`kind`) have `memberships`.
"""

contacts = table(
    "contacts",
    primary_identifier("contact_id"),
    Column("account_id", Identifier, nullable=False),
    Column("list_id", Identifier),
    *required(Text, "mobile", "fields"),
    Column("changed_ms", Identifier, nullable=False),
    Column("deleted_ms", Identifier),
    Index(
        "ix_contacts_list_id_contact_id",
        *("list_id", "contact_id", "account_id", "deleted_ms"),
        **_LIVE,
    ),
    Index("ix_contacts_list_id_mobile", "list_id", "mobile", "contact_id", **_LIVE),
    Index("ix_contacts_account_id_contact_id", "account_id", "contact_id", "deleted_ms", **_LIVE),
    Index("ix_contacts_account_id_contact_id_deleted", "account_id", "contact_id", **_DELETED),
    Index("ix_contacts_account_id_mobile", "account_id", "mobile"),
)
"""Accounts and lists are checked in the transaction that stores contacts, once a group and not
once a row as a foreign key would: an import has many rows.

`mobile` is the digits of the international number; `list_id` the one list that holds it.

`fields` is a JSON object of texts by `field_id`, so that renaming a field touches no contact. It is
written without spaces and without escapes that JSON does not ask for, since a search looks for
`"<field_id>":"<value>"` in it.
"""

contact_blocks = table(
    "contact_blocks",
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), primary_key=True),
    Column("list_id", Identifier, primary_key=True, autoincrement=False),
    Column("first_id", Identifier, primary_key=True, autoincrement=False),
    Column("last_id", Identifier, nullable=False),
    *required(Integer, "live", "deleted"),
    sqlite_with_rowid=False,
)
"""How many contacts a list has, by blocks of about a thousand of them in the order of creation.

Kept by the transactions that change contacts. List 0 is no list, list -1 all contacts of the
account. A block is about the contacts from `first_id` to the next block's, the first from 0 on;
`last_id` is the last that was ever counted in it.
"""

contact_values = table(
    "contact_values",
    Column("field_id", Identifier, primary_key=True, autoincrement=False),
    Column("digest", Identifier, primary_key=True, autoincrement=False),
    Column("contact_id", Identifier, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Which contacts may have a value in a field, by the CRC-32 of the value in UTF-8.

It leads to contacts that may have the value: the contact itself is looked at in the end. Deleted
contacts stay, since they are searched too. Contacts of `unnoted_contacts` may be missing.
"""

unnoted_contacts = table(
    "unnoted_contacts",
    primary_identifier("first_id"),
    Column("last_id", Identifier, nullable=False),
)
"""Imported contacts whose values are to be noted yet, from the first to the last; others between
them may be there already."""

merge_fields = table(
    "merge_fields",
    primary_identifier("field_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("name", Text, nullable=False),
    Index("ix_merge_fields_account_id_field_id", "account_id", "field_id"),
    Index("ix_merge_fields_account_id_name", "account_id", "name", unique=True),
)

imports = table(
    "imports",
    primary_identifier("import_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("list_id", Identifier, ForeignKey("contact_lists.list_id")),
    Column("name", Text, nullable=False),
    *required(Boolean, "clean", "drop_duplicates", "cleaned"),
    *required(Integer, "total", "processed"),
    Column("rows_digest", Text, nullable=False),
    Column("rows_done", Integer, nullable=False),
    Index("ix_imports_key", "key", unique=True),
)
"""`key` is what a customer knows an import by; `list_id` is empty until the first rows make a list.

`rows_digest` tells the last group of rows from another, `rows_done` how many of them are stored, so
that a group that is sent again goes on where it stopped. `cleaned`: what the list held before is
deleted.
"""


memberships = table(
    "memberships",
    Column("list_id", Identifier, ForeignKey("contact_lists.list_id"), primary_key=True),
    Column("contact_id", Identifier, ForeignKey("contacts.contact_id"), primary_key=True),
    Index("ix_memberships_contact_id_list_id", "contact_id", "list_id"),
    sqlite_with_rowid=False,
)
"""Which contacts are in which groups and tags; what is deleted may have left rows here."""

contact_profiles = table(
    "contact_profiles",
    Column(
        "contact_id",
        Identifier,
        ForeignKey("contacts.contact_id"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    *required(Text, "email", "profile"),
    Index("ix_contact_profiles_account_id_email_contact_id", "account_id", "email", "contact_id"),
)
"""`profile` is a `domain.contacts.ContactProfile` as JSON; `email` its address to search for.

Contacts without a profile have no row.
"""
