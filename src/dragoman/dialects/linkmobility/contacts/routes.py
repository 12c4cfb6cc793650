"""The calls on lists, contacts, imports and merge fields."""

from __future__ import annotations

from typing import Final

from dragoman.container import Services
from dragoman.dialects.linkmobility.calls import Calls
from dragoman.dialects.linkmobility.contacts import schemas
from dragoman.dialects.linkmobility.contacts.book import Book
from dragoman.dialects.linkmobility.contacts.fields import MergeFields
from dragoman.dialects.linkmobility.contacts.imports import ContactImports
from dragoman.dialects.linkmobility.contacts.lists import ContactLists
from dragoman.web.operations import Operation

IMPORT_LIMIT_BYTES: Final = 32 << 20
"""Room for 100,000 rows; `http.max_body_bytes` may leave less."""
S04: Final = "LINK v2 s. 04"
S05: Final = "LINK v2 s. 05"
S06: Final = "LINK v2 s. 06"
S07: Final = "LINK v2 s. 07"


def contact_calls(calls: Calls, services: Services) -> tuple[Operation, ...]:
    """The calls of sections 04 to 07."""
    return (
        *_list_calls(calls, ContactLists(services)),
        *_book_calls(calls, Book(services)),
        *_import_calls(calls, ContactImports(services)),
        *_field_calls(calls, MergeFields(services)),
    )


def _list_calls(calls: Calls, lists: ContactLists) -> tuple[Operation, ...]:
    body, answer = schemas.ListBody, schemas.ListAnswer
    return (
        calls.get("lists", lists.all, schemas.Lists, "All lists", S04),
        calls.get(
            "list/{id:int}",
            lists.one,
            answer,
            "A list and its contacts",
            S04,
            in_thread=True,
        ),
        calls.post("list", lists.create, body, answer, "Create a list", S04, wrapper="list"),
        calls.put(
            "list/{id:int}",
            lists.change,
            body,
            answer,
            "Change a list",
            S04,
            status=201,
            wrapper="list",
            in_thread=True,
        ),
        calls.delete(
            "list/{id:int}", lists.delete, schemas.Deleted, "Delete a list and its contacts", S04
        ),
    )


def _book_calls(calls: Calls, book: Book) -> tuple[Operation, ...]:
    path, body, answer = "contact/{id:int}", schemas.ContactBody, schemas.ContactAnswer
    return (
        calls.get(
            "contacts/{page:int}",
            book.search,
            schemas.ContactsPage,
            "Search contacts",
            S05,
            schemas.ContactQuery,
        ),
        calls.get(path, book.one, answer, "A contact", S05),
        calls.post(
            "contact", book.create, body, answer, "Create a contact", S05, wrapper="contact"
        ),
        calls.put(
            path,
            book.change,
            body,
            answer,
            "Change a contact",
            S05,
            status=201,
            wrapper="contact",
        ),
        calls.delete(path, book.delete, schemas.Deleted, "Delete a contact", S05),
    )


def _import_calls(calls: Calls, imports: ContactImports) -> tuple[Operation, ...]:
    return (
        calls.post(
            "import",
            imports.create,
            schemas.ImportBody,
            schemas.ImportAnswer,
            "Open an import of contacts",
            S06,
            wrapper="import",
        ),
        calls.put(
            "import/{hash}",
            imports.add_rows,
            schemas.RowsBody,
            schemas.RowsAnswer,
            "Import rows",
            S06,
            wrapper="import",
            body_limit_bytes=IMPORT_LIMIT_BYTES,
            in_thread=True,
        ),
        calls.get("import/{hash}", imports.one, schemas.ImportAnswer, "How far an import is", S06),
    )


def _field_calls(calls: Calls, fields: MergeFields) -> tuple[Operation, ...]:
    path, body, answer = "mergefield/{id:int}", schemas.FieldBody, schemas.FieldAnswer
    return (
        calls.get("mergefields", fields.all, schemas.Fields, "All merge fields", S07),
        calls.post(
            "mergefield", fields.create, body, answer, "Create a merge field", S07, wrapper="field"
        ),
        calls.put(path, fields.change, body, answer, "Rename a merge field", S07, wrapper="field"),
        calls.delete(
            path, fields.delete, schemas.Deleted, "Delete a merge field and its values", S07
        ),
    )
