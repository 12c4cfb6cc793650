"""What an account sent and received as one list of texts, including scheduled ones.

A text that was submitted alone has the identifier of its batch, which exists before its message;
one of a newsletter has that of its message, and a received one its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, null, or_, select

from dragoman.core.devices.model.devices import AssignmentState
from dragoman.core.devices.sql.tables import device_assignments, device_texts, devices
from dragoman.core.inbound.sql.tables import inbound_texts
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.model.messages import ALONE
from dragoman.core.messages.model.records import BatchOptions
from dragoman.core.messages.sql.paging import Span
from dragoman.core.messages.sql.tables import batches, messages
from dragoman.core.model.errors import FailureCode
from dragoman.core.reporting.model.correspondence import Kind, TextFilter, TextPage, TextView
from dragoman.core.submission.sql.tables import newsletters
from dragoman.kit.ids import time_of
from dragoman.storage.rows import is_one_of
from dragoman.storage.time_limit import time_limit
from dragoman.work_queue.port import Lane

_ASSIGNED: Final = device_assignments.c
SEARCH_LIMIT_S: Final = 2.0
"""A search that takes longer is given up."""


_COLUMNS: Final = (
    batches.c.batch_id,
    batches.c.text.label("batch_text"),
    batches.c.options,
    batches.c.lane,
    batches.c.reference,
    batches.c.state.label("batch_state"),
    batches.c.waiting_recipients,
    *(
        messages.c[name]
        for name in ("message_id", "recipient", "state", "failure", "detail", "sent_ms", "text")
    ),
)


def search(connection: Connection, wanted: TextFilter, limit: int) -> TextPage:
    """The newest texts; raises `TookTooLong`."""
    with time_limit(connection, SEARCH_LIMIT_S):
        found: list[TextView] = []
        for query, identifier in _sources(wanted):
            rows = connection.execute(query.order_by(identifier.desc()).limit(limit + 1)).all()
            found += _views(connection, rows)
        found.sort(key=lambda view: view.text_id, reverse=True)
        total = len(found) if len(found) <= limit else _count(connection, wanted)
        return TextPage(texts=tuple(found[:limit]), total=total)


def count(connection: Connection, wanted: TextFilter) -> int:
    """The number of texts; raises `TookTooLong`."""
    with time_limit(connection, SEARCH_LIMIT_S):
        return _count(connection, wanted)


def find(connection: Connection, account_id: int, dialect: str, text_id: int) -> TextView | None:
    """One text of an account, sent or received."""
    wanted = TextFilter(account_id=account_id, dialect=dialect)
    for query, identifier in _sources(wanted):
        rows = connection.execute(query.where(identifier == text_id)).all()
        if rows:
            return _views(connection, rows)[0]
    return None


def _count(connection: Connection, wanted: TextFilter) -> int:
    total = 0
    for query, _ in _sources(wanted):
        total += connection.execute(query.with_only_columns(func.count())).scalar_one()
    return total


def _sources(wanted: TextFilter) -> list[tuple[Select[Any], ColumnElement[int]]]:
    """The three sources of texts, filtered; each with its column of identifiers."""
    span = Span.of_times(wanted.from_ms, wanted.to_ms)
    found: list[tuple[Select[Any], ColumnElement[int]]] = []
    if wanted.kinds is None or wanted.kinds:
        alone = _alone(wanted).where(*span.within(batches.c.batch_id))
        found.append((alone, batches.c.batch_id))
        in_letters = _in_newsletters(wanted).where(*span.within(messages.c.message_id))
        found.append((in_letters, messages.c.message_id))
    if wanted.received and wanted.reference is None:
        received = _received(wanted).where(*span.within(inbound_texts.c.inbound_id))
        found.append((received, inbound_texts.c.inbound_id))
    return found


def _alone(wanted: TextFilter) -> Select[Any]:
    query = (
        select(*_COLUMNS, null().label("newsletter_id"), null().label("title"))
        .select_from(batches)
        .outerjoin(messages, messages.c.batch_id == batches.c.batch_id)
        .where(
            batches.c.account_id == wanted.account_id,
            batches.c.dialect == wanted.dialect,
            batches.c.protocol == ALONE,
            *_conditions(wanted),
        )
    )
    if wanted.number:
        to_number = select(messages.c.batch_id).where(
            messages.c.account_id == wanted.account_id, messages.c.recipient == wanted.number
        )
        waiting = batches.c.waiting_recipients == wanted.number.encode()
        query = query.where(or_(batches.c.batch_id.in_(to_number), waiting))
    return query


def _in_newsletters(wanted: TextFilter) -> Select[Any]:
    query = (
        select(*_COLUMNS, newsletters.c.batch_id.label("newsletter_id"), newsletters.c.title)
        .select_from(newsletters)
        .join(messages, messages.c.batch_id == newsletters.c.batch_id)
        .join(batches, batches.c.batch_id == newsletters.c.batch_id)
        .where(
            newsletters.c.account_id == wanted.account_id,
            batches.c.dialect == wanted.dialect,
            *_conditions(wanted),
        )
    )
    return query.where(messages.c.recipient == wanted.number) if wanted.number else query


def _received(wanted: TextFilter) -> Select[Any]:
    table = inbound_texts.c
    own = select(devices.c.device_id).where(devices.c.account_id == wanted.account_id)
    query = (
        select(
            table.inbound_id,
            table.sender,
            table.text,
            device_texts.c.device_id,
            device_texts.c.slot,
        )
        .select_from(inbound_texts)
        # What came over another account's phone, since the number is ours, does not say which.
        .outerjoin(
            device_texts,
            and_(device_texts.c.inbound_id == table.inbound_id, device_texts.c.device_id.in_(own)),
        )
        .where(table.account_id == wanted.account_id)
    )
    if wanted.device_id is not None:
        query = query.where(device_texts.c.device_id == wanted.device_id)
    if wanted.slot is not None:
        query = query.where(device_texts.c.slot == wanted.slot)
    return query.where(table.sender == wanted.number) if wanted.number else query


def _conditions(wanted: TextFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.reference is not None:
        conditions.append(batches.c.reference == wanted.reference)
    if wanted.device_id is not None:
        conditions.append(_with_phone("device_id", wanted.device_id))
    if wanted.slot is not None:
        conditions.append(_with_phone("slot", wanted.slot))
    if wanted.kinds is not None:
        conditions.append(or_(*map(_of_kind, wanted.kinds)))
    return conditions


_OPTIONS: Final = {"device_id": "device_id", "slot": "sim"}


def _with_phone(column: str, value: int) -> ColumnElement[bool]:
    """Whether a phone or SIM was requested for the text, or was assigned it.

    In the JSON of the options a quotation mark inside a text is escaped, so only a key can match.
    """
    key = f'"{_OPTIONS[column]}":{value}'
    asked = or_(
        batches.c.options.contains(f"{key},", autoescape=True),
        batches.c.options.contains(f"{key}}}", autoescape=True),
    )
    given = exists().where(
        _ASSIGNED.message_id == messages.c.message_id, _ASSIGNED[column] == value
    )
    return or_(asked, given)


def _of_kind(kind: Kind) -> ColumnElement[bool]:
    sent: list[ColumnElement[bool]] = [messages.c.state.in_([state.value for state in kind.states])]
    if kind.assignments:
        sent.append(_is_assigned(kind.assignments))
    if kind.other_assignments:
        sent.append(~_is_assigned(kind.other_assignments))
    sent += _named(messages.c.failure, kind.failures, kind.other_failures)
    sent += _named(messages.c.detail, kind.details, kind.other_details)
    condition: ColumnElement[bool] = and_(*sent)
    cancelled = batches.c.state == BatchState.CANCELLED.value
    # What is not a message yet has its state from its batch.
    if State.SCHEDULED in kind.states:
        condition = or_(condition, and_(messages.c.message_id.is_(None), ~cancelled))
    if State.CANCELLED in kind.states:
        condition = or_(condition, and_(messages.c.message_id.is_(None), cancelled))
    return condition


def _is_assigned(states: Sequence[AssignmentState]) -> ColumnElement[bool]:
    return exists().where(
        _ASSIGNED.message_id == messages.c.message_id,
        _ASSIGNED.state.in_([state.value for state in states]),
    )


def _named(
    column: ColumnElement[Any], only: Sequence[str], others: Sequence[str]
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if only:
        conditions.append(column.in_([str(one) for one in only]))
    if others:
        conditions.append(func.coalesce(column, "").not_in([str(one) for one in others]))
    return conditions


def _views(connection: Connection, rows: Sequence[Any]) -> list[TextView]:
    if rows and "inbound_id" in rows[0]._mapping:
        return [_view_received(row) for row in rows]
    phones = _phones_of(connection, [row.message_id for row in rows if row.message_id is not None])
    return [_view_sent(row, phones.get(row.message_id)) for row in rows]


def _phones_of(connection: Connection, message_ids: Sequence[int]) -> dict[int, Any]:
    """The latest assignment of each message that a phone was assigned."""
    query = (
        select(_ASSIGNED.message_id, _ASSIGNED.device_id, _ASSIGNED.slot, _ASSIGNED.state)
        .where(is_one_of(connection.dialect.name, _ASSIGNED.message_id, message_ids))
        .order_by(_ASSIGNED.assignment_id)
    )
    return {row.message_id: row for row in connection.execute(query)}


def _view_sent(row: Any, phone: Any) -> TextView:
    options = msgspec.json.decode(row.options, type=BatchOptions)
    waiting = row.message_id is None
    text_id = row.batch_id if row.newsletter_id is None else row.message_id
    if waiting:
        cancelled = row.batch_state == BatchState.CANCELLED.value
        state = State.CANCELLED if cancelled else State.SCHEDULED
    else:
        state = State(row.state)
    return TextView(
        text_id=text_id,
        number=(row.waiting_recipients or b"").decode() if waiting else row.recipient,
        text=row.batch_text if row.text is None else row.text,
        state=state,
        failure=FailureCode(row.failure or ""),
        detail=row.detail or "",
        assignment=None if phone is None else AssignmentState(phone.state),
        reference=row.reference,
        urgent=row.lane == Lane.URGENT,
        device_id=options.device_id if phone is None else phone.device_id,
        slot=options.sim if phone is None or not phone.slot else phone.slot,
        created_ms=time_of(text_id),
        sent_ms=row.sent_ms,
        options=options,
        newsletter_id=row.newsletter_id,
        title=row.title,
    )


def _view_received(row: Any) -> TextView:
    return TextView(
        text_id=row.inbound_id,
        number=row.sender,
        text=row.text,
        state=None,
        device_id=row.device_id,
        slot=row.slot or None,
        created_ms=time_of(row.inbound_id),
    )
