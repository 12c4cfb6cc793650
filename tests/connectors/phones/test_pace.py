"""When the next message may go: limits, working hours, rests; all in given times."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dragoman.connectors.phones.pace import DAY_MS, HOUR_MS, MINUTE_MS, Pace, wait_for_work_ms
from dragoman.connectors.phones.results import read_result
from dragoman.core.devices.model.devices import Limits
from dragoman.core.model.errors import FailureCode

NOW = 1_790_000_000_000 // MINUTE_MS * MINUTE_MS


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_without_limits_nothing_waits() -> None:
    pace = Pace(Limits())
    for _ in range(1000):
        pace.took(9, NOW)
    assert pace.wait_ms(NOW) == 0


def test_the_gap_is_kept_between_messages() -> None:
    pace = Pace(Limits(gap_s=3))
    assert pace.wait_ms(NOW) == 0
    pace.took(1, NOW)
    assert pace.wait_ms(NOW + 1000) == 2000
    assert pace.wait_ms(NOW + 3000) == 0


def test_parts_of_the_last_minute_count_until_they_are_a_minute_old() -> None:
    pace = Pace(Limits(per_minute=5))
    pace.took(2, NOW)
    pace.took(2, NOW + 10_000)
    assert pace.wait_ms(NOW + 20_000) == 0
    pace.took(2, NOW + 20_000)
    assert pace.wait_ms(NOW + 20_000) == 40_000
    assert pace.wait_ms(NOW + MINUTE_MS) == 0


@pytest.mark.parametrize(
    ("limits", "span_ms"), [(Limits(per_hour=3), HOUR_MS), (Limits(per_day=3), DAY_MS)]
)
def test_parts_of_an_hour_or_a_day_survive_a_restart(limits: Limits, span_ms: int) -> None:
    pace = Pace(limits)
    for _ in range(3):
        pace.restore(NOW // MINUTE_MS, 1)
    wait_ms = pace.wait_ms(NOW + 1000)
    assert span_ms - MINUTE_MS < wait_ms <= span_ms + MINUTE_MS
    assert pace.wait_ms(NOW + 1000 + wait_ms) == 0


@pytest.mark.parametrize(
    ("limits", "at", "wait_min"),
    [
        (Limits(), "2026-06-01T03:00:00", 0),
        (Limits(work_from=480, work_to=1200), "2026-06-01T07:00:00", 60),
        (Limits(work_from=480, work_to=1200), "2026-06-01T08:00:00", 0),
        (Limits(work_from=480, work_to=1200), "2026-06-01T20:00:00", 720),
        (Limits(work_from=1200, work_to=120), "2026-06-01T23:00:00", 0),
        (Limits(work_from=1200, work_to=120), "2026-06-01T01:59:00", 0),
        (Limits(work_from=1200, work_to=120), "2026-06-01T02:00:00", 1080),
        (
            Limits(work_from=480, work_to=1200, time_zone="Europe/Copenhagen"),
            "2026-06-01T05:30:00",
            30,
        ),
    ],
)
def test_outside_working_hours_messages_wait(limits: Limits, at: str, wait_min: int) -> None:
    assert wait_for_work_ms(limits, ms(at)) == wait_min * MINUTE_MS


def test_failures_in_a_row_mean_ever_longer_rests_until_one_goes_well() -> None:
    pace = Pace(Limits())
    rests = [pace.failed(NOW, 3, 60, 200) for _ in range(6)]
    assert rests == [False, False, True, True, True, True]
    assert pace.wait_ms(NOW) == 200_000
    pace.sent()
    assert not pace.failed(NOW, 3, 60, 200)


def test_a_throttled_phone_pauses_is_slower_and_recovers() -> None:
    pace = Pace(Limits(per_minute=8))
    pace.throttle(NOW)
    assert pace.wait_ms(NOW) == MINUTE_MS
    later = NOW + 2 * MINUTE_MS
    for _ in range(4):
        assert pace.wait_ms(later) == 0
        pace.took(1, later)
    assert pace.wait_ms(later) > 0
    for step in range(1, 6):
        pace.recover(NOW + step * 10 * MINUTE_MS)
    much_later = NOW + HOUR_MS
    for _ in range(8):
        assert pace.wait_ms(much_later) == 0
        pace.took(1, much_later)
    assert pace.wait_ms(much_later) > 0


@pytest.mark.parametrize(
    ("error", "code", "detail"),
    [
        (
            "Send result: RESULT_ERROR_NO_SERVICE (4)",
            FailureCode.NETWORK,
            "RESULT_ERROR_NO_SERVICE",
        ),
        ("Send result: RESULT_RIL_MODEM_ERR (111)", FailureCode.NETWORK, "RESULT_RIL_MODEM_ERR"),
        ("Delivery result from SC +4512: 0x46", FailureCode.EXPIRED, "TP-Status 70"),
        ("Delivery result from SC : 97", FailureCode.ABSENT_SUBSCRIBER, "TP-Status 97"),
        ("Delivery result from SC x: 127", FailureCode.UNSPECIFIED, "TP-Status 127"),
        ("Can't send message: SIM 2 not found", FailureCode.REFUSED_BY_CARRIER, "SIM not found"),
        ("TTL expired", FailureCode.EXPIRED, "TTL expired"),
        ("sendSMS: Invalid destinationAddress +4512", FailureCode.UNSPECIFIED, ""),
        ("", FailureCode.UNSPECIFIED, ""),
    ],
)
def test_error_texts_become_reasons_without_what_they_quote(
    error: str, code: FailureCode, detail: str
) -> None:
    result = read_result(error)
    assert (result.code, result.detail) == (code, detail)


def test_nothing_waits_longer_when_the_clock_is_set_back() -> None:
    """Bug: a phone that rested for a minute rested for a day."""
    pace = Pace(Limits(per_minute=3, per_hour=5, gap_s=3))
    pace.took(3, NOW)
    pace.throttle(NOW)
    before = pace.wait_ms(NOW + 10_000)
    assert before == 50_000
    pace.set_back(DAY_MS)
    assert pace.wait_ms(NOW + 10_000 - DAY_MS) == before
    pace.took(2, NOW + MINUTE_MS - DAY_MS)
    assert pace.wait_ms(NOW + MINUTE_MS - DAY_MS) == HOUR_MS
