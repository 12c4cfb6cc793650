"""Answers as this API gives them: JSON, bare text, or where something now is."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.dialects.smsend.schemas import Problem
from dragoman.web.responses import JSON, TEXT, Response

_encode: Final = msgspec.json.Encoder().encode


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
