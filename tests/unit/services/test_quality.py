"""Carriers that deliver badly are left out, tested, and come back; limits of the day."""

from __future__ import annotations

from dragoman.core.delivery.model.quotas import Quota
from dragoman.core.delivery.quality import MIN_RESULTS, TEST_EVERY_S, TESTS, Quality
from dragoman.core.delivery.quotas import Quotas
from dragoman.kit.clock import FixedClock


def note(quality: Quality, clock: FixedClock, delivered: int, failed: int) -> None:
    for good in [True] * delivered + [False] * failed:
        quality.note("main", good, clock.now_ms() - 2000, clock.now_ms())


def test_carrier_below_the_floor_is_left_out_tested_and_taken_back() -> None:
    clock = FixedClock()
    quality = Quality(clock)
    note(quality, clock, MIN_RESULTS - 2, 1)
    assert quality.admits("main", 0.9)
    assert quality.rate("main") is None
    note(quality, clock, 0, 5)
    assert quality.rate("main") is not None
    assert not quality.admits("main", 0.9)
    assert quality.is_left_out("main")
    for good in [False] * TESTS + [True] * (TESTS - 1):
        clock.advance(TEST_EVERY_S)
        assert quality.admits("main", 0.9)
        quality.tested("main")
        assert not quality.admits("main", 0.9)
        note(quality, clock, good, not good)
    clock.advance(TEST_EVERY_S)
    assert quality.admits("main", 0.9)
    note(quality, clock, 1, 0)
    assert quality.admits("main", 0.9)
    assert not quality.is_left_out("main")


def test_results_older_than_an_hour_do_not_count() -> None:
    clock = FixedClock()
    quality = Quality(clock)
    note(quality, clock, 0, MIN_RESULTS)
    assert quality.rate("main") == 0.0
    clock.advance(3500)
    note(quality, clock, MIN_RESULTS, 0)
    assert quality.rate("main") == 0.5
    assert quality.rank("main") == (50, 2000)
    clock.advance(120)
    assert quality.rate("main") == 1.0
    assert quality.figures("main") == (1.0, 2000, False)


def test_limits_count_by_country_and_in_all_and_begin_again_each_day() -> None:
    clock = FixedClock()
    quotas = Quotas(
        clock,
        [
            Quota(carrier="main", parts_per_day=5),
            Quota(carrier="main", country="238", parts_per_day=3),
        ],
    )
    quotas.count({("main", "238"): 1})
    assert quotas.allow("main", "238", 2)
    assert not quotas.allow("main", "238", 3)
    quotas.reserve(1, "main", "238", 2)
    assert quotas.left("main", "238") == 0
    assert quotas.left("main", "240") == 2
    quotas.give_back(1)
    assert quotas.left("main", "238") == 2
    quotas.reserve(2, "main", "240", 4)
    quotas.keep(2)
    quotas.give_back(2)
    assert not quotas.allow("main", "238", 1)
    assert quotas.allow("other", "238", 1_000)
    quotas.reserve(3, "main", "238", 0)
    clock.advance(24 * 3600)
    quotas.give_back(3)
    assert quotas.left("main", "238") == 3
