"""What a call of a provider says, whatever its format."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.connectors.http.answers import decode
from dragoman.web.charsets import MediaType, parse_media_type
from dragoman.web.forms import parse_form, parse_multipart
from dragoman.web.refusals import MalformedBody
from dragoman.web.requests import Parameters, Request

FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
REF: Final = "ref"
"""The parameter of our own URL with our reference, where we give a URL with each message."""
_CHARSET: Final = "latin-1"
"""Of forms that are not UTF-8, and do not say what they are."""


def read_call(request: Request) -> Any:
    """What a call says, as a tree: its body, or its query where it has none; None if unreadable.

    Some programs say that all they send is a form: what begins as JSON does is JSON first, and what
    does not begin with a boundary has no parts.
    """
    body = request.body
    if not body:
        return dict(request.query)
    media = parse_media_type(request.header(b"content-type"))
    first = body.lstrip()[:1]
    is_form = media.name == FORM or (media.name == MULTIPART and first == b"-")
    try:
        if first in b"{[" or not is_form:
            return msgspec.json.decode(body)
    except RecursionError:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass
    if first == b"<" and media.name != FORM:
        return decode(body, "xml")
    try:
        form = read_form(request, media) if is_form else None
        if form is None and b"=" in body and first not in b"{[":
            form = parse_form(body, fallback_charset=_CHARSET)
    except MalformedBody:
        return None
    return None if form is None else {**request.query, **form}


def read_form(request: Request, media: MediaType | None = None) -> Parameters | None:
    """The fields of a form; None where the body is none. Raises `MalformedBody`."""
    media = media or parse_media_type(request.header(b"content-type"))
    if media.name == FORM:
        return parse_form(request.body, charset=media.charset, fallback_charset=_CHARSET)
    if media.name == MULTIPART:
        return parse_multipart(request.body, media.boundary, fallback_charset=_CHARSET).fields
    return None
