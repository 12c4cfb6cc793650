"""Searching what was sent: by number, time, batch, text, state; newest first."""

from __future__ import annotations

from collections.abc import Callable
from operator import eq, gt, lt
from types import MappingProxyType
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select

from dragoman.domain.errors import FailureCode
from dragoman.domain.lifecycle import State
from dragoman.kit.ids import first_at, time_of
from dragoman.storage.records import BatchOptions
from dragoman.storage.tables import batches, callbacks, messages

_COMPARISONS: Final = MappingProxyType[str, Callable[[Any, Any], Any]]({"<": lt, ">": gt, "=": eq})


class MessageView(msgspec.Struct, frozen=True, kw_only=True):
    """A message as a query shows it."""

    message_id: int
    batch_id: int
    account_id: int
    recipient: str
    sender: str
    text: str
    format: str
    protocol: str
    state: State
    failure: FailureCode
    detail: str
    parts: int
    credits: int
    price: int
    mcc: str
    carrier: str
    attempts: int
    possible_duplicate: bool
    created_ms: int
    sent_ms: int | None
    final_ms: int | None
    options: BatchOptions


class OutboxFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to search for; what is not given does not narrow."""

    account_id: int
    recipient: str = ""
    sender: str = ""
    from_ms: int | None = None
    to_ms: int | None = None
    """Both ends included."""
    price: int | None = None
    price_comparison: str = "="
    """`<`, `>` or `=`."""
    batch_id: int | None = None
    message_id: int | None = None
    text: str = ""
    """Part of the text, in any case."""
    states: tuple[State, ...] = ()
    mccs: tuple[str, ...] = ()


class OutboxPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of what was found, and how much there is in all."""

    messages: tuple[MessageView, ...]
    total: int
    parts: int


_TEXT: Final = func.coalesce(messages.c.text, batches.c.text)
_VIEW = select(
    *(column for column in messages.columns if column.name != "text"),
    batches.c.sender,
    _TEXT.label("text"),
    batches.c.format,
    batches.c.protocol,
    batches.c.options,
).join(batches, batches.c.batch_id == messages.c.batch_id)


def search(connection: Connection, wanted: OutboxFilter, offset: int, limit: int) -> OutboxPage:
    """A page of what was sent, newest first."""
    conditions = _conditions(wanted)
    counting: Any = select(func.count(), func.sum(messages.c.parts))
    if wanted.sender or wanted.text:
        counting = counting.select_from(
            messages.join(batches, batches.c.batch_id == messages.c.batch_id)
        )
    counted: Any = connection.execute(counting.where(*conditions)).one()
    query = (
        _VIEW.where(*conditions).order_by(messages.c.message_id.desc()).offset(offset).limit(limit)
    )
    return OutboxPage(
        messages=tuple(_view(row) for row in connection.execute(query)),
        total=counted[0],
        parts=counted[1] or 0,
    )


def find(connection: Connection, account_id: int, message_id: int) -> MessageView | None:
    """One of the account's messages."""
    row = connection.execute(
        _VIEW.where(messages.c.message_id == message_id, messages.c.account_id == account_id)
    ).first()
    return None if row is None else _view(row)


def find_of_batch(
    connection: Connection, account_id: int, batch_id: int, offset: int, limit: int
) -> list[MessageView]:
    """A page of the messages of a batch, in the order of its recipients."""
    query = (
        _VIEW.where(messages.c.batch_id == batch_id, messages.c.account_id == account_id)
        .order_by(messages.c.message_id)
        .offset(offset)
        .limit(limit)
    )
    return [_view(row) for row in connection.execute(query)]


def recipients_of_batch(
    connection: Connection, account_id: int, batch_id: int, after: str, limit: int
) -> list[str]:
    """The numbers of a batch in the order of its messages, beyond one of them."""
    query = (
        select(messages.c.recipient)
        .where(messages.c.batch_id == batch_id, messages.c.account_id == account_id)
        .order_by(messages.c.message_id)
        .limit(limit)
    )
    if after:
        known = select(messages.c.message_id).where(
            messages.c.account_id == account_id,
            messages.c.recipient == after,
            messages.c.batch_id == batch_id,
        )
        query = query.where(messages.c.message_id > known.limit(1).scalar_subquery())
    return list(connection.execute(query).scalars())


def last_callback_answer(connection: Connection, message_id: int) -> str:
    """What the customer's server said to the last callback of a message."""
    answer = connection.execute(
        select(callbacks.c.answer)
        .where(callbacks.c.message_id == message_id, callbacks.c.attempts > 0)
        .order_by(callbacks.c.callback_id.desc())
        .limit(1)
    ).scalar()
    return answer or ""


def _conditions(wanted: OutboxFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [messages.c.account_id == wanted.account_id]
    if wanted.recipient:
        conditions.append(messages.c.recipient == wanted.recipient)
    if wanted.sender:
        conditions.append(batches.c.sender == wanted.sender)
    if wanted.from_ms is not None:
        conditions.append(messages.c.message_id >= first_at(wanted.from_ms))
    if wanted.to_ms is not None:
        conditions.append(messages.c.message_id < first_at(wanted.to_ms + 1))
    if wanted.price is not None:
        compare = _COMPARISONS[wanted.price_comparison]
        conditions.append(compare(messages.c.price, wanted.price))
    if wanted.batch_id is not None:
        conditions.append(messages.c.batch_id == wanted.batch_id)
    if wanted.message_id is not None:
        conditions.append(messages.c.message_id == wanted.message_id)
    if wanted.text:
        conditions.append(_TEXT.icontains(wanted.text, autoescape=True))
    if wanted.states:
        conditions.append(messages.c.state.in_([state.value for state in wanted.states]))
    if wanted.mccs:
        conditions.append(messages.c.mcc.in_(wanted.mccs))
    return conditions


def _view(row: Any) -> MessageView:
    return MessageView(
        message_id=row.message_id,
        batch_id=row.batch_id,
        account_id=row.account_id,
        recipient=row.recipient,
        sender=row.sender,
        text=row.text,
        format=row.format,
        protocol=row.protocol,
        state=State(row.state),
        failure=FailureCode(row.failure or ""),
        detail=row.detail or "",
        parts=row.parts,
        credits=row.credits,
        price=row.price,
        mcc=row.mcc,
        carrier=row.carrier or "",
        attempts=row.attempts,
        possible_duplicate=row.possible_duplicate,
        created_ms=time_of(row.message_id),
        sent_ms=row.sent_ms,
        final_ms=row.final_ms,
        options=msgspec.json.decode(row.options, type=BatchOptions),
    )
