"""Stretches of one offset cover a time without gaps, and end where clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from dragoman.kit.clock import ms_of
from dragoman.kit.zones import DAY_MS, HOUR_MS, stretches_of


def at(*parts: int) -> int:
    return ms_of(datetime(*parts, tzinfo=UTC))  # type: ignore[misc,arg-type]


SPRING, AUTUMN = at(2026, 3, 29, 1), at(2026, 10, 25, 1)


@pytest.mark.parametrize(
    ("zone", "from_ms", "before_ms", "expected"),
    [
        ("UTC", 0, DAY_MS, [(0, DAY_MS, 0)]),
        ("UTC", DAY_MS, DAY_MS, []),
        ("UTC", DAY_MS, 0, []),
        ("Asia/Kolkata", 0, HOUR_MS, [(0, HOUR_MS, 19_800_000)]),
        ("Europe/Copenhagen", SPRING - HOUR_MS, SPRING, [(SPRING - HOUR_MS, SPRING, HOUR_MS)]),
        (
            "Europe/Copenhagen",
            at(2026, 1, 1),
            at(2027, 1, 1),
            [
                (at(2026, 1, 1), SPRING, HOUR_MS),
                (SPRING, AUTUMN, 2 * HOUR_MS),
                (AUTUMN, at(2027, 1, 1), HOUR_MS),
            ],
        ),
        (
            "Europe/Copenhagen",
            AUTUMN - HOUR_MS,
            AUTUMN + HOUR_MS,
            [(AUTUMN - HOUR_MS, AUTUMN, 2 * HOUR_MS), (AUTUMN, AUTUMN + HOUR_MS, HOUR_MS)],
        ),
        (
            "Australia/Lord_Howe",
            at(2026, 4, 4),
            at(2026, 4, 6),
            [(at(2026, 4, 4), at(2026, 4, 4, 15), 39_600_000),
             (at(2026, 4, 4, 15), at(2026, 4, 6), 37_800_000)],
        ),
    ],
)  # fmt: skip
def test_stretches_end_where_the_zone_changes(
    zone: str, from_ms: int, before_ms: int, expected: list[tuple[int, int, int]]
) -> None:
    assert [tuple(stretch) for stretch in stretches_of(zone, from_ms, before_ms)] == expected


@pytest.mark.parametrize("zone", ["Europe/Copenhagen", "America/New_York", "Africa/Casablanca"])
@pytest.mark.parametrize("shift", range(0, 24, 5))
def test_stretches_follow_each_other(zone: str, shift: int) -> None:
    begin = at(2024, 1, 1) + shift * HOUR_MS
    end = begin + round(timedelta(days=1000) / timedelta(milliseconds=1))
    stretches = list(stretches_of(zone, begin, end))
    assert (stretches[0].from_ms, stretches[-1].before_ms) == (begin, end)
    for one, next_ in pairwise(stretches):
        assert one.before_ms == next_.from_ms
        assert one.offset_ms != next_.offset_ms
