"""Services: rules by which the texts of an account are called out, and answered by text."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from dragoman.core.inbound.model.keywords import words_of

KEYWORD_WORDS = 5
"""Words that a keyword may have."""


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
    carriers: frozenset[str] = frozenset()
    """The carriers it serves; all where there is none."""
    fewest_words: int = 0
    most_words: int | None = None
    """How many words a text may have, its keyword included."""

    def serves(self, number: str, carrier: str) -> bool:
        """Whether it takes texts that came to a number over a carrier."""
        return (not self.numbers or number in self.numbers) and (
            not self.carriers or carrier in self.carriers
        )

    def wants(self, beginnings: Collection[tuple[str, ...]], words: int) -> bool:
        """Whether it takes a text with these beginnings and so many words."""
        if words < self.fewest_words or (self.most_words is not None and words > self.most_words):
            return False
        return not self.keywords.isdisjoint(beginnings)


def service_for(
    services: Sequence[TextService], text: str, number: str, carrier: str
) -> TextService | None:
    """The first of an account's services that a text names, or the first without keywords."""
    serving = [one for one in services if one.serves(number, carrier)]
    words, count = words_of(text, KEYWORD_WORDS), len(text.split())
    beginnings = [words[:length] for length in range(1, len(words) + 1)]
    named = (one for one in serving if one.keywords and one.wants(beginnings, count))
    rest = (one for one in serving if not one.keywords)
    return next(named, None) or next(rest, None)
