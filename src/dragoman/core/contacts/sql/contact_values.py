"""An index of which contacts may have a value in a field.

Creating or changing a contact updates the index in the same transaction; an import only records the
range of its contacts, which are indexed later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from zlib import crc32

import msgspec
from sqlalchemy import Connection, Select, delete, func, insert, select

from dragoman.core.contacts.sql.tables import contact_values, contacts, unnoted_contacts
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.work import one_by_one

_ADD = BulkInsert(contact_values, suffix="ON CONFLICT (field_id, digest, contact_id) DO NOTHING")
_FIELDS = msgspec.json.Decoder(dict[int, str], strict=False)


def add(connection: Connection, new: Iterable[tuple[int, Mapping[int, str]]]) -> None:
    """Indexes the values, by field, of some contacts."""
    # In the order of the table, so that a page of it is gone to once.
    rows = sorted(
        (field_id, _digest(value), contact_id)
        for contact_id, values in new
        for field_id, value in values.items()
    )
    _ADD.run(connection, rows)


def change(
    connection: Connection, contact_id: int, before: Mapping[int, str], after: Mapping[int, str]
) -> None:
    """Replaces the indexed values of a contact."""
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


def postpone(connection: Connection, first_id: int, last_id: int) -> None:
    """Records that new contacts are to be indexed later."""
    connection.execute(insert(unnoted_contacts).values(first_id=first_id, last_id=last_id))


def having(field_ids: Sequence[int], value: str) -> Select[tuple[int]]:
    """Contacts that may have a value in one of some fields, as far as they are indexed."""
    return select(contact_values.c.contact_id).where(
        contact_values.c.field_id.in_(field_ids), contact_values.c.digest == _digest(value)
    )


def find_unnoted(connection: Connection) -> tuple[int, int] | None:
    """The first and last contact of a range that is not fully indexed yet.

    A query of its own, since planners misjudge a table that fills and empties.
    """
    of_span = unnoted_contacts.c
    first_id, last_id = connection.execute(
        select(func.min(of_span.first_id), func.max(of_span.last_id))
    ).one()
    return None if first_id is None else (first_id, last_id)


@one_by_one("note_contact_values")
def note(connection: Connection, limit: int) -> int:
    """Indexes the values of at most so many contacts; returns their number."""
    span = connection.execute(
        select(unnoted_contacts).order_by(unnoted_contacts.c.first_id).limit(1)
    ).first()
    if span is None:
        return 0
    query = (
        select(contacts.c.contact_id, contacts.c.fields)
        .where(contacts.c.contact_id.between(span.first_id, span.last_id))
        .order_by(contacts.c.contact_id)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    add(connection, ((row.contact_id, _FIELDS.decode(row.fields)) for row in rows))
    connection.execute(delete(unnoted_contacts).where(unnoted_contacts.c.first_id == span.first_id))
    if len(rows) == limit and rows[-1].contact_id < span.last_id:
        postpone(connection, rows[-1].contact_id + 1, span.last_id)
    return len(rows)


def _digest(value: str) -> int:
    return crc32(value.encode())
