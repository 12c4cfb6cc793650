"""The calls on contacts, groups and the blacklist."""

from __future__ import annotations

from typing import Final

from dragoman.container import Services
from dragoman.dialects.smsend.calls import Calls
from dragoman.dialects.smsend.contacts import schemas
from dragoman.dialects.smsend.contacts.blacklist import BlacklistCalls
from dragoman.dialects.smsend.contacts.book import OK, Book
from dragoman.dialects.smsend.contacts.groups import ContactGroups
from dragoman.dialects.smsend.schemas import Done, PageQuery
from dragoman.web.operations import Operation

CONTACTS: Final = "smSend v1.0, Contacts API"
GROUPS: Final = "smSend v1.0, Contacts groups API"
NEWER: Final = "newer than smSend v1.0"
BULK_LIMIT_BYTES: Final = 8 << 20


def contact_calls(calls: Calls, services: Services) -> tuple[Operation, ...]:
    """Declares the calls."""
    return (
        *_book_calls(calls, Book(services)),
        *_group_calls(calls, ContactGroups(services)),
        *_blacklist_calls(calls, BlacklistCalls(services)),
    )


def _book_calls(calls: Calls, book: Book) -> tuple[Operation, ...]:
    new, page = schemas.NewContacts, schemas.ContactList
    return (
        calls.post(
            "contact",
            book.create,
            new,
            None,
            "Create a contact, or several",
            CONTACTS,
            body_limit_bytes=BULK_LIMIT_BYTES,
        ),
        calls.post(
            "contacts",
            book.create_all,
            new,
            None,
            "Create contacts",
            NEWER,
            status=OK,
            body_limit_bytes=BULK_LIMIT_BYTES,
        ),
        calls.get("contact", book.contacts, page, "List contacts", NEWER, PageQuery),
        calls.get("contacts", book.contacts, page, "List contacts", NEWER, PageQuery),
        calls.get(
            "contacts/fields", book.fields, schemas.ContactFieldList, "List own fields", NEWER
        ),
        calls.get(
            "contact/{contact_id}", book.contact, schemas.ContactAnswer, "Get a contact", CONTACTS
        ),
    )


def _group_calls(calls: Calls, groups: ContactGroups) -> tuple[Operation, ...]:
    fields, member = schemas.GroupFields, "group/{group_id}/contact/{contact_id}"
    return (
        calls.post("group", groups.create, fields, None, "Create a group", GROUPS),
        calls.put("group/{group_id}", groups.change, fields, None, "Change a group", GROUPS),
        calls.delete(
            "group/{group_id}", groups.delete, None, "Delete a group", GROUPS, schemas.DeletionQuery
        ),
        calls.get(
            "groups", groups.groups, schemas.GroupList, "List groups", GROUPS, schemas.GroupsQuery
        ),
        calls.post(member, groups.add, None, None, "Put a contact into a group", GROUPS, status=OK),
        calls.put(
            "group/{group_id}/contact",
            groups.add_number,
            schemas.PhoneNumber,
            None,
            "Put the contact with a number into a group",
            NEWER,
        ),
        calls.delete(member, groups.remove, None, "Take a contact out of a group", GROUPS),
    )


def _blacklist_calls(calls: Calls, blacklist: BlacklistCalls) -> tuple[Operation, ...]:
    number, numbers = schemas.PhoneNumber, schemas.PhoneNumbers
    by_number = ("blacklist/sms", "contact/add_to_blacklist", "contacts/add_to_blacklist")
    return (
        *(
            calls.post(
                path,
                blacklist.add,
                numbers,
                Done,
                "Put a number on the blacklist",
                NEWER,
                number,
                status=OK,
            )
            for path in by_number
        ),
        calls.post(
            "blacklist/smsbatch",
            blacklist.add_all,
            numbers,
            None,
            "Put numbers on the blacklist",
            NEWER,
            status=OK,
        ),
        calls.post(
            "contact/add_to_blacklist/{contact_id}",
            blacklist.add_contact,
            None,
            Done,
            "Put a contact on the blacklist",
            NEWER,
            status=OK,
        ),
        calls.post(
            "contact/add_to_blacklist_batch",
            blacklist.add_contacts,
            None,
            None,
            "Put contacts on the blacklist",
            NEWER,
            status=OK,
        ),
        calls.get(
            "blacklist/sms",
            blacklist.page,
            schemas.Blacklist,
            "List the blacklist",
            NEWER,
            schemas.BlacklistQuery,
        ),
        calls.delete("blacklist/sms/{number}", blacklist.remove, Done, "Take a number off", NEWER),
    )
