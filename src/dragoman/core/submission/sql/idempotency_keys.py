"""Submissions by clients' keys: accepted once each, found, and listed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    or_,
    select,
)

from dragoman.core.devices.model.devices import AssignmentState
from dragoman.core.devices.sql.tables import device_assignments
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.model.records import NewBatch, StoredBatch
from dragoman.core.messages.sql import pending
from dragoman.core.messages.sql.tables import batches, messages
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.core.submission.model.idempotency_keys import KeyedFilter, KeyedView, RecipientView
from dragoman.core.submission.model.progress import HELD, Progress, progress_of, progress_of_all
from dragoman.core.submission.sql import submissions
from dragoman.core.submission.sql.tables import submission_keys
from dragoman.kit.ids import first_at, time_of
from dragoman.storage.bulk import BulkInsertNew
from dragoman.storage.rows import read_all, read_one
from dragoman.storage.time_limit import time_limit
from dragoman.storage.work import Operation

SCAN_LIMIT: Final = 20_000
"""Submissions, the newest ones, that are looked through for a state or a device."""
_ASSIGNED: Final = device_assignments.c
SEARCH_LIMIT_S: Final = 2.0
_BY_CUSTOMER: Final = 1
"""Why an assignment is cancelled, as its row says: the customer wants it."""


class KeyedBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A submission to store under an unused key of its account and dialect."""

    key: str
    new: NewBatch
    recipients: tuple[str, ...] = ()
    """Those that are no messages yet."""


class KeyedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `submission_keys`."""

    account_id: int
    dialect: str
    key: str
    batch_id: int
    device_id: int | None
    recipients: str


class KeyedPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the submissions, and the total."""

    submissions: tuple[KeyedView, ...]
    total: int


def _accept(connection: Connection, items: list[KeyedBatch]) -> list[Exception | None]:
    """Refuses a used key before anything of its batch is stored."""
    new = _TAKE_KEYS.run_new(connection, [_row(item) for item in items])
    fresh = {_key_of(item): item for item in items if item.new.batch.batch_id in new}
    stored = submissions.accept.run(connection, [item.new for item in fresh.values()])
    outcomes = dict(zip(fresh, stored, strict=True))
    for key, item in fresh.items():
        if outcomes[key] is not None:  # a refusal stores nothing: the key is free
            _free_key(connection, item)
    taken = Refused(RefusalCode.ALREADY_EXISTS, "id", "is taken")
    results: list[Exception | None] = []
    for item in items:
        outcome = outcomes.get(_key_of(item), taken)
        # One that came second in this group stands or falls with the first.
        is_second = outcome is None and item is not fresh[_key_of(item)]
        results.append(taken if is_second else outcome)
    return results


def _key_of(item: KeyedBatch) -> tuple[int, str, str]:
    batch = item.new.batch
    return batch.account_id, batch.dialect, item.key


_COLUMNS: Final = KeyedRow.__struct_fields__
_TAKE_KEYS: Final = BulkInsertNew(submission_keys, _COLUMNS, told="batch_id")


def _row(item: KeyedBatch) -> tuple[int | str | None, ...]:
    """The row of a key, in the order of `_COLUMNS`."""
    batch, recipients = item.new.batch, ",".join(item.recipients)
    device_id = batch.options.device_id
    return batch.account_id, batch.dialect, item.key, batch.batch_id, device_id, recipients


def _free_key(connection: Connection, item: KeyedBatch) -> None:
    connection.execute(delete(submission_keys).where(_is(*_key_of(item))))


accept = Operation(_accept, "accept_keyed_batches", KeyedBatch, grows=True, overtakes=True)


def find_row(connection: Connection, account_id: int, dialect: str, key: str) -> KeyedRow | None:
    """The row of a key."""
    query = select(submission_keys).where(_is(account_id, dialect, key))
    return read_one(connection, query, KeyedRow)


def find(connection: Connection, account_id: int, dialect: str, key: str) -> KeyedView | None:
    """The submission with a key."""
    row = find_row(connection, account_id, dialect, key)
    return None if row is None else _views(connection, [row])[0]


def search(connection: Connection, wanted: KeyedFilter, offset: int, limit: int) -> KeyedPage:
    """A page of an account's submissions; raises `TookTooLong`.

    For a state or a device only the newest `SCAN_LIMIT` are examined.
    """
    with time_limit(connection, SEARCH_LIMIT_S):
        candidates = _candidates(wanted)
        total = connection.execute(select(func.count()).select_from(candidates.subquery())).scalar()
        order = candidates.selected_columns.batch_id
        page = (
            candidates.order_by(order.asc() if wanted.oldest_first else order.desc())
            .offset(offset)
            .limit(limit)
        )
        rows = read_all(connection, page, KeyedRow)
        return KeyedPage(submissions=tuple(_views(connection, rows)), total=total or 0)


def _candidates(wanted: KeyedFilter) -> Select[Any]:
    columns = submission_keys.c
    query = select(submission_keys).where(
        columns.account_id == wanted.account_id, columns.dialect == wanted.dialect
    )
    if wanted.from_ms is not None:
        query = query.where(columns.batch_id >= first_at(wanted.from_ms))
    if wanted.until_ms is not None:
        query = query.where(columns.batch_id < first_at(wanted.until_ms))
    if wanted.progress is None and wanted.device_id is None:
        return query
    newest = query.order_by(columns.batch_id.desc()).limit(SCAN_LIMIT).subquery()
    fitting = select(newest)
    if wanted.device_id is not None:
        given = exists(
            select(1).where(
                messages.c.batch_id == newest.c.batch_id,
                _ASSIGNED.message_id == messages.c.message_id,
                _ASSIGNED.device_id == wanted.device_id,
            )
        )
        fitting = fitting.where(or_(newest.c.device_id == wanted.device_id, given))
    if wanted.progress is not None:
        fitting = fitting.where(_has_progress(newest.c.batch_id, wanted.progress))
    return fitting


def _has_progress(batch_id: ColumnElement[int], wanted: Progress) -> ColumnElement[bool]:
    """Whether the whole submission has the progress, as `core/submission/model/progress.py`."""

    def some(*which: Progress) -> ColumnElement[bool]:
        return exists(
            select(1).where(
                messages.c.batch_id == batch_id, _PROGRESS.in_([one.value for one in which])
            )
        )

    def batch_is(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        return exists(select(1).where(batches.c.batch_id == batch_id, *conditions))

    waits = batch_is(batches.c.waiting_recipients.is_not(None))
    stopped = batch_is(batches.c.state == BatchState.CANCELLED.value) & ~exists(
        select(1).where(messages.c.batch_id == batch_id)
    )
    open_ones = [Progress.PENDING, Progress.CANCELLING, Progress.CANCELLED, Progress.PROCESSED]
    if wanted is Progress.PENDING:
        return some(wanted) | waits
    if wanted in open_ones:
        before = open_ones[: open_ones.index(wanted)]
        found = some(wanted) & ~some(*before) & ~waits
        return found | stopped if wanted is Progress.CANCELLED else found
    ended = ~some(*open_ones) & ~waits & ~stopped
    if wanted is not Progress.SENT:
        others = {Progress.SENT, Progress.DELIVERED, Progress.FAILED} - {wanted}
        return ended & some(wanted) & ~some(*others)
    return ended & (some(Progress.SENT) | some(Progress.DELIVERED) & some(Progress.FAILED))


def _views(connection: Connection, rows: Sequence[KeyedRow]) -> list[KeyedView]:
    of_batch = pending.load_batches(connection, [row.batch_id for row in rows])
    recipients = _recipients(connection, list(of_batch))
    return [
        _view(row, of_batch[row.batch_id], recipients.get(row.batch_id, ()))
        for row in rows
        if row.batch_id in of_batch
    ]


def _view(row: KeyedRow, batch: StoredBatch, made: Sequence[RecipientView]) -> KeyedView:
    recipients = tuple(made)
    if len(recipients) < batch.recipients and row.recipients:
        known = {one.number for one in recipients}
        stopped = batch.state is BatchState.CANCELLED
        progress = Progress.CANCELLED if stopped else Progress.PENDING
        recipients += tuple(
            RecipientView(number=number, progress=progress)
            for number in row.recipients.split(",")
            if number not in known
        )
    given = [one.device_id for one in recipients if one.device_id is not None]
    return KeyedView(
        key=row.key,
        batch_id=row.batch_id,
        reference=batch.reference,
        created_ms=time_of(row.batch_id),
        device_id=row.device_id if row.device_id is not None else next(iter(given), None),
        text=batch.text,
        format=batch.format,
        options=batch.options,
        progress=progress_of_all([one.progress for one in recipients]),
        recipients=recipients,
    )


_OF_RECIPIENT: Final = (
    *("batch_id", "message_id", "recipient", "state", "failure", "detail"),
    *("sent_ms", "final_ms"),
)


def _recipients(
    connection: Connection, batch_ids: Collection[int]
) -> dict[int, list[RecipientView]]:
    query = (
        select(*(messages.c[name] for name in _OF_RECIPIENT))
        .where(messages.c.batch_id.in_(batch_ids))
        .order_by(messages.c.message_id)
    )
    rows = connection.execute(query).all()
    last = _last_assignments(connection, [row.message_id for row in rows])
    found: dict[int, list[RecipientView]] = defaultdict(list)
    for row in rows:
        found[row.batch_id].append(_recipient(row, last.get(row.message_id)))
    return found


def _recipient(row: Any, assignment: Any) -> RecipientView:
    state, failure = State(row.state), FailureCode(row.failure or "")
    where = AssignmentState(assignment.state) if assignment is not None else None
    progress = progress_of(
        state,
        failure,
        was_sent=row.sent_ms is not None,
        assignment=where,
        cancelling=assignment is not None and assignment.cancelling == _BY_CUSTOMER,
    )
    has_it = where is not None and AssignmentState.HELD <= where <= AssignmentState.FAILED
    return RecipientView(
        number=row.recipient,
        progress=progress,
        device_id=assignment.device_id if assignment is not None else None,
        handed_ms=assignment.assigned_ms if has_it else None,
        sent_ms=row.sent_ms,
        final_ms=row.final_ms,
        reason=row.detail or row.failure or "",
    )


def _last_assignments(connection: Connection, message_ids: Collection[int]) -> dict[int, Any]:
    query = (
        select(device_assignments)
        .where(_ASSIGNED.message_id.in_(message_ids))
        .order_by(_ASSIGNED.assignment_id)
    )
    return {row.message_id: row for row in connection.execute(query)}


def _is(account_id: int, dialect: str, key: str) -> ColumnElement[bool]:
    columns = submission_keys.c
    return and_(columns.account_id == account_id, columns.dialect == dialect, columns.key == key)


def _last(column: str) -> ColumnElement[Any]:
    """A column of the latest assignment of a message."""
    return (
        select(_ASSIGNED[column])
        .where(_ASSIGNED.message_id == messages.c.message_id)
        .order_by(_ASSIGNED.assignment_id.desc())
        .limit(1)
        .correlate(messages)
        .scalar_subquery()
    )


_IS_CANCELLED: Final = _last("cancelling") == _BY_CUSTOMER
_PROGRESS: Final = case(
    (
        messages.c.state == State.SENDING.value,
        case(
            (
                _IS_CANCELLED & (_last("state") < AssignmentState.PROCESSED.value),
                Progress.CANCELLING.value,
            ),
            (
                _IS_CANCELLED & (_last("state") == AssignmentState.CANCELLED.value),
                Progress.CANCELLED.value,
            ),
            (_last("state").in_(sorted(state.value for state in HELD)), Progress.PROCESSED.value),
            else_=Progress.PENDING.value,
        ),
    ),
    (messages.c.state < State.SENT.value, Progress.PENDING.value),
    (
        messages.c.state == State.UNKNOWN.value,
        case(
            (messages.c.sent_ms.is_not(None), Progress.SENT.value), else_=Progress.PROCESSED.value
        ),
    ),
    (messages.c.state == State.SENT.value, Progress.SENT.value),
    (messages.c.state == State.DELIVERED.value, Progress.DELIVERED.value),
    (
        or_(
            messages.c.state == State.CANCELLED.value,
            and_(
                messages.c.state == State.REJECTED.value,
                messages.c.failure == FailureCode.CANCELLED.value,
            ),
        ),
        Progress.CANCELLED.value,
    ),
    else_=Progress.FAILED.value,
)
"""`domain.progress.progress_of` in SQL, for one message."""
