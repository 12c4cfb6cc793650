"""Pages of texts by identifier, newest first: those submitted one by one, and received ones.

A text that was forgotten, or deleted by its account, has no number any more; it is not found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from dragoman.core.inbound.sql.tables import inbound_texts
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.model.messages import ALONE
from dragoman.core.messages.model.records import BatchOptions
from dragoman.core.messages.sql.tables import attachments, batches, messages
from dragoman.core.model.errors import FailureCode
from dragoman.core.model.phone_numbers import REMOVED
from dragoman.core.reporting.model.single_texts import SingleFilter, SingleText
from dragoman.core.submission.sql.tables import submission_keys
from dragoman.kit.ids import first_at, time_of
from dragoman.storage.rows import is_one_of
from dragoman.storage.time_limit import time_limit

SEARCH_LIMIT_S: Final = 2.0
"""A search that takes longer is given up."""
LONGEST_WAY_MS: Final = 50 * 86_400_000
"""From its submission until a text leaves at the latest: scheduled 35 days ahead, valid for 14."""


def search(connection: Connection, wanted: SingleFilter, limit: int) -> list[SingleText]:
    """The newest texts; raises `TookTooLong`."""
    with time_limit(connection, SEARCH_LIMIT_S):
        found: list[SingleText] = []
        for query in _sent(wanted):
            found += _views(connection, connection.execute(query.limit(limit)).all())
        found += map(_received_view, connection.execute(_received(wanted).limit(limit)).all())
    found.sort(key=lambda view: view.text_id, reverse=True)
    return found[:limit] if wanted.after is None else found[-limit:]


def find(connection: Connection, account_id: int, dialect: str, text_id: int) -> SingleText | None:
    """One text of an account, sent or received."""
    wanted = SingleFilter(account_id=account_id, dialect=dialect)
    [query] = _sent(wanted)
    rows = connection.execute(query.where(batches.c.batch_id == text_id)).all()
    if rows:
        return _views(connection, rows)[0]
    row = connection.execute(_received(wanted).where(inbound_texts.c.inbound_id == text_id)).first()
    return None if row is None else _received_view(row)


def last_sender(
    connection: Connection, account_id: int, dialect: str, recipient: str, return_data: str
) -> str | None:
    """The sender of the newest of an account's last texts to a number with some return data."""
    newest = (
        select(messages.c.batch_id)
        .where(messages.c.account_id == account_id, messages.c.recipient == recipient)
        .order_by(messages.c.message_id.desc())
        .limit(100)
    )
    query = (
        select(batches.c.sender, batches.c.options)
        .where(batches.c.batch_id.in_(newest), batches.c.dialect == dialect)
        .order_by(batches.c.batch_id.desc())
    )
    for row in connection.execute(query):
        options = msgspec.json.decode(row.options, type=BatchOptions)
        if options.return_data == return_data:
            return str(row.sender)
    return None


def _sent(wanted: SingleFilter) -> list[Select[Any]]:
    """What was sent; to one number, messages and what waits apart, each by its own index."""
    keys = submission_keys.c
    # A sum is no column of an index: the number says which rows to look at.
    account_id = batches.c.account_id + 0 if wanted.recipient else batches.c.account_id
    key_of_batch = and_(
        keys.account_id == batches.c.account_id,
        keys.dialect == batches.c.dialect,
        keys.batch_id == batches.c.batch_id,
    )
    number = func.coalesce(messages.c.recipient, keys.recipients, REMOVED)
    query: Select[Any] = (
        select(
            *(
                batches.c[name]
                for name in ("batch_id", "account_id", "sender", "format", "options", "due_ms")
            ),
            batches.c.text.label("batch_text"),
            batches.c.state.label("batch_state"),
            number.label("number"),
            *(
                messages.c[name]
                for name in (
                    *("message_id", "state", "failure", "detail", "parts", "price", "sent_ms"),
                    *("final_ms", "text"),
                )
            ),
        )
        .select_from(batches)
        .outerjoin(messages, messages.c.batch_id == batches.c.batch_id)
        .outerjoin(submission_keys, key_of_batch)
        .where(
            account_id == wanted.account_id,
            batches.c.dialect == wanted.dialect,
            batches.c.protocol == ALONE,
            number != REMOVED,
        )
    )
    if wanted.sender:
        query = query.where(batches.c.sender == wanted.sender)
    if wanted.from_ms is not None:
        earliest = first_at(wanted.from_ms - LONGEST_WAY_MS)
        query = query.where(messages.c.sent_ms >= wanted.from_ms, batches.c.batch_id >= earliest)
    if wanted.until_ms is not None:
        latest = first_at(wanted.until_ms)
        query = query.where(messages.c.sent_ms < wanted.until_ms, batches.c.batch_id < latest)
    query = _page(query, batches.c.batch_id, wanted)
    if not wanted.recipient:
        return [query]
    made = select(messages.c.batch_id).where(
        messages.c.account_id == wanted.account_id, messages.c.recipient == wanted.recipient
    )
    waiting = select(keys.batch_id).where(
        keys.account_id == wanted.account_id,
        keys.dialect == wanted.dialect,
        keys.recipients == wanted.recipient,
    )
    return [
        query.where(batches.c.batch_id.in_(made)),
        query.where(batches.c.batch_id.in_(waiting), messages.c.message_id.is_(None)),
    ]


def _received(wanted: SingleFilter) -> Select[Any]:
    table = inbound_texts.c
    query = select(inbound_texts).where(
        table.account_id == wanted.account_id, table.sender != REMOVED
    )
    if wanted.recipient:
        query = query.where(table.recipient == wanted.recipient)
    if wanted.sender:
        query = query.where(table.sender == wanted.sender.removeprefix("+"))
    if wanted.from_ms is not None:
        query = query.where(table.inbound_id >= first_at(wanted.from_ms))
    if wanted.until_ms is not None:
        query = query.where(table.inbound_id < first_at(wanted.until_ms))
    return _page(query, table.inbound_id, wanted)


def _page(query: Select[Any], column: ColumnElement[int], wanted: SingleFilter) -> Select[Any]:
    if wanted.after is not None:
        return query.where(column > wanted.after).order_by(column)
    query = query.order_by(column.desc())
    return query if wanted.before is None else query.where(column < wanted.before)


def _views(connection: Connection, rows: Sequence[Any]) -> list[SingleText]:
    batch_ids = [row.batch_id for row in rows]
    files = attachments.c.batch_id
    query = select(files, func.count()).group_by(files)
    counts: dict[int, int] = {}
    if batch_ids:
        mine = is_one_of(connection.dialect.name, files, batch_ids)
        counts = {row[0]: row[1] for row in connection.execute(query.where(mine))}
    return [_sent_view(row, counts.get(row.batch_id, 0)) for row in rows]


def _sent_view(row: Any, files: int) -> SingleText:
    waits = row.message_id is None
    if waits:
        cancelled = row.batch_state == BatchState.CANCELLED.value
        state = State.CANCELLED if cancelled else State.SCHEDULED
    else:
        state = State(row.state)
    return SingleText(
        text_id=row.batch_id,
        account_id=row.account_id,
        recipient=row.number,
        sender=row.sender,
        text=row.batch_text if row.text is None else row.text,
        state=state,
        message_id=row.message_id,
        failure=FailureCode(row.failure or ""),
        detail=row.detail or "",
        format=row.format,
        options=msgspec.json.decode(row.options, type=BatchOptions),
        parts=row.parts if row.parts is not None else 1,
        price=row.price or 0,
        due_ms=row.due_ms,
        sent_ms=row.sent_ms,
        final_ms=row.final_ms,
        attachments=files,
    )


def _received_view(row: Any) -> SingleText:
    at_ms = time_of(row.inbound_id)
    return SingleText(
        text_id=row.inbound_id,
        account_id=row.account_id,
        recipient=row.recipient,
        sender=row.sender,
        text=row.text,
        state=None,
        parts=row.parts,
        due_ms=at_ms,
        sent_ms=at_ms,
        final_ms=at_ms,
    )
