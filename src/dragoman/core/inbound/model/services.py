"""Services: rules by which the texts of an account are called out, and answered by text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import Final

import msgspec
import regex

from dragoman.core.inbound.model.keywords import words_of

KEYWORD_WORDS = 5
"""Words that a keyword may have."""
Finds = Callable[[str], bool]
"""Whether a pattern is in a text that it knows."""


class TextService(msgspec.Struct, frozen=True, kw_only=True):
    """Which texts of an account a service takes, and the URL that is called about them."""

    name: str
    dialect: str
    """Whose requests are made, and whose answers are read."""
    account: str
    """User name of the owner of its texts."""
    url: str
    """A template that the dialect fills; empty where the answer is the service's own."""
    keywords: frozenset[tuple[str, ...]] = frozenset()
    """What a text begins with, any of them, as `words_of` has it; none for texts that no other
    service takes."""
    numbers: frozenset[str] = frozenset()
    """The numbers it serves, as digits without `+`; all of the account where there is none."""
    pattern: str = ""
    """What a text contains, a regular expression in any case, in place of `keywords`."""
    carriers: frozenset[str] = frozenset()
    """The carriers it serves; all where there is none."""
    number_prefixes: tuple[str, ...] = ()
    """First digits of the numbers it serves; all where there is none."""
    denied_number_prefixes: tuple[str, ...] = ()
    sender_prefixes: tuple[str, ...] = ()
    """First digits of the phones it serves; all where there is none."""
    denied_sender_prefixes: tuple[str, ...] = ()
    fewest_words: int = 0
    most_words: int | None = None
    """How many words a text may have, its keyword included."""

    def serves(self, number: str, carrier: str, sender: str) -> bool:
        """Whether it takes texts of a phone that came to a number over a carrier."""
        return (
            (not self.numbers or number in self.numbers)
            and (not self.carriers or carrier in self.carriers)
            and (not self.number_prefixes or number.startswith(self.number_prefixes))
            and not (self.denied_number_prefixes and number.startswith(self.denied_number_prefixes))
            and (not self.sender_prefixes or sender.startswith(self.sender_prefixes))
            and not (self.denied_sender_prefixes and sender.startswith(self.denied_sender_prefixes))
        )

    @property
    def is_named(self) -> bool:
        """Whether a text has to say something for it."""
        return bool(self.keywords or self.pattern)

    def wants(self, beginnings: Collection[tuple[str, ...]], words: int, finds: Finds) -> bool:
        """Whether it takes a text with these beginnings and so many words."""
        if words < self.fewest_words or (self.most_words is not None and words > self.most_words):
            return False
        if not self.keywords.isdisjoint(beginnings):
            return True
        return bool(self.pattern) and finds(self.pattern)


def compile_pattern(pattern: str) -> regex.Pattern[str]:
    """A pattern as Kannel has them, in any case; raises ValueError."""
    try:
        return regex.compile(pattern, regex.IGNORECASE)
    except (regex.error, RecursionError, OverflowError) as error:
        raise ValueError(f"not a regular expression: {error}") from None


def search_pattern(pattern: str, text: str, timeout_s: float) -> bool:
    """Whether a text contains a pattern; raises TimeoutError where it is not known by then."""
    return _compiled(pattern).search(text, timeout=timeout_s) is not None


_compiled: Final = lru_cache(maxsize=1_000)(compile_pattern)


def service_for(
    services: Sequence[TextService],
    text: str,
    number: str,
    carrier: str,
    sender: str,
    finds: Finds,
) -> TextService | None:
    """The first of an account's services that a text names, or the first that wants no name."""
    serving = [one for one in services if one.serves(number, carrier, sender)]
    words, count = words_of(text, KEYWORD_WORDS), len(text.split())
    beginnings = [words[:length] for length in range(1, len(words) + 1)]
    named = (one for one in serving if one.is_named and one.wants(beginnings, count, finds))
    rest = (one for one in serving if not one.is_named)
    return next(named, None) or next(rest, None)
