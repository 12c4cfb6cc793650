"""Heads of answers seen before: a server answers requests of a kind with the same head.

Only the time in it changes, once a second. What a head means depends on its octets alone, so an
answer that came whole behind a head that was read before needs no parser.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

MAX_HEADS: Final = 64
MAX_HEAD_BYTES: Final = 2_000
MAX_IN_VAIN: Final = 256
"""Heads learned in a row of which none came again, after which only some are: it seems that those
of this server are all different."""
SOME: Final = 16
_END: Final = b"\r\n\r\n"


class Fetched(msgspec.Struct, frozen=True, gc=False):
    """An answer: any status, redirects included, and the first few KiB of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class KnownAnswer(NamedTuple):
    """What a head says."""

    status: int
    headers: Mapping[str, str]
    body_bytes: int


class KnownAnswers:
    """The heads of answers, by their octets."""

    def __init__(self) -> None:
        self._known: dict[bytes, KnownAnswer] = {}
        self._in_vain = 0

    def read(self, data: bytes) -> Fetched | None:
        """A whole answer; None for one whose head is new, or whose body is not all there is."""
        end = data.find(_END) + 4
        known = self._known.get(data[:end])
        if known is None:
            return None
        status, headers, body_bytes = known
        if len(data) - end != body_bytes:
            return None
        self._in_vain = 0
        return Fetched(status, headers, data[end:])

    def learn(self, data: bytes, answer: Fetched) -> None:
        """Remembers the head of an answer that was parsed, after which the connection is kept.

        The answer is all that `data` holds. A chunked body is not, as its octets differ from what
        they say.
        """
        if self._in_vain >= MAX_IN_VAIN and self._in_vain % SOME:
            self._in_vain += 1
            return
        head, _, body = data.partition(_END)
        if body != answer.body or len(head) > MAX_HEAD_BYTES:
            return
        self._in_vain += 1
        if len(self._known) >= MAX_HEADS:
            del self._known[next(iter(self._known))]
        self._known[head + _END] = KnownAnswer(answer.status, answer.headers, len(body))
