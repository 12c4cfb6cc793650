"""Resending: the new batch is stored with the event of the old message."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.sql.tables import audit_entries
from dragoman.core.messages.model.events import EventKind
from dragoman.core.messages.model.records import NewBatch
from dragoman.core.messages.sql.events import MessageEvent, _note
from dragoman.core.messages.sql.tables import message_events
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.submission.sql import submissions
from dragoman.storage.rows import count, insert_rows
from dragoman.storage.work import Operation


class Resending(msgspec.Struct, frozen=True, kw_only=True):
    """A batch to accept, and the event of the message it repeats."""

    new: NewBatch
    note: MessageEvent
    audit: AuditEntry | None = None
    known: int | None = None
    """How often it had been sent again as far as the sender knew; None takes any number."""


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
    insert_rows(
        connection, audit_entries, [item.audit for item in stored if item.audit is not None]
    )
    return results


def _is_as_known(connection: Connection, before: Sequence[Resending], item: Resending) -> bool:
    """Whether the message was not resent since the sender looked, nor earlier in the group."""
    message_id = item.note.message_id
    if item.known is None:
        return True
    if any(other.note.message_id == message_id for other in before):
        return False
    is_resent = message_events.c.kind == EventKind.RESENT.value
    return count(connection, message_events.c.message_id == message_id, is_resent) == item.known


resend = Operation(_resend, "resend_messages", Resending, grows=True)
