"""Carriers as the machine's owner sees them: links, speed, errors; out of service and back."""

from __future__ import annotations

from typing import Final

from dragoman.console.desk import CarrierState
from dragoman.console.page import Page
from dragoman.console.visit import Visit
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response


async def list_carriers(visit: Visit) -> Response:
    """Every carrier with its links."""
    machine = visit.desk.machine
    carriers = machine.carriers()
    waiting = machine.waiting()
    ages = machine.oldest_waiting_s()
    return visit.show(
        "carriers.html",
        problems=(),
        troubles=machine.problems(),
        carriers=[(carrier, *say_carrier(carrier)) for carrier in carriers],
        routes=[(name, count, ages.get(name)) for name, count in waiting.items()],
    )


async def switch_carrier(visit: Visit) -> Response:
    """Takes a carrier out of service, or puts it back."""
    name = visit.form.get("carrier", "")
    if all(carrier.name != name for carrier in visit.desk.machine.carriers()):
        raise Refused(RefusalCode.NOT_FOUND, name[:64], "carrier")
    held = visit.form.get("do") == "drain"
    if await visit.desk.carrier_switches.is_held(name) is held:
        return visit.go("/carriers", "as-it-was")
    action = "drain_carrier" if held else "enable_carrier"
    entry = visit.desk.books.entry(visit.account, action, name)
    await visit.desk.carrier_switches.switch(name, held, (entry,))
    return visit.go("/carriers", "saved")


def say_carrier(carrier: CarrierState) -> tuple[str, str]:
    """A carrier's state in a word, and the class of its badge."""
    if carrier.held:
        return ("draining", "unknown") if carrier.in_flight else ("disabled", "off")
    if not carrier.up:
        return "down", "undelivered"
    return "up", "delivered"


PAGES: Final = (
    Page(
        path="/carriers",
        title="Carriers",
        menu="Carriers",
        show=list_carriers,
        act=switch_carrier,
        needs=Permission.OPERATE,
    ),
)
