"""The webhooks: a POST of JSON when a text was sent, arrived or failed, and when one came in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from dragoman.core.messages.model.callbacks import CallbackCall, CallbackFacts, EventFacts
from dragoman.core.model.errors import FailureCode
from dragoman.dialects.smsgateway24 import mapping
from dragoman.dialects.smsgateway24.times import render_plain, zone_named

HEADERS: Final = (("Content-Type", "application/json"),)


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


def render_delivery(url: str, facts: CallbackFacts) -> CallbackCall:
    """Renders the call about a text that was sent."""
    note = mapping.parse_note(facts.return_data)
    status = mapping.status_of(facts.state, FailureCode(facts.failure), facts.detail)
    slot = mapping.render_slot(note.slot)
    event = DeliveryEvent(
        sms_id=facts.message_id if note.newsletter else facts.batch_id,
        status_id=status,
        status_message=mapping.TITLES[status],
        sendto=mapping.render_number(facts.recipient),
        senttime=render_plain(facts.at_ms, zone_named(note.zone)),
        channel_id=slot,
        sim=slot,
        device_id=note.device_id,
    )
    return CallbackCall(method="POST", url=url, headers=HEADERS, body=msgspec.json.encode(event))


def render_incoming(
    url: str, facts: EventFacts, name_of: Callable[[int], str | None]
) -> CallbackCall:
    """Renders the call about a text that came in; `name_of` finds the name of a phone."""
    slot = mapping.render_slot(facts.sim)
    sms_id = int(facts.key)
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
        device_name=None if facts.device_id is None else name_of(facts.device_id),
    )
    return CallbackCall(method="POST", url=url, headers=HEADERS, body=msgspec.json.encode(event))
