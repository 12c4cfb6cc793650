"""Every refusal and status has its words, and small things are read as they should."""

from __future__ import annotations

import pytest

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsgateway24.contacts import split_name
from dragoman.dialects.smsgateway24.errors import (
    CODES_OF_KIND,
    TEXTS,
    problem_of,
    problem_of_refusal,
)
from dragoman.dialects.smsgateway24.mapping import TITLES
from dragoman.dialects.smsgateway24.times import parse_time, parse_zone, render_date
from dragoman.web.refusals import Refusal, RefusalKind

from .conftest import Gate


def test_every_refusal_has_its_words() -> None:
    assert set(TEXTS) == set(RefusalCode)
    assert set(CODES_OF_KIND) == set(RefusalKind)
    for code in RefusalCode:
        text = problem_of(Refused(code, "x" * 1_000, "why")).message
        assert text
        assert "{" not in text
        assert len(text) < 200
    for kind in RefusalKind:
        assert problem_of_refusal(Refusal(kind=kind, reason="why")).message


def test_every_status_of_the_provider_has_a_title() -> None:
    assert sorted(TITLES) == [*range(1, 13), 100, 101]
    assert (TITLES[1], TITLES[2], TITLES[7]) == ("New", "sending", "delivered")


def test_every_call_takes_get_and_post_in_every_format(gate: Gate) -> None:
    names = [operation.path.rpartition("/")[2] for operation in gate.dialect.web.operations]
    assert names == [
        *("gettoken", "addsms", "smstosend", "addalotofsms", "getallsms", "savetag"),
        *("savecontact", "savepaket", "getalldevices", "getsmsstatus", "getdevicestatus"),
    ]
    for operation in gate.dialect.web.operations:
        assert operation.methods == ("GET", "POST")
        assert operation.body_formats == ("form", "multipart", "json")


NAMES = [
    ("", ("", "")),
    ("Anna", ("Anna", "")),
    ("x" * 40, ("x" * 40, "")),
    ("a" * 30 + " " + "b" * 30, ("a" * 30, "b" * 30)),
    ("a" * 40 + " " + "b" * 3, ("a" * 40, "b" * 3)),
    ("x" * 41, ("x" * 41, "")),
]


@pytest.mark.parametrize(("name", "pieces"), NAMES)
def test_names_are_cut_at_a_blank(name: str, pieces: tuple[str, str]) -> None:
    assert split_name(name) == pieces


TIMES = [
    ("2019-07-01 23:50:00", "UTC", "2019-07-01 23:50:00"),
    ("2021-08-01 12:00", "UTC", "2021-08-01 12:00:00"),
    ("2021-08-01T12:00", "UTC", "2021-08-01 12:00:00"),
    ("2024-11-13", "UTC", "2024-11-13 00:00:00"),
    ("13.11.2024 06:39:21", "UTC", "2024-11-13 06:39:21"),
    ("1.2.2024 6:39", "UTC", "2024-02-01 06:39:00"),
    ("2021-08-01 12:00", "+02:00", "2021-08-01 10:00:00"),
    ("2021-08-01 12:00", " 02:00", "2021-08-01 10:00:00"),
    ("2021-08-01 12:00", "-0530", "2021-08-01 17:30:00"),
    ("2021-08-01 12:00", "Australia/Sydney", "2021-08-01 02:00:00"),
]


@pytest.mark.parametrize(("text", "zone", "utc"), TIMES)
def test_times_are_read_in_their_zone(text: str, zone: str, utc: str) -> None:
    at_ms = parse_time("begindate", text, parse_zone("timezone", zone).info)
    shown = render_date(at_ms, parse_zone("timezone", "UTC"))
    assert (shown.date, shown.timezone_type, shown.timezone) == (f"{utc}.000000", 3, "UTC")


ENDS = [("2024-11-13", "2024-11-13 23:59:59"), ("2024-11-13 06:39", "2024-11-13 06:39:00")]


@pytest.mark.parametrize(("text", "last"), ENDS)
def test_an_end_includes_its_day_or_second(text: str, last: str) -> None:
    zone = parse_zone("timezone", "UTC")
    at_ms = parse_time("enddate", text, zone.info, end=True)
    assert render_date(at_ms, zone).date == f"{last}.000000"
    assert at_ms % 1000 == 999
