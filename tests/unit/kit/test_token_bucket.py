"""The token bucket keeps the long-run rate and the burst, whatever the clock does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.kit.token_bucket import TokenBucket


def test_burst_is_granted_at_once_and_then_nothing() -> None:
    bucket = TokenBucket(rate_per_s=10, burst=3, now=0)
    assert [bucket.take(0) for _ in range(4)] == [True, True, True, False]


def test_tokens_return_at_the_rate() -> None:
    bucket = TokenBucket(rate_per_s=10, burst=1, now=0)
    assert bucket.take(0)
    assert not bucket.take(0.099)
    assert bucket.take(0.1001)


def test_wait_says_when_the_next_token_comes() -> None:
    bucket = TokenBucket(rate_per_s=4, burst=1, now=0)
    assert bucket.wait_s(0) == 0
    bucket.take(0)
    assert bucket.wait_s(0) == pytest.approx(0.25)
    assert bucket.wait_s(0.2) == pytest.approx(0.05)


def test_clock_going_back_takes_nothing_away() -> None:
    bucket = TokenBucket(rate_per_s=1, burst=5, now=1_000)
    assert bucket.take(0)
    assert [bucket.take(1_000) for _ in range(5)] == [True] * 4 + [False]


def test_change_rate_counts_from_now_on() -> None:
    bucket = TokenBucket(rate_per_s=1, burst=10, now=0)
    for _ in range(10):
        bucket.take(0)
    bucket.change_rate(100, 1)
    assert bucket.take(1)
    assert not bucket.take(1)
    assert [bucket.take(1.051) for _ in range(6)] == [True] * 5 + [False]


def test_change_rate_trims_savings_to_the_new_burst() -> None:
    bucket = TokenBucket(rate_per_s=1, burst=10, now=0)
    bucket.change_rate(1, 0, burst=2)
    assert [bucket.take(0) for _ in range(3)] == [True, True, False]


def test_keep_throws_savings_away() -> None:
    bucket = TokenBucket(rate_per_s=10, burst=5, now=0)
    bucket.keep(0.5, 0)
    assert not bucket.take(0.04)
    assert bucket.take(0.06)
    bucket.keep(3, 0.06)
    assert not bucket.take(0.06)


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0.5)])
def test_impossible_settings_are_refused(rate: float, burst: float) -> None:
    with pytest.raises(ValueError, match="token bucket"):
        TokenBucket(rate_per_s=rate, burst=burst, now=0)


@given(
    rate=st.floats(0.5, 1000),
    burst=st.integers(1, 50),
    steps=st.lists(st.floats(0, 0.5), max_size=60),
)
def test_never_more_than_burst_plus_rate_times_time(
    rate: float, burst: int, steps: list[float]
) -> None:
    bucket = TokenBucket(rate_per_s=rate, burst=burst, now=0)
    now, granted = 0.0, 0
    for step in steps:
        now += step
        while granted < 5_000 and bucket.take(now):
            granted += 1
    assert granted <= burst + rate * now + 1e-6
