"""The phones of all accounts: authentication, settings, and what their accounts decide.

All devices are kept in memory as their rows are, so the call of a phone costs no query.
"""

from __future__ import annotations

import hashlib
import hmac
import random
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.devices.model.devices import (
    MAX_SLOT,
    Device,
    DeviceEvent,
    DeviceSettings,
    Health,
    Limits,
    Sim,
)
from dragoman.core.devices.presence import Presence
from dragoman.core.devices.sql import device_events, device_texts, devices
from dragoman.core.model.errors import NOT_A_ZONE, RefusalCode, Refused, existing
from dragoman.core.model.phone_numbers import as_typed
from dragoman.core.model.texts import is_storable
from dragoman.core.model.use_case import use_case
from dragoman.core.placement.placement import Placement
from dragoman.kit.clock import Clock
from dragoman.kit.signal import Signal
from dragoman.kit.turns import Turns
from dragoman.storage.engine import Storage
from dragoman.storage.persistence import persist

TOKEN_BYTES = 24
MAX_NAME = 128
MAX_PUSH_TOKEN = 256
MAX_TEXT = 64
SEEN_EVERY_MS = 60_000
"""How often the time of a device's last call is stored."""


Details = Mapping[str, float | int | str]


class ReportedSim(msgspec.Struct, frozen=True, kw_only=True):
    """A SIM as a phone reports it; slots count from 1."""

    slot: int
    number: str = ""
    carrier: str = ""


@use_case(kw_only=True)
class Devices:
    """Finds, changes and removes devices; an account never sees another's."""

    storage: Storage
    presence: Presence
    placement: Placement
    clock: Clock
    carriers: Mapping[str, float]
    """The carriers that devices can belong to, and how long each lets a phone be silent, in s."""
    _devices: dict[int, Device] = field(default_factory=dict, init=False)
    _by_token: dict[bytes, int] = field(default_factory=dict, init=False)
    _stored_seen: dict[int, tuple[int, str]] = field(default_factory=dict, init=False)
    """When the last call of each was stored, and the version of its app."""
    _turns: Turns = field(default_factory=Turns, init=False)
    _enabled_accounts: set[int] = field(default_factory=set, init=False)
    _shut_out: frozenset[int] = field(default_factory=frozenset, init=False)
    """Owners of devices that are disabled, by themselves or by one above them, or deleted."""
    changed: Signal[[int]] = field(default_factory=Signal[[int]], init=False)
    """A device that came, changed or went."""

    async def restore(self) -> None:
        """Loads every device."""
        for stored in await self.storage.read(devices.load_all):
            self._keep(stored.device, stored.token_digest)
        self._look_at_owners()

    def accounts_changed(self, accounts: Sequence[Account], gone: Collection[int]) -> None:
        """Updates which accounts are enabled; phones of the others are out of service."""
        self._enabled_accounts -= {one.account_id for one in accounts if not one.enabled}
        self._enabled_accounts -= set(gone)
        self._enabled_accounts |= {one.account_id for one in accounts if one.enabled}
        self._look_at_owners()

    def _look_at_owners(self) -> None:
        owners = {device.account_id for device in self._devices.values()}
        shut_out = frozenset(owners - self._enabled_accounts)
        changed, self._shut_out = shut_out ^ self._shut_out, shut_out
        for device in self.all() if changed else ():
            if device.account_id in changed:
                self.changed(device.device_id)

    # Finding

    def all(self) -> list[Device]:
        """Every device, oldest first."""
        return list(self._devices.values())

    def of_account(self, account: Account) -> list[Device]:
        """An account's devices, oldest first."""
        return [one for one in self._devices.values() if one.account_id == account.account_id]

    def of_carrier(self, carrier: str) -> list[Device]:
        """The devices that send for a carrier."""
        return [one for one in self._devices.values() if one.carrier == carrier]

    def get(self, device_id: int) -> Device | None:
        """The device with an identifier, of any account."""
        return self._devices.get(device_id)

    def is_in_service(self, device: Device) -> bool:
        """Whether a device may send: it and its account are enabled."""
        return device.enabled and device.account_id not in self._shut_out

    def find(self, account: Account, device_id: int) -> Device:
        """A device of an account; raises `Refused` for any other."""
        device = self._devices.get(device_id)
        if device is None or device.account_id != account.account_id:
            raise Refused(RefusalCode.NOT_FOUND, str(device_id), "no such device")
        return device

    def check_target(self, account: Account, device_id: int, slot: int | None) -> str:
        """The carrier of the device a message names; raises `Refused` if it cannot send it."""
        device = self.find(account, device_id)
        if not self.is_in_service(device):
            raise Refused(RefusalCode.PERMISSION_DENIED, str(device_id), "the device is disabled")
        if slot is not None and not _has_slot(device, slot):
            raise Refused(RefusalCode.INVALID_FIELD, "sim", f"the device has no SIM {slot}")
        return device.carrier

    def is_present(self, device: Device) -> bool:
        """Whether a device has a stream, or called as lately as its carrier wants it to."""
        return self.presence.is_present(device.device_id, self.carriers.get(device.carrier, 0.0))

    def pick(
        self,
        account: Account,
        *,
        within_s: float | None = None,
        slot: int | None = None,
        choose: Callable[[list[Device]], Device] = random.choice,
    ) -> Device:
        """One of an account's phones in service; raises `Refused` if there is none.

        `within_s` requires a recent call, `slot` a SIM in that slot.
        """
        fitting = [
            device
            for device in self.of_account(account)
            if device.enabled
            and (slot is None or _has_slot(device, slot))
            and (within_s is None or self.presence.is_present(device.device_id, within_s))
        ]
        if not fitting:
            raise Refused(RefusalCode.NOT_FOUND, "", "no such device")
        return choose(fitting)

    # Devices that call

    def authenticate(self, token: str, protocol: str) -> Device:
        """The device of a token, valid for its own protocol only; raises `Refused`."""
        device_id = self._by_token.get(digest_of_token(token))
        if device_id is None or self._devices[device_id].protocol != protocol:
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="unknown device token")
        return self._devices[device_id]

    async def check_token(self, token: str) -> None:
        """Raises `Elsewhere` for the token of a device of another partition."""
        digest = digest_of_token(token)
        if digest not in self._by_token:
            await self.placement.check_key(digest)

    async def check_id(self, device_id: int) -> None:
        """Raises `Elsewhere` for the identifier of a device of another partition."""
        if device_id not in self._devices:
            await self.placement.check_identifier(device_id)

    def heard(self, device: Device, app_version: str = "") -> Device:
        """Records a call of a device, with the version of its app."""
        device_id, now_ms = device.device_id, self.clock.now_ms()
        self.presence.heard(device_id)
        version = app_version or device.app_version
        stored_ms, stored_version = self._stored_seen.get(device_id, (0, ""))
        if now_ms - stored_ms >= SEEN_EVERY_MS or version != stored_version:
            self._stored_seen[device_id] = (now_ms, version)
            seen = devices.SeenDevice(device_id=device_id, seen_ms=now_ms, app_version=version)
            persist(self.storage.writer, devices.seen, seen, lambda _: self._saw(seen))
        return _with_version(device, version)

    def _saw(self, seen: devices.SeenDevice) -> None:
        known = self._devices.get(seen.device_id)
        if known is not None:
            self._devices[seen.device_id] = _with_version(known, seen.app_version)

    async def add(
        self,
        account: Account,
        carrier: str,
        *,
        protocol: str,
        name: str,
        sims: Sequence[ReportedSim] = (),
        push_token: str = "",
        app_version: str = "",
        code_id: int | None = None,
        heard: bool = True,
    ) -> tuple[Device, str]:
        """Stores a new phone; returns the device and its token, which is shown only once.

        One that was not `heard` counts as present from its first call.
        """
        now_ms = self.clock.now_ms()
        token = secrets.token_urlsafe(TOKEN_BYTES)
        device = Device(
            device_id=await self.storage.short_ids.next(),
            account_id=account.account_id,
            carrier=carrier,
            protocol=protocol,
            name=check_text("name", name, MAX_NAME) or "phone",
            enabled=True,
            app_version=app_version,
            push_token=check_text("pushToken", push_token, MAX_PUSH_TOKEN),
            signing_key=secrets.token_urlsafe(TOKEN_BYTES),
            settings=DeviceSettings(),
            health=Health(),
            created_ms=now_ms,
            seen_ms=now_ms if heard else 0,
            sims=merge_sims((), sims),
        )
        digest = digest_of_token(token)
        new = devices.NewDevice(device=device, token_digest=digest, code_id=code_id)
        await self.storage.writer.write(devices.create, new)
        self._keep(device, digest)
        self.changed(device.device_id)
        return device, token

    async def report(
        self, device: Device, *, push_token: str, sims: Sequence[ReportedSim] | None
    ) -> Device:
        """Stores what a phone reports about itself; `sims` None leaves its SIMs unchanged."""
        token = check_text("pushToken", push_token, MAX_PUSH_TOKEN)
        return await self._change(
            device.device_id,
            lambda known: replace(known, push_token=token, sims=merge_sims(known.sims, sims or ())),
        )

    async def note_health(self, device: Device, health: Health) -> None:
        """Stores the health of a phone."""
        await self._change(device.device_id, lambda known: replace(known, health=health))

    # What accounts and operators decide

    async def set_enabled(self, device_id: int, enabled: bool) -> Device:
        """Enables a device, or takes it out of service."""
        return await self._change(device_id, lambda known: replace(known, enabled=enabled))

    async def rename(self, device_id: int, name: str) -> Device:
        """Renames a device; raises `Refused`."""
        name = check_text("name", name, MAX_NAME)
        return await self._change(device_id, lambda known: replace(known, name=name))

    async def change_settings(self, device_id: int, settings: DeviceSettings) -> Device:
        """Changes limits and pushed settings, and notifies the phone of new ones."""
        check_limits(settings.limits)
        before = self._must_get(device_id).settings
        device = await self._change(device_id, lambda known: replace(known, settings=settings))
        if settings.pushed != before.pushed:
            self.presence.announce(device_id, DeviceEvent.SETTINGS)
        return device

    async def change_sim(
        self,
        device_id: int,
        slot: int,
        *,
        label: str | None = None,
        number: str | None = None,
        limits: Limits | None = None,
    ) -> Device:
        """Sets the label, number or limits of a SIM; raises `Refused`."""
        given: dict[str, Any] = {}
        if label is not None:
            given["label"] = check_text("label", label, MAX_TEXT)
        if number is not None:
            digits = as_typed(number).removeprefix("+")
            if digits and not (digits.isascii() and digits.isdecimal() and len(digits) <= MAX_TEXT):
                raise Refused(RefusalCode.INVALID_FIELD, "number", "not a phone number")
            given["number"] = digits
        if limits is not None:
            given["limits"] = check_limits(limits)

        def changed(device: Device) -> Device:
            sim = device.sim(slot) or Sim(slot=check_slot(slot), present=not device.sims)
            others = [one for one in device.sims if one.slot != slot]
            in_order = sorted([*others, replace(sim, **given)], key=lambda one: one.slot)
            return replace(device, sims=tuple(in_order))

        return await self._change(device_id, changed)

    async def remove(self, device_id: int) -> None:
        """Removes a device: its token is revoked, and the phone has to register again."""
        now_ms = self.clock.now_ms()
        await self._change(device_id, lambda one: replace(one, removed_ms=now_ms, enabled=False))
        del self._devices[device_id]
        for digest in [one for one, owner in self._by_token.items() if owner == device_id]:
            del self._by_token[digest]
        self.presence.forget(device_id)
        self.changed(device_id)

    async def is_new_event(self, device: Device, event_id: str) -> bool:
        """Whether an event of a device has not been stored yet."""
        device_id = device.device_id
        return not await self.storage.read(lambda c: device_events.is_known(c, device_id, event_id))

    async def note_event(self, device: Device, event_id: str) -> None:
        """Stores that an event was handled."""
        event = device_events.NewDeviceEvent(
            device_id=device.device_id, event_id=event_id, at_ms=self.clock.now_ms()
        )
        await self.storage.writer.write(device_events.note, event)

    async def is_new_text(self, device: Device, digest: bytes) -> bool:
        """Whether a text of a device has not been stored yet."""
        device_id = device.device_id
        return not await self.storage.read(lambda c: device_texts.is_known(c, device_id, digest))

    async def drop_events(self, before_ms: int) -> None:
        """Deletes events that are too old to be repeated."""
        await self.storage.writer.write(device_events.drop, before_ms)

    async def _change(self, device_id: int, changed: Callable[[Device], Device]) -> Device:
        async with self._turns.of(device_id):
            update = devices.DeviceUpdate(device=changed(self._must_get(device_id)))
            await self.storage.writer.write(devices.change, update)
            # Its app may have told another version meanwhile.
            device = self._devices[device_id] = changed(self._must_get(device_id))
        self.changed(device_id)
        return device

    def _must_get(self, device_id: int) -> Device:
        device = self._devices.get(device_id)
        return existing(device, Refused(RefusalCode.NOT_FOUND, str(device_id), "no such device"))

    def _keep(self, device: Device, token_digest: bytes) -> None:
        self._devices[device.device_id] = device
        self._by_token[token_digest] = device.device_id
        self._stored_seen[device.device_id] = (device.seen_ms, device.app_version)
        self.presence.heard(device.device_id, device.seen_ms)


def digest_of_token(token: str) -> bytes:
    """The digest of a device's token, as it is stored."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def ingest_key(device: Device) -> str:
    """The secret in the URL to which a device reports events."""
    return hmac.digest(device.signing_key.encode(), b"ingest", "sha256").hex()[:32]


def merge_sims(known: Sequence[Sim], reported: Sequence[ReportedSim]) -> tuple[Sim, ...]:
    """The SIMs of a device after a report; labels, numbers and limits stay with their slots.

    An empty report only means that the app lacks the permission: it removes nothing.
    """
    if not reported:
        return tuple(known)
    sims = {sim.slot: replace(sim, present=False) for sim in known}
    for one in reported:
        sim = sims.get(check_slot(one.slot), Sim(slot=one.slot))
        sims[one.slot] = replace(
            sim,
            present=True,
            carrier=check_text("carrierName", one.carrier, MAX_TEXT),
            reported_number=check_text("phoneNumber", one.number, MAX_TEXT),
        )
    return tuple(sims[slot] for slot in sorted(sims))


def check_slot(slot: int) -> int:
    """A valid SIM slot; raises `Refused`."""
    if not 1 <= slot <= MAX_SLOT:
        raise Refused(RefusalCode.INVALID_FIELD, "simNumber", f"1 to {MAX_SLOT}")
    return slot


def check_text(field: str, text: str, longest: int) -> str:
    """A text that can be stored and displayed; raises `Refused`."""
    if len(text) > longest:
        raise Refused(RefusalCode.INVALID_FIELD, field, f"at most {longest} characters")
    if not is_storable(text) or not text.isprintable():
        raise Refused(RefusalCode.INVALID_FIELD, field, "characters that cannot be shown")
    return text


def check_limits(limits: Limits) -> Limits:
    """Limits with a valid time zone; raises `Refused`."""
    try:
        ZoneInfo(limits.time_zone)
    except (KeyError, ValueError, OSError):
        raise Refused(RefusalCode.INVALID_FIELD, "time_zone", NOT_A_ZONE) from None
    return limits


def _with_version(device: Device, version: str) -> Device:
    return device if version == device.app_version else replace(device, app_version=version)


def _has_slot(device: Device, slot: int) -> bool:
    # Without the permission to look, an app lists no SIM although the phone has some.
    sim = device.sim(slot)
    return 1 <= slot <= MAX_SLOT if not device.sims else sim is not None and sim.present
