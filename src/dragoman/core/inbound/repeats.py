"""Texts that a carrier gives us again, known by its own ID of them: over a restart, and in between.

Providers call again for up to a day when an answer of ours was lost. What they call again with is
answered as the first was, once that is on disk.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from dragoman.core.model.stored import OnStored

REMEMBERED: Final = 50_000
"""Texts in memory, and read after a start. At ten a second that is more than an hour, and the
usual first repetitions come within minutes."""
REPEATED_DAYS: Final = 3
"""How long IDs are kept: providers give up after a day or two."""

Key = tuple[str, str]
"""A carrier, and its ID of a text."""


@dataclass(slots=True)
class Repeats:
    """Which texts are stored, or are being stored."""

    _stored: OrderedDict[Key, None] = field(default_factory=OrderedDict)
    _under_way: dict[Key, list[OnStored]] = field(default_factory=dict)

    def restore(self, keys: Iterable[Key]) -> None:
        """Takes what an earlier run stored, oldest first."""
        for key in keys:
            self._remember(key)

    def first(self, key: Key, on_stored: OnStored) -> OnStored | None:
        """What is to be told of the text once it is stored; None for one that came before."""
        if key in self._stored:
            on_stored(True)
            return None
        if (waiting := self._under_way.get(key)) is not None:
            waiting.append(on_stored)
            return None
        self._under_way[key] = [on_stored]

        def ended(on_disk: bool) -> None:
            if on_disk:
                self._remember(key)
            for one in self._under_way.pop(key):
                one(on_disk)

        return ended

    def _remember(self, key: Key) -> None:
        self._stored[key] = None
        if len(self._stored) > REMEMBERED:
            self._stored.popitem(last=False)
