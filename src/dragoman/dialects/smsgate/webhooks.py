"""Webhooks: which events a program is called for, and the body and signature of a call."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final

import msgspec

from dragoman import __version__
from dragoman.container import Services
from dragoman.core.messages.model.callbacks import (
    SINGLE_OF_BATCH,
    CallbackCall,
    EventFacts,
    EventKind,
)
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.dialects.smsgate import mapping, schemas
from dragoman.dialects.smsgate.auth import Caller
from dragoman.dialects.smsgate.calls import DONE, CallGroup, render
from dragoman.dialects.smsgate.errors import WordedRefusal
from dragoman.dialects.smsgate.mapping import DIALECT, EVENTS
from dragoman.dialects.wording import instead_of
from dragoman.kit.clock import render_milliseconds
from dragoman.kit.ids import parse_number
from dragoman.web.bodies import decode_json
from dragoman.web.requests import Request
from dragoman.web.responses import Response

SECURE: Final = "https://"
Payload = dict[str, Any]


class Webhooks(CallGroup):
    """The handlers."""

    async def list(self, caller: Caller, _request: Request) -> Response:
        """Answers `GET /webhooks`."""
        found = self._services.webhooks.of_account(caller.account, DIALECT)
        return render(200, [mapping.render_webhook(webhook) for webhook in found])

    async def put(self, caller: Caller, request: Request) -> Response:
        """Answers `POST /webhooks`."""
        given = decode_json(request.body, schemas.NewWebhook)
        kind = mapping.KINDS.get(given.event)
        if kind is None:
            raise Refused(RefusalCode.INVALID_FIELD, "event", "invalid event type")
        if not self._settings.plain_webhooks and not given.url.lower().startswith(SECURE):
            raise Refused(RefusalCode.INVALID_CALLBACK_URL, "url", "must start with https://")
        key = given.id or ""
        if not key.isprintable() or not is_storable(key):
            raise Refused(RefusalCode.INVALID_FIELD, "id", "characters that cannot be shown")
        await self._services.phone_settings.ensure_signing_key(caller.account)
        unknown = WordedRefusal(RefusalCode.INVALID_FIELD, "deviceId: no such device")
        with instead_of(RefusalCode.NOT_FOUND, unknown):
            webhook = await self._services.webhooks.put(
                caller.account,
                DIALECT,
                key=key,
                event=kind,
                url=given.url,
                device_id=_read_device(given.device_id),
            )
        return render(201, mapping.render_webhook(webhook))

    async def remove(self, caller: Caller, request: Request) -> Response:
        """Answers `DELETE /webhooks/{id}`; one that is not there is gone too."""
        key = request.path_params["id"]
        if len(key) <= 36 and is_storable(key):
            await self._services.webhooks.remove(caller.account, DIALECT, key)
        return DONE


def _read_device(text: str | None) -> int | None:
    if not text:
        return None
    device_id = parse_number(text)
    if device_id is None:
        raise Refused(RefusalCode.NOT_FOUND, "", "no such device")
    return device_id


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
    if EventKind.DATA_RECEIVED in (facts.kind, SINGLE_OF_BATCH.get(facts.kind)):
        payload["data"] = base64.b64encode(bytes.fromhex(facts.text)).decode()
    else:
        payload["message"] = facts.text
    payload["receivedAt"] = render_milliseconds(facts.at_ms)
    return _known(payload)


def _batch(facts: EventFacts) -> Payload:
    return {"messages": [_received(facts)]}


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
    return render_milliseconds(facts.at_ms)


def _number(digits: str) -> str:
    """A number as the app writes it; names and short codes stay as they are."""
    return f"+{digits}" if digits.isascii() and digits.isdigit() and len(digits) > 8 else digits


_PAYLOADS: Final = MappingProxyType[EventKind, Callable[[EventFacts], Payload]](
    {
        EventKind.TEXT_RECEIVED: _received,
        EventKind.DATA_RECEIVED: _received,
        EventKind.MULTIMEDIA_RECEIVED: _started,
        EventKind.MULTIMEDIA_FETCHED: _started,
        EventKind.TEXT_BATCH_RECEIVED: _batch,
        EventKind.DATA_BATCH_RECEIVED: _batch,
        EventKind.MULTIMEDIA_BATCH_RECEIVED: _started,
        EventKind.MULTIMEDIA_BATCH_FETCHED: _started,
        EventKind.MESSAGE_SENT: lambda one: _outgoing(one, partsCount=one.parts, sentAt=_at(one)),
        EventKind.MESSAGE_DELIVERED: lambda one: _outgoing(one, deliveredAt=_at(one)),
        EventKind.MESSAGE_FAILED: lambda one: _outgoing(one, failedAt=_at(one), reason=one.reason),
        EventKind.MESSAGE_CANCELLED: lambda one: _outgoing(one, cancelledAt=_at(one)),
        EventKind.DEVICE_PINGED: _pinged,
        EventKind.DEVICE_STARTED: _started,
    }
)
"""The payload of each kind of event; multimedia messages do not come in yet."""
