"""The older API in XML: paths that end with `.xml`, or with nothing, as Twilio has them by default.

The same answers as in JSON, by rule: names in Pascal case, what is null an empty element, the
fields around a list as attributes without underscores, links without `.json`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

import msgspec
from msgspec.structs import replace

from dragoman.web.operations import Handler, Operation
from dragoman.web.requests import Request
from dragoman.web.responses import Response

PREFIX: Final = "/2010-04-01"
JSON_ENDING: Final = ".json"
XML_ENDING: Final = ".xml"
CONTENT_TYPE: Final = b"application/xml"

_LAST_NAME: Final = re.compile(r"\{(\w+)\}$")
_LINK: Final = re.compile(r"^(/2010-04-01/[^?]*)\.json(?=\?|$)")
_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PROBLEM: Final = {"code", "message", "more_info", "status"}


def is_xml(path: str) -> bool:
    """Whether a path of the older API is answered in XML."""
    return PREFIX in path and not path.endswith(JSON_ENDING)


def xml_variants(operations: Iterable[Operation]) -> Iterator[Operation]:
    """The same calls, answered in XML; not where a path without ending is another call's."""
    operations = tuple(operations)
    taken = {(operation.methods, operation.path) for operation in operations}
    for operation in operations:
        if not operation.path.startswith(PREFIX) or not operation.path.endswith(JSON_ENDING):
            continue
        path = operation.path.removesuffix(JSON_ENDING)
        named = _LAST_NAME.search(path)
        # A name takes any text, that of an ending too.
        for variant in (path,) if named is not None else (path + XML_ENDING, path):
            if (operation.methods, variant) not in taken:
                yield replace(
                    operation,
                    path=variant,
                    handler=_in_xml(operation.handler, _name_of(path), named[1] if named else ""),
                    answer_formats=("xml",),
                )


def render(response: Response, name: str = "") -> Response:
    """An answer in JSON as one in XML; `name` is the element of what is no list and no refusal."""
    if not response.body:
        return response
    content = msgspec.json.decode(response.body)
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<TwilioResponse>{_root(content, name)}'
    return Response(
        response.status, f"{body}</TwilioResponse>".encode(), CONTENT_TYPE, response.extra
    )


def _in_xml(handler: Handler, name: str, placeholder: str) -> Handler:
    async def handle(request: Request) -> Response:
        if placeholder:
            value = request.path_params[placeholder].removesuffix(XML_ENDING)
            request.path_params = {**request.path_params, placeholder: value}
        return render(await handler(request), name)

    return handle


def _root(content: dict[str, Any], name: str) -> str:
    if content.keys() == _PROBLEM:
        return _element("RestException", content)
    listed = [key for key, value in content.items() if isinstance(value, list)]
    if "first_page_uri" not in content or len(listed) != 1:
        return _element(name, content)
    key = listed[0]
    attributes = "".join(
        f" {field.replace('_', '')}={quoteattr(_text(value))}"
        for field, value in content.items()
        if field != key
    )
    items = "".join(_element(name, item) for item in content[key])
    return f"<{_pascal(key)}{attributes}>{items}</{_pascal(key)}>"


def _element(name: str, value: object) -> str:
    if isinstance(value, dict):
        inner = "".join(_element(_pascal(key), item) for key, item in value.items())
    elif isinstance(value, list):
        inner = "".join(_element("Item", item) for item in value)
    else:
        inner = escape(_text(value))
    return f"<{name}>{inner}</{name}>" if inner else f"<{name}/>"


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", _LINK.sub(r"\1", str(value)))


def _name_of(path: str) -> str:
    """The element of one thing that a path names: `Message` for that of messages."""
    words = [word for word in path.split("/") if word and not word.startswith("{")]
    return words[-1].removesuffix("s")


def _pascal(name: str) -> str:
    return "".join(map(str.capitalize, name.split("_")))
