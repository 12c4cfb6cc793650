"""Services: rules by which the texts of an account are called out, and answered by text."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dragoman.core.inbound.model.keywords import words_of

_WORDS = 1_000


class TextService(msgspec.Struct, frozen=True, kw_only=True):
    """Which texts of an account a service takes, and the URL that is called about them."""

    name: str
    dialect: str
    """Whose requests are made, and whose answers are read."""
    account: str
    """User name of the owner of its texts."""
    url: str
    """A template that the dialect fills; empty where the answer is the service's own."""
    keywords: tuple[str, ...] = ()
    """Words that a text begins with, any of them; none for texts that no other service takes."""
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

    def names(self, text: str) -> bool:
        """Whether a text begins with one of its keywords and has as many words as it wants."""
        words = words_of(text, _WORDS)
        if len(words) < self.fewest_words:
            return False
        if self.most_words is not None and len(text.split()) > self.most_words:
            return False
        wanted = (words_of(keyword, _WORDS) for keyword in self.keywords)
        return any(words[: len(keyword)] == keyword for keyword in wanted)


def service_for(
    services: Sequence[TextService], text: str, number: str, carrier: str
) -> TextService | None:
    """The first of an account's services that a text names, or the first without keywords."""
    serving = [one for one in services if one.serves(number, carrier)]
    named = (one for one in serving if one.keywords and one.names(text))
    rest = (one for one in serving if not one.keywords)
    return next(named, None) or next(rest, None)
