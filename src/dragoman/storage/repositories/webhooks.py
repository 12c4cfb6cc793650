"""Addresses that customers want called about their phones."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, insert, select

from dragoman.storage.tables import webhooks
from dragoman.storage.work import Operation


class StoredWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `webhooks`; without a URL, one that is to go."""

    account_id: int
    device_id: int
    event: str
    dialect: str
    url: str


def _put(connection: Connection, items: list[StoredWebhook]) -> list[Exception | None]:
    for item in items:
        connection.execute(
            delete(webhooks).where(
                webhooks.c.account_id == item.account_id,
                webhooks.c.device_id == item.device_id,
                webhooks.c.event == item.event,
            )
        )
        if item.url:
            connection.execute(insert(webhooks).values(**msgspec.structs.asdict(item)))
    return [None] * len(items)


put = Operation(_put, "put_webhook", StoredWebhook)


def load_all(connection: Connection) -> list[StoredWebhook]:
    """Every webhook, those of an account for all its phones before those of a phone."""
    query = select(webhooks).order_by(webhooks.c.account_id, webhooks.c.device_id, webhooks.c.event)
    return [StoredWebhook(**row._mapping) for row in connection.execute(query)]
