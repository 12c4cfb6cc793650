"""When callbacks are tried again, as a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.callbacks.schedule import RetrySchedule, Verdict, parse_retry_after

SCHEDULE = RetrySchedule(first_s=10, longest_s=1000, give_up_after_s=5000, max_retry_after_s=400)
NOW_MS = 1_790_000_000_000  # Mon, 21 Sep 2026 14:13:20 GMT


@pytest.mark.parametrize(
    ("status", "age_s", "verdict"),
    [
        (200, 0, Verdict.DELIVERED),
        (204, 9999, Verdict.DELIVERED),
        (299, 0, Verdict.DELIVERED),
        (199, 0, Verdict.RETRY),
        (301, 0, Verdict.RETRY),
        (400, 0, Verdict.RETRY),
        (404, 4999, Verdict.RETRY),
        (429, 0, Verdict.RETRY),
        (500, 0, Verdict.RETRY),
        (None, 0, Verdict.RETRY),
        (410, 0, Verdict.GIVE_UP),
        (500, 5000, Verdict.GIVE_UP),
        (None, 5001, Verdict.GIVE_UP),
    ],
)
def test_verdicts(status: int | None, age_s: float, verdict: Verdict) -> None:
    assert SCHEDULE.judge(status, age_s) is verdict


@pytest.mark.parametrize(
    ("attempts", "retry_after_s", "delay_s"),
    [
        (1, None, 10),
        (2, None, 30),
        (3, None, 90),
        (5, None, 810),
        (6, None, 1000),
        (1000, None, 1000),
        (1, 60.0, 60),
        (1, 5.0, 10),
        (1, 1e9, 400),
        (6, 1e9, 1000),
    ],
)
def test_delays_grow_to_a_bound_and_a_later_wish_counts(
    attempts: int, retry_after_s: float | None, delay_s: float
) -> None:
    assert SCHEDULE.delay_s(attempts, retry_after_s, 0.5) == pytest.approx(delay_s)


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_jitter_stays_within_a_fifth(attempts: int, random: float) -> None:
    middle = SCHEDULE.delay_s(attempts, None, 0.5)
    assert 0.8 * middle <= SCHEDULE.delay_s(attempts, None, random) <= 1.2 * middle


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("99999999999999", 999_999_999.0),
        ("Mon, 21 Sep 2026 14:14:20 GMT", 60.0),
        ("Monday, 21-Sep-26 14:14:20 GMT", 60.0),
        ("Mon Sep 21 14:14:20 2026", 60.0),
        ("Mon, 21 Sep 2026 16:14:20 +0200", 60.0),
        ("Mon, 21 Sep 2026 14:00:00 GMT", 0.0),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("soon", None),
        ("", None),
        ("Mon, 99 Sep 2026 14:14:20 GMT", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert parse_retry_after(text, NOW_MS) == seconds


@given(
    st.text(max_size=40)
    | st.from_regex(r"\A[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,6} [\d:+ -]{1,20}\Z")
)
def test_retry_after_never_raises(text: str) -> None:
    parsed = parse_retry_after(text, NOW_MS)
    assert parsed is None or parsed >= 0
