"""Who is on a mailing list: added, confirmed, ended, each by its own transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, Row, func, select, update

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
from dragoman.storage.work import Operation

OPT_IN_EVERY_MS: Final = 24 * 3600 * 1000
"""An address gets at most one opt-in mail of a list in this time, however often it is asked for."""


class NewSubscriber(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody to put on a list; `delivery_id` is for the opt-in mail or for an issue."""

    subscription_id: int
    delivery_id: int
    contact_id: int | None
    address: str


class Subscribing(msgspec.Struct, frozen=True, kw_only=True):
    """People to put on a list, with or without a mail that asks them first."""

    account_id: int
    list_id: int
    subscribers: tuple[NewSubscriber, ...]
    opt_in: bool
    at_ms: int


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody on a list."""

    subscription_id: int
    account_id: int
    list_id: int
    contact_id: int | None
    address: str
    state: SubscriptionState
    ended_by: str
    hard_bounces: int


class TokenUse(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody pressed the button behind a link."""

    digest: bytes
    purpose: TokenPurpose
    how: EndedBy
    at_ms: int


_INSERT: Final = BulkInsert(subscriptions, suffix="ON CONFLICT DO NOTHING")
_INSERT_DELIVERY: Final = BulkInsert(deliveries, suffix="ON CONFLICT DO NOTHING")
_VIEW: Final = select(*(subscriptions.c[name] for name in Subscription.__struct_fields__))
_AT_ONCE: Final = 500
"""Addresses that one query looks for."""


def find(connection: Connection, list_id: int, address: str) -> Subscription | None:
    """The subscription of an address to a list."""
    row = connection.execute(
        _VIEW.where(
            subscriptions.c.list_id == list_id, subscriptions.c.address_key == key_of(address)
        )
    ).first()
    return None if row is None else _subscription(row)


def load(connection: Connection, list_id: int, after: int, limit: int) -> list[Subscription]:
    """Who gets the issues of a list, by identifier, from `after` on."""
    query = (
        _VIEW.where(
            subscriptions.c.list_id == list_id,
            subscriptions.c.subscription_id > after,
            subscriptions.c.state == SubscriptionState.SUBSCRIBED,
        )
        .order_by(subscriptions.c.subscription_id)
        .limit(limit)
    )
    return [_subscription(row) for row in connection.execute(query)]


def count(connection: Connection, list_id: int) -> dict[SubscriptionState, int]:
    """How many are on a list, by state."""
    query = (
        select(subscriptions.c.state, func.count())
        .where(subscriptions.c.list_id == list_id)
        .group_by(subscriptions.c.state)
    )
    return {SubscriptionState(state): number for state, number in connection.execute(query)}


def put(
    connection: Connection,
    account_id: int,
    list_id: int,
    subscribers: Sequence[NewSubscriber],
    state: SubscriptionState,
) -> dict[str, Subscription]:
    """Adds those who are not there; all of them as they stand before and after, by address key."""
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
    found: dict[str, Subscription] = {}
    for start in range(0, len(keys), _AT_ONCE):
        query = _VIEW.where(
            subscriptions.c.list_id == list_id,
            subscriptions.c.address_key.in_(keys[start : start + _AT_ONCE]),
        )
        for row in connection.execute(query):
            found[key_of(row.address)] = _subscription(row)
    return found


def _subscribe(connection: Connection, items: list[Subscribing]) -> list[int | Exception]:
    """How many opt-in mails each item makes.

    Who has left is not brought back by the customer's word: only an opt-in mail may ask, and only
    its answer counts. Who has been asked is not subscribed without having answered.
    """
    return [_subscribe_one(connection, item) for item in items]


def _subscribe_one(connection: Connection, item: Subscribing) -> int:
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
    rows = []
    for subscriber in item.subscribers:
        subscription = found[key_of(subscriber.address)]
        if subscription.subscription_id in asked:
            asked.discard(subscription.subscription_id)
            rows.append(
                (
                    *(subscriber.delivery_id, item.account_id, int(DeliveryKind.OPT_IN)),
                    *(item.list_id, None, subscription.subscription_id, subscription.address),
                    *(int(DeliveryState.PENDING), 0, item.at_ms, False, None, None, None),
                )
            )
    _INSERT_DELIVERY.run(connection, rows)
    waiting = [row[5] for row in rows]
    for start in range(0, len(waiting), _AT_ONCE):
        connection.execute(
            update(subscriptions)
            .where(subscriptions.c.subscription_id.in_(waiting[start : start + _AT_ONCE]))
            .values(state=SubscriptionState.PENDING)
        )
    return len(rows)


def _asked_lately(connection: Connection, candidates: set[int], at_ms: int) -> set[int]:
    ordered, found = sorted(candidates), set[int]()
    for start in range(0, len(ordered), _AT_ONCE):
        query = select(deliveries.c.subscription_id).where(
            deliveries.c.subscription_id.in_(ordered[start : start + _AT_ONCE]),
            deliveries.c.kind == DeliveryKind.OPT_IN,
            deliveries.c.delivery_id >= first_at(at_ms - OPT_IN_EVERY_MS),
        )
        found.update(connection.execute(query).scalars())
    return found


subscribe = Operation(_subscribe, "subscribe", Subscribing)


def _use_token(connection: Connection, items: list[TokenUse]) -> list[bool | Exception]:
    """Whether each token leads to a subscription; pressing twice is as good as once."""
    return [_use_one(connection, item) for item in items]


def _use_one(connection: Connection, item: TokenUse) -> bool:
    query = select(subscription_tokens.c.subscription_id).where(
        subscription_tokens.c.digest == item.digest,
        subscription_tokens.c.purpose == item.purpose,
    )
    subscription_id = connection.execute(query).scalar()
    if subscription_id is None:
        return False
    change = update(subscriptions).where(subscriptions.c.subscription_id == subscription_id)
    if item.purpose is TokenPurpose.CONFIRM:
        # An old opt-in mail does not bring back who has left since.
        connection.execute(
            change.where(subscriptions.c.state == SubscriptionState.PENDING).values(
                state=SubscriptionState.SUBSCRIBED, confirmed_ms=item.at_ms, hard_bounces=0
            )
        )
    else:
        connection.execute(
            change.where(subscriptions.c.state != SubscriptionState.UNSUBSCRIBED).values(
                state=SubscriptionState.UNSUBSCRIBED, ended_ms=item.at_ms, ended_by=item.how.value
            )
        )
    return True


use_token = Operation(_use_token, "use_subscription_tokens", TokenUse)


def _subscription(row: Row[tuple[object, ...]]) -> Subscription:
    values = dict(row._mapping)
    return Subscription(**{**values, "state": SubscriptionState(values["state"])})
