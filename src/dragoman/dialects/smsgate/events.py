"""What a webhook is sent: the app's own body and signature, with times in UTC."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final

import msgspec

from dragoman import __version__
from dragoman.container import Services
from dragoman.core.messages.model.callbacks import CallbackCall, EventFacts, EventKind
from dragoman.dialects.smsgate.mapping import EVENTS, render_date

Payload = dict[str, Any]


class Event(msgspec.Struct, kw_only=True, rename="camel"):
    """The body of a call."""

    id: str
    webhook_id: str
    event: str
    device_id: str
    payload: Payload


def render_event(services: Services, url: str, facts: EventFacts) -> CallbackCall:
    """The call of a webhook about an event, signed for the moment it is made.

    The signature is HMAC-SHA256 over the body and the timestamp behind it, in lower-case hex.
    """
    event = Event(
        id=str(facts.event_id),
        webhook_id=facts.webhook,
        event=EVENTS[facts.kind],
        device_id=str(facts.device_id) if facts.device_id is not None else "",
        payload=_PAYLOADS[facts.kind](facts),
    )
    body = msgspec.json.encode(event)
    timestamp = str(services.clock.now_ms() // 1000)
    key = services.phone_settings.signing_key(facts.account_id)
    signature = hmac.digest(key.encode(), body + timestamp.encode(), "sha256").hex()
    return CallbackCall(
        method="POST",
        url=url,
        headers=(
            ("content-type", "application/json"),
            ("x-timestamp", timestamp),
            ("x-signature", signature),
        ),
        body=body,
    )


def _received(facts: EventFacts) -> Payload:
    payload = {
        "messageId": facts.key,
        "phoneNumber": _number(facts.sender),
        "sender": _number(facts.sender),
        "recipient": _number(facts.recipient) or None,
        "simNumber": facts.sim,
    }
    if facts.kind is EventKind.DATA_RECEIVED:
        payload["data"] = base64.b64encode(bytes.fromhex(facts.text)).decode()
    else:
        payload["message"] = facts.text
    payload["receivedAt"] = render_date(facts.at_ms)
    return _known(payload)


def _pinged(facts: EventFacts) -> Payload:
    checks = {name: {"status": "pass", "observedValue": v} for name, v in facts.details.items()}
    return {"health": {"status": "pass", "version": __version__, "checks": checks}}


def _started(_facts: EventFacts) -> Payload:
    return {}


def _outgoing(facts: EventFacts, **more: Any) -> Payload:
    """About a message to a recipient: how far it came, and `more` that is known of that."""
    number = _number(facts.recipient)
    head = {"messageId": facts.key, "phoneNumber": number, "recipient": number}
    return _known({**head, "simNumber": facts.sim, **more})


def _known(payload: Payload) -> Payload:
    """The known values; the app leaves out the others."""
    return {name: value for name, value in payload.items() if value is not None}


def _at(facts: EventFacts) -> str:
    return render_date(facts.at_ms)


def _number(digits: str) -> str:
    """A number as the app writes it; names and short codes stay as they are."""
    return f"+{digits}" if digits.isascii() and digits.isdigit() and len(digits) > 8 else digits


_PAYLOADS: Final = MappingProxyType[EventKind, Callable[[EventFacts], Payload]](
    {
        EventKind.TEXT_RECEIVED: _received,
        EventKind.DATA_RECEIVED: _received,
        EventKind.MULTIMEDIA_RECEIVED: _started,
        EventKind.MULTIMEDIA_FETCHED: _started,
        EventKind.MESSAGE_SENT: lambda one: _outgoing(one, partsCount=one.parts, sentAt=_at(one)),
        EventKind.MESSAGE_DELIVERED: lambda one: _outgoing(one, deliveredAt=_at(one)),
        EventKind.MESSAGE_FAILED: lambda one: _outgoing(one, failedAt=_at(one), reason=one.reason),
        EventKind.MESSAGE_CANCELLED: lambda one: _outgoing(one, cancelledAt=_at(one)),
        EventKind.DEVICE_PINGED: _pinged,
        EventKind.DEVICE_STARTED: _started,
    }
)
"""The payload of each kind of event; multimedia messages do not come in yet."""
