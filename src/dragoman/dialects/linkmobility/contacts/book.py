"""Lists, contacts and merge fields (LINK v2 s. 04, 05, 07)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.contacts.model.contacts import Contact, ContactFilter, ContactList, MergeField
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility.calls import CREATED, OK, CallGroup
from dragoman.dialects.linkmobility.contacts import reading, schemas
from dragoman.dialects.linkmobility.errors import WordedRefusal
from dragoman.dialects.linkmobility.reading import (
    Page,
    read_flag,
    read_text,
    render_log_time,
    render_paging,
)
from dragoman.web.bodies import decode_body, decode_query
from dragoman.web.requests import Request

MAX_SHOWN: Final = 20_000
"""Contacts that one answer shows; bounds what it takes to make it."""
CONTACTS_PER_PAGE: Final = 100

KIND: Final = "merge field"


class ContactLists(CallGroup):
    """Answers the calls on lists."""

    async def all(self, account: Account, _request: Request) -> schemas.Lists:
        """All lists, in the order of creation."""
        found = await self._services.contacts.lists(account)
        return schemas.Lists(list=tuple(map(_list_item, found)), status=OK)

    async def one(self, account: Account, request: Request) -> schemas.ListAnswer:
        """A list and the contacts it holds itself; raises `Refused` where they are too many."""
        found = await self._services.contacts.list_of(
            account, reading.path_identifier(request, "list")
        )
        if await self._services.contacts.count(account, found.list_id) > MAX_SHOWN:
            text = (
                f"List id [{found.list_id}] has more than {MAX_SHOWN} contacts,"
                f" use contacts/1 with listid={found.list_id}"
            )
            raise WordedRefusal(RefusalCode.INVALID_FIELD, text)
        return await self._answer(account, found, OK)

    async def create(self, account: Account, request: Request) -> schemas.ListAnswer:
        """Creates a list; raises `Refused`."""
        body = decode_body(request, schemas.ListBody)
        parent_id = reading.read_list_id("parent", body.parent)
        created = await self._services.contacts.create_list(
            account, read_text(body.name), parent_id
        )
        return schemas.ListAnswer(list=_details(created), status=CREATED)

    async def change(self, account: Account, request: Request) -> schemas.ListAnswer:
        """Changes what is given of a list; raises `Refused`."""
        list_id = reading.path_identifier(request, "list")
        body = decode_body(request, schemas.ListBody)
        changed = await self._services.contacts.change_list(
            account,
            list_id,
            name=UNSET if body.name is None else read_text(body.name),
            parent_id=UNSET if body.parent is None else reading.read_list_id("parent", body.parent),
        )
        return await self._answer(account, changed, CREATED)

    async def delete(self, account: Account, request: Request) -> schemas.Deleted:
        """Deletes a list and its contacts; raises `Refused`."""
        list_id = reading.path_identifier(request, "list")
        await self._services.contacts.delete_list(account, list_id)
        return schemas.Deleted(message=f"List id [{list_id}] deleted", status=OK)

    async def _answer(
        self, account: Account, found: ContactList, status: int
    ) -> schemas.ListAnswer:
        wanted = ContactFilter(account_id=account.account_id, list_id=found.list_id)
        page = await self._services.contacts.search(wanted, 0, MAX_SHOWN)
        details = await asyncio.to_thread(_details, found, page.contacts, self._zone_of(account))
        return schemas.ListAnswer(list=details, status=status)


def _list_item(found: ContactList) -> schemas.ListItem:
    return schemas.ListItem(
        id=str(found.list_id), parent=str(found.parent_id or 0), name=found.name
    )


def _details(
    found: ContactList, contacts: tuple[Contact, ...] = (), zone: str = ""
) -> schemas.ListDetails:
    return schemas.ListDetails(
        **msgspec.structs.asdict(_list_item(found)),
        contacts=tuple(contact_item(contact, zone) for contact in contacts),
    )


class Book(CallGroup):
    """Answers the calls on contacts."""

    async def search(self, account: Account, request: Request) -> schemas.ContactsPage:
        """A page of the contacts that fit the filters, oldest first."""
        query = decode_query(request, schemas.ContactQuery)
        needs_fields = query.field_key or query.field_value
        fields = await self._services.contacts.merge_fields(account) if needs_fields else []
        wanted = _filter(account, query, fields)
        page = Page.of(request, CONTACTS_PER_PAGE)
        found = await self._services.contacts.search(wanted, page.offset, page.size)
        zone = self._zone_of(account)
        return schemas.ContactsPage(
            contacts=tuple(
                schemas.FoundContact(**_head(one, zone), deleted=one.deleted, fields=one.fields)
                for one in found.contacts
            ),
            paging=render_paging(page, found.total),
            stats=schemas.ContactStats(total=str(found.total)),
            status=OK,
        )

    async def one(self, account: Account, request: Request) -> schemas.ContactAnswer:
        """One contact; raises `Refused`."""
        found = await self._services.contacts.contact(
            account, reading.path_identifier(request, "contact")
        )
        return self._answer(account, found, OK)

    async def create(self, account: Account, request: Request) -> schemas.ContactAnswer:
        """Creates a contact; raises `Refused`."""
        body = decode_body(request, schemas.ContactBody)
        created = await self._services.contacts.create_contact(
            account,
            reading.read_mobile(body.mobile),
            list_id=reading.read_list_id("listid", body.listid),
            values=await self._values(account, request, body),
        )
        return self._answer(account, created, CREATED)

    async def change(self, account: Account, request: Request) -> schemas.ContactAnswer:
        """Changes what is given of a contact; raises `Refused`."""
        contact_id = reading.path_identifier(request, "contact")
        body = decode_body(request, schemas.ContactBody)
        changed = await self._services.contacts.change_contact(
            account,
            contact_id,
            mobile=UNSET if body.mobile is None else reading.read_mobile(body.mobile),
            list_id=UNSET if body.listid is None else reading.read_list_id("listid", body.listid),
            values=await self._values(account, request, body),
        )
        return self._answer(account, changed, CREATED)

    async def delete(self, account: Account, request: Request) -> schemas.Deleted:
        """Deletes a contact; raises `Refused`."""
        contact_id = reading.path_identifier(request, "contact")
        await self._services.contacts.delete_contact(account, contact_id)
        return schemas.Deleted(message=f"Contact id [{contact_id}] deleted", status=OK)

    async def _values(
        self, account: Account, request: Request, body: schemas.ContactBody
    ) -> dict[str, str]:
        from_xml = reading.is_xml(request)
        given: Any = body.fields
        asks = from_xml or (isinstance(given, dict) and any(map(reading.is_field_key, given)))
        fields = await self._services.contacts.merge_fields(account) if asks else []
        return reading.read_values(given, fields, from_xml=from_xml)

    def _answer(self, account: Account, found: Contact, status: int) -> schemas.ContactAnswer:
        zone = self._zone_of(account)
        return schemas.ContactAnswer(contact=contact_item(found, zone), status=status)


def contact_item(contact: Contact, zone: str) -> schemas.ContactItem:
    """A contact as answers about it and about its list show it."""
    return schemas.ContactItem(**_head(contact, zone), fields=contact.fields)


def _head(contact: Contact, zone: str) -> dict[str, str]:
    return {
        "id": str(contact.contact_id),
        "listid": str(contact.list_id or 0),
        # A contact of another API may have only an address.
        "mobile": f"+{contact.mobile}" if contact.mobile else "",
        "created": render_log_time(contact.created_ms, zone),
        "changed": render_log_time(contact.changed_ms, zone),
    }


def _filter(
    account: Account, query: schemas.ContactQuery, fields: Sequence[MergeField]
) -> ContactFilter:
    list_id = None
    if query.listid.strip():
        list_id = reading.read_list_id("listid", query.listid) or 0
    return ContactFilter(
        account_id=account.account_id,
        list_id=list_id,
        mobile=reading.read_searched_mobile(query.mobile),
        deleted=bool(read_flag("deleted", query.deleted)),
        field_ids=_field_ids(query, fields),
        field_value=query.field_value,
    )


def _field_ids(query: schemas.ContactQuery, fields: Sequence[MergeField]) -> tuple[int, ...] | None:
    if query.field_key:
        field = reading.find_field(query.field_key, fields)
        if field is None:
            raise Refused(RefusalCode.INVALID_FIELD, "field_key", "no such merge field")
        return (field.field_id,)
    return tuple(field.field_id for field in fields) if query.field_value else None


class MergeFields(CallGroup):
    """Answers the calls on merge fields."""

    async def all(self, account: Account, _request: Request) -> schemas.Fields:
        """All merge fields, in the order of creation."""
        found = await self._services.contacts.merge_fields(account)
        return schemas.Fields(field=tuple(map(_item, found)), status=OK)

    async def create(self, account: Account, request: Request) -> schemas.FieldAnswer:
        """Creates a merge field; raises `Refused`."""
        name = reading.read_field_name(decode_body(request, schemas.FieldBody).name)
        created = await self._services.contacts.create_merge_field(account, name)
        return schemas.FieldAnswer(field=_item(created), status=CREATED)

    async def change(self, account: Account, request: Request) -> schemas.FieldAnswer:
        """Renames a merge field; raises `Refused`."""
        field_id = reading.path_identifier(request, KIND)
        name = reading.read_field_name(decode_body(request, schemas.FieldBody).name)
        renamed = await self._services.contacts.rename_merge_field(account, field_id, name)
        return schemas.FieldAnswer(field=_item(renamed), status=OK)

    async def delete(self, account: Account, request: Request) -> schemas.Deleted:
        """Deletes a merge field and its values; raises `Refused`."""
        field_id = reading.path_identifier(request, KIND)
        await self._services.contacts.delete_merge_field(account, field_id)
        return schemas.Deleted(message=f"Merge field id [{field_id}] deleted", status=OK)


def _item(field: MergeField) -> schemas.FieldItem:
    return schemas.FieldItem(
        id=str(field.field_id), name=field.name, key=f"{reading.KEY_PREFIX}{field.field_id}"
    )
