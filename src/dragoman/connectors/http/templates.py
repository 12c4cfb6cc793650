"""Requests with gaps: `{to}`, `{text}` … and how each is filled for one message.

A gap is `{name}`; `{name?}` leaves out the field or parameter where the value is empty,
`{name!other}` where the other has a value; `{name|other}` is the other where the first has none,
`{name>60<36000}` a number within bounds, `{name:int}` a JSON integer, and `{name:list}` a JSON
array of what commas part. What is known when the
carrier is built is filled in then, so that a message costs only its own values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote, quote_plus
from xml.sax import saxutils

from dragoman.connectors.http.sigv4 import AwsKey
from dragoman.core.messages.model.messages import Outgoing
from dragoman.protocols.gsm.alphabet import Alphabet

MIN_INTERNATIONAL: Final = 7
"""Digits from which a sender without `+` is a number and no short code."""
_GAP: Final = re.compile(
    r"\{([a-z][a-z0-9_]*(?:\|[a-z][a-z0-9_]*)?)"  # the value, or that or another
    r"(\?|![a-z0-9_]+)?"
    r"(?:>([0-9]{1,12}))?(?:<([0-9]{1,12}))?(:int|:list)?\}"
)
_GROUPS: Final = 5


NO_MESSAGE: Final = Outgoing(
    message_id=0, sender="", recipient="", parts=(), alphabet=Alphabet.GSM7
)
"""In requests that are about none."""


class Filling:
    """What one request is filled with."""

    __slots__ = ("_now_ms", "fixed", "id", "ids", "message", "ref", "status_url")

    def __init__(
        self,
        message: Outgoing,
        *,
        ref: str,
        status_url: str,
        now_ms: Callable[[], int],
        fixed: Mapping[str, str],
        id: str = "",
        ids: Sequence[str] = (),
    ) -> None:
        self.message = message
        self.ref = ref
        self.status_url = status_url
        self._now_ms = now_ms
        self.fixed = fixed
        """Values that change, yet not with the message: those of a session."""
        self.id = id
        self.ids = ids
        """Of the messages that one question is about."""

    @property
    def now_ms(self) -> int:
        """The time, which few requests name."""
        return self._now_ms()

    def left_s(self) -> int | None:
        """Seconds until the message expires; None where it does not."""
        until_ms = self.message.validity_until_ms
        return None if until_ms is None else max(1, (until_ms - self.now_ms) // 1000)


Value = Callable[[Filling], str]


def _sender_plus(filling: Filling) -> str:
    sender = filling.message.sender
    if sender.isascii() and sender.isdigit() and len(sender) >= MIN_INTERNATIONAL:
        return f"+{sender}"
    return sender


def _until(filling: Filling, pattern: str) -> str:
    until_ms = filling.message.validity_until_ms
    if until_ms is None:
        return ""
    return datetime.fromtimestamp(until_ms // 1000, UTC).strftime(pattern)


def _left(filling: Filling, unit_s: float) -> str:
    left_s = filling.left_s()
    return "" if left_s is None else str(max(1, round(left_s / unit_s)))


def _class(filling: Filling) -> str:
    kind = filling.message.message_class
    return "" if kind is None else str(kind)


VALUES: Final = MappingProxyType[str, Value](
    {
        "to": lambda filling: filling.message.recipient,
        "to_plus": lambda filling: f"+{filling.message.recipient}",
        "sender": lambda filling: filling.message.sender.removeprefix("+"),
        "sender_plus": _sender_plus,
        "text": lambda filling: filling.message.text,
        "text_utf16": lambda filling: filling.message.text.encode("utf-16-be").decode("latin-1"),
        "text_utf16_hex": lambda filling: filling.message.text.encode("utf-16-be").hex(),
        "ref": lambda filling: filling.ref,
        "id": lambda filling: filling.id,
        "ids": lambda filling: ",".join(filling.ids),
        "status_url": lambda filling: filling.status_url,
        "validity_s": lambda filling: _left(filling, 1),
        "validity_min": lambda filling: _left(filling, 60),
        "validity_h": lambda filling: _left(filling, 3600),
        "validity_ms": lambda filling: _left(filling, 0.001),
        "expires": lambda filling: _until(filling, "%Y-%m-%dT%H:%M:%SZ"),
        "validity_iso": lambda filling: _left(filling, 1) and f"PT{_left(filling, 1)}S",
        "now": lambda filling: datetime.fromtimestamp(filling.now_ms // 1000, UTC).strftime(
            "%Y-%m-%d %H:%M:%S"
        ),
        "class": _class,
    }
)
"""What a gap can stand for, beside credentials: all that is known about a message."""

OCTETS: Final = "text_utf16"
"""The value whose characters are octets, for URLs and forms alone."""


class Unfilled(ValueError):
    """A template names what is neither a value of messages nor a credential."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def percent(text: str) -> str:
    """Escapes for a URL."""
    return quote(text, safe="")


def percent_octets(text: str) -> str:
    """Escapes text whose characters are octets."""
    return quote(text, safe="", encoding="latin-1")


def for_form(text: str) -> str:
    return quote_plus(text)


def for_json(text: str) -> str:
    """Escapes for the inside of a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def for_xml(text: str) -> str:
    return saxutils.escape(text, {'"': "&quot;"})


def as_it_is(text: str) -> str:
    return text


Escape = Callable[[str], str]
Fill = Callable[[Filling], Any]
ABSENT: Final = object()
"""What is left out."""


class Compiler:
    """Compiles templates, given what is fixed for a carrier.

    `later` are the names that `Filling.fixed` has when a request is made.
    """

    def __init__(self, known: Mapping[str, str], later: frozenset[str] = frozenset()) -> None:
        self._known = known
        self._later = later
        self.used: set[str] = set()
        """The values of messages that any template asked for."""

    def text(self, template: str, escape: Escape = as_it_is) -> tuple[str, Fill | None]:
        """A template as its fixed text, or else as a function that gives text or `ABSENT`."""
        pieces: list[tuple[str, Value | None, Escape]] = []
        end, needed = 0, list[Value]()
        for match in _GAP.finditer(template):
            name, optional, least, most, _ = match.groups()
            pieces.append((template[end : match.start()], None, as_it_is))
            end = match.end()
            value = self._value(name)
            if optional and optional != "?" and self._value(optional[1:]):
                return "", lambda _: ABSENT
            if isinstance(value, str):
                if optional == "?" and not value:
                    return "", lambda _: ABSENT
                pieces.append((escape(value), None, as_it_is))
                continue
            if least or most:
                value = _bounded(value, int(least or 0), int(most or 10**12))
            octets = name == OCTETS and escape in (percent, for_form)
            pieces.append(("", value, percent_octets if octets else escape))
            if optional == "?":
                needed.append(value)
        pieces.append((template[end:], None, as_it_is))
        if all(value is None for _, value, _ in pieces):
            return "".join(text for text, _, _ in pieces), None
        return "", _filling(_merged(pieces), needed)

    def tree(self, template: Any) -> Any:
        """A JSON value with gaps: itself where it has none, else a function that gives it."""
        if isinstance(template, str):
            whole = _GAP.fullmatch(template)
            fixed, fill = self.text(template)
            if whole is None or not whole[_GROUPS]:
                return fixed if fill is None else fill
            read = _list if whole[_GROUPS] == ":list" else _integer
            if fill is None:
                return read(fixed)
            return lambda filling: read(fill(filling))
        if isinstance(template, Mapping):
            return _of_mapping({name: self.tree(value) for name, value in template.items()})
        if isinstance(template, list | tuple):
            return _of_list([self.tree(value) for value in template])
        return template

    def pairs(
        self, fields: Mapping[str, Any], escape: Escape
    ) -> tuple[tuple[str, str, Fill | None], ...]:
        """Fields of a form or query: the escaped name with `=`, and the value or its function."""
        found = []
        for name, template in fields.items():
            values = template if isinstance(template, list | tuple) else (template,)
            for value in values:
                plain = str(value).lower() if isinstance(value, bool) else str(value)
                found.append((f"{escape(name)}=", *self._escaped(plain, escape)))
        return tuple(found)

    def _escaped(self, template: str, escape: Escape) -> tuple[str, Fill | None]:
        """Unlike in `text`, what stands between the gaps is escaped too."""
        if _GAP.search(template) is None:
            return escape(template), None
        pieces = _GAP.split(template)[:: _GROUPS + 1]
        gaps = [match[0] for match in _GAP.finditer(template)] + [""]
        joined = "".join(
            escape(piece).replace("{", "%7B") + gap for piece, gap in zip(pieces, gaps, strict=True)
        )
        return self.text(joined, escape)

    def aws_key(self, service: str) -> AwsKey:
        """The key that requests to a service of Amazon are signed with."""
        names = ("access_key_id", "secret_access_key", "region")
        return AwsKey(service=service, **{name: self.text(f"{{{name}}}")[0] for name in names})

    def _value(self, name: str) -> str | Value:
        first, _, second = name.partition("|")
        if second:
            return self._value(first) or self._value(second)
        if name in self._known:
            return self._known[name]
        if name in self._later:
            return lambda filling: filling.fixed.get(name, "")
        if name in VALUES:
            self.used.add(name)
            return VALUES[name]
        raise Unfilled(name)


def _bounded(value: Value, least: int, most: int) -> Value:
    """A number within what the provider takes."""

    def bounded(filling: Filling) -> str:
        text = value(filling)
        return str(min(max(int(text), least), most)) if text else ""

    return bounded


def _merged(pieces: list[tuple[str, Value | None, Escape]]) -> tuple[Any, ...]:
    """Fixed texts, joined where they touch, and pairs of a value and its escape."""
    merged: list[Any] = []
    for text, value, escape in pieces:
        if value is not None:
            merged.append((value, escape))
        elif text and merged and isinstance(merged[-1], str):
            merged[-1] += text
        elif text:
            merged.append(text)
    return tuple(merged)


def _filling(pieces: tuple[Any, ...], needed: list[Value]) -> Fill:
    if len(pieces) == 1 and not needed and pieces[0][1] is as_it_is:
        value: Value = pieces[0][0]
        return value

    def fill(filling: Filling) -> Any:
        for value in needed:
            if not value(filling):
                return ABSENT
        return "".join(
            [piece if isinstance(piece, str) else piece[1](piece[0](filling)) for piece in pieces]
        )

    return fill


def _integer(text: Any) -> Any:
    if text is ABSENT:
        return ABSENT
    if text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 19:
        return int(text)
    return text  # the provider says what it thinks of it


def _list(text: Any) -> Any:
    return ABSENT if text is ABSENT else text.split(",")


def _of_mapping(fields: dict[str, Any]) -> Any:
    if not any(callable(value) for value in fields.values()):
        return {name: value for name, value in fields.items() if value is not ABSENT}
    # With the fields that are filled in, so that all are in their order.
    fixed = {name: value for name, value in fields.items() if value is not ABSENT}
    fills = tuple((name, value) for name, value in fixed.items() if callable(value))

    def fill(filling: Filling) -> Any:
        made = fixed.copy()
        for name, value in fills:
            made[name] = value(filling)
        if ABSENT in made.values():
            made = {name: value for name, value in made.items() if value is not ABSENT}
        return made or ABSENT

    return fill


def _of_list(values: list[Any]) -> Any:
    if not any(callable(value) for value in values):
        return values

    def fill(filling: Filling) -> Any:
        made = [value(filling) if callable(value) else value for value in values]
        return [value for value in made if value is not ABSENT]

    return fill
