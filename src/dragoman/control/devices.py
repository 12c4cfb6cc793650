"""What the commands about devices do, over the services of a house."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from dragoman.container import Services
from dragoman.control import requests
from dragoman.control.answers import (
    DeviceCode,
    DeviceList,
    DeviceToken,
    DeviceView,
    NewDevice,
    SigningKey,
    SimView,
)
from dragoman.control.house import Controlled
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.devices.inbox_exports import InboxExport
from dragoman.core.devices.model.devices import Device, Limits
from dragoman.core.model.errors import RefusalCode, Refused

CHT_PATH = "/api/cht"
CHT = "cht"


async def create_code(controlled: Controlled, request: requests.CreateDeviceCode) -> DeviceCode:
    services = controlled.services
    account = await _owner(services, request.account)
    life_s = request.life_s or services.settings.devices.code_life_s
    code = await services.device_registration.create_code(account, request.carrier, life_s)
    return DeviceCode(
        code=code.code,
        expires_ms=code.expires_ms,
        account=account.username,
        api_url=services.settings.devices.api_url,
    )


async def create_token(controlled: Controlled, request: requests.CreateDeviceToken) -> DeviceToken:
    services = controlled.services
    account = await _owner(services, request.account)
    token = await services.device_registration.create_token(account, request.carrier)
    return DeviceToken(
        token=token, account=account.username, api_url=services.settings.devices.api_url
    )


async def add_device(controlled: Controlled, request: requests.AddDevice) -> NewDevice:
    services = controlled.services
    account = await _owner(services, request.account)
    device, token = await services.device_registration.enter(
        account, request.carrier, protocol=CHT, name=request.name
    )
    scheme, _, host = services.settings.devices.public_url.rstrip("/").rpartition("://")
    address = f"{device.device_id}:{token}@{host or '<this server>'}{CHT_PATH}"
    return NewDevice(
        device_id=device.device_id,
        name=device.name,
        account=account.username,
        url=f"{scheme or 'https'}://{address}",
    )


async def list_devices(controlled: Controlled, _request: requests.ListDevices) -> DeviceList:
    services = controlled.services
    names = await _names(services)
    found = services.devices.all()
    return DeviceList(devices=tuple(_view(controlled, device, names) for device in found))


async def show_device(controlled: Controlled, request: requests.ShowDevice) -> DeviceView:
    services = controlled.services
    return _view(controlled, _find(services, request.device_id), await _names(services))


async def set_enabled(controlled: Controlled, request: requests.SetDeviceEnabled) -> DeviceView:
    services = controlled.services
    device = await services.devices.set_enabled(request.device_id, request.enabled)
    return _view(controlled, device, await _names(services))


async def remove_device(controlled: Controlled, request: requests.RemoveDevice) -> DeviceView:
    services = controlled.services
    view = _view(controlled, _find(services, request.device_id), await _names(services))
    await services.devices.remove(request.device_id)
    return view


async def export_inbox(controlled: Controlled, request: requests.ExportInbox) -> DeviceView:
    services = controlled.services
    if controlled.gateway is None:
        raise Refused(RefusalCode.NOT_SUPPORTED, "", "only a gateway that runs can ask phones")
    device = _find(services, request.device_id)
    wanted = InboxExport(since_ms=request.since_ms, until_ms=request.until_ms)
    services.inbox_exports.ask(device, wanted)
    return _view(controlled, device, await _names(services))


async def show_signing_key(controlled: Controlled, request: requests.ShowSigningKey) -> SigningKey:
    services = controlled.services
    account = await _owner(services, request.account)
    key = await services.phone_settings.ensure_signing_key(account)
    return SigningKey(account=account.username, signing_key=key)


async def change_device(controlled: Controlled, request: requests.ChangeDevice) -> DeviceView:
    services = controlled.services
    device = _find(services, request.device_id)
    if request.name:
        device = await services.devices.rename(device.device_id, request.name)
    wanted = {name: value for name, value in request.limits.items() if value is not None}
    if request.slot is not None:
        sim = device.sim(request.slot)
        limits = _limited(sim.limits if sim is not None else Limits(), wanted)
        device = await services.devices.change_sim(
            device.device_id,
            request.slot,
            label=request.label,
            number=request.number,
            limits=limits,
        )
    elif wanted:
        settings = msgspec.structs.replace(
            device.settings, limits=_limited(device.settings.limits, wanted)
        )
        device = await services.devices.change_settings(device.device_id, settings)
    return _view(controlled, device, await _names(services))


def _limited(limits: Limits, wanted: Mapping[str, object]) -> Limits:
    try:
        return msgspec.convert({**msgspec.structs.asdict(limits), **wanted}, Limits)
    except msgspec.ValidationError as error:
        raise Refused(RefusalCode.INVALID_FIELD, "limits", str(error)) from None


def _find(services: Services, device_id: int) -> Device:
    device = services.devices.get(device_id)
    if device is None:
        raise Refused(RefusalCode.NOT_FOUND, str(device_id), "no such device")
    return device


async def _owner(services: Services, username: str) -> Account:
    if username:
        return await services.accounts.find(username)
    accounts = await services.accounts.list_all()
    if len(accounts) != 1:
        several = "there are several, name one with --account"
        detail = several if accounts else "create one first with `dragoman account create`"
        raise Refused(RefusalCode.MISSING_FIELD, "account", detail)
    return accounts[0]


async def _names(services: Services) -> dict[int, str]:
    return {one.account_id: one.username for one in await services.accounts.list_all()}


def _view(controlled: Controlled, device: Device, names: Mapping[int, str]) -> DeviceView:
    presence = controlled.services.devices.presence
    device_id = device.device_id
    running = controlled.gateway is not None
    seen_ms = max(device.seen_ms, presence.heard_ms(device_id))
    return DeviceView(
        device_id=device_id,
        account=names.get(device.account_id, ""),
        carrier=device.carrier,
        protocol=device.protocol,
        name=device.name,
        enabled=device.enabled,
        online=running and presence.is_present(device_id),
        stream=running and presence.has_stream(device_id),
        app_version=device.app_version,
        created_ms=device.created_ms,
        seen_ms=seen_ms,
        limits=device.settings.limits,
        health=device.health.checks,
        sims=tuple(
            SimView(
                slot=sim.slot,
                present=sim.present,
                label=sim.label,
                number=sim.number or sim.reported_number,
                carrier=sim.carrier,
                limits=sim.limits,
            )
            for sim in device.sims
        ),
    )
