"""The octets of one bind, kept in memory for an hour where an operator asks for them.

They hold texts and numbers, so they are never written anywhere, and end with their time.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

LASTS_S: Final = 3600.0
MAX_OCTETS: Final = 1 << 20
"""Of one bind; the oldest go first."""
RECEIVED: Final = "<"
SENT: Final = ">"


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """What was read or written at once."""

    at_ms: int
    direction: str
    """`<` from the customer, `>` to it."""
    octets: bytes


class WireLog:
    """The last pieces of a connection, up to a limit."""

    def __init__(self, until: float) -> None:
        self.until = until
        """When it ends, on the monotonic clock."""
        self.pieces: deque[Piece] = deque()
        self._size = 0

    def add(self, at_ms: int, direction: str, octets: bytes) -> None:
        """Keeps a piece, and drops the oldest beyond the limit."""
        self.pieces.append(Piece(at_ms, direction, octets[:MAX_OCTETS]))
        self._size += min(len(octets), MAX_OCTETS)
        while self._size > MAX_OCTETS:
            self._size -= len(self.pieces.popleft().octets)
