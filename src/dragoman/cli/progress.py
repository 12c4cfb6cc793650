"""How far something is that takes longer than a second, where standard error is a terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Self

BEGINS_S: Final = 1.0
"""What is over by then says nothing."""
EVERY_S: Final = 0.2


class Progress:
    """A line that says how many of a kind are done."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._begins = time.monotonic() + BEGINS_S
        self._next = self._begins
        self._is_shown = False

    def tell(self, done: int, total: int | None = None) -> None:
        """Shows how many are done, of how many if that is known; a few times a second at most."""
        now = time.monotonic()
        if now < self._next or not sys.stderr.isatty():
            return
        self._next, self._is_shown = now + EVERY_S, True
        of = f" of {total:,}" if total is not None else ""
        print(f"\r{done:,}{of} {self._what}", end="", file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_shown:
            print(file=sys.stderr)
