"""Groups of contacts, and who is in them (smSend v1.0, "Contacts groups API")."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import Final

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.contacts.model.contacts import Group
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.dialects.smsend import mapping
from dragoman.dialects.smsend.calls import CallGroup
from dragoman.dialects.smsend.contacts import reading, schemas
from dragoman.dialects.smsend.contacts.book import contact_path
from dragoman.dialects.smsend.schemas import Answer, Located, Value
from dragoman.dialects.wording import instead_of, reworded
from dragoman.kit.ids import parse_base64
from dragoman.web.requests import Request

DEFAULT_SIZE: Final = 5
"""Groups on a page."""


class ContactGroups(CallGroup):
    """Answers the calls on groups."""

    async def create(self, account: Account, request: Request) -> Located:
        """Creates a group; raises `Refused`."""
        name, description = _read_fields(request)
        with _taken(name):
            group = await self._services.groups.create(account, name, description)
        return Located(f"/group/{group.list_id}")

    async def change(self, account: Account, request: Request) -> Located:
        """Gives a group another name and description; raises `Refused`."""
        group_id = _group_id(request)
        name, description = _read_fields(request)
        with _taken(name):
            await self._services.groups.change(
                account, group_id, name=name, description=description
            )
        return Located(f"/group/{group_id}")

    async def delete(self, account: Account, request: Request) -> Answer:
        """Deletes a group, and its contacts where asked to; raises `Refused`."""
        with_contacts = mapping.read_flag(request.query, "deletecontacts")
        await self._services.groups.delete(account, _group_id(request), with_contacts=with_contacts)
        return ""

    async def groups(self, account: Account, request: Request) -> schemas.GroupList:
        """A page of groups, oldest first; raises `Refused`."""
        page = mapping.read_page(request.query, DEFAULT_SIZE)
        found = await self._services.groups.page(account, page.offset, page.size)
        return schemas.GroupList(
            groups=[_render(group) for group in found.groups],
            pageNumber=page.number,
            pageSize=page.size,
            Total=found.total,
        )

    async def add(self, account: Account, request: Request) -> Located:
        """Puts a contact into a group; raises `Refused`."""
        group_id, text = _group_id(request), request.path_params["contact_id"]
        contact_id = reading.read_contact_id(text)
        with reworded(partial(_of_contact, text)):
            await self._services.groups.add(account, group_id, [contact_id])
        return Located(contact_path(contact_id))

    async def add_number(self, account: Account, request: Request) -> Located:
        """Puts the contact with a number into a group; raises `Refused`.

        Of several contacts with the number it is the oldest.
        """
        group_id = _group_id(request)
        written = mapping.read_body(request, schemas.PhoneNumber).phoneNumber
        with_number = await self._services.contact_profiles.with_number(
            account, reading.read_number(written)
        )
        if not with_number:
            raise reading.unknown_in_body("contact", mapping.read_text(written))
        await self._services.groups.add(account, group_id, with_number[:1])
        return Located(contact_path(with_number[0]))

    async def remove(self, account: Account, request: Request) -> Located:
        """Takes a contact out of a group, or all with a number; raises `Refused`."""
        group_id, text = _group_id(request), request.path_params["contact_id"]
        contact_ids = await self._named_in_path(account, text)
        if not await self._services.groups.remove(account, group_id, contact_ids):
            raise reading.missing_contact(text)
        return Located(contact_path(contact_ids[0]))

    async def _named_in_path(self, account: Account, text: str) -> list[int]:
        contact_id = parse_base64(text)
        if contact_id is not None:
            return [contact_id]
        with reworded(lambda _: reading.missing_contact(text)):
            number = normalise(text)
        with_number = await self._services.contact_profiles.with_number(account, number)
        if not with_number:
            raise reading.missing_contact(text)
        return with_number


def _group_id(request: Request) -> int:
    return mapping.read_identifier(request.path_params["group_id"], "group")


def _read_fields(request: Request) -> tuple[str, str]:
    body = mapping.read_body(request, schemas.GroupFields)
    return _required("name", body.name), _required("description", body.description)


def _required(name: str, value: Value) -> str:
    if value is None:
        raise Refused(RefusalCode.MISSING_FIELD, name)
    return mapping.read_text(value)


def _taken(name: str) -> AbstractContextManager[None]:
    taken = Refused(RefusalCode.ALREADY_EXISTS, name)
    return instead_of(taken.code, taken)


def _of_contact(text: str, refused: Refused) -> Refused:
    """The refusal of a contact, by the name that the caller knows it by."""
    if refused.code is RefusalCode.NOT_FOUND and refused.detail == "contact":
        return reading.missing_contact(text)
    return refused


def _render(group: Group) -> schemas.GroupAnswer:
    return schemas.GroupAnswer(
        id_group=str(group.list_id), group_name=group.name, group_description=group.description
    )
