"""Routes that ask for more than number and account: which message takes which."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dragoman.core.messages.model.conditions import Conditions, Networks, Span, parse_span
from dragoman.core.messages.model.routing import Route, Router, RouteReason
from dragoman.protocols.gsm.national import Language
from dragoman.protocols.gsm.segmentation import PLAIN, Repertoire


def route(name: str, *prefixes: str, accounts: tuple[str, ...] = (), **more: Any) -> Route:
    fields = {key: more.pop(key) for key in ("priority", "repertoire") if key in more}
    values = {
        key: frozenset(value) if isinstance(value, set) else value for key, value in more.items()
    }
    conditions = Conditions(**values) if values else None
    return Route(
        name=name,
        carriers=("main",),
        prefixes=prefixes,
        accounts=accounts,
        conditions=conditions,
        **fields,
    )


NIGHT = Span(22 * 60, 6 * 60)
ROUTER = Router(
    [
        route("rest"),
        route("denmark", countries={"238"}),
        route("danish-bank", countries={"238"}, senders={"Bank"}),
        route("telia", networks={"23820"}),
        route("long", "46", parts=(3, 255)),
        route("sweden", "46"),
        route("arabic", "20", alphabets={"ucs2"}),
        route("otp", tags={"otp"}, priority=5),
        route("cheap", "47", message_types={"LL"}),
        route("canada", countries={"302"}),
        route("usa", countries={"310"}),
        route("night", "33", hours=(NIGHT,)),
        route("weekend", "34", days={5, 6}),
        route("shop", accounts=("shop",), senders={"Shop"}),
    ],
    networks=Networks({"4526": "23820", "4527": "23801"}),
    zone=ZoneInfo("Europe/Copenhagen"),
)
MONDAY = datetime(2026, 11, 30, 12, tzinfo=UTC)

CASES: list[tuple[str, dict[str, Any], str]] = [
    ("4511111111", {}, "denmark"),
    ("4511111111", {"sender": "Bank"}, "danish-bank"),
    ("4526111111", {"sender": "Other"}, "denmark"),
    ("4527111111", {}, "denmark"),
    ("46700000000", {"parts": 1, "alphabet": "gsm7"}, "sweden"),
    ("46700000000", {"parts": 3, "alphabet": "gsm7"}, "long"),
    ("20100000000", {"parts": 1, "alphabet": "ucs2"}, "arabic"),
    ("20100000000", {"parts": 1, "alphabet": "gsm7"}, "rest"),
    ("4511111111", {"sender": "Bank", "tag": "otp"}, "otp"),
    ("47900000000", {"message_type": "LL"}, "cheap"),
    ("47900000000", {"message_type": "N"}, "rest"),
    ("12125550100", {}, "usa"),
    ("14165550100", {}, "canada"),
    ("12425550100", {}, "rest"),  # the Bahamas
    ("33600000000", {}, "rest"),
    ("33600000000", {"at": MONDAY.replace(hour=21, minute=30)}, "night"),
    ("33600000000", {"at": MONDAY.replace(hour=4, minute=59)}, "night"),
    ("33600000000", {"at": MONDAY.replace(hour=5)}, "rest"),
    ("34600000000", {}, "rest"),
    ("34600000000", {"at": MONDAY.replace(month=12, day=5)}, "weekend"),
    ("34600000000", {"at": MONDAY.replace(month=12, day=6, hour=23)}, "rest"),  # Monday there
    ("33600000000", {"username": "shop", "sender": "Shop"}, "shop"),
    ("33600000000", {"username": "shop", "sender": "Else"}, "rest"),
]


@pytest.mark.parametrize(("digits", "known", "expected"), CASES)
def test_a_message_finds_the_route_that_asks_for_it(
    digits: str, known: dict[str, Any], expected: str
) -> None:
    known = {"sender": "", "tag": "", "message_type": "", **known}
    username, at = known.pop("username", "acme"), known.pop("at", MONDAY)
    query = ROUTER.query(username, digits, at_ms=round(at.timestamp() * 1000), **known)
    found = ROUTER.choose(username, digits, query=query)
    assert found is not None
    assert found.name == expected


def test_network_comes_before_country_where_both_ask_for_one_thing_in_their_order() -> None:
    router = Router(
        [route("country", countries={"238"}), route("network", networks={"23820"}), route("rest")],
        networks=Networks({"4526": "23820"}),
    )
    for digits, expected in (("4526111111", "country"), ("33600000000", "rest")):
        found = router.choose("acme", digits, query=router.query("acme", digits))
        assert found is not None
        assert found.name == expected


def test_explanation_names_the_conditions() -> None:
    query = ROUTER.query("acme", "4511111111", sender="Bank", tag="", message_type="")
    choice = ROUTER.explain("acme", "4511111111", query=query)
    assert choice is not None
    assert (choice.route.name, choice.reason) == ("danish-bank", RouteReason.CONDITIONS)


def test_text_is_cut_as_every_route_takes_it_that_its_length_may_lead_to() -> None:
    turkish = Repertoire(national=(Language.TURKISH,))
    router = Router(
        [
            route("short", "90", parts=(1, 1), repertoire=turkish),
            route("any", "90"),
            route("rest", repertoire=turkish),
        ]
    )
    assert router.repertoire("acme", ["905320000000"]) == PLAIN
    assert router.repertoire("acme", ["4511111111"]) == turkish


def test_other_routes_are_taken_at_once() -> None:
    router = Router([route("old")])
    names = router.routes.keys()
    router.replace([route("new", "45")])
    assert list(names) == ["new"]
    assert router.choose("acme", "4612345678") is None
    found = router.choose("acme", "4512345678")
    assert found is not None
    assert found.name == "new"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("08:00-20:00", (480, 1200)), ("22:00-06:30", (1320, 390)), ("00:00-24:00", (0, 1440))],
)
def test_spans_are_read(text: str, expected: tuple[int, int]) -> None:
    span = parse_span(text)
    assert (span.begin, span.end) == expected


@pytest.mark.parametrize(
    "text", ["", "8-20", "08:00", "08:00-08:00", "24:00-06:00", "08:60-09:00", "-1:00-2:00"]
)
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a span"):
        parse_span(text)
