"""A place where a script holds things up, to decide the order of events without a clock."""

from __future__ import annotations

from collections.abc import Callable


class Gate:
    """Does what passes at once, or when it is opened; whatever passes keeps its order."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: list[Callable[[], None]] | None = None

    def shut(self) -> None:
        """Keeps what passes from now on."""
        if self._kept is None:
            self._kept = []

    def open(self) -> None:
        """Does everything that was kept, and what passes from now on at once."""
        kept, self._kept = self._kept or (), None
        for action in kept:
            action()

    def pass_(self, action: Callable[[], None]) -> None:
        """Calls `action` now or when the gate is opened."""
        if self._kept is None:
            action()
        else:
            self._kept.append(action)
