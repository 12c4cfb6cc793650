"""Notes on single messages; a message that is sent again is stored with the note that says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from dragoman.domain.errors import RefusalCode, Refused
from dragoman.domain.journal import EventKind
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.records import NewBatch, row_of
from dragoman.storage.repositories import audit, submissions
from dragoman.storage.repositories.audit import AuditEntry
from dragoman.storage.tables import message_events
from dragoman.storage.work import Operation

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
    """Of an attempt why it failed, of a report its state, of a resent message the new batch."""
    detail: str = ""
    """Of an attempt the carrier's status, of a report its error."""
    raw: str = ""
    """The report as it came."""


class Resending(msgspec.Struct, frozen=True, kw_only=True):
    """A message is sent again: the batch to be accepted, and the note on the old message."""

    new: NewBatch
    note: MessageEvent
    audit: AuditEntry | None = None
    known: int | None = None
    """How often it had been sent again as far as the sender knew; None takes any number."""


def _note(connection: Connection, items: list[MessageEvent]) -> list[Exception | None]:
    _INSERT.run(connection, [_row(item) for item in items])
    return [None] * len(items)


def _row(event: MessageEvent) -> tuple[Any, ...]:
    row = list(row_of(event))
    row[_KIND] = event.kind.value
    return tuple(row)


_KIND = MessageEvent.__struct_fields__.index("kind")


def _resend(connection: Connection, items: list[Resending]) -> list[Exception | None]:
    results: list[Exception | None] = [
        None
        if _is_as_known(connection, items[:index], item)
        else Refused(RefusalCode.ALREADY_EXISTS, "resend", "it was sent again meanwhile")
        for index, item in enumerate(items)
    ]
    wanted = [index for index, refusal in enumerate(results) if refusal is None]
    new = [items[index].new for index in wanted]
    accepted = submissions.accept.run(connection, new) if new else []
    for index, refusal in zip(wanted, accepted, strict=True):
        results[index] = refusal
    stored = [item for item, refusal in zip(items, results, strict=True) if refusal is None]
    _note(connection, [item.note for item in stored])
    audit.insert_entries(connection, [item.audit for item in stored if item.audit is not None])
    return results


def _is_as_known(connection: Connection, before: Sequence[Resending], item: Resending) -> bool:
    """Whether nobody sent it again that the sender does not know of, nor earlier in the group."""
    message_id = item.note.message_id
    if item.known is None:
        return True
    if any(other.note.message_id == message_id for other in before):
        return False
    resent = select(func.count()).where(
        message_events.c.message_id == message_id,
        message_events.c.kind == EventKind.RESENT.value,
    )
    return connection.execute(resent).scalar_one() == item.known


note = Operation(_note, "note_message_events", MessageEvent)
resend = Operation(_resend, "resend_messages", Resending)
