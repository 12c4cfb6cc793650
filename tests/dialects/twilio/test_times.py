"""Times of requests: ISO 8601 with any offset, UTC without one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dragoman.dialects.twilio.times import parse_instant

TEN = int(datetime(2026, 7, 1, 10, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    "text",
    [
        "2026-07-01T10:00:00Z",
        "2026-07-01T10:00:00",
        "2026-07-01T12:00:00+02:00",
        "2026-07-01T12:00:00 02:00",  # a plus that was not escaped
        "2026-07-01T12:00:00+0200",
        "2026-07-01T06:00:00-04:00",
        "20260701T100000Z",
    ],
)
def test_an_instant_is_the_same_in_every_zone(text: str) -> None:
    assert parse_instant(text) == TEN


@pytest.mark.parametrize("text", ["", "noon", "2026-07-32T10:00:00Z", "2026-07-01T10:00:00+99:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_instant(text)
