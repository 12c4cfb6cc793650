"""Webhooks: which URL is called about an account's phones."""

from __future__ import annotations

from typing import Final

from dragoman.admin.answers import WebhookList, WebhookView
from dragoman.admin.calls import Body, Call
from dragoman.admin.context import Admin
from dragoman.admin.inbound import OfAccount
from dragoman.core.callbacks.model.webhooks import StoredWebhook
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsgateway24.mapping import NAME
from dragoman.dialects.smsgateway24.webhooks import EVENTS, Event, put_webhook


class NewWebhook(Body, frozen=True, kw_only=True):
    """The URL to call about an event from now on; none where it is empty."""

    account: str
    event: str
    url: str
    device_id: int | None = None
    """Only for this phone; else for all that have none of their own."""


async def list_webhooks(admin: Admin, query: OfAccount) -> WebhookList:
    """List webhooks by account."""
    services = admin.services
    accounts = await services.accounts.list_all()
    if query.account:
        accounts = [await services.accounts.find(query.account)]
    return WebhookList(
        webhooks=tuple(
            _view(account.username, stored)
            for account in accounts
            for stored in sorted(services.webhooks.of_account(account, NAME), key=_all_phones_first)
        )
    )


async def set_webhook(admin: Admin, body: NewWebhook) -> WebhookView:
    """Set or remove the URL that is called about an event."""
    account = await admin.services.accounts.find(body.account)
    try:
        event = Event(body.event)
    except ValueError:
        raise Refused(RefusalCode.INVALID_FIELD, "event", " or ".join(Event)) from None
    await put_webhook(admin.services.webhooks, account, event, body.url, body.device_id)
    await admin.note(account, "webhook", event.value)
    return WebhookView(
        account=account.username, device_id=body.device_id, event=event.value, url=body.url
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


CALLS: Final = (Call("GET", "/webhooks", list_webhooks), Call("PUT", "/webhooks", set_webhook))
