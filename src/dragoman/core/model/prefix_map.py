"""Values by prefix of a number; the longest prefix that fits decides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Generic, TypeVar

V = TypeVar("V")

HEAD: Final = 3
"""Digits by which a large map is divided, so that one look-up stays in a small part of it."""
LARGE: Final = 1_000


class PrefixMap(Generic[V]):
    """Finds the value of the longest prefix of a number; no value may be None."""

    __slots__ = ("_heads", "_lengths", "_size", "_values")

    def __init__(self, values: Mapping[str, V]) -> None:
        self._values = dict(values)
        self._size = len(self._values)
        self._lengths = lengths_of(self._values)
        self._heads: dict[str, tuple[tuple[int, ...], dict[str, V], V | None]] | None = None
        if self._size >= LARGE:
            self._divide()

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[str]:
        yield from self._values
        for _, part, _ in (self._heads or {}).values():
            yield from part

    def find(self, digits: str) -> V | None:
        """The value for a number; None where no prefix fits."""
        if self._heads is not None:
            head = self._heads.get(digits[:HEAD])
            if head is not None:
                lengths, values, otherwise = head
                for length in lengths:
                    if (found := values.get(digits[:length])) is not None:
                        return found
                return otherwise
        return self._find_undivided(digits)

    def _find_undivided(self, digits: str) -> V | None:
        values = self._values
        for length in self._lengths:
            if (found := values.get(digits[:length])) is not None:
                return found
        return None

    def _divide(self) -> None:
        """Keeps long prefixes by their first digits, each part with what fits otherwise."""
        parts: dict[str, dict[str, V]] = defaultdict(dict)
        for prefix, value in self._values.items():
            if len(prefix) > HEAD:
                parts[prefix[:HEAD]][prefix] = value
        short = {prefix: value for prefix, value in self._values.items() if len(prefix) <= HEAD}
        self._values, self._lengths = short, lengths_of(short)
        self._heads = {
            head: (lengths_of(part), part, self._find_undivided(head))
            for head, part in parts.items()
        }


def lengths_of(prefixes: Iterable[str]) -> tuple[int, ...]:
    """The lengths of some prefixes, longest first."""
    return tuple(sorted({len(prefix) for prefix in prefixes}, reverse=True))
