"""Bodies as the manual's own programs send them.

Their JSON comes with or without a Content-Type, and from Java and Perl on Windows in the system's
character set instead of UTF-8.
"""

from __future__ import annotations

from typing import Final, TypeVar

from dragoman.web.bodies import decode_body, decode_json
from dragoman.web.charsets import parse_media_type
from dragoman.web.refusals import MalformedBody, RefusalKind
from dragoman.web.requests import Request

Shape = TypeVar("Shape")

SYSTEM_CHARSET: Final = "windows-1252"
"""What `getBytes()` of an older Java gives in western Europe."""


def read_body(request: Request, shape: type[Shape]) -> Shape:
    """Reads a body into its shape; raises `MalformedBody`, which the frame answers."""
    try:
        return decode_body(request, shape)
    except MalformedBody as error:
        if error.refusal.kind is not RefusalKind.BAD_CHARSET:
            raise
        if parse_media_type(request.header(b"content-type")).charset:
            raise
    return decode_json(request.body, shape, charset=SYSTEM_CHARSET)
