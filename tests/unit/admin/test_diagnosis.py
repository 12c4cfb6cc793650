"""What the doctor says of carriers, in every condition."""

from __future__ import annotations

import msgspec
import pytest

from dragoman.admin.answers import Finding
from dragoman.admin.carriers import OWN_SPEED_PER_S, limit_of
from dragoman.admin.context import Admin
from dragoman.admin.diagnosis import check_carrier, check_speed, diagnose
from dragoman.container import Services
from dragoman.core.delivery.running import CarrierView, LinkView


def link(bound: bool = True, throttled: int = 0, last_error: str = "") -> LinkView:
    return LinkView(
        name="main-1",
        bound=bound,
        outstanding=0,
        waiting=0,
        reconnects=0,
        throttled=throttled,
        last_error=last_error,
    )


def carrier(
    *links: LinkView,
    window: int = 10,
    round_trip_ms: float | None = 50.0,
    rate_per_s: float | None = None,
) -> CarrierView:
    bound = sum(link.bound for link in links)
    return CarrierView(
        name="main",
        up=bound > 0,
        in_flight=0,
        capacity=bound * window,
        round_trip_ms=round_trip_ms,
        rate_per_s=rate_per_s,
        links=links,
    )


LIMITS = {
    "the window": (carrier(link()), 200.0, "window"),
    "two links": (carrier(link(), link()), 400.0, "window"),
    "one of two links": (carrier(link(), link(bound=False)), 200.0, "window"),
    "the rate": (carrier(link(), rate_per_s=30.0), 30.0, "rate_per_s"),
    "a rate above the window": (carrier(link(), rate_per_s=300.0), 200.0, "window"),
    "ourselves": (carrier(link(), window=100, round_trip_ms=1.0), OWN_SPEED_PER_S, "processor"),
    "throttling": (carrier(link(throttled=3)), 200.0, "3 times"),
}


@pytest.mark.parametrize("case", LIMITS)
def test_the_limit_of_a_carrier_is_its_narrowest_place(case: str) -> None:
    view, per_s, reason = LIMITS[case]
    limit = limit_of(view)
    assert limit is not None
    assert limit.per_s == per_s
    assert reason in limit.reason
    assert f"{per_s:,.0f} parts a second" in check_speed(view).detail


@pytest.mark.parametrize("view", [carrier(link(), round_trip_ms=None), carrier(link(bound=False))])
def test_nothing_is_said_of_a_speed_nobody_measured(view: CarrierView) -> None:
    assert limit_of(view) is None
    assert check_speed(view).finding is Finding.OK


@pytest.mark.parametrize(("in_flight", "words"), [(0, "nothing in flight"), (3, "3 parts")])
def test_a_held_carrier_is_named_with_its_remedy(in_flight: int, words: str) -> None:
    held = msgspec.structs.replace(carrier(link()), held=True, in_flight=in_flight)
    check = check_carrier(held)
    assert check.finding is Finding.WARNING
    assert words in check.detail
    assert check.remedy.endswith("`dragoman carrier enable main`")


LINKS = {
    "up": ((link(),), Finding.OK, ""),
    "one of two": (
        (link(), link(bound=False, last_error="cannot connect: refused")),
        Finding.WARNING,
        "firewall",
    ),
    "unreachable": (
        (link(bound=False, last_error="cannot connect: refused"),),
        Finding.PROBLEM,
        "firewall",
    ),
    "not let in": (
        (link(bound=False, last_error="bind refused: ESME_RINVPASWD"),),
        Finding.PROBLEM,
        "password",
    ),
    "no phone": ((), Finding.PROBLEM, "device list"),
    "down without a word": ((link(bound=False),), Finding.PROBLEM, "wait a moment"),
}


@pytest.mark.parametrize("case", LINKS)
def test_a_carrier_that_is_not_up_has_a_remedy(case: str) -> None:
    links, finding, remedy = LINKS[case]
    check = check_carrier(carrier(*links))
    assert check.finding is finding
    assert remedy in check.remedy
    assert all(link.last_error in check.detail for link in links)


async def test_a_held_carrier_is_named_where_no_gateway_runs(services: Services) -> None:
    await services.carrier_switches.switch("simulator", True)
    found = await diagnose(Admin(services=services))
    (check,) = [check for check in found.checks if check.name == "carrier simulator"]
    assert check.finding is Finding.WARNING
    assert "dragoman carrier enable simulator" in check.remedy
