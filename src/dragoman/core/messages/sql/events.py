"""Events of single messages; a message that is resent is stored with its event."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, delete

from dragoman.core.messages.model.events import EventKind
from dragoman.core.messages.model.records import row_of
from dragoman.core.messages.sql.tables import message_events
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.work import Operation, one_by_one

# A note must never cost a group: one that cannot be stored is left out.
_INSERT = BulkInsert(message_events, suffix="ON CONFLICT (event_id) DO NOTHING")


class MessageEvent(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A row of `message_events`; its time is in its identifier."""

    event_id: int
    message_id: int
    kind: EventKind
    part: int = 0
    """From 1; 0 for the whole message."""
    carrier: str = ""
    link: str = ""
    """The connection or device it went over."""
    code: str = ""
    """Of an attempt why it failed, of a report its state, of a resent message the new batch, of
    feedback what was said."""
    detail: str = ""
    """Of an attempt the carrier's status, of a report its error."""
    raw: str = ""
    """The report as it came."""


def _note(connection: Connection, items: list[MessageEvent]) -> list[Exception | None]:
    _INSERT.run(connection, [_row(item) for item in items])
    return [None] * len(items)


def _row(event: MessageEvent) -> tuple[Any, ...]:
    row = list(row_of(event))
    row[_KIND] = event.kind.value
    return tuple(row)


_KIND = MessageEvent.__struct_fields__.index("kind")


@one_by_one("note_feedback")
def note_feedback(connection: Connection, event: MessageEvent) -> None:
    """Notes what a customer says of a message, in place of what it said before."""
    table = message_events.c
    earlier = (table.message_id == event.message_id, table.kind == EventKind.FEEDBACK.value)
    connection.execute(delete(message_events).where(*earlier))
    _INSERT.run(connection, [_row(event)])


note = Operation(_note, "note_message_events", MessageEvent)
