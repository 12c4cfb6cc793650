"""Groups of contacts, and what an account knows of a contact besides its number."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, Text

from dragoman.storage.tables.metadata import Identifier, metadata

memberships = Table(
    "memberships",
    metadata,
    Column("list_id", Identifier, ForeignKey("contact_lists.list_id"), primary_key=True),
    Column("contact_id", Identifier, ForeignKey("contacts.contact_id"), primary_key=True),
    Index("ix_memberships_contact_id_list_id", "contact_id", "list_id"),
    sqlite_with_rowid=False,
)
"""Which contacts are in which groups and tags; what is deleted may have left rows here."""

contact_profiles = Table(
    "contact_profiles",
    metadata,
    Column(
        "contact_id",
        Identifier,
        ForeignKey("contacts.contact_id"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    Column("email", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Index("ix_contact_profiles_account_id_email_contact_id", "account_id", "email", "contact_id"),
)
"""`profile` is a `domain.contacts.ContactProfile` as JSON; `email` its address to search for.

Contacts without a profile have no row.
"""
