"""An answer in the form in which the server takes it: two ASGI messages, made once."""

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

Header = tuple[bytes, bytes]
Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

JSON: Final = b"application/json"
XML: Final = b"text/xml; charset=utf-8"
TEXT: Final = b"text/plain; charset=utf-8"
HTML: Final = b"text/html; charset=utf-8"

NO_CONTENT: Final = 204

_BREAKS: Final = re.compile(rb"[\r\n\0]")


class Response:
    """A status, a body and its headers; immutable by agreement, so constants may be shared.

    Raises ValueError for a header that would break the line it stands on.
    """

    __slots__ = ("body", "content_type", "finish", "headers", "start", "status")

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        content_type: bytes = JSON,
        headers: Iterable[Header] = (),
    ) -> None:
        lines: list[Header] = []
        if status != NO_CONTENT:
            lines.append((b"content-type", content_type))
            lines.append((b"content-length", b"%d" % len(body)))
        if headers:
            lines.extend(headers)
            for name, value in lines:
                if _BREAKS.search(name) or _BREAKS.search(value):
                    raise ValueError(f"line break in header {name!r}")
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = lines
        self.start: Message = {"type": "http.response.start", "status": status, "headers": lines}
        self.finish: Message = {"type": "http.response.body", "body": body}

    def with_headers(self, *headers: Header) -> "Response":
        """Returns this answer with more headers behind its own."""
        own = self.headers if self.status == NO_CONTENT else self.headers[2:]
        return Response(self.status, self.body, self.content_type, (*own, *headers))
