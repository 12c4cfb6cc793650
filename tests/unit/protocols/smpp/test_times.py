from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.protocols.smpp.times import parse_time, render_relative

COPENHAGEN = timezone(timedelta(hours=1))
NEW_YORK = timezone(timedelta(hours=-5))
KATHMANDU = timezone(timedelta(hours=5, minutes=45))


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 11, 21, 21, 0, tzinfo=UTC), "261121210000000+"),
        (datetime(2026, 11, 21, 21, 0, 59, 900_000, COPENHAGEN), "261121210059904+"),
        (datetime(2026, 11, 21, 21, 0, tzinfo=NEW_YORK), "261121210000020-"),
        (datetime(2026, 11, 21, 21, 0, tzinfo=KATHMANDU), "261121210000023+"),
    ],
)
def test_absolute_time_is_read(at: datetime, text: str) -> None:
    read = parse_time(text)
    assert isinstance(read, datetime)
    assert (read, read.utcoffset()) == (at, at.utcoffset())


@pytest.mark.parametrize(
    ("period", "text"),
    [
        (timedelta(), "000000000000000R"),
        (timedelta(days=2), "000002000000000R"),
        (timedelta(hours=23, minutes=59, seconds=58), "000000235958000R"),
        (timedelta(days=365 + 30 + 1), "010101000000000R"),
    ],
)
def test_relative_time_is_these_characters_both_ways(period: timedelta, text: str) -> None:
    assert render_relative(period) == text
    assert parse_time(text) == period


@given(st.timedeltas(min_value=timedelta(), max_value=timedelta(days=36_499)))
def test_any_relative_time_comes_back_in_whole_seconds(period: timedelta) -> None:
    text = render_relative(period)
    assert len(text) == 16
    assert parse_time(text) == period - timedelta(microseconds=period.microseconds)


def test_no_time_is_none() -> None:
    assert parse_time("") is None


@pytest.mark.parametrize(
    "text",
    [
        "26112121000000+",
        "261121210000000",
        "261121210000000Z",
        "261321210000000+",
        "261121210000049+",
        "26112121000000²+",
        "000002000000000r",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time(text)


@pytest.mark.parametrize("period", [timedelta(seconds=-1), timedelta(days=36_500)])
def test_span_that_does_not_fit_is_refused(period: timedelta) -> None:
    with pytest.raises(ValueError, match=r"ahead|digits"):
        render_relative(period)


@given(st.text(max_size=20) | st.text("0123456789+-R", min_size=16, max_size=16))
def test_parsing_raises_only_value_errors(text: str) -> None:
    try:
        read = parse_time(text)
    except ValueError:
        return
    assert read is None or isinstance(read, datetime | timedelta)
