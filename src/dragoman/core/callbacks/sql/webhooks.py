"""Customers' webhooks: stored under a key, removed, and loaded at the start."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, select

from dragoman.core.callbacks.model.webhooks import StoredWebhook
from dragoman.core.callbacks.sql.tables import webhooks
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.messages.sql.changes import insert_callbacks
from dragoman.storage.rows import are_empty, put_row, read_all, row_of
from dragoman.storage.work import one_by_one, together


class WebhookKey(msgspec.Struct, frozen=True, kw_only=True):
    """Identifies a webhook."""

    account_id: int
    dialect: str
    key: str


@one_by_one("put_webhook")
def put(connection: Connection, item: StoredWebhook) -> None:
    put_row(connection, webhooks, row_of(item), "event", "url", "device_id")


@one_by_one("remove_webhook")
def remove(connection: Connection, item: WebhookKey) -> None:
    key = (
        webhooks.c.account_id == item.account_id,
        webhooks.c.dialect == item.dialect,
        webhooks.c.key == item.key,
    )
    connection.execute(delete(webhooks).where(*key))


@together("call_webhooks")
def call(connection: Connection, items: list[tuple[NewCallback, ...]]) -> None:
    insert_callbacks(connection, [callback for item in items for callback in item])


def load_all(connection: Connection) -> list[StoredWebhook]:
    """Every webhook, oldest first."""
    if are_empty(connection, webhooks):
        return []
    query = select(webhooks).order_by(webhooks.c.created_ms, webhooks.c.key)
    return read_all(connection, query, StoredWebhook)
