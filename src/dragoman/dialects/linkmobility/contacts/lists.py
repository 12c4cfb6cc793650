"""Lists of contacts (LINK v2 s. 04)."""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec import UNSET

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.contacts.model.contacts import Contact, ContactFilter, ContactList
from dragoman.core.model.errors import RefusalCode
from dragoman.dialects.linkmobility.contacts import schemas
from dragoman.dialects.linkmobility.contacts.book import contact_item
from dragoman.dialects.linkmobility.contacts.reading import path_identifier, read_list_id
from dragoman.dialects.linkmobility.errors import WordedRefusal
from dragoman.dialects.linkmobility.reading import read_text
from dragoman.dialects.linkmobility.times import zone_of
from dragoman.web.bodies import decode_body
from dragoman.web.requests import Request

MAX_SHOWN: Final = 20_000
"""Contacts that one answer shows; bounds what it takes to make it."""
OK: Final = 200
CREATED: Final = 201


class ContactLists:
    """Answers the calls on lists."""

    def __init__(self, services: Services) -> None:
        self._contacts = services.contacts
        self._default_zone = services.settings.dialects.linkmobility.time_zone

    async def all(self, account: Account, _request: Request) -> schemas.Lists:
        """All lists, in the order of creation."""
        found = await self._contacts.lists(account)
        return schemas.Lists(list=tuple(map(_item, found)), status=OK)

    async def one(self, account: Account, request: Request) -> schemas.ListAnswer:
        """A list and the contacts it holds itself; raises `Refused` where they are too many."""
        found = await self._contacts.list_of(account, path_identifier(request, "list"))
        if await self._contacts.count(account, found.list_id) > MAX_SHOWN:
            text = (
                f"List id [{found.list_id}] has more than {MAX_SHOWN} contacts,"
                f" use contacts/1 with listid={found.list_id}"
            )
            raise WordedRefusal(RefusalCode.INVALID_FIELD, text)
        return await self._answer(account, found, OK)

    async def create(self, account: Account, request: Request) -> schemas.ListAnswer:
        """Creates a list; raises `Refused`."""
        body = decode_body(request, schemas.ListBody)
        parent_id = read_list_id("parent", body.parent)
        created = await self._contacts.create_list(account, read_text(body.name), parent_id)
        return schemas.ListAnswer(list=_details(created), status=CREATED)

    async def change(self, account: Account, request: Request) -> schemas.ListAnswer:
        """Changes what is given of a list; raises `Refused`."""
        list_id = path_identifier(request, "list")
        body = decode_body(request, schemas.ListBody)
        changed = await self._contacts.change_list(
            account,
            list_id,
            name=UNSET if body.name is None else read_text(body.name),
            parent_id=UNSET if body.parent is None else read_list_id("parent", body.parent),
        )
        return await self._answer(account, changed, CREATED)

    async def delete(self, account: Account, request: Request) -> schemas.Deleted:
        """Deletes a list and its contacts; raises `Refused`."""
        list_id = path_identifier(request, "list")
        await self._contacts.delete_list(account, list_id)
        return schemas.Deleted(message=f"List id [{list_id}] deleted", status=OK)

    async def _answer(
        self, account: Account, found: ContactList, status: int
    ) -> schemas.ListAnswer:
        wanted = ContactFilter(account_id=account.account_id, list_id=found.list_id)
        page = await self._contacts.search(wanted, 0, MAX_SHOWN)
        zone = zone_of(account, self._default_zone)
        details = await asyncio.to_thread(_details, found, page.contacts, zone)
        return schemas.ListAnswer(list=details, status=status)


def _item(found: ContactList) -> schemas.ListItem:
    return schemas.ListItem(
        id=str(found.list_id), parent=str(found.parent_id or 0), name=found.name
    )


def _details(
    found: ContactList, contacts: tuple[Contact, ...] = (), zone: str = ""
) -> schemas.ListDetails:
    return schemas.ListDetails(
        id=str(found.list_id),
        parent=str(found.parent_id or 0),
        name=found.name,
        contacts=tuple(contact_item(contact, zone) for contact in contacts),
    )
