"""Events that phones deliver, signed with each phone's own key; each is taken once."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

import structlog

from dragoman.connectors.phones.intake import MAX_EVENT_ID, MAX_NUMBER, MAX_TEXT, Intake
from dragoman.connectors.phones.smsgate.mapping import read_date, read_sims
from dragoman.connectors.phones.smsgate.schemas import AppStarted, Event, Ping, Received
from dragoman.core.callbacks.webhooks import Webhooks
from dragoman.core.devices.devices import Devices, ingest_key
from dragoman.core.devices.model.devices import Device, Health
from dragoman.core.messages.model.callbacks import EventKind
from dragoman.core.metrics import Metrics
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.clock import Clock
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.web.bodies import convert, decode_json
from dragoman.web.refusals import MalformedBody
from dragoman.web.requests import Request

MAX_CHECKS: Final = 50
SKEW_S: Final = 5 * 60
"""A clock that is further off is logged; the event is taken all the same."""

Take = Callable[[Device, Event], Awaitable[None]]
"""Handles an event and stores that it was taken."""

log = structlog.get_logger(__name__)


class Ingest:
    """Takes the events of phones and passes on what they hold."""

    def __init__(
        self, devices: Devices, webhooks: Webhooks, intake: Intake, clock: Clock, metrics: Metrics
    ) -> None:
        self._devices = devices
        self._webhooks = webhooks
        self._intake = intake
        self._clock = clock
        self._metrics = metrics
        self._takers: Mapping[str, Take] = MappingProxyType(
            {
                "sms:received": self._take_text,
                "sms:data-received": self._take_data,
                "system:ping": self._take_ping,
                "app:started": self._take_start,
            }
        )

    async def take(self, request: Request) -> None:
        """Takes one event; returns once it is on disk. Raises `Refused` and `MalformedBody`."""
        device = self._find(request)
        self._check_signature(device, request)
        event = decode_json(request.body, Event)
        if not 1 <= len(event.id) <= MAX_EVENT_ID or not event.id.isprintable():
            raise MalformedBody(f"1 to {MAX_EVENT_ID} printable characters", field="id")
        if event.device_id is not None and event.device_id != str(device.device_id):
            raise Refused(RefusalCode.PERMISSION_DENIED, "deviceId", "another device")
        take = self._takers.get(event.event)
        if take is None:
            self._metrics.device_words[device.carrier, "unknown"] += 1
            raise MalformedBody(f"unknown event {event.event[:30]!r}", field="event")
        is_new = await self._intake.take_once(device, event.id, lambda: take(device, event))
        self._metrics.device_words[device.carrier, "taken" if is_new else "repeated"] += 1

    def _find(self, request: Request) -> Device:
        number = request.path_params["device"]
        device = self._devices.get(int(number)) if len(number) <= MAX_NUMBER else None
        given = request.path_params["key"].encode()
        # A device that does not exist costs the same comparison.
        expected = ingest_key(device).encode() if device is not None else b"-" * 32
        if not hmac.compare_digest(given, expected) or device is None:
            raise Refused(RefusalCode.NOT_FOUND, "", "no such webhook")
        if not self._devices.is_in_service(device):
            raise Refused(RefusalCode.PERMISSION_DENIED, "", "the device is disabled")
        return device

    def _check_signature(self, device: Device, request: Request) -> None:
        timestamp = request.header(b"x-timestamp")
        signature = request.header(b"x-signature").lower()
        signed = hmac.digest(device.signing_key.encode(), request.body + timestamp, "sha256")
        if not hmac.compare_digest(signature, signed.hex().encode()):
            self._metrics.device_words[device.carrier, "forged"] += 1
            raise Refused(RefusalCode.PERMISSION_DENIED, "X-Signature", "it does not fit the body")
        if timestamp.isdigit() and len(timestamp) < MAX_EVENT_ID:
            skew_s = int(timestamp) - self._clock.now_ms() // 1000
            if abs(skew_s) > SKEW_S:
                log.warning("phone_clock_off", device=device.device_id, by_s=skew_s)

    async def _take_text(self, device: Device, event: Event) -> None:
        received = convert(event.payload, Received)
        text = received.message or ""
        if len(text) > MAX_TEXT:
            raise MalformedBody(f"at most {MAX_TEXT} characters", field="payload.message")
        await self._hand_up(device, event, received, text)

    async def _take_data(self, device: Device, event: Event) -> None:
        received = convert(event.payload, Received)
        try:
            octets = base64.b64decode(received.data or "", validate=True)
        except (binascii.Error, ValueError):
            raise MalformedBody("not base64", field="payload.data") from None
        await self._hand_up(device, event, received, octets.hex(), Alphabet.BINARY)

    async def _hand_up(
        self,
        device: Device,
        event: Event,
        received: Received,
        text: str,
        alphabet: Alphabet | None = None,
    ) -> None:
        await self._intake.hand_up(
            device,
            event.id,
            source=_number(received.sender or received.phone_number, "phoneNumber"),
            text=text,
            alphabet=alphabet,
            slot=received.sim_number,
            recipient=_number(received.recipient or "", "recipient"),
            digest=_digest(received, text),
        )

    async def _take_ping(self, device: Device, event: Event) -> None:
        report = convert(event.payload, Ping).health
        checks = {
            name[:MAX_EVENT_ID]: check.observed_value
            for name, check in list(report.checks.items())[:MAX_CHECKS]
            if check.observed_value is not None and len(str(check.observed_value)) <= MAX_NUMBER
        }
        health = Health(at_ms=self._clock.now_ms(), status=report.status[:20], checks=checks)
        await self._devices.note_health(device, health)
        await self._webhooks.notify_of_device(device, EventKind.DEVICE_PINGED, checks)
        await self._devices.note_event(device, event.id)

    async def _take_start(self, device: Device, event: Event) -> None:
        sims = read_sims(convert(event.payload, AppStarted).sim_cards)
        if sims:
            await self._devices.report(device, push_token=device.push_token, sims=sims)
        await self._webhooks.notify_of_device(device, EventKind.DEVICE_STARTED, {})
        await self._devices.note_event(device, event.id)


def _digest(received: Received, text: str) -> bytes:
    """Identifies a text: a phone that delivers it again reports the same identifier and time.

    The time is the network's, in seconds; two equal texts may have it in common.
    """
    at_ms = read_date(received.received_at or "")
    if at_ms is None:
        return b""
    sender = received.sender or received.phone_number
    octets = "\0".join((sender, str(at_ms), str(received.message_id), text)).encode(
        "utf-8", "surrogatepass"
    )
    return hashlib.sha256(octets).digest()


def _number(text: str, field: str) -> str:
    if len(text) > MAX_NUMBER or not text.isprintable():
        raise MalformedBody(f"at most {MAX_NUMBER} printable characters", field=f"payload.{field}")
    return text
