"""Time is told, stored and read back without losing a millisecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.kit.clock import ClockWatch, FixedClock, SystemClock, datetime_of, ms_of

TIMES = [
    (0, datetime(1970, 1, 1, tzinfo=UTC)),
    (1, datetime(1970, 1, 1, 0, 0, 0, 1000, tzinfo=UTC)),
    (-1, datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
    (1_424_185_035_664, datetime(2015, 2, 17, 14, 57, 15, 664000, tzinfo=UTC)),
]


@pytest.mark.parametrize(("at_ms", "at"), TIMES)
def test_a_stored_time_is_utc(at_ms: int, at: datetime) -> None:
    assert datetime_of(at_ms) == at
    assert datetime_of(at_ms).tzinfo is UTC
    assert ms_of(at) == at_ms


def test_the_zone_of_a_datetime_counts() -> None:
    east = timezone(timedelta(hours=2))
    assert ms_of(datetime(1970, 1, 1, 2, tzinfo=east)) == 0


def test_a_datetime_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        ms_of(datetime(2026, 1, 1))


@given(st.integers(0, 4_102_444_800_000))
def test_every_millisecond_until_2100_survives(at_ms: int) -> None:
    assert ms_of(datetime_of(at_ms)) == at_ms


def test_a_fixed_clock_moves_only_when_told() -> None:
    clock = FixedClock(1000)
    assert (clock.now_ms(), clock.monotonic()) == (1000, 0.0)
    clock.advance(1.5)
    assert (clock.now_ms(), clock.monotonic()) == (2500, 1.5)
    clock.jump(-1)
    assert (clock.now_ms(), clock.monotonic()) == (1500, 1.5)


def test_the_system_clock_tells_milliseconds_of_today() -> None:
    clock = SystemClock()
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    told = datetime_of(clock.now_ms())
    assert before <= told <= datetime.now(UTC)
    first = clock.monotonic()
    assert clock.monotonic() >= first


def test_only_a_clock_that_is_set_back_is_noticed_and_once() -> None:
    clock = FixedClock()
    watch = ClockWatch(clock)
    clock.advance(3600)
    clock.jump(86_400)
    assert watch.set_back_ms() == 0
    clock.advance(5)
    clock.jump(-86_400)
    assert watch.set_back_ms() == 86_400_000
    assert watch.set_back_ms() == 0
    clock.jump(-0.5)
    assert watch.set_back_ms() == 0
