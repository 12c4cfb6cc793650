"""What phones hand in: events, signed with the key each phone was given, taken once each."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

import structlog

from dragoman.connectors.phones.carrier import PhonesCarrier
from dragoman.connectors.phones.smsgate.mapping import read_sims
from dragoman.connectors.phones.smsgate.schemas import AppStarted, Event, Ping, Received
from dragoman.domain.devices import Device, Health, Sim
from dragoman.domain.errors import RefusalCode, Refused
from dragoman.domain.messages import Holder, InboundPartReport
from dragoman.kit.clock import Clock
from dragoman.protocols.gsm.alphabet import Alphabet, try_encode_gsm
from dragoman.services.devices import Devices, ingest_key
from dragoman.storage.writer import StorageUnavailable
from dragoman.web.bodies import convert, decode_json
from dragoman.web.refusals import MalformedBody
from dragoman.web.requests import Request

MAX_EVENT_ID: Final = 64
MAX_NUMBER: Final = 128
MAX_TEXT: Final = 64 * 1024
MAX_CHECKS: Final = 50
SKEW_S: Final = 5 * 60
"""A clock that is further off is worth a word; the event counts all the same."""
KEPT_MS: Final = 72 * 3600 * 1000
"""Phones repeat an event for two days."""

Take = Callable[[Device, Event], Awaitable[None]]
"""Does what an event asks and stores that it was taken, together where it must not come twice."""

log = structlog.get_logger(__name__)


class Ingest:
    """Takes the events of phones and hands on what is in them."""

    def __init__(
        self, devices: Devices, carriers: Mapping[str, PhonesCarrier], clock: Clock
    ) -> None:
        self._devices = devices
        self._carriers = carriers
        self._clock = clock
        self._under_way: dict[tuple[int, str], asyncio.Future[None]] = {}
        self._dropped_ms = 0
        self._takers: Mapping[str, Take] = MappingProxyType(
            {
                "sms:received": self._take_text,
                "sms:data-received": self._take_data,
                "system:ping": self._take_ping,
                "app:started": self._take_start,
            }
        )

    async def take(self, request: Request) -> None:
        """Takes one event; returns once it is on disk. Raises what the phone is refused with."""
        device = self._find(request)
        self._check_signature(device, request)
        event = decode_json(request.body, Event)
        if not 1 <= len(event.id) <= MAX_EVENT_ID or not event.id.isprintable():
            raise MalformedBody(f"1 to {MAX_EVENT_ID} printable characters", field="id")
        if event.device_id is not None and event.device_id != str(device.device_id):
            raise Refused(RefusalCode.PERMISSION_DENIED, "deviceId", "another device")
        take = self._takers.get(event.event)
        if take is None:
            raise MalformedBody(f"unknown event {event.event[:30]!r}", field="event")
        await self._take_once(device, event, take)

    def _find(self, request: Request) -> Device:
        number = request.path_params["device"]
        device = self._devices.get(int(number)) if len(number) <= MAX_NUMBER else None
        given = request.path_params["key"].encode()
        # A device that does not exist costs the same comparison.
        expected = ingest_key(device).encode() if device is not None else b"-" * 32
        if not hmac.compare_digest(given, expected) or device is None:
            raise Refused(RefusalCode.NOT_FOUND, "", "no such webhook")
        if not device.enabled:
            raise Refused(RefusalCode.PERMISSION_DENIED, "", "the device is disabled")
        return device

    def _check_signature(self, device: Device, request: Request) -> None:
        timestamp = request.header(b"x-timestamp")
        signature = request.header(b"x-signature").lower()
        signed = hmac.digest(device.signing_key.encode(), request.body + timestamp, "sha256")
        if not hmac.compare_digest(signature, signed.hex().encode()):
            raise Refused(RefusalCode.PERMISSION_DENIED, "X-Signature", "it does not fit the body")
        if timestamp.isdigit() and len(timestamp) < MAX_EVENT_ID:
            skew_s = int(timestamp) - self._clock.now_ms() // 1000
            if abs(skew_s) > SKEW_S:
                log.warning("phone_clock_off", device=device.device_id, by_s=skew_s)

    async def _take_once(self, device: Device, event: Event, take: Take) -> None:
        key = (device.device_id, event.id)
        earlier = self._under_way.get(key)
        if earlier is not None:
            await asyncio.wait([earlier])
            earlier.result()
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._under_way[key] = done
        try:
            if await self._devices.is_new_event(device, event.id):
                await take(device, event)
        except BaseException as error:
            failure = error if isinstance(error, Exception) else StorageUnavailable("stopped")
            done.set_exception(failure)
            done.exception()  # whoever waits gets it; nobody may
            raise
        else:
            done.set_result(None)
        finally:
            del self._under_way[key]
        await self._drop_old()

    async def _drop_old(self) -> None:
        now_ms = self._clock.now_ms()
        if now_ms - self._dropped_ms > KEPT_MS // 72:
            self._dropped_ms = now_ms
            await self._devices.drop_events(now_ms - KEPT_MS)

    async def _take_text(self, device: Device, event: Event) -> None:
        received = convert(event.payload, Received)
        text = received.message or ""
        if len(text) > MAX_TEXT:
            raise MalformedBody(f"at most {MAX_TEXT} characters", field="payload.message")
        alphabet = Alphabet.UCS2 if try_encode_gsm(text) is None else Alphabet.GSM7
        await self._hand_up(device, event, received, text, alphabet)

    async def _take_data(self, device: Device, event: Event) -> None:
        received = convert(event.payload, Received)
        try:
            octets = base64.b64decode(received.data or "", validate=True)
        except (binascii.Error, ValueError):
            raise MalformedBody("not base64", field="payload.data") from None
        await self._hand_up(device, event, received, octets.hex(), Alphabet.BINARY)

    async def _hand_up(
        self, device: Device, event: Event, received: Received, text: str, alphabet: Alphabet
    ) -> None:
        """Has a text stored, and with it that its event was taken."""
        carrier = self._carriers.get(device.carrier)
        if carrier is None:
            raise Refused(RefusalCode.NOT_FOUND, device.carrier, "the carrier is gone")
        own_number, vouched = _own_number(device, received)
        sim = _sim(device, received)
        report = InboundPartReport(
            carrier=device.carrier,
            source=_number(received.sender or received.phone_number, "phoneNumber"),
            destination=own_number,
            alphabet=alphabet,
            text=text,
            holder=Holder(
                account_id=device.account_id,
                device_id=device.device_id,
                event_id=event.id,
                slot=sim.slot if sim is not None else 0,
                vouched=vouched,
            ),
        )
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        carrier.receive(report, stored.set_result)
        if not await stored:
            raise StorageUnavailable("a text could not be stored")

    async def _take_ping(self, device: Device, event: Event) -> None:
        report = convert(event.payload, Ping).health
        checks = {
            name[:MAX_EVENT_ID]: check.observed_value
            for name, check in list(report.checks.items())[:MAX_CHECKS]
            if check.observed_value is not None and len(str(check.observed_value)) <= MAX_NUMBER
        }
        health = Health(at_ms=self._clock.now_ms(), status=report.status[:20], checks=checks)
        await self._devices.note_health(device, health)
        await self._devices.note_event(device, event.id)

    async def _take_start(self, device: Device, event: Event) -> None:
        sims = read_sims(convert(event.payload, AppStarted).sim_cards)
        if sims:
            await self._devices.report(device, push_token=device.push_token, sims=sims)
        await self._devices.note_event(device, event.id)


def _own_number(device: Device, received: Received) -> tuple[str, bool]:
    """The number a text came to, and whether it is the operator who says so, not the phone."""
    sim = _sim(device, received)
    if sim is not None and sim.number:
        return sim.number, True
    told = received.recipient or (sim.reported_number if sim is not None else "")
    return ("" if "*" in told else _number(told, "recipient")), False


def _sim(device: Device, received: Received) -> Sim | None:
    """The SIM a text came to, where the phone says which, or has one only."""
    sims = [sim for sim in device.sims if sim.present]
    sim = device.sim(received.sim_number) if received.sim_number else None
    return sims[0] if sim is None and len(sims) == 1 else sim


def _number(text: str, field: str) -> str:
    if len(text) > MAX_NUMBER or not text.isprintable():
        raise MalformedBody(f"at most {MAX_NUMBER} printable characters", field=f"payload.{field}")
    return text
