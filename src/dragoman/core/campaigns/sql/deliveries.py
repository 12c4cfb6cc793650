"""Mails that are due: claimed before they are sent, with the outcome of each attempt."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, case, func, select, text, update

from dragoman.core.campaigns.model.mailings import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    EndedBy,
    ListState,
    SubscriptionState,
    TokenPurpose,
)
from dragoman.core.campaigns.sql.tables import (
    deliveries,
    mailing_lists,
    subscription_tokens,
    subscriptions,
)
from dragoman.storage.bulk import BulkInsert, BulkUpdate
from dragoman.storage.rows import columns_of, read_all
from dragoman.storage.work import Operation, one_by_one, together


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to send now, and the digests of the links it will have."""

    delivery_id: int
    unsubscribe: bytes
    confirm: bytes
    at_ms: int


class MailAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of an attempt to send a mail."""

    delivery_id: int
    state: DeliveryState
    next_attempt_ms: int
    possible_duplicate: bool
    answered_ms: int
    answer_code: int | None
    answer: str


class Attempted(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt, and the number of hard bounces that ends a subscription."""

    attempt: MailAttempt
    subscription_id: int
    max_hard_bounces: int


_RECORD: Final = BulkUpdate(
    deliveries,
    MailAttempt.__struct_fields__,
    dict.fromkeys(MailAttempt.__struct_fields__[1:], "{new}"),
)
_INSERT_TOKENS: Final = BulkInsert(subscription_tokens)
# Written out, not bound: only so do databases see that the indexes of these states fit.
_PENDING: Final = text(f"deliveries.state = {DeliveryState.PENDING.value}")
_SENDING: Final = text(f"deliveries.state = {DeliveryState.SENDING.value}")


def accounts_waiting(connection: Connection) -> dict[int, int]:
    """When the first pending mail of each account is due."""
    query = (
        select(deliveries.c.account_id, func.min(deliveries.c.next_attempt_ms))
        .where(_PENDING)
        .group_by(deliveries.c.account_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def next_due(connection: Connection, account_id: int) -> int | None:
    """When the account's next mail is due; None if none is pending."""
    query = select(func.min(deliveries.c.next_attempt_ms)).where(
        deliveries.c.account_id == account_id, _PENDING
    )
    return connection.execute(query).scalar()


def count(connection: Connection, issue_id: int) -> dict[DeliveryState, int]:
    """The number of mails of an issue, by state."""
    query = (
        select(deliveries.c.state, func.count())
        .where(deliveries.c.issue_id == issue_id)
        .group_by(deliveries.c.state)
    )
    return {DeliveryState(state): number for state, number in connection.execute(query)}


def load_due(connection: Connection, account_id: int, now_ms: int, limit: int) -> list[Delivery]:
    """The account's due mails, the longest overdue first."""
    query = (
        select(*columns_of(deliveries, Delivery))
        .where(
            deliveries.c.account_id == account_id, _PENDING, deliveries.c.next_attempt_ms <= now_ms
        )
        .order_by(deliveries.c.next_attempt_ms, deliveries.c.delivery_id)
        .limit(limit)
    )
    return read_all(connection, query, Delivery)


def _claim(connection: Connection, items: list[Claim]) -> list[bool | Exception]:
    """Whether each mail may be sent; one whose subscription has ended is suppressed."""
    query = (
        select(
            deliveries.c.delivery_id,
            deliveries.c.subscription_id,
            deliveries.c.kind,
            subscriptions.c.state.label("subscribed"),
            mailing_lists.c.state.label("list_state"),
        )
        .join(subscriptions, subscriptions.c.subscription_id == deliveries.c.subscription_id)
        .join(mailing_lists, mailing_lists.c.list_id == deliveries.c.list_id)
        .where(deliveries.c.delivery_id.in_([item.delivery_id for item in items]), _PENDING)
    )
    due, suppressed = {}, []
    for row in connection.execute(query):
        if row.subscribed == _WANTED[row.kind] and row.list_state != ListState.ARCHIVED:
            due[row.delivery_id] = row
        else:
            suppressed.append(row.delivery_id)
    _set_states(connection, suppressed, DeliveryState.SUPPRESSED)
    if due:
        connection.execute(
            update(deliveries)
            .where(deliveries.c.delivery_id.in_(list(due)))
            .values(state=DeliveryState.SENDING, attempts=deliveries.c.attempts + 1)
        )
    tokens = []
    for item in items:
        mail = due.get(item.delivery_id)
        if mail is not None:
            about = (mail.subscription_id, int(TokenPurpose.UNSUBSCRIBE), item.at_ms)
            tokens.append((item.unsubscribe, *about))
            if mail.kind == DeliveryKind.OPT_IN:
                about = (mail.subscription_id, int(TokenPurpose.CONFIRM), item.at_ms)
                tokens.append((item.confirm, *about))
    _INSERT_TOKENS.run(connection, tokens)
    return [item.delivery_id in due for item in items]


_WANTED: Final[dict[int, SubscriptionState]] = {
    DeliveryKind.ISSUE: SubscriptionState.SUBSCRIBED,
    DeliveryKind.OPT_IN: SubscriptionState.PENDING,
}
"""In which state of the subscription a mail may go out."""

claim = Operation(_claim, "claim_deliveries", Claim)


@together("record_mail_attempts")
def record(connection: Connection, items: list[Attempted]) -> None:
    _RECORD.run(connection, [msgspec.structs.astuple(item.attempt) for item in items])
    for item in items:
        if item.attempt.state is DeliveryState.BOUNCED:
            _count_bounce(connection, item)
        elif item.attempt.state is DeliveryState.SENT:
            table = subscriptions.c
            bounced = (table.subscription_id == item.subscription_id, table.hard_bounces > 0)
            connection.execute(update(subscriptions).where(*bounced).values(hard_bounces=0))


def _count_bounce(connection: Connection, item: Attempted) -> None:
    change = update(subscriptions).where(subscriptions.c.subscription_id == item.subscription_id)
    connection.execute(change.values(hard_bounces=subscriptions.c.hard_bounces + 1))
    connection.execute(
        change.where(
            subscriptions.c.hard_bounces >= item.max_hard_bounces,
            subscriptions.c.state.in_((SubscriptionState.SUBSCRIBED, SubscriptionState.PENDING)),
        ).values(
            state=SubscriptionState.STOPPED,
            ended_ms=item.attempt.answered_ms,
            ended_by=EndedBy.BOUNCES.value,
        )
    )


class Hurry(NamedTuple):
    """Has mails that are due after a time tried earlier, by so much, but not before now."""

    after_ms: int
    by_ms: int
    now_ms: int


@one_by_one("hurry_deliveries")
def hurry(connection: Connection, item: Hurry) -> None:
    earlier = deliveries.c.next_attempt_ms - item.by_ms
    due_ms = case((earlier > item.now_ms, earlier), else_=item.now_ms)
    later = update(deliveries).where(_PENDING, deliveries.c.next_attempt_ms > item.after_ms)
    connection.execute(later.values(next_attempt_ms=due_ms))


@one_by_one("release_deliveries")
def release(connection: Connection, item: tuple[int, ...]) -> None:
    """Returns claimed mails that were never sent."""
    released = update(deliveries).where(deliveries.c.delivery_id.in_(item))
    attempts = deliveries.c.attempts - 1
    connection.execute(released.values(state=DeliveryState.PENDING, attempts=attempts))


def _restore(connection: Connection, items: list[tuple[int, ...]]) -> list[int | Exception]:
    """Marks mails left in sending by an earlier run as possible duplicates, and requeues them.

    An item names the mails that the caller is sending; the result is the number of requeued ones.
    """
    known = [delivery_id for item in items for delivery_id in item]
    changed = connection.execute(
        update(deliveries)
        .where(_SENDING, deliveries.c.delivery_id.not_in(known))
        .values(state=DeliveryState.PENDING, possible_duplicate=True)
    ).rowcount
    return [changed] * len(items)


restore = Operation(_restore, "restore_deliveries", tuple[int, ...])


def _set_states(connection: Connection, ids: list[int], state: DeliveryState) -> None:
    if ids:
        connection.execute(
            update(deliveries).where(deliveries.c.delivery_id.in_(ids)).values(state=state)
        )
