"""The merge fields of an account, identified by name."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, select, update

from dragoman.core.contacts.model.contacts import MergeField
from dragoman.core.contacts.sql.tables import merge_fields
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.rows import count, insert_rows, is_any, read_all
from dragoman.storage.work import one_by_one

MAX_FIELDS = 200
"""Merge fields an account may have."""


class FieldKey(msgspec.Struct, frozen=True, kw_only=True):
    """Identifies a field of an account."""

    account_id: int
    field_id: int


def load(connection: Connection, account_id: int) -> list[MergeField]:
    """The account's fields, in the order of creation."""
    mine = select(merge_fields).where(merge_fields.c.account_id == account_id)
    return read_all(connection, mine.order_by(merge_fields.c.field_id), MergeField)


def load_names(connection: Connection, account_id: int) -> dict[int, str]:
    """The names of the account's fields, oldest first."""
    return {field.field_id: field.name for field in load(connection, account_id)}


def resolve(connection: Connection, account_id: int, names: Mapping[str, int]) -> dict[str, int]:
    """The identifier of each name, creating missing fields in the transaction.

    Raises `Refused` if the account would have too many.
    """
    if not names:
        return {}
    known = {field.name: field.field_id for field in load(connection, account_id)}
    missing = [
        MergeField(field_id=fresh, account_id=account_id, name=name)
        for name, fresh in names.items()
        if name not in known
    ]
    if missing and len(known) + len(missing) > MAX_FIELDS:
        raise too_many()
    insert_rows(connection, merge_fields, missing)
    return {name: known.get(name, fresh) for name, fresh in names.items()}


def too_many() -> Refused:
    """The refusal of one field too many."""
    return Refused(RefusalCode.INVALID_FIELD, "fields", f"at most {MAX_FIELDS} merge fields")


@one_by_one("create_merge_fields")
def create(connection: Connection, item: MergeField) -> None:
    _check_name(connection, item)
    if count(connection, merge_fields.c.account_id == item.account_id) >= MAX_FIELDS:
        raise too_many()
    insert_rows(connection, merge_fields, [item])


@one_by_one("rename_merge_fields")
def rename(connection: Connection, item: MergeField) -> None:
    _check_name(connection, item)
    renamed = update(merge_fields).where(*_is(item)).values(name=item.name)
    if not connection.execute(renamed).rowcount:
        raise _missing(item)


@one_by_one("delete_merge_fields")
def remove(connection: Connection, item: FieldKey) -> None:
    """Deletes fields; their values stay in the contacts, where nothing refers to them."""
    if not connection.execute(delete(merge_fields).where(*_is(item))).rowcount:
        raise _missing(item)


def _is(key: FieldKey | MergeField) -> tuple[ColumnElement[bool], ...]:
    table = merge_fields.c
    return table.field_id == key.field_id, table.account_id == key.account_id


def _check_name(connection: Connection, item: MergeField) -> None:
    table = merge_fields.c
    taken = (table.name == item.name, table.field_id != item.field_id)
    if is_any(connection, table.account_id == item.account_id, *taken):
        raise Refused(RefusalCode.ALREADY_EXISTS, "name")


def _missing(key: FieldKey | MergeField) -> Refused:
    return Refused(RefusalCode.NOT_FOUND, str(key.field_id), "merge field")
