"""What a route may ask of a message beyond its number and account, and how that is looked up.

Each condition is a set of values or a range; a route's conditions hold together (and), the values
of one are alternatives (or).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Final

import msgspec

from dragoman.core.model.phone_numbers import mobile_country_code
from dragoman.core.model.prefix_map import PrefixMap

MINUTES_OF_DAY: Final = 24 * 60
ANY_PARTS: Final = (1, 255)


class Span(msgspec.Struct, frozen=True):
    """Minutes of a day, from one to before another; one that ends before it begins spans midnight.

    Its weekday is then that of its beginning.
    """

    begin: int
    end: int

    def __str__(self) -> str:
        times = (divmod(minute, 60) for minute in (self.begin, self.end))
        return "-".join(f"{hours:02}:{minutes:02}" for hours, minutes in times)

    def covers(self, weekday: int, minute: int, days: frozenset[int]) -> bool:
        """Whether a minute of a weekday (Monday is 0) lies in the span on one of some days."""
        if self.begin < self.end:
            return self.begin <= minute < self.end and weekday in days
        if minute >= self.begin:
            return weekday in days
        return minute < self.end and (weekday - 1) % 7 in days


EVERY_DAY: Final = frozenset(range(7))


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """What a message must be for a route to take it; what is empty asks for nothing."""

    countries: frozenset[str] = frozenset()
    """Mobile country codes."""
    networks: frozenset[str] = frozenset()
    """Mobile country and network codes, such as `23801`."""
    senders: frozenset[str] = frozenset()
    message_types: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    alphabets: frozenset[str] = frozenset()
    """Values of `Alphabet`."""
    parts: tuple[int, int] = ANY_PARTS
    """The fewest and the most parts."""
    hours: tuple[Span, ...] = ()
    days: frozenset[int] = EVERY_DAY
    """Weekdays; Monday is 0."""

    @property
    def weight(self) -> int:
        """How many conditions there are."""
        asked = (
            self.countries,
            self.networks,
            self.senders,
            self.message_types,
            self.tags,
            self.alphabets,
            self.parts != ANY_PARTS,
            self.is_timed,
        )
        return sum(map(bool, asked))

    @property
    def is_about_text(self) -> bool:
        """Whether they depend on how the text is cut."""
        return bool(self.alphabets) or self.parts != ANY_PARTS

    @property
    def is_timed(self) -> bool:
        """Whether they depend on the time."""
        return bool(self.hours) or self.days != EVERY_DAY

    def hold(self, query: RouteQuery) -> bool:
        """Whether a message fulfils all of them; what is not known of it yet counts as fulfilled.

        So a text can be cut before its route is chosen, as all routes that may follow take it.
        """
        if self.countries and query.country not in self.countries:
            return False
        if self.networks and query.network not in self.networks:
            return False
        if self.senders and query.sender is not None and query.sender not in self.senders:
            return False
        kind, tag = query.message_type, query.tag
        if self.message_types and kind is not None and kind not in self.message_types:
            return False
        if self.tags and tag is not None and tag not in self.tags:
            return False
        if query.parts:
            if self.alphabets and query.alphabet and query.alphabet not in self.alphabets:
                return False
            if not self.parts[0] <= query.parts <= self.parts[1]:
                return False
        return not self.is_timed or query.at_ms is None or self._at(*query.weekday_and_minute)

    def _at(self, weekday: int, minute: int) -> bool:
        if not self.hours:
            return weekday in self.days
        return any(span.covers(weekday, minute, self.days) for span in self.hours)


class RouteQuery:
    """A message for which a route is looked for; reused for the recipients of a batch.

    None stands for what is not known yet; so does 0 for `parts`, while its text is not cut.
    """

    __slots__ = (
        "_country", "_minute", "_network", "_networks", "_zone", "alphabet", "at_ms", "digits",
        "message_type", "multimedia", "parts", "sender", "tag", "username",
    )  # fmt: skip

    def __init__(
        self,
        username: str,
        digits: str = "",
        *,
        at_ms: int | None = None,
        sender: str | None = None,
        message_type: str | None = None,
        tag: str | None = None,
        alphabet: str = "",
        parts: int = 0,
        multimedia: bool = False,
        zone: tzinfo = UTC,
        networks: Networks | None = None,
    ) -> None:
        self.username = username
        self.sender = sender
        self.message_type = message_type
        self.tag = tag
        self.alphabet = alphabet
        self.at_ms = at_ms
        self.multimedia = multimedia
        self._zone = zone
        self._networks = networks
        self._minute: tuple[int, int] | None = None
        self.digits, self.parts = digits, parts
        self._country: str | None = None
        self._network: str | None = None

    def to(self, digits: str, parts: int) -> RouteQuery:
        """The same for another recipient."""
        self.digits, self.parts = digits, parts
        self._country = self._network = None
        return self

    @property
    def country(self) -> str:
        """The likely mobile country code of the number."""
        if self._country is None:
            self._country = mobile_country_code(self.digits)
        return self._country

    @property
    def network(self) -> str:
        """Its network, where the operator's table has it; else empty."""
        if self._network is None:
            self._network = self._networks.find(self.digits) if self._networks is not None else ""
        return self._network

    @property
    def weekday_and_minute(self) -> tuple[int, int]:
        """The weekday, and the minute of the day."""
        if self._minute is None:
            at = datetime.fromtimestamp((self.at_ms or 0) / 1000, self._zone)
            self._minute = at.weekday(), at.hour * 60 + at.minute
        return self._minute


class Networks:
    """Which network the numbers of a range belong to; ported numbers are not known."""

    def __init__(self, by_prefix: Mapping[str, str]) -> None:
        self._by_prefix = PrefixMap(by_prefix)

    def __len__(self) -> int:
        return len(self._by_prefix)

    def find(self, digits: str) -> str:
        """The MCC and MNC of a number, empty if unknown."""
        return self._by_prefix.find(digits) or ""


def parse_span(text: str) -> Span:
    """`08:00-20:00` as a span; `24:00` ends a day."""
    begin, dash, end = text.partition("-")
    try:
        span = Span(_minute_of(begin), _minute_of(end))
    except ValueError:
        span = Span(0, 0)
    if not dash or span.begin == span.end or span.begin >= MINUTES_OF_DAY:
        raise ValueError(f"{text!r} is not a span such as 08:00-20:00")
    return span


def _minute_of(text: str) -> int:
    hours, colon, minutes = text.strip().partition(":")
    if not (colon and hours.isdigit() and minutes.isdigit() and len(minutes) == 2):
        raise ValueError(text)
    minute = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or minute > MINUTES_OF_DAY:
        raise ValueError(text)
    return minute
