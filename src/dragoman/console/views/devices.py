"""Phones that send for accounts of the tree: SIMs, health, presence, and registering another."""

from __future__ import annotations

from typing import Final

from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.paging import make_pager
from dragoman.console.pictures import draw_qr
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.devices.device_registration import Code
from dragoman.core.devices.model.devices import Device
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response

MAX_CHECKS: Final = 12
"""Values of a phone's health that are shown."""
MAX_OFFERED: Final = 100
"""Names of accounts that are proposed for a phone; every other can be typed."""
MAX_NAME: Final = 64


async def list_devices(request: PageRequest) -> Response:
    """Every phone, enabled ones first."""
    return await _show(request)


async def switch_device(request: PageRequest) -> Response:
    """Enables or disables a phone."""
    services = request.services
    device = services.devices.get(request.identifier("device_id"))
    if device is None:
        raise Refused(RefusalCode.NOT_FOUND, "device")
    account = (await services.account_tree.find(request.account, device.account_id)).account
    enabled = request.form.get("do") == "enable"
    if device.enabled is enabled:
        return request.go("/devices", "no-changes")
    await services.devices.set_enabled(device.device_id, enabled)
    action = "enable_device" if enabled else "disable_device"
    await request.note(action, device.name, account)
    return request.go("/devices", "saved")


async def make_code(request: PageRequest) -> Response:
    """A code with which a phone registers for an account, shown only once."""
    services = request.services
    wanted = request.form.get("account", "").strip()
    try:
        account = await services.accounts.find(wanted)
        account = (await services.account_tree.find(request.account, account.account_id)).account
    except Refused as refused:
        if refused.code is not RefusalCode.NOT_FOUND:
            raise
        request.problems["account"] = gettext("You have no account with this name.")
        return await _show(request, 400, wanted=wanted[:MAX_NAME])
    code = await services.device_registration.create_code(account)
    await request.note("device_code", account=account)
    return await _show(request, code=code, owner=account)


async def _show(
    request: PageRequest,
    status: int = 200,
    *,
    wanted: str | None = None,
    code: Code | None = None,
    owner: Account | None = None,
) -> Response:
    services = request.services
    registered = services.devices.all()
    names = await services.account_tree.names(
        request.account, (device.account_id for device in registered), living=True
    )
    devices = [device for device in registered if device.account_id in names]
    devices.sort(key=lambda device: (not device.enabled, device.device_id))
    paging = request.paging()
    shown = devices[paging.offset : paging.offset + paging.per_page]
    offered, _ = await services.account_tree.search(request.account, "", 0, MAX_OFFERED)
    return request.show(
        "devices.html",
        status,
        devices=[(device, *_describe_presence(request, device)) for device in shown],
        pager=make_pager(paging, request.query, len(shown), len(devices)),
        names=names,
        wanted=request.account.username if wanted is None else wanted,
        offered=[view.account.username for view in offered],
        has_carrier=bool(services.devices.carriers),
        code=code,
        owner=owner,
        qr_of_code=draw_qr(code.code) if code is not None else "",
        qr_of_address=draw_qr(services.settings.devices.api_url)
        if code is not None and services.settings.devices.api_url
        else "",
        api_url=services.settings.devices.api_url,
        max_checks=MAX_CHECKS,
    )


def _describe_presence(request: PageRequest, device: Device) -> tuple[str, str, int]:
    """The presence of a phone, the class of its badge, and when it was last seen."""
    presence = request.services.devices.presence
    seen_ms = max(device.seen_ms, presence.heard_ms(device.device_id))
    if not device.enabled:
        return gettext("disabled"), "off", seen_ms
    if presence.has_stream(device.device_id):
        return gettext("connected"), "delivered", seen_ms
    if request.services.devices.is_present(device):
        return gettext("online"), "sent", seen_ms
    return gettext("offline"), "undelivered", seen_ms


PAGES: Final = (
    Page(
        "/devices", lazy("Phones"), menu=lazy("Phones"), show=list_devices, needs=Permission.OPERATE
    ),
    Page(
        "/devices/code", lazy("Phones"), section="Phones", act=make_code, needs=Permission.OPERATE
    ),
    Page(
        "/devices/{device_id:int}",
        lazy("Phones"),
        section="Phones",
        act=switch_device,
        needs=Permission.OPERATE,
    ),
)
