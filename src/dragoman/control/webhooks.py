"""Commands on webhooks: which address is called about an account's phones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Any, Final

from dragoman.control import requests
from dragoman.control.answers import WebhookList, WebhookView
from dragoman.control.house import Controlled
from dragoman.core.callbacks.model.webhooks import StoredWebhook
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsgateway24.mapping import NAME
from dragoman.dialects.smsgateway24.webhooks import EVENTS, Event, put_webhook


async def _list_webhooks(controlled: Controlled, request: requests.ListWebhooks) -> WebhookList:
    services = controlled.services
    accounts = await services.accounts.list_all()
    if request.username:
        accounts = [await services.accounts.find(request.username)]
    return WebhookList(
        webhooks=tuple(
            _view(account.username, stored)
            for account in accounts
            for stored in sorted(services.webhooks.of_account(account, NAME), key=_all_phones_first)
        )
    )


async def _set_webhook(controlled: Controlled, request: requests.SetWebhook) -> WebhookView:
    services = controlled.services
    account = await services.accounts.find(request.username)
    try:
        event = Event(request.event)
    except ValueError:
        raise Refused(RefusalCode.INVALID_FIELD, "event", " or ".join(Event)) from None
    await put_webhook(services.webhooks, account, event, request.url, request.device_id)
    return WebhookView(
        account=account.username,
        device_id=request.device_id,
        event=event.value,
        url=request.url,
    )


def _view(username: str, stored: StoredWebhook) -> WebhookView:
    return WebhookView(
        account=username,
        device_id=stored.device_id,
        event=EVENTS[stored.event].value,
        url=stored.url,
    )


def _all_phones_first(stored: StoredWebhook) -> tuple[int, str]:
    return stored.device_id or 0, EVENTS[stored.event].value


WEBHOOK_HANDLERS: Final = MappingProxyType[type[Any], Callable[[Controlled, Any], Awaitable[Any]]](
    {
        requests.ListWebhooks: _list_webhooks,
        requests.SetWebhook: _set_webhook,
    }
)
"""What carries out each of these requests."""
