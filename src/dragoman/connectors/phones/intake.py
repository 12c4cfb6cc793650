"""Events and texts that phones deliver in any protocol: each is taken once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from dragoman.connectors.phones.carrier import PhonesCarrier
from dragoman.core.devices.devices import Devices
from dragoman.core.devices.model.devices import MAX_SLOT, Device, Sim
from dragoman.core.messages.model.messages import Holder, InboundPartReport
from dragoman.core.model.errors import RefusalCode, Refused, StorageUnavailable
from dragoman.kit.clock import Clock
from dragoman.protocols.gsm.alphabet import Alphabet, try_encode_gsm

MAX_EVENT_ID: Final = 64
MAX_NUMBER: Final = 128
MAX_TEXT: Final = 64 * 1024
KEPT_MS: Final = 72 * 3600 * 1000
"""Phones repeat an event for two days."""

Take = Callable[[], Awaitable[None]]
"""Handles an event and stores that it was taken, in one transaction if it must not repeat."""


class Intake:
    """Takes events and texts from the phones of several carriers."""

    def __init__(
        self, devices: Devices, carriers: Mapping[str, PhonesCarrier], clock: Clock
    ) -> None:
        self._devices = devices
        self._carriers = carriers
        self._clock = clock
        self._under_way: dict[tuple[int, str], asyncio.Future[None]] = {}
        self._texts: set[tuple[int, bytes]] = set()
        """Texts that are being stored, by phone and digest."""
        self._dropped_ms = 0

    async def take_once(self, device: Device, event_id: str, take: Take) -> bool:
        """Takes an event unless it was taken before; whether it was new.

        Of concurrent calls with the same event, the first takes it and all share its outcome.
        """
        key = (device.device_id, event_id)
        earlier = self._under_way.get(key)
        if earlier is not None:
            await asyncio.wait([earlier])
            earlier.result()
            return False
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._under_way[key] = done
        try:
            is_new = await self._devices.is_new_event(device, event_id)
            if is_new:
                await take()
        except BaseException as error:
            failure = error if isinstance(error, Exception) else StorageUnavailable("stopped")
            done.set_exception(failure)
            done.exception()  # concurrent calls get it; there may be none
            raise
        else:
            done.set_result(None)
        finally:
            del self._under_way[key]
        await self._drop_old()
        return is_new

    async def hand_up(
        self,
        device: Device,
        event_id: str,
        *,
        source: str,
        text: str,
        alphabet: Alphabet | None = None,
        slot: int | None = None,
        recipient: str = "",
        digest: bytes = b"",
    ) -> None:
        """Has a text stored, and with it that its event was taken.

        `recipient` is the own number that the phone reports. `digest` identifies the text: the
        same text in another event is not stored again. Raises `Refused`, `StorageUnavailable`.
        """
        carrier = self._carriers.get(device.carrier)
        if carrier is None:
            raise Refused(RefusalCode.NOT_FOUND, device.carrier, "the carrier is gone")
        if alphabet is None:
            alphabet = Alphabet.UCS2 if try_encode_gsm(text) is None else Alphabet.GSM7
        sim = _sim(device, slot)
        own_number, vouched = _own_number(sim, recipient)
        report = InboundPartReport(
            carrier=device.carrier,
            source=source,
            destination=own_number,
            alphabet=alphabet,
            text=text,
            holder=Holder(
                account_id=device.account_id,
                device_id=device.device_id,
                event_id=event_id,
                sim=sim.slot if sim is not None else _listed(slot),
                digest=digest,
                vouched=vouched,
            ),
        )
        if digest and not await self._begin_text(device, digest):
            await self._devices.note_event(device, event_id)
            return
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        carrier.handout.receive(report, stored.set_result)
        try:
            if not await stored:
                raise StorageUnavailable("a text could not be stored")
        finally:
            self._texts.discard((device.device_id, digest))

    async def _begin_text(self, device: Device, digest: bytes) -> bool:
        """Whether a text is new; it then counts as being stored."""
        key = (device.device_id, digest)
        if key in self._texts:  # the phone repeats an event that was not taken
            raise StorageUnavailable("the same text is being stored")
        self._texts.add(key)
        is_new = False
        try:
            is_new = await self._devices.is_new_text(device, digest)
        finally:
            if not is_new:
                self._texts.discard(key)
        return is_new

    async def _drop_old(self) -> None:
        now_ms = self._clock.now_ms()
        if now_ms - self._dropped_ms > KEPT_MS // 72:
            self._dropped_ms = now_ms
            await self._devices.drop_events(now_ms - KEPT_MS)


def _sim(device: Device, slot: int | None) -> Sim | None:
    """The SIM that received a text, if the phone names it or has only one."""
    sims = [sim for sim in device.sims if sim.present]
    sim = device.sim(slot) if slot else None
    return sims[0] if sim is None and len(sims) == 1 else sim


def _listed(slot: int | None) -> int | None:
    """The slot that a phone reports without having listed its SIMs."""
    return slot if slot is not None and 1 <= slot <= MAX_SLOT else None


def _own_number(sim: Sim | None, recipient: str) -> tuple[str, bool]:
    """The number a text came to, and whether the operator configured it, not the phone."""
    if sim is not None and sim.number:
        return sim.number, True
    reported = recipient or (sim.reported_number if sim is not None else "")
    return ("" if "*" in reported else reported), False
