"""A gate by which a script delays actions, to control their order without a clock."""

from __future__ import annotations

from collections.abc import Callable


class Gate:
    """Performs actions at once, or in order when it is opened."""

    def __init__(self) -> None:
        self._kept: list[Callable[[], None]] | None = None

    def shut(self) -> None:
        """Holds actions back from now on."""
        if self._kept is None:
            self._kept = []

    def open(self) -> None:
        """Performs the held actions, and later ones at once."""
        kept, self._kept = self._kept or (), None
        for action in kept:
            action()

    def pass_(self, action: Callable[[], None]) -> None:
        """Calls `action` now or when the gate is opened."""
        if self._kept is None:
            action()
        else:
            self._kept.append(action)
