"""Which contacts may have a value in a field, kept by the transactions that store contacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from zlib import crc32

from sqlalchemy import Connection, Select, delete, select

from dragoman.storage.bulk import BulkInsert
from dragoman.storage.tables import contact_values

_ADD = BulkInsert(contact_values, suffix="ON CONFLICT (field_id, digest, contact_id) DO NOTHING")
_ADD_NEW = BulkInsert(contact_values)


def add(connection: Connection, new: Iterable[tuple[int, Mapping[int, str]]]) -> None:
    """Notes the values, by field, of contacts that were not there before."""
    # In the order of the table, so that a page of it is gone to once.
    rows = sorted(
        (field_id, _digest(value), contact_id)
        for contact_id, values in new
        for field_id, value in values.items()
    )
    _ADD_NEW.run(connection, rows)


def change(
    connection: Connection, contact_id: int, before: Mapping[int, str], after: Mapping[int, str]
) -> None:
    """Notes the values of a contact in place of those it had."""
    of_value = contact_values.c
    for field_id, value in before.items():
        if after.get(field_id) != value:
            connection.execute(
                delete(contact_values).where(
                    of_value.field_id == field_id,
                    of_value.digest == _digest(value),
                    of_value.contact_id == contact_id,
                )
            )
    changed = after.items() - before.items()
    _ADD.run(connection, [(field_id, _digest(value), contact_id) for field_id, value in changed])


def having(field_ids: Sequence[int], value: str) -> Select[tuple[int]]:
    """The contacts that may have a value in one of some fields."""
    return select(contact_values.c.contact_id).where(
        contact_values.c.field_id.in_(field_ids), contact_values.c.digest == _digest(value)
    )


def _digest(value: str) -> int:
    return crc32(value.encode())
