"""Heads of requests seen before: a program that keeps its connection open sends the same again.

They differ in the length of the body at most. What a head means depends on its octets alone, so one
that was read before is not read again; only what follows from the caller and the body is.
"""

from typing import Final, NamedTuple

from dragoman.web.requests import Request

MAX_HEADS: Final = 1_000
MAX_HEAD_BYTES: Final = 2_000
END: Final = b"\r\n\r\n"


class KnownHead(NamedTuple):
    """A head that was read, with the request it opened."""

    request: Request
    body_limit_bytes: int | None
    body_bytes: int


class KnownHeads:
    """The heads of calls with a body, by their octets."""

    def __init__(self) -> None:
        self._known: dict[bytes, KnownHead] = {}

    def find(self, head: bytes) -> KnownHead | None:
        """What is known of a head; None for a new one."""
        return self._known.get(head)

    def learn(self, data: bytes, request: Request, body_limit_bytes: int | None) -> None:
        """Remembers the head of a call that came whole, with its body, in one segment."""
        head, _, body = data.partition(END)
        lengths = [value for name, value in request.headers if name == b"content-length"]
        if (
            len(head) <= MAX_HEAD_BYTES
            and request.method == "POST"
            and lengths == [b"%d" % len(body)]
            and not request.header(b"transfer-encoding")
            and not request.header(b"expect")
        ):
            if len(self._known) >= MAX_HEADS:
                del self._known[next(iter(self._known))]
            self._known[head + END] = KnownHead(request, body_limit_bytes, len(body))
