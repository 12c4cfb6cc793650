"""Phones that send for accounts of the tree: SIMs, health, presence, and registering another."""

from __future__ import annotations

from typing import Final

import segno

from dragoman.console.page import Page
from dragoman.console.visit import Visit
from dragoman.domain.accounts import Account, Permission
from dragoman.domain.devices import Device
from dragoman.domain.errors import RefusalCode, Refused
from dragoman.services.device_registration import Code
from dragoman.web.responses import Response

MAX_CHECKS: Final = 12
"""Values of a phone's health that are shown."""


async def list_devices(visit: Visit) -> Response:
    """Every phone, those in service first."""
    return await _show(visit)


async def switch_device(visit: Visit) -> Response:
    """Lets a phone send, or takes it out of service."""
    desk = visit.desk
    device = desk.devices.get(visit.identifier("device_id"))
    if device is None:
        raise Refused(RefusalCode.NOT_FOUND, "device")
    account = (await desk.account_tree.find(visit.account, device.account_id)).account
    enabled = visit.form.get("do") == "enable"
    if device.enabled is enabled:
        return visit.go("/devices", "as-it-was")
    await desk.devices.set_enabled(device.device_id, enabled)
    action = "enable_device" if enabled else "disable_device"
    await desk.books.note(visit.account, action, device.name, account)
    return visit.go("/devices", "saved")


async def make_code(visit: Visit) -> Response:
    """A code with which a phone registers for an account, shown this once."""
    desk = visit.desk
    wanted = visit.form.get("account", "")
    account_id = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) <= 16 else 0
    account = (await desk.account_tree.find(visit.account, account_id)).account
    code = await desk.device_registration.create_code(account)
    await desk.books.note(visit.account, "device_code", account=account)
    return await _show(visit, code, account)


async def _show(visit: Visit, code: Code | None = None, owner: Account | None = None) -> Response:
    desk = visit.desk
    names = {
        view.account.account_id: view.account.username
        for view in await desk.account_tree.list_below(visit.account)
    }
    devices = [device for device in desk.devices.all() if device.account_id in names]
    devices.sort(key=lambda device: (not device.enabled, device.device_id))
    return visit.show(
        "devices.html",
        devices=[(device, *_say_presence(visit, device)) for device in devices],
        names=names,
        choices=sorted(((str(key), name) for key, name in names.items()), key=lambda one: one[1]),
        has_carrier=bool(desk.devices.carriers),
        code=code,
        owner=owner,
        qr_of_code=draw_qr(code.code) if code is not None else "",
        qr_of_address=draw_qr(desk.api_url) if code is not None and desk.api_url else "",
        api_url=desk.api_url,
        max_checks=MAX_CHECKS,
    )


def _say_presence(visit: Visit, device: Device) -> tuple[str, str, int]:
    """How far a phone can be reached, the class of its badge, and when it was last heard."""
    presence = visit.desk.devices.presence
    seen_ms = max(device.seen_ms, presence.heard_ms(device.device_id))
    if not device.enabled:
        return "disabled", "off", seen_ms
    if presence.has_stream(device.device_id):
        return "connected", "delivered", seen_ms
    if presence.is_present(device.device_id):
        return "looks in", "sent", seen_ms
    return "away", "undelivered", seen_ms


def draw_qr(text: str) -> str:
    """A QR code as a piece of SVG without styles, black on white with its quiet zone."""
    code = segno.make(text, error="m", micro=False)
    return str(code.svg_inline(border=4, light="#fff", svgclass="qr", lineclass="", omitsize=True))


PAGES: Final = (
    Page(
        path="/devices",
        title="Phones",
        menu="Phones",
        show=list_devices,
        needs=Permission.OPERATE,
    ),
    Page(
        path="/devices/code",
        title="Phones",
        section="Phones",
        act=make_code,
        needs=Permission.OPERATE,
    ),
    Page(
        path="/devices/{device_id:int}",
        title="Phones",
        section="Phones",
        act=switch_device,
        needs=Permission.OPERATE,
    ),
)
