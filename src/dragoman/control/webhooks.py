"""Commands on webhooks: which address is called about an account's phones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Any, Final

from dragoman.control import requests
from dragoman.control.answers import WebhookList, WebhookView
from dragoman.control.house import Controlled
from dragoman.dialects.smsgateway24.mapping import NAME
from dragoman.domain.errors import RefusalCode, Refused
from dragoman.services.webhooks import ANY_DEVICE, WebhookEvent
from dragoman.storage.repositories.webhooks import StoredWebhook


async def _list_webhooks(controlled: Controlled, request: requests.ListWebhooks) -> WebhookList:
    house = controlled.house
    accounts = await house.accounts.list_all()
    if request.username:
        accounts = [await house.accounts.find(request.username)]
    return WebhookList(
        webhooks=tuple(
            _view(account.username, stored)
            for account in accounts
            for stored in house.webhooks.of_account(account)
        )
    )


async def _set_webhook(controlled: Controlled, request: requests.SetWebhook) -> WebhookView:
    house = controlled.house
    account = await house.accounts.find(request.username)
    try:
        event = WebhookEvent(request.event)
    except ValueError:
        known = " or ".join(WebhookEvent)
        raise Refused(RefusalCode.INVALID_FIELD, "event", known) from None
    device_id = ANY_DEVICE
    if request.device_id is not None:
        device_id = house.devices.find(account, request.device_id).device_id
    stored = await house.webhooks.put(account, device_id, event, request.url, dialect=NAME)
    return _view(account.username, stored)


def _view(username: str, stored: StoredWebhook) -> WebhookView:
    return WebhookView(
        account=username,
        device_id=stored.device_id or None,
        event=stored.event,
        url=stored.url,
    )


WEBHOOK_HANDLERS: Final = MappingProxyType[type[Any], Callable[[Controlled, Any], Awaitable[Any]]](
    {
        requests.ListWebhooks: _list_webhooks,
        requests.SetWebhook: _set_webhook,
    }
)
"""What carries out each of these requests."""
