"""Contacts: storing, changing, deleting and searching them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import ColumnElement, Connection, Select, any_, func, or_, select, update

from dragoman.core.contacts.model.contacts import Contact, ContactFilter
from dragoman.core.contacts.sql import contact_values, merge_fields
from dragoman.core.contacts.sql.contact_blocks import Tally, find_place
from dragoman.core.contacts.sql.contact_lists import check_list
from dragoman.core.contacts.sql.tables import contacts
from dragoman.core.model.errors import RefusalCode, Refused, existing
from dragoman.kit.ids import time_of
from dragoman.storage.bulk import BulkInsert, Row
from dragoman.storage.rows import count, read_all, read_one
from dragoman.storage.work import Operation, run_each

_INSERT = BulkInsert(contacts)
_LOCATE: Final = {"sqlite": func.instr, "postgresql": func.strpos}


class NewContact(msgspec.Struct, frozen=True, kw_only=True):
    """A contact to store; `fresh` has an identifier for each name that may need a field."""

    contact_id: int
    account_id: int
    list_id: int | None
    mobile: str
    values: dict[str, str]
    fresh: dict[str, int]
    at_ms: int


class ContactChange(msgspec.Struct, frozen=True, kw_only=True):
    """New values for a contact; what is unset, and fields not in `values`, is unchanged."""

    contact_id: int
    account_id: int
    list_id: int | UnsetType | None = UNSET
    mobile: str | UnsetType = UNSET
    values: dict[str, str] = {}
    fresh: dict[str, int] = {}
    at_ms: int


class ContactKey(msgspec.Struct, frozen=True, kw_only=True):
    """Identifies a contact to delete, and the time."""

    contact_id: int
    account_id: int
    at_ms: int


class ContactPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the results, and the total."""

    contacts: tuple[Contact, ...]
    total: int


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `contacts`."""

    contact_id: int
    account_id: int
    list_id: int | None
    mobile: str
    fields: dict[int, str]
    changed_ms: int
    deleted_ms: int | None


def find(connection: Connection, account_id: int, contact_id: int) -> Contact | None:
    """One of the account's contacts that is not deleted."""
    row = _find_row(connection, account_id, contact_id)
    return None if row is None else _contact(row, merge_fields.load_names(connection, account_id))


def search(connection: Connection, wanted: ContactFilter, offset: int, limit: int) -> ContactPage:
    """A page of contacts, oldest first.

    A search for a field without a value scans every contact of the list, or of the account if no
    list is given; all others scan little more than they find.
    """
    conditions = _conditions(connection, wanted)
    if wanted.mobile or wanted.field_ids is not None:
        total, skipped = count(connection, *conditions), offset
    else:
        total, first_id, skipped = find_place(
            connection, wanted.account_id, wanted.list_id, offset, deleted=wanted.deleted
        )
        conditions.append(contacts.c.contact_id >= first_id)
    if offset >= total:
        return ContactPage(contacts=(), total=total)
    page = (
        select(contacts.c.contact_id)
        .where(*conditions)
        .order_by(contacts.c.contact_id)
        .offset(skipped)
        .limit(min(limit, total - offset))
    )
    # In two steps: the second has a list of known length, whatever a planner thinks of the first.
    found_ids = list(connection.execute(page).scalars())
    query = (
        select(contacts).where(contacts.c.contact_id.in_(found_ids)).order_by(contacts.c.contact_id)
    )
    names = merge_fields.load_names(connection, wanted.account_id)
    found = tuple(_contact(row, names) for row in read_all(connection, query, _Row))
    return ContactPage(contacts=found, total=total)


def encode_fields(values: dict[int, str]) -> str:
    """Values by field as they are stored and searched."""
    return msgspec.json.encode(values).decode()


def insert_contacts(connection: Connection, rows: Sequence[Row]) -> None:
    """Inserts rows in the order of the columns; neither counts them nor indexes values."""
    _INSERT.run(connection, rows)


def _create(connection: Connection, items: list[NewContact]) -> list[Exception | None]:
    rows: list[Row] = []
    noted: list[tuple[int, dict[int, str]]] = []
    tally = Tally()

    def prepare(item: NewContact) -> None:
        check_list(connection, item.account_id, item.list_id)
        ids = merge_fields.resolve(connection, item.account_id, item.fresh)
        values = {ids[name]: value for name, value in item.values.items()}
        noted.append((item.contact_id, values))
        key = (item.contact_id, item.account_id, item.list_id)
        rows.append((*key, item.mobile, encode_fields(values), item.at_ms, None))
        tally.add(item.account_id, item.list_id, (item.contact_id,), 1)

    results = run_each(items, prepare)
    insert_contacts(connection, rows)
    contact_values.add(connection, noted)
    tally.write(connection)
    return results


def _change(connection: Connection, items: list[ContactChange]) -> list[Exception | None]:
    tally = Tally()
    results = run_each(items, lambda item: _change_one(connection, item, tally))
    tally.write(connection)
    return results


def _change_one(connection: Connection, item: ContactChange, tally: Tally) -> None:
    before = _existing(connection, item)
    list_id = before.list_id if item.list_id is UNSET else item.list_id
    if list_id != before.list_id:
        check_list(connection, item.account_id, list_id)
    ids = merge_fields.resolve(connection, item.account_id, item.fresh)
    fields = before.fields | {ids[name]: value for name, value in item.values.items()}
    if list_id != before.list_id:
        tally.add(item.account_id, before.list_id, (item.contact_id,), -1)
        tally.add(item.account_id, list_id, (item.contact_id,), 1)
    contact_values.change(connection, item.contact_id, before.fields, fields)
    connection.execute(
        update(contacts)
        .where(contacts.c.contact_id == item.contact_id)
        .values(
            list_id=list_id,
            mobile=before.mobile if item.mobile is UNSET else item.mobile,
            fields=encode_fields(fields),
            changed_ms=item.at_ms,
        )
    )


def _delete(connection: Connection, items: list[ContactKey]) -> list[Exception | None]:
    tally = Tally()

    def delete(item: ContactKey) -> None:
        found = _existing(connection, item)
        gone = update(contacts).where(contacts.c.contact_id == item.contact_id)
        connection.execute(gone.values(deleted_ms=item.at_ms, changed_ms=item.at_ms))
        tally.add(item.account_id, found.list_id, (item.contact_id,), -1, 1)

    results = run_each(items, delete)
    tally.write(connection)
    return results


create = Operation(_create, "create_contacts", NewContact)
change = Operation(_change, "change_contacts", ContactChange)
remove = Operation(_delete, "delete_contacts", ContactKey)


def missing_contact(contact_id: int) -> Refused:
    """The refusal of an unknown contact."""
    return Refused(RefusalCode.NOT_FOUND, str(contact_id), "contact")


def _conditions(connection: Connection, wanted: ContactFilter) -> list[ColumnElement[bool]]:
    deleted = contacts.c.deleted_ms
    conditions: list[ColumnElement[bool]] = [
        contacts.c.account_id == wanted.account_id,
        deleted.is_not(None) if wanted.deleted else deleted.is_(None),
    ]
    if wanted.list_id is not None:
        # A number or value has few rows, and a list many: a sum is no column of the index of lists.
        has_few = wanted.mobile or wanted.field_value
        of_list: Any = contacts.c.list_id + 0 if has_few else contacts.c.list_id
        conditions.append(of_list == (wanted.list_id or None))
    if wanted.mobile:
        conditions.append(contacts.c.mobile == wanted.mobile)
    if wanted.field_ids is not None:
        locate = _LOCATE[connection.dialect.name]
        value = msgspec.json.encode(wanted.field_value).decode() if wanted.field_value else ""
        places = (
            locate(contacts.c.fields, f'"{field_id}":{value}') > 0 for field_id in wanted.field_ids
        )
        conditions.append(or_(False, *places))
        if wanted.field_value:
            having = contact_values.having(wanted.field_ids, wanted.field_value)
            may_have = _is_among(connection.dialect.name, having)
            unnoted = contact_values.find_unnoted(connection)
            if unnoted is not None:
                may_have = or_(may_have, contacts.c.contact_id.between(*unnoted))
            conditions.append(may_have)
    return conditions


def _is_among(driver: str, contact_ids: Select[tuple[int]]) -> ColumnElement[bool]:
    """Whether a contact is one of those; an array, lest PostgreSQL read all to compare."""
    if driver == "postgresql":
        return contacts.c.contact_id == any_(func.array(contact_ids.scalar_subquery()))
    return contacts.c.contact_id.in_(contact_ids)


def _existing(connection: Connection, item: ContactChange | ContactKey) -> _Row:
    row = _find_row(connection, item.account_id, item.contact_id)
    return existing(row, missing_contact(item.contact_id))


def _find_row(connection: Connection, account_id: int, contact_id: int) -> _Row | None:
    query = select(contacts).where(
        contacts.c.contact_id == contact_id,
        contacts.c.account_id == account_id,
        contacts.c.deleted_ms.is_(None),
    )
    return read_one(connection, query, _Row)


def _contact(row: _Row, names: dict[int, str]) -> Contact:
    return Contact(
        contact_id=row.contact_id,
        account_id=row.account_id,
        list_id=row.list_id,
        mobile=row.mobile,
        fields={
            names[field_id]: value
            for field_id, value in row.fields.items()
            if field_id in names  # values of deleted fields stay behind
        },
        created_ms=time_of(row.contact_id),
        changed_ms=row.changed_ms,
        deleted=row.deleted_ms is not None,
    )
