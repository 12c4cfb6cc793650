"""Loads unfinished work: for restarts, late receipts, due batches, missing receipts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, and_, func, null, or_, select, text

from dragoman.core.billing.sql.tables import wallets
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.model.records import (
    ParkedReceipt,
    StoredBatch,
    StoredMessage,
    StoredPart,
)
from dragoman.core.messages.sql.tables import (
    batches,
    messages,
    parked_receipts,
    parts,
    receipt_keys,
)
from dragoman.storage.rows import are_empty, read_all

# Written out, not bound: only so do databases see that the index of unsent messages fits.
_UNSENT = text(f"messages.state IN ({State.QUEUED.value}, {State.SENDING.value})")


def routes_with_unsent(connection: Connection) -> list[tuple[str, int]]:
    """Each route with unsent messages, and each account that has some there.

    From one to the next by the index: there may be a million messages of each.
    """
    if are_empty(connection, messages):
        return []
    route, account = messages.c.route, messages.c.account_id
    first = select(route, account).where(_UNSENT).order_by(route, account).limit(1)
    found = []
    row = connection.execute(first).first()
    while row is not None:
        found.append((row.route, row.account_id))
        same_route = first.where(route == row.route, account > row.account_id)
        further = connection.execute(same_route).first()
        row = further or connection.execute(first.where(route > row.route)).first()
    return found


def load_unsent(
    connection: Connection, route: str, lane: int, account_id: int, after: int, limit: int
) -> list[StoredMessage]:
    """Unsent messages of an account in a lane of a route, by identifier, after one."""
    query = (
        select(messages)
        .join(batches, batches.c.batch_id == messages.c.batch_id)
        .where(
            messages.c.route == route,
            messages.c.account_id == account_id,
            _UNSENT,
            messages.c.message_id > after,
            batches.c.lane == lane,
            batches.c.state != BatchState.CANCELLED.value,
        )
        .order_by(messages.c.message_id)
        .limit(limit)
    )
    return read_all(connection, query, StoredMessage)


def load_expired(connection: Connection, now_ms: int, limit: int) -> list[StoredMessage]:
    """Unsent messages whose validity has ended."""
    query = (
        select(messages)
        .join(batches, batches.c.batch_id == messages.c.batch_id)
        .where(
            _UNSENT, batches.c.expires_ms <= now_ms, batches.c.state != BatchState.CANCELLED.value
        )
        .limit(limit)
    )
    return read_all(connection, query, StoredMessage)


def load_unreported_of(
    connection: Connection, carrier: str, after: int, limit: int
) -> list[tuple[int, str, str]]:
    """Messages that a carrier took and did not report, newest first: message, ID, recipient."""
    query = (
        select(messages.c.message_id, receipt_keys.c.key, messages.c.recipient)
        .join(receipt_keys, receipt_keys.c.message_id == messages.c.message_id)
        .where(
            messages.c.message_id > after,
            messages.c.state == State.SENT.value,
            receipt_keys.c.carrier == carrier,
            # Folded spellings stand beside the one that the carrier gave.
            receipt_keys.c.key.not_like("~%"),
        )
        .order_by(messages.c.message_id.desc())
        .limit(limit)
    )
    return [(row.message_id, row.key, row.recipient) for row in connection.execute(query)]


def stopped_with_unsent(connection: Connection) -> list[int]:
    """Stopped batches, some of whose messages have not been ended yet."""
    query = (
        select(batches.c.batch_id)
        .join(messages, messages.c.batch_id == batches.c.batch_id)
        .where(_UNSENT, batches.c.state == BatchState.CANCELLED.value)
        .distinct()
    )
    return list(connection.execute(query).scalars())


def load_unsent_of_route(
    connection: Connection, route: str, after: int, limit: int
) -> list[StoredMessage]:
    """Unsent messages of a route, by identifier, after one."""
    query = (
        select(messages)
        .where(messages.c.route == route, _UNSENT, messages.c.message_id > after)
        .order_by(messages.c.message_id)
        .limit(limit)
    )
    return read_all(connection, query, StoredMessage)


def load_sending(
    connection: Connection, route: str, account_id: int, recipient: str
) -> list[StoredMessage]:
    """What was being sent to a recipient over a route when an earlier run ended."""
    query = select(messages).where(
        messages.c.route == route,
        messages.c.account_id == account_id,
        _UNSENT,
        messages.c.recipient == recipient,
        messages.c.state == State.SENDING.value,
    )
    return read_all(connection, query, StoredMessage)


def load_unsent_of_batch(connection: Connection, batch_id: int, limit: int) -> list[StoredMessage]:
    """Unsent messages of a batch."""
    query = select(messages).where(messages.c.batch_id == batch_id, _UNSENT).limit(limit)
    return read_all(connection, query, StoredMessage)


def ids_of_batch(connection: Connection, batch_id: int) -> list[int]:
    """The identifiers of the messages of a batch."""
    query = select(messages.c.message_id).where(messages.c.batch_id == batch_id)
    return list(connection.execute(query).scalars())


def first_unreported(connection: Connection, after: int, before: int) -> int | None:
    """The first unsent or unreported message between two identifiers."""
    return connection.execute(
        select(func.min(messages.c.message_id)).where(
            messages.c.message_id > after,
            messages.c.message_id <= before,
            messages.c.state.in_((State.QUEUED.value, State.SENDING.value, State.SENT.value)),
        )
    ).scalar()


def load_unreported(
    connection: Connection, after: int, before: int, sent_before_ms: int, limit: int
) -> list[StoredMessage]:
    """Messages between two identifiers, sent before a time, without a receipt."""
    query = (
        select(messages)
        .where(
            messages.c.message_id > after,
            messages.c.message_id <= before,
            messages.c.state == State.SENT.value,
            messages.c.sent_ms <= sent_before_ms,
        )
        .order_by(messages.c.message_id)
        .limit(limit)
    )
    return read_all(connection, query, StoredMessage)


def load_messages(connection: Connection, message_ids: Collection[int]) -> list[StoredMessage]:
    """Messages by identifier; unknown ones are left out."""
    query = select(messages).where(messages.c.message_id.in_(message_ids))
    return read_all(connection, query, StoredMessage)


def load_parts(connection: Connection, message_ids: Collection[int]) -> list[StoredPart]:
    """The stored parts of messages, in order."""
    query = (
        select(parts)
        .where(parts.c.message_id.in_(message_ids))
        .order_by(parts.c.message_id, parts.c.number)
    )
    return read_all(connection, query, StoredPart)


def load_batches(connection: Connection, batch_ids: Collection[int]) -> dict[int, StoredBatch]:
    """Batches by identifier, without their waiting recipients."""
    columns = {**batches.c, "waiting_recipients": null().label("waiting_recipients")}
    query = select(*columns.values()).where(batches.c.batch_id.in_(batch_ids))
    return {batch.batch_id: batch for batch in read_all(connection, query, StoredBatch)}


def load_waiting(connection: Connection, batch_id: int) -> bytes:
    """The waiting recipients of a batch, as its row stores them."""
    query = select(batches.c.waiting_recipients).where(batches.c.batch_id == batch_id)
    return connection.execute(query).scalar() or b""


def load_due_batches(
    connection: Connection,
    now_ms: int,
    known: Collection[int],
    limit: int,
    without: Collection[int] = (),
    overdue: Collection[tuple[int, int]] = (),
) -> list[StoredBatch]:
    """Batches with waiting recipients that are due, the most overdue first.

    Due is also what was due before the clock was set back: `overdue` is the time that it was then,
    each time, and the last identifier.

    Not those that are `known`, as lists of recipients may be long, nor those of the accounts
    `without`.
    """
    query = (
        select(batches)
        .where(
            batches.c.waiting_recipients.is_not(None),
            or_(
                batches.c.due_ms <= now_ms,
                *(
                    and_(batches.c.due_ms <= then_ms, batches.c.batch_id <= last)
                    for then_ms, last in overdue
                ),
            ),
            batches.c.batch_id.not_in(known),
            batches.c.account_id.not_in(without),
        )
        .order_by(batches.c.due_ms, batches.c.batch_id)
        .limit(limit)
    )
    return read_all(connection, query, StoredBatch)


def find_receipt_keys(
    connection: Connection, wanted: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], tuple[int, int]]:
    """The (message, part) of each known (carrier, key)."""
    keys_of: dict[str, list[str]] = defaultdict(list)
    for carrier, key in wanted:
        keys_of[carrier].append(key)
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for carrier, keys in keys_of.items():
        # Not (carrier, key) IN (...): SQLite reads the whole table for that.
        query = select(receipt_keys).where(
            receipt_keys.c.carrier == carrier, receipt_keys.c.key.in_(keys)
        )
        for row in connection.execute(query):
            found[carrier, row.key] = (row.message_id, row.part)
    return found


def load_parked_receipts(connection: Connection, after: int) -> list[ParkedReceipt]:
    """Receipts parked since an identifier, oldest first."""
    if are_empty(connection, parked_receipts):
        return []
    query = (
        select(parked_receipts)
        .where(parked_receipts.c.receipt_id > after)
        .order_by(parked_receipts.c.receipt_id)
    )
    return read_all(connection, query, ParkedReceipt)


def wallet_of(connection: Connection, account_ids: Collection[int]) -> dict[int, int]:
    """The wallet of each account."""
    query = select(wallets.c.account_id, wallets.c.wallet_id).where(
        wallets.c.account_id.in_(account_ids), wallets.c.kind == "credits"
    )
    return {row.account_id: row.wallet_id for row in connection.execute(query)}


def recipients_of_batch(
    connection: Connection, account_id: int, batch_id: int, after: str, limit: int
) -> list[str]:
    """The numbers of a batch in the order of its messages, after one."""
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
