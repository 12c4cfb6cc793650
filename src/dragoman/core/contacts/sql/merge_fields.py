"""The fields an account has given its contacts, told apart by name."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from dragoman.core.contacts.model.merge_fields import MergeField
from dragoman.core.contacts.sql.tables import merge_fields
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.work import Operation

MAX_FIELDS = 200
"""Merge fields an account may have."""


class FieldKey(msgspec.Struct, frozen=True, kw_only=True):
    """Which field of which account."""

    account_id: int
    field_id: int


def load(connection: Connection, account_id: int) -> list[MergeField]:
    """The account's fields, in the order of creation."""
    query = (
        select(merge_fields)
        .where(merge_fields.c.account_id == account_id)
        .order_by(merge_fields.c.field_id)
    )
    return [MergeField(**row._mapping) for row in connection.execute(query)]


def resolve(connection: Connection, account_id: int, names: Mapping[str, int]) -> dict[str, int]:
    """The identifier of each name, in a transaction that creates what is missing.

    Raises `Refused` where the account would have too many.
    """
    if not names:
        return {}
    known = {field.name: field.field_id for field in load(connection, account_id)}
    missing = {name: fresh for name, fresh in names.items() if name not in known}
    if missing:
        if len(known) + len(missing) > MAX_FIELDS:
            raise too_many()
        connection.execute(
            insert(merge_fields),
            [
                {"field_id": fresh, "account_id": account_id, "name": name}
                for name, fresh in missing.items()
            ],
        )
    return {name: known.get(name, fresh) for name, fresh in names.items()}


def too_many() -> Refused:
    """The refusal of one field more than an account may have."""
    return Refused(RefusalCode.INVALID_FIELD, "fields", f"at most {MAX_FIELDS} merge fields")


def _create(connection: Connection, items: list[MergeField]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        count = connection.execute(
            select(func.count())
            .select_from(merge_fields)
            .where(merge_fields.c.account_id == item.account_id)
        ).scalar_one()
        if _is_taken(connection, item):
            results.append(Refused(RefusalCode.ALREADY_EXISTS, "name"))
        elif count >= MAX_FIELDS:
            results.append(too_many())
        else:
            connection.execute(insert(merge_fields), [msgspec.structs.asdict(item)])
            results.append(None)
    return results


create = Operation(_create, "create_merge_fields", MergeField)


def _rename(connection: Connection, items: list[MergeField]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        if _is_taken(connection, item):
            results.append(Refused(RefusalCode.ALREADY_EXISTS, "name"))
            continue
        changed = connection.execute(
            update(merge_fields)
            .where(
                merge_fields.c.field_id == item.field_id,
                merge_fields.c.account_id == item.account_id,
            )
            .values(name=item.name)
        ).rowcount
        results.append(None if changed else _missing(item.field_id))
    return results


rename = Operation(_rename, "rename_merge_fields", MergeField)


def _delete(connection: Connection, items: list[FieldKey]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        gone = connection.execute(
            delete(merge_fields).where(
                merge_fields.c.field_id == item.field_id,
                merge_fields.c.account_id == item.account_id,
            )
        ).rowcount
        results.append(None if gone else _missing(item.field_id))
    return results


remove = Operation(_delete, "delete_merge_fields", FieldKey)
"""Deletes fields; their values stay in the contacts, where nothing leads to them any more."""


def _is_taken(connection: Connection, item: MergeField) -> bool:
    query = select(merge_fields.c.field_id).where(
        merge_fields.c.account_id == item.account_id,
        merge_fields.c.name == item.name,
        merge_fields.c.field_id != item.field_id,
    )
    return connection.execute(query).first() is not None


def _missing(field_id: int) -> Refused:
    return Refused(RefusalCode.NOT_FOUND, str(field_id), "merge field")
