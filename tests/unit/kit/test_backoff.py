"""Delays grow, stay under their cap and spread."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.kit.backoff import Backoff


def test_delays_double_up_to_the_longest() -> None:
    backoff = Backoff(first_s=1, factor=2, longest_s=10, jitter=0)
    assert [backoff.delay_s(n, lambda: 0.5) for n in range(7)] == [0, 1, 2, 4, 8, 10, 10]


def test_jitter_takes_a_share_away() -> None:
    backoff = Backoff(first_s=8, longest_s=8, jitter=0.25)
    assert backoff.delay_s(1, lambda: 0.0) == 8
    assert backoff.delay_s(1, lambda: 0.5) == 7


def test_very_many_failures_stay_at_the_longest() -> None:
    assert Backoff(first_s=1, longest_s=60, jitter=0).delay_s(1_000_000, lambda: 0.0) == 60


@pytest.mark.parametrize(
    "settings",
    [{"first_s": 0}, {"factor": 0.5}, {"first_s": 5, "longest_s": 1}, {"jitter": 1.5}],
)
def test_impossible_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"backoff|jitter"):
        Backoff(**{"first_s": 1, "longest_s": 60, **settings})


@given(failures=st.integers(1, 10_000), chance=st.floats(0, 1, exclude_max=True))
def test_delay_stays_between_zero_and_the_longest(failures: int, chance: float) -> None:
    assert 0 < Backoff(first_s=1, longest_s=60).delay_s(failures, lambda: chance) <= 60
