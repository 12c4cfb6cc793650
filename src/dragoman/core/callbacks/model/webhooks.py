"""A customer's URL that is notified of one kind of event."""

from __future__ import annotations

import msgspec

from dragoman.core.messages.model.callbacks import EventKind


class StoredWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `webhooks`."""

    account_id: int
    dialect: str
    key: str
    event: EventKind
    url: str
    device_id: int | None
    created_ms: int
