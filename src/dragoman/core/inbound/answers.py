"""How often a phone may be answered by a program: two programs that answer each other must end.

A number whose texts are answered may be written to by another such number: of this gateway, of the
same account, of somebody else's. Each answer is then a text that is answered. People are slower: an
account answers one phone at most so often at once, and so often a day, from one of its numbers.
What is left out is not made up for, which ends the exchange.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import field
from typing import Final

from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.token_bucket import TokenBucket

AT_ONCE: Final = 20
"""Answers to a phone in a row; after them one each `EVERY_S`."""
EVERY_S: Final = 10.0
A_DAY: Final = 200
DAY_S: Final = 86_400.0
MAX_PAIRS: Final = 20_000
"""Phones that are remembered; the one that was answered longest ago is forgotten."""


class TooManyAnswers(Exception):
    """A text is not answered, as its phone has had too many answers; the call of it is over."""

    def __init__(self) -> None:
        super().__init__(
            f"not answered: over {AT_ONCE} answers to this phone in a row, or {A_DAY} a day;"
            " is it a program that answers too?"
        )


@use_case(kw_only=True)
class AnswerLimits:
    """Counts answers by account, number and phone; in memory, as a restart ends nothing."""

    clock: Clock
    _pairs: OrderedDict[tuple[int, str, str], tuple[TokenBucket, TokenBucket]] = field(
        default_factory=OrderedDict, init=False
    )

    def check(self, account_id: int, number: str, phone: str) -> None:
        """Counts an answer; raises `TooManyAnswers`."""
        now, key = self.clock.monotonic(), (account_id, number, phone.removeprefix("+"))
        pair = self._pairs.get(key)
        if pair is None:
            pair = self._pairs[key] = (
                TokenBucket(rate_per_s=1 / EVERY_S, burst=AT_ONCE, now=now),
                TokenBucket(rate_per_s=A_DAY / DAY_S, burst=A_DAY, now=now),
            )
            if len(self._pairs) > MAX_PAIRS:
                self._pairs.popitem(last=False)
        self._pairs.move_to_end(key)
        for bucket in pair:
            if not bucket.take(now):
                raise TooManyAnswers
