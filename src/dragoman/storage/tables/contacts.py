"""Address books: lists of contacts, and the merge fields an account has given its contacts."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, Text

from dragoman.storage.tables.metadata import Identifier, metadata, primary_identifier

contact_lists = Table(
    "contact_lists",
    metadata,
    primary_identifier("list_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("parent_id", Identifier, ForeignKey("contact_lists.list_id")),
    Column("name", Text, nullable=False),
    Column("deleted_ms", Identifier),
    Index("ix_contact_lists_account_id_list_id", "account_id", "list_id"),
)
"""`parent_id` is empty for a list of the first level."""

contacts = Table(
    "contacts",
    metadata,
    primary_identifier("contact_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("list_id", Identifier, ForeignKey("contact_lists.list_id")),
    Column("mobile", Text, nullable=False),
    Column("fields", Text, nullable=False),
    Column("changed_ms", Identifier, nullable=False),
    Column("deleted_ms", Identifier),
    Index("ix_contacts_list_id_contact_id", "list_id", "contact_id"),
    Index("ix_contacts_list_id_mobile", "list_id", "mobile"),
    Index("ix_contacts_account_id_contact_id", "account_id", "contact_id"),
    Index("ix_contacts_account_id_mobile", "account_id", "mobile"),
)
"""`mobile` is the digits of the international number; `list_id` the one list that holds it.

`fields` is a JSON object of texts by `field_id`, so that renaming a field touches no contact.
"""

merge_fields = Table(
    "merge_fields",
    metadata,
    primary_identifier("field_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("name", Text, nullable=False),
    Index("ix_merge_fields_account_id_field_id", "account_id", "field_id"),
)
