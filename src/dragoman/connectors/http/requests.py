"""Renders the request of a preset for one message: the same message gives the same octets."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, cast

import msgspec

from dragoman.config.http import RequestTable
from dragoman.connectors.http.sigv4 import sign
from dragoman.connectors.http.templates import (
    ABSENT,
    Compiler,
    Escape,
    Fill,
    Filling,
    as_it_is,
    for_form,
    for_json,
    for_xml,
    percent,
)
from dragoman.core.messages.model.messages import Outgoing
from dragoman.protocols.gsm.alphabet import Alphabet

_TYPES: Final = MappingProxyType(
    {
        "json": "application/json",
        "form": "application/x-www-form-urlencoded",
        "xml": "text/xml; charset=utf-8",
        "text": "text/plain; charset=utf-8",
    }
)
_ESCAPES: Final = MappingProxyType[str, Escape](
    {"json": for_json, "form": for_form, "xml": for_xml, "text": as_it_is}
)
_FLASH: Final = 0
_UCS2: Final = Alphabet.UCS2

Pairs = tuple[tuple[str, str, Fill | None], ...]


class HttpRequest(msgspec.Struct, frozen=True, gc=False):
    """A rendered request."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def place(self) -> str:
        """The URL without its query, which may hold a key."""
        return self.url.partition("?")[0]


class RequestRenderer:
    """A preset's request for one carrier."""

    def __init__(self, table: RequestTable, base_url: str, compiler: Compiler) -> None:
        """Raises `Unfilled` for a gap that nothing can fill."""
        self.method = table.method or "POST"
        self._form = table.body or "json"
        body = "" if self.method == "GET" else self._form
        base = base_url.rstrip("/")
        fixed, self._path = compiler.text(table.path, percent)
        self._base = base + fixed
        headers = dict(table.headers)
        if body in _TYPES:
            headers.setdefault("Content-Type", table.content_type or _TYPES[body])
        if table.basic:
            login = ":".join([compiler.text(one)[0] for one in table.basic])
            headers["Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
        self._headers = tuple(
            (name, *compiler.text(template)) for name, template in headers.items()
        )
        self._fixed_headers = (
            tuple((name, text) for name, text, _ in self._headers)
            if all(fill is None for _, _, fill in self._headers)
            else None
        )
        self._aws = compiler.aws_key(table.aws_service) if table.aws_service else None
        fields = [_with(table.fields, more) for more in _variants(table)]
        self._by_sender = bool(table.from_name or table.from_number)
        in_url = body in ("", "none")
        query = [table.query | one if in_url else table.query for one in fields]
        self._queries = [compiler.pairs(one, percent) for one in query]
        self._bodies: list[Callable[[Filling], bytes]] = [
            _no_body if in_url else _body(body, one, table.template, compiler) for one in fields
        ]

    @property
    def fixed(self) -> HttpRequest | None:
        """A request without its body, where all messages have the same but for that."""
        if self._path is not None or self._fixed_headers is None or self._aws is not None:
            return None
        if any(self._queries) or self.method == "GET":
            return None
        return HttpRequest(self.method, self._base, self._fixed_headers, b"")

    def render_body(self, filling: Filling) -> bytes:
        """The body for a message."""
        return self._bodies[self._variant(filling.message)](filling)

    def render(self, filling: Filling) -> HttpRequest:
        """The request for a message."""
        variant = self._variant(filling.message)
        url = self._base
        if self._path is not None:
            url += self._path(filling)
        if query := _join(self._queries[variant], filling):
            url += f"{'&' if '?' in url else '?'}{query}"
        headers, body = self._header_values(filling), self._bodies[variant](filling)
        if self._aws is not None:
            headers = sign(self._aws, self.method, url, headers, body, filling.now_ms)
        return HttpRequest(self.method, url, headers, body)

    def _variant(self, message: Outgoing) -> int:
        """Which of `_variants` a message needs."""
        variant = int(message.alphabet is _UCS2)
        if message.message_class == _FLASH:
            variant += 2
        if self._by_sender and message.sender.removeprefix("+").isdigit():
            variant += 4
        return variant

    def _header_values(self, filling: Filling) -> tuple[tuple[str, str], ...]:
        if self._fixed_headers is not None:
            return self._fixed_headers
        filled = [
            (name, text if fill is None else fill(filling)) for name, text, fill in self._headers
        ]
        return tuple((name, value) for name, value in filled if value is not ABSENT)


def _variants(table: RequestTable) -> Iterable[Mapping[str, Any]]:
    """The fields that differ: of names and numbers as senders, and for each of plain and flash
    texts, in the GSM alphabet and in UCS-2."""
    senders = (
        (table.from_name, table.from_number) if table.from_name or table.from_number else ({},)
    )
    for sender in senders:
        for shown in ({}, table.flash):
            for alphabet in (table.gsm, table.ucs2):
                yield _with(_with(alphabet, shown), sender)


def _with(fields: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Fields with more of them, nested ones too."""
    joined = dict(fields)
    for name, value in more.items():
        before = joined.get(name)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        joined[name] = _with(cast("Mapping[str, Any]", before), value) if both else value
    return joined


def _no_body(_filling: Filling) -> bytes:
    return b""


def _body(
    kind: str, fields: Mapping[str, Any], template: str, compiler: Compiler
) -> Callable[[Filling], bytes]:
    if template:
        text, fill = compiler.text(template, _ESCAPES[kind])
        if fill is None:
            return lambda _: text.encode()
        return lambda filling: fill(filling).encode()
    if kind == "form":
        pairs = compiler.pairs(fields, for_form)
        return lambda filling: _join(pairs, filling).encode("ascii")
    if kind == "json":
        tree = compiler.tree(fields)
        if not callable(tree):
            octets = msgspec.json.encode(tree)
            return lambda _: octets
        encode = msgspec.json.Encoder().encode
        return lambda filling: encode({} if (made := tree(filling)) is ABSENT else made)
    return _no_body


def _join(pairs: Pairs, filling: Filling) -> str:
    found = []
    for name, text, fill in pairs:
        value = text if fill is None else fill(filling)
        if value is not ABSENT:
            found.append(name + value)
    return "&".join(found)
