"""Customers' webhooks: put under a key, removed, and loaded whole when the gateway starts."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from dragoman.core.callbacks.model.webhooks import StoredWebhook
from dragoman.core.callbacks.sql.tables import webhooks
from dragoman.core.messages.model.callbacks import EventKind
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.messages.sql.changes import insert_callbacks
from dragoman.storage.work import Operation


class WebhookKey(msgspec.Struct, frozen=True, kw_only=True):
    """Which webhook."""

    account_id: int
    dialect: str
    key: str


def _put(connection: Connection, items: list[StoredWebhook]) -> list[Exception | None]:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    for item in items:
        row: dict[str, Any] = {**msgspec.structs.asdict(item), "event": item.event.value}
        statement = dialect.insert(webhooks).values(row)
        changed = {name: row[name] for name in ("event", "url", "device_id")}
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["account_id", "dialect", "key"], set_=changed
            )
        )
    return [None] * len(items)


def _remove(connection: Connection, items: list[WebhookKey]) -> list[Exception | None]:
    for item in items:
        connection.execute(
            delete(webhooks).where(
                webhooks.c.account_id == item.account_id,
                webhooks.c.dialect == item.dialect,
                webhooks.c.key == item.key,
            )
        )
    return [None] * len(items)


def _call(connection: Connection, items: list[tuple[NewCallback, ...]]) -> list[Exception | None]:
    insert_callbacks(connection, [callback for item in items for callback in item])
    return [None] * len(items)


put = Operation(_put, "put_webhook", StoredWebhook)
remove = Operation(_remove, "remove_webhook", WebhookKey)
call = Operation(_call, "call_webhooks", tuple[NewCallback, ...])


def load_all(connection: Connection) -> list[StoredWebhook]:
    """Every webhook, oldest first."""
    query = select(webhooks).order_by(webhooks.c.created_ms, webhooks.c.key)
    return [
        StoredWebhook(**{**row._mapping, "event": EventKind(row.event)})
        for row in connection.execute(query)
    ]
