"""How often a phone is answered by programs."""

from __future__ import annotations

import pytest

from dragoman.core.inbound.answers import A_DAY, AT_ONCE, EVERY_S, AnswerLimits, TooManyAnswers
from dragoman.kit.clock import FixedClock

PAIR = (1, "4511112222", "+4512345678")


def count(limits: AnswerLimits, tries: int) -> int:
    """How many of so many answers are let through."""
    passed = 0
    for _ in range(tries):
        try:
            limits.check(*PAIR)
        except TooManyAnswers:
            continue
        passed += 1
    return passed


def test_a_burst_then_one_now_and_then_then_none_that_day() -> None:
    clock = FixedClock(0)
    limits = AnswerLimits(clock=clock)
    assert count(limits, 2 * AT_ONCE) == AT_ONCE
    clock.advance(EVERY_S)
    assert count(limits, AT_ONCE) == 1
    passed = AT_ONCE + 1
    for _ in range(A_DAY):
        clock.advance(EVERY_S)
        passed += count(limits, 1)
    assert A_DAY <= passed <= A_DAY + 10


def test_phones_and_numbers_do_not_count_for_each_other() -> None:
    limits = AnswerLimits(clock=FixedClock(0))
    assert count(limits, AT_ONCE) == AT_ONCE
    limits.check(1, PAIR[1], "4599999999")
    limits.check(1, "1272", PAIR[2])
    with pytest.raises(TooManyAnswers):
        limits.check(1, PAIR[1], PAIR[2].removeprefix("+"))
