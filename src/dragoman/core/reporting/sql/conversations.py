"""Conversations, read from texts that came in and messages that went out."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, func, select, text

from dragoman.core.contacts.sql.tables import contacts
from dragoman.core.inbound.sql.tables import conversations, inbound_texts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.sql.tables import batches, messages
from dragoman.core.model.errors import FailureCode
from dragoman.core.reporting.model.conversations import (
    ConversationPage,
    ConversationView,
    Entry,
    Thread,
)
from dragoman.storage.rows import is_one_of

MAX_COUNTED: Final = 1_000
"""Unread conversations are counted up to here."""
NAMES_SHOWN: Final = 2
_IS_UNREAD: Final = text("read_id < last_id")
"""Literal, so that SQLite uses the index of those."""
_DELETED: Final = text("deleted_ms IS NULL")


def find_page(
    connection: Connection, account_id: int, before: int | None, limit: int, *, unread: bool
) -> ConversationPage:
    """The conversations with the newest texts."""
    table = conversations.c
    query = select(table.number, table.last_id, table.read_id).where(table.account_id == account_id)
    if before is not None:
        query = query.where(table.last_id < before)
    if unread:
        query = query.where(_IS_UNREAD)
    rows = connection.execute(query.order_by(table.last_id.desc()).limit(limit + 1)).all()
    shown = rows[:limit]
    texts = _texts(connection, [row.last_id for row in shown])
    names = find_names(connection, account_id, [row.number for row in shown])
    return ConversationPage(
        conversations=tuple(
            ConversationView(
                number=row.number,
                last_id=row.last_id,
                read_id=row.read_id,
                own_number=texts[row.last_id].recipient if row.last_id in texts else "",
                text=texts[row.last_id].text if row.last_id in texts else "",
                name=names.get(row.number, ""),
            )
            for row in shown
        ),
        unread=count_unread(connection, account_id),
        before=shown[-1].last_id if len(rows) > limit else None,
    )


def count_unread(connection: Connection, account_id: int) -> int:
    """How many conversations have a text that nobody read, up to `MAX_COUNTED`."""
    some = (
        select(conversations.c.last_id)
        .where(conversations.c.account_id == account_id, _IS_UNREAD)
        .limit(MAX_COUNTED)
        .subquery()
    )
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def find_thread(
    connection: Connection, account_id: int, number: str, before: int | None, limit: int
) -> Thread:
    """The newest entries of a thread; each kind by its own index."""
    entries = _received(connection, account_id, number, before, limit + 1)
    entries += _sent(connection, account_id, number, before, limit + 1)
    entries.sort(key=lambda entry: entry.entry_id, reverse=True)
    shown = entries[:limit]
    marks = connection.execute(
        select(conversations.c.last_id, conversations.c.read_id).where(
            conversations.c.account_id == account_id, conversations.c.number == number
        )
    ).first()
    last_id, read_id = (marks.last_id, marks.read_id) if marks is not None else (0, 0)
    newest = _texts(connection, [last_id]).get(last_id) if last_id else None
    return Thread(
        number=number,
        entries=tuple(reversed(shown)),
        before=shown[-1].entry_id if len(entries) > limit else None,
        last_id=last_id,
        read_id=read_id,
        answer_from=newest.recipient if newest is not None else "",
        name=find_names(connection, account_id, [number]).get(number, ""),
    )


def find_names(connection: Connection, account_id: int, numbers: list[str]) -> dict[str, str]:
    """What the oldest contact of each number has in its first fields."""
    query = (
        select(contacts.c.mobile, contacts.c.fields)
        .where(
            contacts.c.account_id == account_id,
            is_one_of(connection.dialect.name, contacts.c.mobile, numbers),
            _DELETED,
        )
        .order_by(contacts.c.contact_id)
    )
    names: dict[str, str] = {}
    for row in connection.execute(query):
        values = msgspec.json.decode(row.fields, type=dict[str, Any])
        shown = [str(value) for value in values.values() if value][:NAMES_SHOWN]
        names.setdefault(row.mobile, " ".join(shown))
    return names


def _texts(connection: Connection, identifiers: list[int]) -> dict[int, Any]:
    table = inbound_texts.c
    query = select(table.inbound_id, table.recipient, table.text).where(
        table.inbound_id.in_(identifiers)
    )
    return {row.inbound_id: row for row in connection.execute(query)}


def _received(
    connection: Connection, account_id: int, number: str, before: int | None, limit: int
) -> list[Entry]:
    table = inbound_texts.c
    query = select(table.inbound_id, table.recipient, table.text, table.handling).where(
        table.account_id == account_id, table.sender == number
    )
    if before is not None:
        query = query.where(table.inbound_id < before)
    rows = connection.execute(query.order_by(table.inbound_id.desc()).limit(limit))
    return [
        Entry(
            entry_id=row.inbound_id,
            own_number=row.recipient,
            text=row.text,
            handling=row.handling,
        )
        for row in rows
    ]


def _sent(
    connection: Connection, account_id: int, number: str, before: int | None, limit: int
) -> list[Entry]:
    query = (
        select(
            messages.c.message_id,
            messages.c.state,
            messages.c.failure,
            messages.c.text,
            batches.c.text.label("batch_text"),
            batches.c.sender,
        )
        .join(batches, batches.c.batch_id == messages.c.batch_id)
        .where(messages.c.account_id == account_id, messages.c.recipient == number)
    )
    if before is not None:
        query = query.where(messages.c.message_id < before)
    rows = connection.execute(query.order_by(messages.c.message_id.desc()).limit(limit))
    return [
        Entry(
            entry_id=row.message_id,
            own_number=row.sender,
            text=row.batch_text if row.text is None else row.text,
            state=State(row.state),
            failure=FailureCode(row.failure or ""),
        )
        for row in rows
    ]
