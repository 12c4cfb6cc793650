"""Contacts: searching, showing, creating, changing and deleting them (LINK v2 s. 05)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import UNSET

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.contacts.model.contacts import Contact, ContactFilter, MergeField
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility.contacts import reading, schemas
from dragoman.dialects.linkmobility.paging import Page, render_paging
from dragoman.dialects.linkmobility.reading import read_flag
from dragoman.dialects.linkmobility.times import render_log_time, zone_of
from dragoman.web.bodies import decode_body, decode_query
from dragoman.web.requests import Request

CONTACTS_PER_PAGE: Final = 100
OK: Final = 200
CREATED: Final = 201


class Book:
    """Answers the calls on contacts."""

    def __init__(self, services: Services) -> None:
        self._contacts = services.contacts
        self._default_zone = services.settings.dialects.linkmobility.time_zone

    async def search(self, account: Account, request: Request) -> schemas.ContactsPage:
        """A page of the contacts that fit the filters, oldest first."""
        query = decode_query(request, schemas.ContactQuery)
        needs_fields = query.field_key or query.field_value
        fields = await self._contacts.merge_fields(account) if needs_fields else []
        wanted = _filter(account, query, fields)
        page = Page.of(request, CONTACTS_PER_PAGE)
        found = await self._contacts.search(wanted, page.offset, page.size)
        zone = zone_of(account, self._default_zone)
        return schemas.ContactsPage(
            contacts=tuple(_found_contact(contact, zone) for contact in found.contacts),
            paging=render_paging(page, found.total),
            stats=schemas.ContactStats(total=str(found.total)),
            status=OK,
        )

    async def one(self, account: Account, request: Request) -> schemas.ContactAnswer:
        """One contact; raises `Refused`."""
        found = await self._contacts.contact(account, reading.path_identifier(request, "contact"))
        return self._answer(account, found, OK)

    async def create(self, account: Account, request: Request) -> schemas.ContactAnswer:
        """Creates a contact; raises `Refused`."""
        body = decode_body(request, schemas.ContactBody)
        created = await self._contacts.create_contact(
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
        changed = await self._contacts.change_contact(
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
        await self._contacts.delete_contact(account, contact_id)
        return schemas.Deleted(message=f"Contact id [{contact_id}] deleted", status=OK)

    async def _values(
        self, account: Account, request: Request, body: schemas.ContactBody
    ) -> dict[str, str]:
        from_xml = reading.is_xml(request)
        given: Any = body.fields
        asks = from_xml or (isinstance(given, dict) and any(map(reading.is_field_key, given)))
        fields = await self._contacts.merge_fields(account) if asks else []
        return reading.read_values(given, fields, from_xml=from_xml)

    def _answer(self, account: Account, found: Contact, status: int) -> schemas.ContactAnswer:
        zone = zone_of(account, self._default_zone)
        return schemas.ContactAnswer(contact=contact_item(found, zone), status=status)


def contact_item(contact: Contact, zone: str) -> schemas.ContactItem:
    """A contact as answers about it and about its list show it."""
    return schemas.ContactItem(**_head(contact, zone), fields=contact.fields)


def _found_contact(contact: Contact, zone: str) -> schemas.FoundContact:
    head = _head(contact, zone)
    return schemas.FoundContact(**head, deleted=contact.deleted, fields=contact.fields)


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
