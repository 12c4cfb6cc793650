"""A throttled link comes close to what the SMSC takes, and recovers."""

from __future__ import annotations

import pytest

from dragoman.kit.pace import FIRST_PER_S, LIFT_AFTER_S, Pace
from dragoman.kit.token_bucket import TokenBucket


def test_without_limit_and_throttling_everything_passes() -> None:
    pace = Pace(None, now=0)
    assert all(pace.take(0) for _ in range(10_000))
    assert pace.rate_per_s is None


def test_agreed_rate_holds_over_links_that_share_it() -> None:
    limit = TokenBucket(rate_per_s=10, burst=1, now=0)
    links = [Pace(limit, now=0), Pace(limit, now=0)]
    sent = sum(links[tick % 2].take(tick / 1000) for tick in range(10_000))
    assert 99 <= sent <= 101


@pytest.mark.parametrize("cap", [2, 5, 20, 200, 1000])
def test_throttled_link_keeps_95_percent_of_the_cap(cap: int) -> None:
    smsc = TokenBucket(rate_per_s=cap, burst=cap, now=0)
    pace = Pace(None, now=0)
    taken = asked = 0
    for tick in range(60_000):
        now = tick / 1000
        for _ in range(10):
            if not pace.take(now):
                break
            asked += 1
            if smsc.take(now):
                pace.on_accepted(now)
                taken += 1
            else:
                pace.on_throttled(now, now)
    assert taken >= 0.95 * cap * 60
    assert asked - taken < 0.5 * taken


def test_a_fall_of_the_cap_is_followed_within_seconds() -> None:
    pace = Pace(None, now=0)
    smsc = TokenBucket(rate_per_s=1000, burst=50, now=0)
    throttled = 0
    for tick in range(30_000):
        now = tick / 1000
        if tick == 10_000:
            smsc.change_rate(10, now, burst=1)
            throttled = 0
        if pace.take(now):
            if smsc.take(now):
                pace.on_accepted(now)
            else:
                throttled += 1
                pace.on_throttled(now, now)
    assert throttled < 100
    assert pace.rate_per_s is not None
    assert pace.rate_per_s < 15


def test_pace_is_lifted_after_a_quiet_while() -> None:
    pace = Pace(None, now=0)
    pace.on_throttled(0, 0)
    assert pace.rate_per_s == FIRST_PER_S
    pace.on_accepted(LIFT_AFTER_S - 1)
    assert pace.rate_per_s is not None
    pace.on_accepted(LIFT_AFTER_S)
    assert pace.rate_per_s is None


def test_wait_tells_when_to_ask_again() -> None:
    pace = Pace(TokenBucket(rate_per_s=2, burst=1, now=0), now=0)
    assert pace.take(0)
    assert not pace.take(0)
    assert pace.wait_s(0) == pytest.approx(0.5)
    assert pace.take(0.5001)
