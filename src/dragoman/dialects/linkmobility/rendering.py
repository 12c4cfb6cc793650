"""Answers as JSON or XML: the same fields in the same order, and the status in both places."""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.dialects.linkmobility.profiles import drop_fields
from dragoman.dialects.linkmobility.schemas import Answer
from dragoman.web.requests import Request
from dragoman.web.responses import JSON, XML, Response
from dragoman.web.xml_tree import render_xml

ROOT: Final = "response"
XML_SUFFIX: Final = ".xml"

_encode_json: Final = msgspec.json.Encoder().encode


def render(request: Request, answer: Answer, dropped: tuple[tuple[str, ...], ...] = ()) -> Response:
    """Renders an answer in the form that the suffix of the path asks for; JSON where none does.

    `dropped` are the paths of fields that the caller's profile does not have.
    """
    if dropped:
        tree = msgspec.to_builtins(answer)
        drop_fields(tree, dropped)
        if not _asks_for_xml(request):
            return Response(answer.status, _encode_json(tree), JSON)
        return Response(answer.status, render_xml(ROOT, tree), XML)
    if _asks_for_xml(request):
        tree = msgspec.to_builtins(answer)
        return Response(answer.status, render_xml(ROOT, tree), XML)
    return Response(answer.status, _encode_json(answer), JSON)


def _asks_for_xml(request: Request) -> bool:
    named = request.path_params.get("format")
    if named is not None:
        return named == "xml"
    return request.path.rstrip("/").endswith(XML_SUFFIX)
