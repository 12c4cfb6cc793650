"""Devices: phones that send, how they register, and what limits them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from dragoman.admin.answers import view
from dragoman.admin.calls import Body, Call
from dragoman.admin.context import Admin
from dragoman.admin.device_answers import (
    DeviceCode,
    DeviceList,
    DeviceToken,
    DeviceView,
    NewDevice,
    SigningKey,
    SimView,
)
from dragoman.admin.merging import ordered, whole
from dragoman.core.devices.inbox_exports import InboxExport
from dragoman.core.devices.model.devices import Device, Limits
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.ids import LIMIT

CHT_PATH: Final = "/api/cht"
CHT: Final = "cht"


class WhosePhone(Body, frozen=True, kw_only=True):
    """Whose phone it will be; without an account, that of the only one there is."""

    account: str = ""
    carrier: str = ""
    """The carrier it joins; the first one of type phones if left out."""


class NewCode(WhosePhone, frozen=True, kw_only=True):
    """A code to make, and for how long it is good."""

    life_s: float | None = None


class NewPhone(WhosePhone, frozen=True, kw_only=True):
    """A phone that polls one address, as CHT Gateway does, and does not register itself."""

    name: str


class DeviceChanges(Body, frozen=True, kw_only=True):
    """What to change of a device, or with `slot` of one of its SIMs; what is left out stays."""

    name: str = ""
    slot: int | None = None
    label: str | None = None
    number: str | None = None
    limits: dict[str, int | float | str | None] = msgspec.field(default_factory=dict)
    """Fields of `Limits`; null leaves one as it is."""


class Period(Body, frozen=True, kw_only=True):
    """From when until when, in milliseconds since the Unix epoch."""

    since_ms: int
    until_ms: int


class KeyOwner(Body, frozen=True, kw_only=True):
    """Whose key; without an account, that of the only one there is."""

    account: str = ""


async def create_code(admin: Admin, body: NewCode) -> DeviceCode:
    """Create a one-time code that registers one phone."""
    services = admin.services
    account = await admin.account_or_only(body.account)
    life_s = body.life_s or services.settings.devices.code_life_s
    code = await services.device_registration.create_code(account, body.carrier, life_s)
    await admin.note(account, "device_code")
    return DeviceCode(
        code=code.code,
        expires_ms=code.expires_ms,
        account=account.username,
        api_url=services.settings.devices.api_url,
    )


async def create_token(admin: Admin, body: WhosePhone) -> DeviceToken:
    """Create a private token that registers any number of phones; it is shown this once."""
    services = admin.services
    account = await admin.account_or_only(body.account)
    token = await services.device_registration.create_token(account, body.carrier)
    await admin.note(account, "device_token")
    return DeviceToken(
        token=token, account=account.username, api_url=services.settings.devices.api_url
    )


async def add_device(admin: Admin, body: NewPhone) -> NewDevice:
    """Add a phone with the app CHT Gateway; its URL with its secret is shown this once."""
    services = admin.services
    account = await admin.account_or_only(body.account)
    device, token = await services.device_registration.enter(
        account, body.carrier, protocol=CHT, name=body.name
    )
    await admin.note(account, "add_device", device.name)
    scheme, _, host = services.settings.devices.public_url.rstrip("/").rpartition("://")
    address = f"{device.device_id}:{token}@{host or '<this server>'}{CHT_PATH}"
    return NewDevice(
        device_id=device.device_id,
        name=device.name,
        account=account.username,
        url=f"{scheme or 'https'}://{address}",
    )


async def list_devices(admin: Admin) -> DeviceList:
    """List the devices, oldest first."""
    names = await admin.usernames()
    found = admin.services.devices.all()
    return DeviceList(devices=tuple(_view(admin, device, names) for device in found))


async def show_device(admin: Admin, device_id: str) -> DeviceView:
    """Show one device."""
    return _view(admin, await _find(admin, device_id), await admin.usernames())


async def change_device(admin: Admin, device_id: str, body: DeviceChanges) -> DeviceView:
    """Name a device or change its limits, or the label, number and limits of one SIM."""
    devices = admin.services.devices
    device = await _find(admin, device_id)
    if body.name:
        device = await devices.rename(device.device_id, body.name)
    wanted = {name: value for name, value in body.limits.items() if value is not None}
    if body.slot is not None:
        sim = device.sim(body.slot)
        device = await devices.change_sim(
            device.device_id,
            body.slot,
            label=body.label,
            number=body.number,
            limits=_limited(sim.limits if sim is not None else Limits(), wanted),
        )
    elif wanted:
        settings = msgspec.structs.replace(
            device.settings, limits=_limited(device.settings.limits, wanted)
        )
        device = await devices.change_settings(device.device_id, settings)
    return await _noted(admin, "change_device", device)


async def switch_device(admin: Admin, device_id: str, verb: str) -> DeviceView:
    """Let a device send, or take it out of service."""
    device = await _find(admin, device_id)
    device = await admin.services.devices.set_enabled(device.device_id, verb == "enable")
    return await _noted(admin, f"{verb}_device", device)


async def remove_device(admin: Admin, device_id: str) -> DeviceView:
    """Remove a device; its phone has to register again."""
    device = await _find(admin, device_id)
    removed = _view(admin, device, await admin.usernames())
    await admin.services.devices.remove(device.device_id)
    await _noted(admin, "remove_device", device)
    return removed


async def export_inbox(admin: Admin, device_id: str, body: Period) -> DeviceView:
    """Ask a phone to upload again what it received between two times."""
    if admin.running is None:
        raise Refused(RefusalCode.NOT_SUPPORTED, "", "only a running gateway can ask phones")
    device = await _find(admin, device_id)
    wanted = InboxExport(since_ms=body.since_ms, until_ms=body.until_ms)
    admin.services.inbox_exports.ask(device, wanted)
    return await _noted(admin, "export_inbox", device)


async def show_signing_key(admin: Admin, body: KeyOwner) -> SigningKey:
    """Show the key that signs an account's webhooks; it is made where there is none."""
    account = await admin.account_or_only(body.account)
    key = await admin.services.phone_settings.ensure_signing_key(account)
    return SigningKey(account=account.username, signing_key=key)


def _limited(limits: Limits, wanted: Mapping[str, object]) -> Limits:
    try:
        return msgspec.convert({**msgspec.structs.asdict(limits), **wanted}, Limits)
    except msgspec.ValidationError as error:
        raise Refused(RefusalCode.INVALID_FIELD, "limits", str(error)) from None


async def _find(admin: Admin, device_id: str) -> Device:
    number = int(device_id) if len(device_id) <= len(str(LIMIT)) else -1
    await admin.services.placement.check_identifier(number)
    device = admin.services.devices.get(number)
    if device is None:
        raise Refused(RefusalCode.NOT_FOUND, device_id[:64], "no such device")
    return device


async def _noted(admin: Admin, action: str, device: Device) -> DeviceView:
    account = await admin.services.accounts.find_by_id(device.account_id)
    if account is not None:
        await admin.note(account, action, device.name)
    return _view(admin, device, await admin.usernames())


def _view(admin: Admin, device: Device, names: Mapping[int, str]) -> DeviceView:
    presence = admin.services.devices.presence
    device_id = device.device_id
    running = admin.running is not None
    return view(
        DeviceView,
        device,
        account=names.get(device.account_id, ""),
        online=running and admin.services.devices.is_present(device),
        stream=running and presence.has_stream(device_id),
        seen_ms=max(device.seen_ms, presence.heard_ms(device_id)),
        limits=device.settings.limits,
        health=device.health.checks,
        sims=tuple(
            view(SimView, sim, number=sim.number or sim.reported_number) for sim in device.sims
        ),
    )


_DEVICES: Final = whole(devices=ordered(lambda one: one.created_ms))
CALLS: Final = (
    Call("GET", "/devices", list_devices, whole=_DEVICES),
    Call("POST", "/devices", add_device, status=201),
    Call("POST", "/devices/codes", create_code, status=201),
    Call("POST", "/devices/tokens", create_token, status=201),
    Call("POST", "/devices/signing-key", show_signing_key),
    Call("GET", "/devices/{device_id:int}", show_device),
    Call("PATCH", "/devices/{device_id:int}", change_device),
    Call("DELETE", "/devices/{device_id:int}", remove_device),
    Call("POST", "/devices/{device_id:int}/{verb:enable|disable}", switch_device),
    Call("POST", "/devices/{device_id:int}/inbox-export", export_inbox),
)
