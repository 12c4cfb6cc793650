"""Orders: unique names in an account, lookups, and pages by time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, bindparam, func, select

from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.model.records import BatchOptions, NewBatch
from dragoman.core.messages.sql.paging import SCAN_LIMIT, Span
from dragoman.core.messages.sql.tables import batches, messages
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.core.submission.model.orders import OrderMessage, OrderView, RecipientView
from dragoman.core.submission.sql import submissions
from dragoman.core.submission.sql.tables import orders
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.rows import converter, read_all
from dragoman.storage.work import Operation

_INSERT: Final = BulkInsert(orders)
_MINE: Final = orders.c.account_id == bindparam("account_id")
_TAKEN: Final = select(orders.c.order_id).where(
    _MINE, orders.c.order_id.in_(bindparam("names", expanding=True))
)
_LAST_NUMBER: Final = select(orders.c.number).where(_MINE).order_by(orders.c.number.desc()).limit(1)


class NewOrder(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A batch to accept under an unused name."""

    order_id: str
    message_type: str
    batch: NewBatch
    is_new: bool = False
    """Whether the name was generated, so it is unused."""

    @property
    def account_id(self) -> int:
        return self.batch.batch.account_id


class OrderPage(NamedTuple):
    """Some orders, and the total."""

    orders: tuple[OrderView, ...]
    total: int


class StoredOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order with all its rows."""

    batch_id: int
    due_ms: int
    state: BatchState
    wants_receipt: bool
    waiting: bytes
    """The recipients that were not messages yet, from index `expanded` on."""
    expanded: int
    messages: tuple[OrderMessage, ...]


class RecipientPage(NamedTuple):
    """Some messages to a recipient, and the total."""

    messages: tuple[RecipientView, ...]
    total: int


def _accept(connection: Connection, items: list[NewOrder]) -> list[Exception | None]:
    """Accepts each batch with a free name; of several with one name, the first."""
    results: dict[int, Exception | None] = {}
    waiting = dict(enumerate(items))
    while waiting:
        first: dict[tuple[int, str], int] = {}
        for index, item in waiting.items():
            first.setdefault((item.account_id, item.order_id), index)
        indices = list(first.values())
        some = _accept_distinct(connection, [waiting.pop(index) for index in indices])
        results.update(zip(indices, some, strict=True))
    return [results[index] for index in range(len(items))]


def _accept_distinct(connection: Connection, items: Sequence[NewOrder]) -> list[Exception | None]:
    taken = _taken(connection, items)
    free = [item for item in items if (item.account_id, item.order_id) not in taken]
    refusals = submissions.accept.run(connection, [item.batch for item in free])
    _number(connection, [item for item, no in zip(free, refusals, strict=True) if no is None])
    refusal_of_free = iter(refusals)
    return [
        _used_before(item) if (item.account_id, item.order_id) in taken else next(refusal_of_free)
        for item in items
    ]


def _taken(connection: Connection, items: Iterable[NewOrder]) -> set[tuple[int, str]]:
    names: dict[int, list[str]] = defaultdict(list)
    for item in items:
        if not item.is_new:
            names[item.account_id].append(item.order_id)
    taken = set()
    for account_id, wanted in names.items():
        found = connection.execute(_TAKEN, {"account_id": account_id, "names": wanted})
        taken |= {(account_id, name) for name in found.scalars()}
    return taken


def _used_before(item: NewOrder) -> Refused:
    return Refused(RefusalCode.ALREADY_EXISTS, item.order_id, "order")


def _number(connection: Connection, accepted: Sequence[NewOrder]) -> None:
    """Gives each order the next number of its account.

    Batches come to the writer in the order of their identifiers, so numbers grow with them.
    """
    last: dict[int, int] = {}
    rows = []
    for item in accepted:
        account_id = item.account_id
        if account_id not in last:
            found = connection.execute(_LAST_NUMBER, {"account_id": account_id})
            last[account_id] = found.scalar() or 0
        last[account_id] += 1
        batch_id = item.batch.batch.batch_id
        rows.append((account_id, last[account_id], batch_id, item.order_id, item.message_type))
    _INSERT.run(connection, rows)


accept = Operation(_accept, "accept_orders", NewOrder, grows=True, overtakes=True)


_OF_ORDER: Final = ("batch_id", "due_ms", "state", "options", "waiting_recipients", "expanded")


def find(connection: Connection, account_id: int, order_id: str) -> StoredOrder | None:
    """One of the account's orders, with its messages."""
    batch = connection.execute(
        select(*(batches.c[name] for name in _OF_ORDER))
        .join(orders, orders.c.batch_id == batches.c.batch_id)
        .where(orders.c.account_id == account_id, orders.c.order_id == order_id)
    ).first()
    if batch is None:
        return None
    # Read after the batch: a recipient expanded in between is found twice, not missed.
    rows = connection.execute(
        select(messages.c.recipient, messages.c.state, messages.c.failure, messages.c.final_ms)
        .where(messages.c.batch_id == batch.batch_id)
        .order_by(messages.c.message_id)
    )
    return StoredOrder(
        batch_id=batch.batch_id,
        due_ms=batch.due_ms,
        state=BatchState(batch.state),
        wants_receipt=_wants_receipt(batch),
        waiting=bytes(batch.waiting_recipients or b""),
        expanded=batch.expanded,
        messages=tuple(_message(row) for row in rows),
    )


def load_scheduled(connection: Connection, account_id: int, after_ms: int) -> list[int]:
    """The batches of the account's orders that are due later."""
    query = (
        select(orders.c.batch_id)
        .join(batches, batches.c.batch_id == orders.c.batch_id)
        .where(
            orders.c.account_id == account_id,
            batches.c.due_ms > after_ms,
            batches.c.waiting_recipients.is_not(None),
            batches.c.state == BatchState.QUEUED.value,
        )
        .order_by(batches.c.due_ms)
    )
    return list(connection.execute(query).scalars())


def load_page(
    connection: Connection,
    account_id: int,
    from_ms: int,
    to_ms: int | None,
    offset: int,
    limit: int,
) -> OrderPage:
    """The account's orders placed between two times, both included; newest first."""
    mine, batch_id = orders.c.account_id == account_id, orders.c.batch_id
    between = (mine, *Span.of_times(from_ms, to_ms).within(batch_id))
    numbers = select(orders.c.number).where(*between).limit(1)
    first = connection.execute(numbers.order_by(batch_id)).scalar()
    last = connection.execute(numbers.order_by(batch_id.desc())).scalar()
    if first is None or last is None:
        return OrderPage((), 0)
    top = last - offset
    query = _VIEW.where(
        mine, orders.c.number <= top, orders.c.number > max(top - limit, first - 1)
    ).order_by(orders.c.number.desc())
    found = read_all(connection, query, OrderView) if top >= first else ()
    return OrderPage(tuple(found), last - first + 1)


def load_page_of_recipient(
    connection: Connection,
    account_id: int,
    recipient: str,
    from_ms: int,
    to_ms: int | None,
    offset: int,
    limit: int,
) -> RecipientPage:
    """The messages of the account's orders to a recipient in some time, newest first.

    Examines the newest `paging.SCAN_LIMIT` that the account has sent there.
    """
    mine = (messages.c.account_id == account_id, messages.c.recipient == recipient)
    newest = (
        select(messages.c.message_id, messages.c.batch_id)
        .where(*mine, *Span.of_times(from_ms, to_ms).within(messages.c.message_id))
        .order_by(messages.c.message_id.desc())
        .limit(SCAN_LIMIT)
        .subquery()
    )
    of_orders = (orders.c.account_id == account_id, orders.c.batch_id == newest.c.batch_id)
    found = select(newest.c.message_id).join(orders, of_orders[0] & of_orders[1])
    total = connection.execute(select(func.count()).select_from(found.subquery())).scalar_one()
    page = found.order_by(newest.c.message_id.desc()).offset(offset).limit(limit)
    identifiers = list(connection.execute(page).scalars()) if offset < total else []
    if not identifiers:
        return RecipientPage((), total)
    of_message = (messages.c[name] for name in ("recipient", "state", "failure", "final_ms"))
    query = (
        _VIEW.add_columns(*of_message, batches.c.options)
        .join(messages, messages.c.batch_id == batches.c.batch_id)
        .where(orders.c.account_id == account_id, messages.c.message_id.in_(identifiers))
        .order_by(messages.c.message_id.desc())
    )
    order_of = converter(OrderView, _VIEW.selected_columns.keys())
    return RecipientPage(
        tuple(
            RecipientView(
                order=order_of(row), message=_message(row), wants_receipt=_wants_receipt(row)
            )
            for row in connection.execute(query)
        ),
        total,
    )


_VIEW: Final[Select[Any]] = select(
    orders.c.order_id,
    orders.c.batch_id,
    orders.c.message_type,
    batches.c.sender,
    batches.c.due_ms,
    batches.c.recipients,
).join(batches, batches.c.batch_id == orders.c.batch_id)


def _message(row: Any) -> OrderMessage:
    return OrderMessage(
        recipient=row.recipient,
        state=State(row.state),
        failure=FailureCode(row.failure or ""),
        final_ms=row.final_ms,
    )


def _wants_receipt(row: Any) -> bool:
    return msgspec.json.decode(row.options, type=BatchOptions).wants_receipt
