"""Webhooks: which URL is called about an account's messages, and about its phones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dragoman.admin.answers import WebhookList, WebhookView
from dragoman.admin.calls import Body, Call
from dragoman.admin.context import Admin
from dragoman.admin.inbound import OfAccount
from dragoman.admin.merging import whole
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.callbacks.model.webhooks import StoredWebhook
from dragoman.core.callbacks.webhooks import TEXTS, Webhooks
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.urls import hide_passwords
from dragoman.dialects import DIALECTS
from dragoman.dialects.jasmin.arguments import NAME as JASMIN
from dragoman.dialects.kannel.submissions import NAME as KANNEL
from dragoman.dialects.smsgateway24.mapping import NAME
from dragoman.dialects.smsgateway24.webhooks import EVENTS, Event, put_webhook

TAKES_TEXTS: Final = (JASMIN, KANNEL)
"""Dialects whose programs have a URL for all received texts of an account."""


class NewWebhook(Body, frozen=True, kw_only=True):
    """The URL to call about an event from now on; none where it is empty."""

    account: str
    event: str
    url: str
    device_id: int | None = None
    """Only for this phone; else for all that have none of their own."""
    dialect: str = NAME
    """Whose programs are called. Others than those of SMSGateway24 have no URL for a phone; for
    received texts some have none but those of keywords and those they set themselves."""


async def list_webhooks(admin: Admin, query: OfAccount) -> WebhookList:
    """List webhooks by account."""
    services = admin.services
    accounts = await services.accounts.list_all()
    if query.account:
        accounts = [await services.accounts.find(query.account)]
    found = [view for account in accounts for view in _views(services.webhooks, account)]
    return WebhookList(webhooks=tuple(found))


def _views(webhooks: Webhooks, account: Account) -> Iterator[WebhookView]:
    """The URLs for reports, and those of phones; what programs set themselves is their own."""
    for dialect in DIALECTS:
        url = webhooks.report_url(account.account_id, dialect)
        if dialect == NAME:
            for stored in sorted(webhooks.of_account(account, NAME), key=_all_phones_first):
                yield _view(account, NAME, EVENTS[stored.event], stored.url, stored.device_id)
            continue
        if url:
            yield _view(account, dialect, Event.DELIVERY, url)
        texts = webhooks.find(account.account_id, dialect, TEXTS)
        if texts is not None and dialect in TAKES_TEXTS:
            yield _view(account, dialect, Event.INCOMING, texts.url)


async def set_webhook(admin: Admin, body: NewWebhook) -> WebhookView:
    """Set or remove the URL that is called about an event."""
    account = await admin.services.accounts.find(body.account)
    try:
        event = Event(body.event)
    except ValueError:
        raise Refused(RefusalCode.INVALID_FIELD, "event", " or ".join(Event)) from None
    await _put(admin, account, event, body)
    await admin.note(account, "webhook", f"{event.value} of {body.dialect}")
    return _view(account, body.dialect, event, body.url, body.device_id)


async def _put(admin: Admin, account: Account, event: Event, body: NewWebhook) -> None:
    services = admin.services
    if body.dialect == NAME:
        await put_webhook(services.webhooks, account, event, body.url, body.device_id)
        return
    if body.dialect not in DIALECTS:
        raise Refused(RefusalCode.INVALID_FIELD, "dialect", f"there are {', '.join(DIALECTS)}")
    if body.device_id is not None:
        raise Refused(RefusalCode.NOT_SUPPORTED, "device_id", f"only in {NAME}")
    if event is Event.DELIVERY:
        await services.webhooks.put_report_url(account, body.dialect, body.url)
    elif body.dialect not in TAKES_TEXTS:
        detail = f"received texts are for {', '.join((NAME, *TAKES_TEXTS))}"
        raise Refused(RefusalCode.NOT_SUPPORTED, "event", detail)
    else:
        await services.webhooks.put_text_url(account, body.dialect, body.url)


def _view(
    account: Account, dialect: str, event: Event, url: str, device_id: int | None = None
) -> WebhookView:
    return WebhookView(
        account=account.username,
        dialect=dialect,
        device_id=device_id,
        event=event.value,
        url=hide_passwords(url),
    )


def _all_phones_first(stored: StoredWebhook) -> tuple[int, str]:
    return stored.device_id or 0, EVENTS[stored.event].value


CALLS: Final = (
    Call("GET", "/webhooks", list_webhooks, whole=whole()),
    Call("PUT", "/webhooks", set_webhook),
)
