"""Contacts and their lists."""

from __future__ import annotations

from msgspec import UNSET

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.contacts.model.contacts import Contact as StoredContact
from dragoman.core.contacts.model.contacts import ContactFilter
from dragoman.core.contacts.model.contacts import ContactList as StoredList
from dragoman.core.model.phone_numbers import normalise
from dragoman.dialects.native import cursors, mapping, schemas
from dragoman.dialects.native.calls import CREATED, DONE, CallGroup, render
from dragoman.dialects.native.mapping import render_time
from dragoman.web.bodies import decode_body, decode_query
from dragoman.web.requests import Request
from dragoman.web.responses import Response


class Contacts(CallGroup):
    """Answers the calls on contacts and lists."""

    async def lists(self, account: Account, request: Request) -> Response:
        """The account's lists, in the order of creation."""
        found = await self._services.contacts.lists(account)
        return render(schemas.ContactLists(data=tuple(map(_list, found))))

    async def create_list(self, account: Account, request: Request) -> Response:
        """Creates a list; raises `Refused`."""
        given = decode_body(request, schemas.NewList)
        created = await self._services.contacts.create_list(account, given.name)
        return render(_list(created), CREATED)

    async def rename_list(self, account: Account, request: Request) -> Response:
        """Renames a list; raises `Refused`."""
        given = decode_body(request, schemas.NewList)
        list_id = mapping.read_id(request.path_params["id"], "list")
        changed = await self._services.contacts.change_list(account, list_id, name=given.name)
        return render(_list(changed))

    async def delete_list(self, account: Account, request: Request) -> Response:
        """Deletes a list and its contacts; raises `Refused`."""
        list_id = mapping.read_id(request.path_params["id"], "list")
        await self._services.contacts.delete_list(account, list_id)
        return DONE

    async def search(self, account: Account, request: Request) -> Response:
        """A page of contacts, oldest first; raises `Refused`."""
        query = decode_query(request, schemas.ContactQuery)
        question = cursors.question_of(account.account_id, request.path, request.query)
        position = cursors.read_cursor(query.cursor, question)
        offset = position[0] if position is not None else 0
        wanted = ContactFilter(
            account_id=account.account_id,
            list_id=None if query.list_id is None else _list_id(query.list_id),
            mobile=normalise(query.number) if query.number else "",
        )
        found = await self._services.contacts.search(wanted, offset, query.limit)
        end = offset + len(found.contacts)
        more = found.contacts and found.total > end
        following = cursors.render_cursor(question, end) if more else None
        data = tuple(map(_contact, found.contacts))
        return render(schemas.Contacts(data=data, next_cursor=following))

    async def create(self, account: Account, request: Request) -> Response:
        """Stores a contact; raises `Refused`."""
        given = decode_body(request, schemas.NewContact)
        created = await self._services.contacts.create_contact(
            account,
            normalise(given.number),
            list_id=None if given.list_id is None else _list_id(given.list_id),
            values=given.fields,
        )
        return render(_contact(created), CREATED)

    async def fetch(self, account: Account, request: Request) -> Response:
        """One contact; raises `Refused`."""
        return render(_contact(await self._services.contacts.contact(account, _id_of(request))))

    async def change(self, account: Account, request: Request) -> Response:
        """Changes what is given of a contact; raises `Refused`."""
        given = decode_body(request, schemas.ContactChange)
        list_id = given.list_id
        changed = await self._services.contacts.change_contact(
            account,
            _id_of(request),
            mobile=normalise(given.number) if isinstance(given.number, str) else UNSET,
            list_id=_list_id(list_id) if isinstance(list_id, str) else list_id,
            values=given.fields if isinstance(given.fields, dict) else None,
        )
        return render(_contact(changed))

    async def delete(self, account: Account, request: Request) -> Response:
        """Deletes a contact; raises `Refused`."""
        await self._services.contacts.delete_contact(account, _id_of(request))
        return DONE


def _list_id(text: str) -> int:
    return mapping.read_id(text, "list")


def _id_of(request: Request) -> int:
    return mapping.read_id(request.path_params["id"], "contact")


def _list(one: StoredList) -> schemas.ContactList:
    return schemas.ContactList(id=str(one.list_id), name=one.name)


def _contact(one: StoredContact) -> schemas.Contact:
    return schemas.Contact(
        id=str(one.contact_id),
        number=f"+{one.mobile}",
        list_id=None if one.list_id is None else str(one.list_id),
        fields=one.fields,
        created_at=render_time(one.created_ms),
        changed_at=render_time(one.changed_ms),
    )
