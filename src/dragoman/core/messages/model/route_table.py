"""Routes filed by prefix, and under a prefix by the first value that they ask for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Generic, Protocol, TypeVar

from dragoman.core.messages.model.conditions import Conditions, RouteQuery
from dragoman.core.model.phone_numbers import MOBILE_COUNTRY_CODES
from dragoman.core.model.prefix_map import lengths_of

_DISCRIMINATORS: Final = (
    ("senders", "sender"),
    ("tags", "tag"),
    ("message_types", "message_type"),
    ("networks", "network"),
    ("countries", "country"),
)
"""A condition, and the property of a message it asks for; a route is filed by its first of them."""


class Filed(Protocol):
    """What is filed here."""

    @property
    def prefixes(self) -> tuple[str, ...]: ...
    @property
    def conditions(self) -> Conditions | None: ...
    @property
    def priority(self) -> int: ...


R = TypeVar("R", bound=Filed)


class RouteTable(Generic[R]):
    """The longest prefix decides, then the number of conditions, then the order."""

    def __init__(self, routes: Sequence[R]) -> None:
        by_prefix: dict[str, list[R]] = defaultdict(list)
        for route in routes:
            for prefix in dict.fromkeys(_prefixes_of(route)):
                by_prefix[prefix].append(route)
        self._drawers: Mapping[str, R | _Drawer[R]] = {
            prefix: _drawer(filed) for prefix, filed in by_prefix.items()
        }
        self._lengths = lengths_of(by_prefix)

    def find(self, digits: str, query: RouteQuery | None) -> R | None:
        """The route of a number; `query` is needed where there are conditions."""
        drawers = self._drawers
        for length in self._lengths:
            drawer = drawers.get(digits[:length])
            if drawer is None:
                continue
            if type(drawer) is not _Drawer:
                return drawer  # type: ignore[return-value]
            if query is not None and (found := drawer.find(query)) is not None:
                return found
        return None

    def find_all(self, digits: str, query: RouteQuery | None) -> Iterator[R]:
        """Every route that matches, the first choice first."""
        for length in self._lengths:
            drawer = self._drawers.get(digits[:length])
            if drawer is None:
                continue
            if isinstance(drawer, _Drawer):
                if query is not None:
                    yield from drawer.find_all(query)
            else:
                yield drawer


class _Drawer(Generic[R]):
    """The routes of a prefix, where some have conditions."""

    __slots__ = ("_filed", "_rest", "_sections")

    def __init__(self, routes: Sequence[R]) -> None:
        self._filed = sorted(enumerate(routes), key=lambda one: _rank(*one))
        sections: dict[str, dict[str, list[tuple[int, R]]]] = {}
        self._rest: list[tuple[int, R]] = []
        for rank, (_, route) in enumerate(self._filed):
            wanted = _discriminator(route.conditions)
            if wanted is None:
                self._rest.append((rank, route))
                continue
            name, values = wanted
            for value in values:
                sections.setdefault(name, {}).setdefault(value, []).append((rank, route))
        self._sections = tuple(sections.items())

    def find(self, query: RouteQuery) -> R | None:
        """The first that holds."""
        best, best_rank = None, len(self._filed)
        for name, by_value in self._sections:
            value = getattr(query, name)
            filed = by_value.get(value) if value is not None else None
            if value is None:
                return next(self.find_all(query), None)
            for rank, route in filed or ():
                if rank >= best_rank:
                    break
                if route.conditions.hold(query):  # type: ignore[union-attr]
                    best, best_rank = route, rank
                    break
        for rank, route in self._rest:
            if rank >= best_rank:
                break
            if route.conditions is None or route.conditions.hold(query):
                return route
        return best

    def find_all(self, query: RouteQuery) -> Iterator[R]:
        """All that hold, the first choice first."""
        for _, route in self._filed:
            if route.conditions is None or route.conditions.hold(query):
                yield route


def _drawer(routes: Sequence[R]) -> R | _Drawer[R]:
    """A single route that always holds stands for itself."""
    plain = all(route.conditions is None for route in routes)
    return routes[0] if plain else _Drawer(routes)


def _rank(index: int, route: Filed) -> tuple[int, int]:
    weight = route.conditions.weight if route.conditions is not None else 0
    return -weight, index


def _discriminator(conditions: Conditions | None) -> tuple[str, frozenset[str]] | None:
    if conditions is not None:
        for name, attribute in _DISCRIMINATORS:
            values: frozenset[str] = getattr(conditions, name)
            if values:
                return attribute, values
    return None


def _prefixes_of(route: Filed) -> Iterable[str]:
    """The prefixes it is filed under; a route for countries alone has those of their numbers."""
    if route.prefixes:
        return route.prefixes
    conditions = route.conditions
    if conditions is None or not (conditions.countries or conditions.networks):
        return ("",)
    countries = set(conditions.countries or {network[:3] for network in conditions.networks})
    codes = [code for code, mcc in MOBILE_COUNTRY_CODES.items() if mcc in countries]
    missing = countries - set(MOBILE_COUNTRY_CODES.values())
    if missing and not conditions.countries:  # a second code of a large country, such as 311
        return ("",)
    # The smaller countries of the zones +1 and +7 are filed under their zone.
    return [*codes, *(("1", "7") if missing else ())]
