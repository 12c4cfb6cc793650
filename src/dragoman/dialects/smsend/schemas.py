"""Shapes that the whole API shares, with the names and the order of the manual.

An answer is JSON, bare text, or where something now is.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from dragoman.web.operations import doc
from dragoman.web.responses import JSON, TEXT, Response

Value = str | int | None
"""A text; a program may send a number, such as one of a phone, without quotes."""
Switch = bool | str | int | None
"""`true` and `false`, which come as text too."""
_encode: Final = msgspec.json.Encoder().encode


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, in all the fields in which programs look for it."""

    result: str
    error_code: int
    error_message: str


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """That a call did what was asked."""

    result: str = "OK"


class PageQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which page of a list is wanted."""

    page_number: Annotated[int, doc("The page, from 1 on.")] = 1
    page_size: Annotated[int, doc("Results on a page.")] = 10


class Text(msgspec.Struct, frozen=True):
    """A body that is no JSON: `USER_KEY;SESSION_KEY`, a URL, `true`."""

    text: str


class Located(msgspec.Struct, frozen=True):
    """A body, by default `""`, and where to find what the call made: `/contact/<id>`."""

    location: str
    """A path below this API's own."""
    body: Any = ""


class Stated(msgspec.Struct, frozen=True):
    """A body under another status than the call's usual one."""

    status: int
    body: Any


Answer = msgspec.Struct | Text | Located | Stated | str | int | None
"""What a call may answer; all but `Text`, `Located` and `Stated` is the body, as JSON."""

YES: Final = Text("true")
NO: Final = Text("false")


def render(status: int, answer: Answer) -> Response:
    """Renders what a call answers."""
    if isinstance(answer, Text):
        return Response(status, answer.text.encode(), TEXT)
    if isinstance(answer, Located):
        location = (b"location", answer.location.encode())
        return Response(status, _encode(answer.body), JSON, (location,))
    if isinstance(answer, Stated):
        return Response(answer.status, _encode(answer.body), JSON)
    return Response(status, _encode(answer), JSON)


def render_problem(problem: Problem) -> Response:
    """Renders a refusal under its own status."""
    return Response(problem.error_code, _encode(problem), JSON)
