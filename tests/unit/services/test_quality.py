"""Carriers that deliver badly are left out, tested, and come back; limits of the day."""

from __future__ import annotations

from dragoman.core.delivery.model.quotas import Quota
from dragoman.core.delivery.quality import MIN_RESULTS, TEST_EVERY_S, TESTS, Figures, Quality
from dragoman.core.delivery.quotas import Quotas
from dragoman.kit.clock import FixedClock

DENMARK, SWEDEN, NORWAY, ITALY = "238", "240", "242", "222"


def note(
    quality: Quality, clock: FixedClock, delivered: int, failed: int, country: str = DENMARK
) -> None:
    for good in [True] * delivered + [False] * failed:
        quality.note("main", country, good, clock.now_ms() - 2000, clock.now_ms())


def rate(quality: Quality, country: str = DENMARK) -> float | None:
    return quality.figures("main", country).delivery_rate


def test_carrier_below_the_floor_is_left_out_tested_and_taken_back() -> None:
    clock = FixedClock()
    quality = Quality(clock)
    note(quality, clock, MIN_RESULTS - 2, 1)
    assert quality.admits("main", DENMARK, 0.9)
    assert rate(quality) is None
    note(quality, clock, 0, 5)
    assert rate(quality) is not None
    assert not quality.admits("main", DENMARK, 0.9)
    assert quality.is_left_out("main", DENMARK)
    for good in [False] * TESTS + [True] * (TESTS - 1):
        clock.advance(TEST_EVERY_S)
        assert quality.admits("main", DENMARK, 0.9)
        quality.tested("main", DENMARK)
        assert not quality.admits("main", DENMARK, 0.9)
        note(quality, clock, good, not good)
    clock.advance(TEST_EVERY_S)
    assert quality.admits("main", DENMARK, 0.9)
    note(quality, clock, 1, 0)
    assert quality.admits("main", DENMARK, 0.9)
    assert not quality.is_left_out("main", DENMARK)


def test_results_older_than_an_hour_do_not_count() -> None:
    clock = FixedClock()
    quality = Quality(clock)
    note(quality, clock, 0, MIN_RESULTS)
    assert rate(quality) == 0.0
    clock.advance(3500)
    note(quality, clock, MIN_RESULTS, 0)
    assert rate(quality) == 0.5
    assert quality.rank("main", DENMARK) == (50, 2000)
    clock.advance(120)
    assert rate(quality) == 1.0
    assert quality.figures("main", DENMARK) == Figures(delivery_rate=1.0, elapsed_ms=2000)


def test_a_carrier_that_is_bad_in_one_country_goes_on_in_others() -> None:
    clock = FixedClock()
    quality = Quality(clock)
    note(quality, clock, 0, MIN_RESULTS, ITALY)
    note(quality, clock, MIN_RESULTS, 0, DENMARK)
    assert not quality.admits("main", ITALY, 0.5)
    assert quality.admits("main", DENMARK, 0.5)
    assert quality.left_out("main") == ["IT"]
    assert (rate(quality, DENMARK), rate(quality, ITALY)) == (1.0, None)
    assert quality.is_left_out_everywhere("main", {ITALY})
    assert not quality.is_left_out_everywhere("main", {ITALY, DENMARK})
    assert not quality.is_left_out_everywhere("main", ())
    clock.advance(TEST_EVERY_S)
    assert quality.admits("main", ITALY, 0.5)
    quality.tested("main", ITALY)
    note(quality, clock, TESTS, 0, ITALY)
    assert quality.admits("main", ITALY, 0.5)
    assert quality.left_out("main") == []


def test_what_a_country_with_many_results_had_in_common_is_taken_out_again() -> None:
    clock = FixedClock()
    quality = Quality(clock)
    note(quality, clock, 0, MIN_RESULTS - 1, ITALY)
    assert quality.rank("main", SWEDEN) == (0, 0)
    note(quality, clock, MIN_RESULTS // 2, 0, SWEDEN)
    assert quality.rank("main", NORWAY)[0] > 50
    note(quality, clock, 0, 1, ITALY)
    note(quality, clock, MIN_RESULTS // 2, 0, NORWAY)
    assert quality.rank("main", SWEDEN) == (0, 2000)


def test_countries_with_few_results_decide_together() -> None:
    """So a carrier that delivers nowhere is found, however its traffic is spread."""
    clock = FixedClock()
    quality = Quality(clock)
    note(quality, clock, MIN_RESULTS, 0, DENMARK)
    for country in (SWEDEN, NORWAY):
        note(quality, clock, 0, MIN_RESULTS // 2, country)
    assert quality.rank("main", DENMARK) == (0, 2000)
    assert quality.rank("main", ITALY)[0] > 0, "what is known of others counts for a new one"
    assert not quality.admits("main", ITALY, 0.9)
    assert quality.is_left_out("main", SWEDEN)
    assert quality.admits("main", DENMARK, 0.9)
    assert quality.left_out("main") == ["countries with few results"]
    assert quality.is_left_out_everywhere("main", ())
    assert quality.left_out("other") == []


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


def test_what_waits_over_midnight_is_counted_on_the_day_it_goes() -> None:
    clock = FixedClock()
    quotas = Quotas(clock, [Quota(carrier="main", country="238", parts_per_day=3)])
    quotas.reserve(1, "main", "238", 2)
    quotas.reserve(2, "main", "238", 1)
    quotas.keep(2)
    clock.advance(24 * 3600)
    assert quotas.left("main", "238") == 1
    quotas.keep(1)
    assert quotas.left("main", "238") == 1
    quotas.reserve(3, "main", "238", 1)
    clock.advance(24 * 3600)
    quotas.give_back(3)
    assert quotas.left("main", "238") == 3
