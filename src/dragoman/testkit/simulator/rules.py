"""The behaviour that a script set for messages to a number or prefix, or the next few of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dragoman.protocols.smpp.pdus import SubmitSm
from dragoman.testkit.simulator.behaviour import Behaviour
from dragoman.testkit.simulator.phones import read_submit

MAX_OPEN_TEXTS: Final = 1_000


class Rules:
    """Behaviours by prefix; the longest applies. `on_spent` is called after the last use of one."""

    def __init__(self, on_spent: Callable[[str], None]) -> None:
        self._on_spent = on_spent
        self._behaviours: dict[str, Behaviour] = {}
        self._times_left: dict[str, int] = {}
        self._prefix_lengths: tuple[int, ...] = ()
        self._open: dict[tuple[str, str, int | None], tuple[Behaviour, int]] = {}
        """The behaviour of incomplete texts, and the number of parts to come."""

    def add(self, prefix: str, behaviour: Behaviour, times: int | None) -> None:
        """Sets the rule of a prefix, removed after `times` uses."""
        self._behaviours[prefix] = behaviour
        if times is None:
            self._times_left.pop(prefix, None)
        else:
            self._times_left[prefix] = times
        self._note_prefixes()

    def clear(self) -> None:
        """Drops every rule."""
        self._behaviours.clear()
        self._times_left.clear()
        self._note_prefixes()

    def find(self, pdu: SubmitSm, default: Behaviour, *, whole_texts: bool) -> Behaviour:
        """The behaviour for a submit; with `whole_texts`, the parts of a text share it."""
        number = pdu.destination_addr
        if not whole_texts:
            return self._find_for(number) or default
        content = read_submit(pdu)
        if content.total == 1:
            return self._find_for(number) or default
        key = (pdu.source_addr, number, content.reference)
        known = self._open.pop(key, None)
        behaviour, left = known or (self._find_for(number) or default, content.total)
        if left > 1:
            self._open[key] = (behaviour, left - 1)
            if len(self._open) > MAX_OPEN_TEXTS:
                del self._open[next(iter(self._open))]
        return behaviour

    def _find_for(self, number: str) -> Behaviour | None:
        for length in self._prefix_lengths:
            prefix = number[:length]
            behaviour = self._behaviours.get(prefix)
            if behaviour is None:
                continue
            left = self._times_left.get(prefix)
            if left is not None:
                self._times_left[prefix] = left - 1
                if left <= 1:
                    del self._behaviours[prefix], self._times_left[prefix]
                    self._note_prefixes()
                    self._on_spent(prefix)
            return behaviour
        return None

    def _note_prefixes(self) -> None:
        self._prefix_lengths = tuple(
            sorted({len(prefix) for prefix in self._behaviours}, reverse=True)
        )
