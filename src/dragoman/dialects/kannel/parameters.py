"""The parameters of a message: in a query or form, in headers, or in a document of XML.

They are the same in requests to send and in what services answer. Values are octets, as ISO 8859-1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, cast
from urllib.parse import unquote_to_bytes

from dragoman.core.model.errors import RefusalCode
from dragoman.dialects.kannel import errors
from dragoman.web.charsets import parse_media_type
from dragoman.web.forms import parse_form
from dragoman.web.requests import Request
from dragoman.web.xml_tree import parse_xml

_FIRST: Final = {"user": "username", "pass": "password", "dlrurl": "dlr-url", "dlrmask": "dlr-mask"}
_MARKUP: Final = frozenset({"text/html", "text/vnd.wap.wml"})
"""What smsbox reads and then refuses all the same."""
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_OF_HEADER: Final = (
    "from", "to", "username", "password", "smsc", "udh", "dlr-url", "account", "binfo", "coding",
    "pid", "mwi", "mclass", "alt-dcs", "compress", "validity", "deferred", "dlr-mask", "rpi",
    "priority", "meta-data",
)  # fmt: skip
_OF_XML: Final = {
    ("from", "user"): "username",
    ("from", "username"): "username",
    ("from", "pass"): "password",
    ("from", "password"): "password",
    ("from", "account"): "account",
    ("from", "binfo"): "binfo",
    ("oa", "number"): "from",
    ("udh",): "udh",
    ("ud",): "text",
    ("smsc",): "smsc",
    ("dcs", "mclass"): "mclass",
    ("dcs", "mwi"): "mwi",
    ("dcs", "coding"): "coding",
    ("dcs", "compress"): "compress",
    ("dcs", "alt-dcs"): "alt-dcs",
    ("pid",): "pid",
    ("rpi",): "rpi",
    ("vp", "delay"): "validity",
    ("timing", "delay"): "deferred",
    ("statusrequest", "dlr-mask"): "dlr-mask",
    ("statusrequest", "dlr-url"): "dlr-url",
    ("priority",): "priority",
    ("meta-data",): "meta-data",
}


def read_parameters(request: Request) -> Mapping[str, str]:
    """The parameters, their values octets as ISO 8859-1; raises `Refused` and `MalformedBody`."""
    if request.method != "POST" or not (request.body or request.header(b"x-kannel-to")):
        return _first_of(request.query.pairs)
    media = parse_media_type(request.header(b"content-type"))
    if media.name == "text/xml":
        return read_xml(request.body)
    if media.name in {"text/plain", "application/octet-stream"}:
        given = read_headers(lambda name: request.header(name.encode()))
        given |= {"text": request.body.decode("latin-1"), "charset": media.charset}
        if media.name == "application/octet-stream":
            given.setdefault("coding", "1")
    elif media.name == "application/x-www-form-urlencoded":
        form = parse_form(request.body, octets=True)
        given = _first_of((*form.pairs, *request.query.pairs))
    else:
        answer = errors.MARKUP if media.name in _MARKUP else errors.CONTENT_TYPE
        raise errors.Refusal(answer, RefusalCode.MALFORMED_REQUEST)
    if "to" not in given:
        given["to"] = ""
    return given


def read_headers(header: Callable[[str], bytes]) -> dict[str, str]:
    """What `X-Kannel-` headers say; `header` knows them by their names in lower case."""
    headers = {name: header(f"x-kannel-{name}").decode("latin-1") for name in _OF_HEADER}
    given = {name: value for name, value in headers.items() if value}
    if "udh" in given:
        given["udh"] = _octets(given["udh"], binary=True)
    return given


def _first_of(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The first value of each name, under its present name."""
    given: dict[str, str] = {}
    old: dict[str, str] = {}
    for name, value in pairs:
        if name in _FIRST:
            old.setdefault(_FIRST[name], value)
        else:
            given.setdefault(name, value)
    return old | given


def read_xml(body: bytes, recipient: str = "") -> dict[str, str]:
    """The parameters of a document `message` with a `submit`; its texts become UTF-8.

    `recipient` is who gets a document without any. Raises `Refused` and `MalformedBody`.
    """
    root, tree = parse_xml(body, lists={"da"})
    submit = tree.get("submit") if isinstance(tree, dict) else None
    if root != "message" or not isinstance(submit, dict):
        raise errors.Refusal(errors.CHARSET, RefusalCode.MALFORMED_REQUEST)
    given: dict[str, str] = {}
    for path, name in _OF_XML.items():
        if (value := _leaf(submit, path)) is not None:
            given.setdefault(name, value.strip().encode().decode("latin-1"))
    numbers = [_leaf(one, ("number",)) or "" for one in cast("list[Any]", submit.get("da", ()))]
    given["to"] = " ".join(filter(None, numbers)) or recipient
    if not given["to"]:
        raise errors.Refusal(errors.NO_RECIPIENTS)
    given["udh"] = _octets(given.get("udh", ""), binary=True)
    coding = given.get("coding", "1" if given["udh"] else "0").strip()
    text = given.get("text", "")
    given["text"] = _octets(text, binary=coding in {"1", "2"})
    if coding != "2" or not _HEX.fullmatch(text):
        given["charset"] = "utf-8"
    return given


def _leaf(tree: Any, path: tuple[str, ...]) -> str | None:
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree if isinstance(tree, str) else None


def _octets(written: str, *, binary: bool) -> str:
    """What stands in hexadecimal digits, where that is meant, or with `%XX` for an octet."""
    if binary and _HEX.fullmatch(written):
        return bytes.fromhex(written).decode("latin-1")
    return unquote_to_bytes(written.encode("latin-1")).decode("latin-1")
