"""Heads of requests seen before: a program that keeps its connection open sends the same again.

They differ in the length of the body at most, and some in the query. What a head means depends on
its octets alone, so one that was read before is not read again; only what follows from the caller,
the query and the body is.
"""

import re
from typing import Final, NamedTuple

from dragoman.web.requests import Request

MAX_HEADS: Final = 1_000
MAX_HEAD_BYTES: Final = 2_000
END: Final = b"\r\n\r\n"
LEARNED: Final = "POST"
"""The method of the requests whose heads are remembered."""
_TARGET: Final = re.compile(rb"POST /[!-\"$->@-~]*\?([!-\"$-~]*) HTTP/1\.1\r\n")
"""A request line whose target is of visible ASCII, without a fragment."""


class KnownHead(NamedTuple):
    """A head that was read, with the request it opened."""

    request: Request
    body_limit_bytes: int | None
    body_bytes: int


class KnownHeads:
    """The heads of calls with a body, by their octets, or by those but for the query."""

    def __init__(self) -> None:
        self._known: dict[bytes, KnownHead] = {}
        self._but_for_query: dict[bytes, KnownHead] = {}

    def find(self, head: bytes) -> tuple[KnownHead, bytes] | None:
        """What is known of a head, and its query; None for a new one."""
        known = self._known.get(head)
        if known is not None:
            return known, known.request.query_string
        if self._but_for_query and (parted := _without_query(head)) is not None:
            known = self._but_for_query.get(parted[0])
            if known is not None:
                return known, parted[1]
        return None

    def learn(
        self, data: bytes, request: Request, body_limit_bytes: int | None, *, but_for_query: bool
    ) -> None:
        """Remembers the head of a call that came whole, with its body, in one segment.

        With `but_for_query` it is known with another query too.
        """
        head, _, body = data.partition(END)
        lengths = [value for name, value in request.headers if name == b"content-length"]
        if (
            len(head) <= MAX_HEAD_BYTES
            and request.method == LEARNED
            and lengths == [b"%d" % len(body)]
            and not request.header(b"transfer-encoding")
            and not request.header(b"expect")
        ):
            heads, key = self._known, head + END
            if but_for_query:
                parted = _without_query(key)
                if parted is None or parted[1] != request.query_string:
                    return
                heads, key = self._but_for_query, parted[0]
            if len(heads) >= MAX_HEADS:
                del heads[next(iter(heads))]
            heads[key] = KnownHead(request, body_limit_bytes, len(body))


def _without_query(head: bytes) -> tuple[bytes, bytes] | None:
    """A head without the query of its target, and the query; None where that is not plain."""
    match = _TARGET.match(head)
    if match is None:
        return None
    return head[: match.start(1)] + head[match.end(1) :], match[1]
