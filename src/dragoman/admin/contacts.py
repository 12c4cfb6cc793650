"""Contacts: lists, the contacts in them, and imports."""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.admin.calls import Body, Call
from dragoman.admin.contact_answers import (
    ContactPageView,
    ContactView,
    ImportBegun,
    Lists,
    ListView,
    RefusedRow,
    Removed,
    RowsAdded,
)
from dragoman.admin.context import Admin
from dragoman.core.accounts.audit_log import hide_number
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.contacts.model.contacts import Contact, ContactFilter, ContactList
from dragoman.core.model.errors import RefusalCode, Refused, existing
from dragoman.core.model.phone_numbers import normalise

MAX_LISTED: Final = 10_000


class WhichContacts(Body, frozen=True, kw_only=True):
    """Which contacts of an account to list."""

    list: str = ""
    """Name or identifier of a list."""
    recipient: str = ""
    field: str = ""
    value: str = ""
    """What the field has exactly."""
    offset: int = 0
    limit: int = 50


class NewContact(Body, frozen=True, kw_only=True):
    """A number to keep."""

    mobile: str
    list: str = ""
    """Name or identifier of a list, which is made where there is none of the name."""
    fields: dict[str, str] = msgspec.field(default_factory=dict)


class WhichContact(Body, frozen=True, kw_only=True):
    """Which of several contacts of a number; all if left out."""

    list: str = ""


class NewImport(Body, frozen=True, kw_only=True):
    """An import to begin."""

    list: str
    """Name or identifier of a list, which the first rows make where there is none of the name."""
    clean: bool = False
    """Whether the list is emptied first."""
    drop_duplicates: bool = True
    """Whether only the first contact of a number is kept."""


class Rows(Body, frozen=True, kw_only=True):
    """A group of rows: a number with `+`, and a value for each of the fields."""

    fields: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    digest: str
    """Tells this group from others, so that one that is sent again is stored once."""


async def list_lists(admin: Admin, username: str) -> Lists:
    """List the lists of an account with their size, and its merge fields."""
    contacts = admin.services.contacts
    account = await admin.services.accounts.find(username)
    counts = await contacts.counts(account)
    return Lists(
        account=account.username,
        lists=tuple(
            ListView(
                list_id=one.list_id,
                name=one.name,
                parent_id=one.parent_id,
                contacts=counts.get(one.list_id, 0),
            )
            for one in await contacts.lists(account)
        ),
        without_list=counts.get(0, 0),
        fields=tuple(one.name for one in await contacts.merge_fields(account)),
    )


async def list_contacts(admin: Admin, username: str, query: WhichContacts) -> ContactPageView:
    """List contacts of an account, oldest first."""
    if not 0 < query.limit <= MAX_LISTED or query.offset < 0:
        raise Refused(RefusalCode.INVALID_FIELD, "limit", f"from 1 to {MAX_LISTED}")
    contacts = admin.services.contacts
    account = await admin.services.accounts.find(username)
    field_ids = None
    if query.field:
        fields = await contacts.merge_fields(account)
        field_ids = tuple(one.field_id for one in fields if one.name == query.field)
    wanted = ContactFilter(
        account_id=account.account_id,
        list_id=(await find_list(admin, account, query.list)).list_id if query.list else None,
        mobile=normalise(query.recipient) if query.recipient else "",
        field_ids=field_ids,
        field_value=query.value,
    )
    page = await contacts.search(wanted, query.offset, query.limit)
    return ContactPageView(contacts=tuple(map(_view, page.contacts)), total=page.total)


async def add_contact(admin: Admin, username: str, body: NewContact) -> ContactView:
    """Add a contact."""
    contacts = admin.services.contacts
    account = await admin.services.accounts.find(username)
    mobile = normalise(body.mobile)
    list_id = None
    if body.list:
        found = await _find_list(admin, account, body.list)
        list_id = (found or await contacts.create_list(account, body.list)).list_id
    made = await contacts.create_contact(account, mobile, list_id=list_id, values=body.fields)
    return _view(made)


async def remove_contact(
    admin: Admin, username: str, recipient: str, query: WhichContact
) -> Removed:
    """Delete the contacts of a number."""
    contacts = admin.services.contacts
    account = await admin.services.accounts.find(username)
    wanted = ContactFilter(
        account_id=account.account_id,
        list_id=(await find_list(admin, account, query.list)).list_id if query.list else None,
        mobile=normalise(recipient),
    )
    page = await contacts.search(wanted, 0, MAX_LISTED)
    if not page.contacts:
        raise Refused(RefusalCode.NOT_FOUND, recipient, "contact")
    for one in page.contacts:
        await contacts.delete_contact(account, one.contact_id)
    await admin.note(account, "delete_contact", hide_number(wanted.mobile))
    return Removed(removed=f"{len(page.contacts)} of +{wanted.mobile}")


async def remove_list(admin: Admin, username: str, name: str) -> Removed:
    """Delete a list with its contacts."""
    account = await admin.services.accounts.find(username)
    found = await find_list(admin, account, name)
    await admin.services.contacts.delete_list(account, found.list_id)
    await admin.note(account, "delete_list", found.name)
    return Removed(removed=found.name)


async def begin_import(admin: Admin, username: str, body: NewImport) -> ImportBegun:
    """Begin an import into a list."""
    account = await admin.services.accounts.find(username)
    found = await _find_list(admin, account, body.list)
    job = await admin.services.imports.create(
        account,
        list_id=None if found is None else found.list_id,
        name="" if found is not None else body.list,
        clean=body.clean,
        drop_duplicates=body.drop_duplicates,
    )
    return ImportBegun(key=job.key)


async def add_rows(admin: Admin, username: str, key: str, body: Rows) -> RowsAdded:
    """Add rows to an import; what is wrong with some is told, and the others are stored."""
    account = await admin.services.accounts.find(username)
    rows = [list(row) for row in body.rows]
    added = await admin.services.imports.add_rows(account, key, body.fields, rows, body.digest)
    refused = (
        RefusedRow(index=index, fault=one.fault.value, field=one.field, value=value)
        for one in added.faults
        for index, value in one.values.items()
    )
    return RowsAdded(
        list_id=added.job.list_id,
        processed=added.job.processed,
        refused=tuple(sorted(refused, key=lambda one: one.index)),
    )


async def find_list(admin: Admin, account: Account, named: str) -> ContactList:
    """A list of an account by name or identifier; raises `Refused`."""
    found = await _find_list(admin, account, named)
    return existing(found, Refused(RefusalCode.NOT_FOUND, named, "list"))


async def _find_list(admin: Admin, account: Account, named: str) -> ContactList | None:
    lists = await admin.services.contacts.lists(account)
    by_name = next((one for one in lists if one.name == named), None)
    return by_name or next((one for one in lists if str(one.list_id) == named), None)


def _view(contact: Contact) -> ContactView:
    return ContactView(
        contact_id=contact.contact_id,
        list_id=contact.list_id,
        mobile=contact.mobile,
        fields=contact.fields,
    )


CALLS: Final = (
    Call("GET", "/accounts/{username}/lists", list_lists),
    Call("DELETE", "/accounts/{username}/lists/{name}", remove_list),
    Call("GET", "/accounts/{username}/contacts", list_contacts),
    Call("POST", "/accounts/{username}/contacts", add_contact),
    Call("DELETE", "/accounts/{username}/contacts/{recipient}", remove_contact),
    Call("POST", "/accounts/{username}/imports", begin_import),
    Call("POST", "/accounts/{username}/imports/{key}/rows", add_rows),
)
