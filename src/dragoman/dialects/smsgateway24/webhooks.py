"""The webhooks of an account's phones: a phone's own URL, else that of all phones.

Each is a POST of JSON when a text was sent, arrived or failed, or when one came in.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.callbacks.model.webhooks import StoredWebhook
from dragoman.core.callbacks.webhooks import Webhooks
from dragoman.core.messages.model.callbacks import (
    CallbackCall,
    CallbackFacts,
    EventFacts,
    EventKind,
)
from dragoman.core.model.errors import FailureCode
from dragoman.dialects.smsgateway24 import mapping
from dragoman.dialects.smsgateway24.mapping import NAME
from dragoman.dialects.smsgateway24.times import render_plain, zone_named

HEADERS: Final = (("Content-Type", "application/json"),)


class Event(StrEnum):
    """What a webhook is called for."""

    DELIVERY = "delivery"
    """A text was sent, arrived or failed."""
    INCOMING = "incoming"
    """A text came in."""


KINDS: Final = MappingProxyType(
    {Event.DELIVERY: EventKind.MESSAGE_CHANGED, Event.INCOMING: EventKind.TEXT_RECEIVED}
)
"""Our kind of each event."""
EVENTS: Final = MappingProxyType({kind: event for event, kind in KINDS.items()})


def key_of(event: Event, device_id: int | None) -> str:
    """Under what a webhook is kept: there is one for each event and phone, and one for all."""
    return event.value if device_id is None else f"{event.value}:{device_id}"


def find_delivery(
    webhooks: Webhooks, account_id: int, device_id: int | None
) -> StoredWebhook | None:
    """The webhook for the delivery of a text, chosen when the text is submitted."""
    own = None
    if device_id is not None:
        own = webhooks.find(account_id, NAME, key_of(Event.DELIVERY, device_id))
    return own or webhooks.find(account_id, NAME, key_of(Event.DELIVERY, None))


async def put_webhook(
    webhooks: Webhooks, account: Account, event: Event, url: str, device_id: int | None
) -> None:
    """Registers a URL in place of any other; an empty one removes the webhook.

    A text keeps the URL it was submitted with. Raises `Refused`.
    """
    key = key_of(event, device_id)
    if url:
        await webhooks.put(account, NAME, key=key, event=KINDS[event], url=url, device_id=device_id)
    else:
        await webhooks.remove(account, NAME, key)


class DeliveryEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a text that was sent."""

    sms_id: int
    status_id: int
    status_message: str
    sendto: str
    senttime: str
    channel_id: int | None
    sim: int | None
    device_id: int | None


class IncomingEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A text that came in; its times are milliseconds since 1970, as Android keeps them."""

    address: str
    date: int
    date_sent: int
    body: str
    internal_id: int
    channel_id: int | None
    sim: int | None
    sms_id: int
    device_id: int | None
    device_name: str | None


async def render_delivery(services: Services, url: str, facts: CallbackFacts) -> CallbackCall:
    """Renders the call about a text that was sent; raises `StorageUnavailable`."""
    note = mapping.parse_note(facts.return_data)
    text_id = facts.message_id if note.newsletter else facts.batch_id
    short_ids = await services.short_ids.of([text_id])
    status = mapping.status_of(facts.state, FailureCode(facts.failure), facts.detail)
    slot = mapping.render_slot(note.slot)
    event = DeliveryEvent(
        sms_id=short_ids[text_id],
        status_id=status,
        status_message=mapping.TITLES[status],
        sendto=mapping.render_number(facts.recipient),
        senttime=render_plain(facts.at_ms, zone_named(note.zone)),
        channel_id=slot,
        sim=slot,
        device_id=note.device_id,
    )
    return CallbackCall(method="POST", url=url, headers=HEADERS, body=msgspec.json.encode(event))


async def render_incoming(services: Services, url: str, facts: EventFacts) -> CallbackCall:
    """Renders the call about a text that came in; raises `StorageUnavailable`."""
    slot = mapping.render_slot(facts.sim)
    text_id = int(facts.key)
    sms_id = (await services.short_ids.of([text_id]))[text_id]
    device = None if facts.device_id is None else services.devices.get(facts.device_id)
    event = IncomingEvent(
        address=mapping.render_number(facts.sender),
        date=facts.at_ms,
        date_sent=facts.at_ms,
        body=facts.text,
        internal_id=sms_id,
        channel_id=slot,
        sim=slot,
        sms_id=sms_id,
        device_id=facts.device_id,
        device_name=None if device is None else device.name,
    )
    return CallbackCall(method="POST", url=url, headers=HEADERS, body=msgspec.json.encode(event))
