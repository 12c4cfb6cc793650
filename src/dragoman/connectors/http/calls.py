"""What a call of a provider says, whatever its format."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.connectors.http.answers import decode
from dragoman.web.charsets import parse_media_type
from dragoman.web.forms import parse_form
from dragoman.web.refusals import MalformedBody
from dragoman.web.requests import Request

FORM: Final = "application/x-www-form-urlencoded"
REF: Final = "ref"
"""The parameter of our own URL with our reference, where we give a URL with each message."""


def read_call(request: Request) -> Any:
    """What a call says, as a tree: its body, or its query where it has none; None if unreadable."""
    if not request.body:
        return dict(request.query)
    media = parse_media_type(request.header(b"content-type"))
    try:
        if media.name == FORM:
            form = parse_form(request.body, charset=media.charset, fallback_charset="latin-1")
            return {**request.query, **form}
        return msgspec.json.decode(request.body)
    except RecursionError:
        return None
    except (MalformedBody, msgspec.MsgspecError, UnicodeDecodeError):
        pass
    if request.body.lstrip()[:1] == b"<":
        return decode(request.body, "xml")
    if media.name != FORM and b"=" in request.body and request.body[:1] not in b"{[":
        try:
            return {**request.query, **parse_form(request.body, fallback_charset="latin-1")}
        except MalformedBody:
            return None
    return None
