"""Subscriptions to mailing lists: added, confirmed and ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, func, select, update

from dragoman.core.campaigns.model.mailings import (
    DeliveryKind,
    DeliveryState,
    EndedBy,
    SubscriptionState,
    TokenPurpose,
)
from dragoman.core.campaigns.sql.tables import deliveries, subscription_tokens, subscriptions
from dragoman.core.model.mail_addresses import key_of
from dragoman.kit.ids import first_at
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.rows import columns_of, is_one_of, read_all, read_one
from dragoman.storage.work import one_by_one

OPT_IN_EVERY_MS: Final = 24 * 3600 * 1000
"""An address gets at most one opt-in mail of a list in this time, however often it is asked for."""


class NewSubscriber(msgspec.Struct, frozen=True, kw_only=True):
    """An address to add; `delivery_id` is for its opt-in mail or for an issue."""

    subscription_id: int
    delivery_id: int
    contact_id: int | None
    address: str


class Subscribing(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses to add to a list, with or without an opt-in mail."""

    account_id: int
    list_id: int
    subscribers: tuple[NewSubscriber, ...]
    opt_in: bool
    at_ms: int


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """An address on a list."""

    subscription_id: int
    account_id: int
    list_id: int
    contact_id: int | None
    address: str
    state: SubscriptionState
    ended_by: str
    hard_bounces: int


class TokenUse(msgspec.Struct, frozen=True, kw_only=True):
    """A click on a link."""

    digest: bytes
    purpose: TokenPurpose
    how: EndedBy
    at_ms: int


_INSERT: Final = BulkInsert(subscriptions, suffix="ON CONFLICT DO NOTHING")
INSERT_DELIVERIES: Final = BulkInsert(deliveries, suffix="ON CONFLICT DO NOTHING")
_VIEW: Final = select(*columns_of(subscriptions, Subscription))


def find(connection: Connection, list_id: int, address: str) -> Subscription | None:
    """The subscription of an address to a list."""
    of_list = _VIEW.where(subscriptions.c.list_id == list_id)
    query = of_list.where(subscriptions.c.address_key == key_of(address))
    return read_one(connection, query, Subscription)


def load(connection: Connection, list_id: int, after: int, limit: int) -> list[Subscription]:
    """Active subscriptions of a list, by identifier, after one."""
    query = (
        _VIEW.where(
            subscriptions.c.list_id == list_id,
            subscriptions.c.subscription_id > after,
            subscriptions.c.state == SubscriptionState.SUBSCRIBED,
        )
        .order_by(subscriptions.c.subscription_id)
        .limit(limit)
    )
    return read_all(connection, query, Subscription)


def count(connection: Connection, list_id: int) -> dict[SubscriptionState, int]:
    """The number of subscriptions of a list, by state."""
    query = (
        select(subscriptions.c.state, func.count())
        .where(subscriptions.c.list_id == list_id)
        .group_by(subscriptions.c.state)
    )
    return {SubscriptionState(state): number for state, number in connection.execute(query)}


def new_delivery(
    delivery_id: int, issue_id: int | None, to: Subscription, at_ms: int
) -> tuple[object, ...]:
    """The row of a pending mail: for an issue, or for opt-in without one."""
    kind = DeliveryKind.OPT_IN if issue_id is None else DeliveryKind.ISSUE
    return (
        *(delivery_id, to.account_id, int(kind), to.list_id, issue_id, to.subscription_id),
        *(to.address, int(DeliveryState.PENDING), 0, at_ms, False, None, None, None),
    )


def put(
    connection: Connection,
    account_id: int,
    list_id: int,
    subscribers: Sequence[NewSubscriber],
    state: SubscriptionState,
) -> dict[str, Subscription]:
    """Adds missing subscriptions; returns all, before and after, by address key."""
    _INSERT.run(
        connection,
        [
            (
                *(one.subscription_id, account_id, list_id, one.contact_id),
                *(one.address, key_of(one.address), int(state), None, None, "", 0),
            )
            for one in subscribers
        ],
    )
    keys = sorted({key_of(one.address) for one in subscribers})
    named = is_one_of(connection.dialect.name, subscriptions.c.address_key, keys)
    query = _VIEW.where(subscriptions.c.list_id == list_id, named)
    return {key_of(one.address): one for one in read_all(connection, query, Subscription)}


@one_by_one("subscribe")
def subscribe(connection: Connection, item: Subscribing) -> int:
    """The number of opt-in mails of each item.

    An address that unsubscribed is not added again on the customer's word: only an opt-in mail may
    ask, and only its answer counts. Neither is one that was asked and has not answered.
    """
    state = SubscriptionState.PENDING if item.opt_in else SubscriptionState.SUBSCRIBED
    found = put(connection, item.account_id, item.list_id, item.subscribers, state)
    if not item.opt_in:
        return 0
    asked = {
        one.subscription_id
        for one in found.values()
        if one.state is not SubscriptionState.SUBSCRIBED
    }
    asked -= _asked_lately(connection, asked, item.at_ms)
    rows, waiting = [], []
    for subscriber in item.subscribers:
        subscription = found[key_of(subscriber.address)]
        if subscription.subscription_id in asked:
            asked.discard(subscription.subscription_id)
            rows.append(new_delivery(subscriber.delivery_id, None, subscription, item.at_ms))
            waiting.append(subscription.subscription_id)
    INSERT_DELIVERIES.run(connection, rows)
    if rows:
        these = is_one_of(connection.dialect.name, subscriptions.c.subscription_id, waiting)
        changed = update(subscriptions).where(these).values(state=SubscriptionState.PENDING)
        connection.execute(changed)
    return len(rows)


def _asked_lately(connection: Connection, candidates: set[int], at_ms: int) -> set[int]:
    query = select(deliveries.c.subscription_id).where(
        is_one_of(connection.dialect.name, deliveries.c.subscription_id, candidates),
        deliveries.c.kind == DeliveryKind.OPT_IN,
        deliveries.c.delivery_id >= first_at(at_ms - OPT_IN_EVERY_MS),
    )
    return set(connection.execute(query).scalars())


@one_by_one("use_subscription_tokens")
def use_token(connection: Connection, item: TokenUse) -> bool:
    """Whether each token leads to a subscription; a repeated click changes nothing."""
    query = select(subscription_tokens.c.subscription_id).where(
        subscription_tokens.c.digest == item.digest, subscription_tokens.c.purpose == item.purpose
    )
    subscription_id = connection.execute(query).scalar()
    if subscription_id is None:
        return False
    state = subscriptions.c.state
    values: dict[str, object]
    if item.purpose is TokenPurpose.CONFIRM:
        # An old opt-in mail does not bring back who has left since.
        is_asked = state == SubscriptionState.PENDING
        values = {"confirmed_ms": item.at_ms, "hard_bounces": 0}
        values["state"] = SubscriptionState.SUBSCRIBED
    else:
        is_asked = state != SubscriptionState.UNSUBSCRIBED
        values = {"ended_ms": item.at_ms, "ended_by": item.how.value}
        values["state"] = SubscriptionState.UNSUBSCRIBED
    change = update(subscriptions).where(subscriptions.c.subscription_id == subscription_id)
    connection.execute(change.where(is_asked).values(**values))
    return True
