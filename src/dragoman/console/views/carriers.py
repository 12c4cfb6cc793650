"""Carriers as the operator sees them: links, speed and errors; disabling and enabling them."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.delivery.running import CarrierView
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response


async def list_carriers(request: PageRequest) -> Response:
    """Every carrier with its links."""
    seen = await request.context.machine.situation()
    return request.show(
        "carriers.html",
        troubles=[*seen.problems, *seen.warnings],
        carriers=[(carrier, *describe_carrier(carrier)) for carrier in seen.carriers],
        routes=[(name, count, seen.oldest_s.get(name)) for name, count in seen.waiting.items()],
    )


async def switch_carrier(request: PageRequest) -> Response:
    """Disables or enables a carrier."""
    name = request.form.get("carrier", "")
    if all(carrier.name != name for carrier in request.context.machine.carriers()):
        raise Refused(RefusalCode.NOT_FOUND, name[:64], "carrier")
    held = request.form.get("do") == "drain"
    if await request.services.carrier_switches.is_held(name) is held:
        return request.go("/carriers", "no-changes")
    action = "drain_carrier" if held else "enable_carrier"
    entry = request.audit(action, name)
    await request.services.carrier_switches.switch(name, held, (entry,))
    await request.context.machine.tell_others("PUT", f"/carriers/{quote(name)}", {"held": held})
    return request.go("/carriers", "saved")


def describe_carrier(carrier: CarrierView) -> tuple[str, str]:
    """The status of a carrier, and the class of its badge."""
    if carrier.held:
        if carrier.in_flight:
            return gettext("draining"), "unknown"
        return gettext("disabled"), "off"
    if not carrier.up:
        return gettext("down"), "undelivered"
    return gettext("up"), "delivered"


PAGES: Final = (
    Page(
        "/carriers",
        lazy("Carriers"),
        menu=lazy("Carriers"),
        show=list_carriers,
        act=switch_carrier,
        needs=Permission.OPERATE,
    ),
)
