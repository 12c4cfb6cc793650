"""The calls of services about inbound texts (Kannel user guide, "SMS-service group").

A `get_url` has the text in its escapes, a `post_url` and a `post_xml` in their body. Words are what
blanks of ASCII part, in octets: those of the text in UTF-8, or those that came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import quote, quote_plus
from uuid import UUID

from dragoman.config.kannel import KannelService
from dragoman.core.messages.model.callbacks import CallbackCall, EventFacts, OwnAnswer, TextFacts
from dragoman.dialects.kannel.escapes import fill
from dragoman.kit.ids import render_hex, time_of
from dragoman.protocols.gsm.alphabet import Alphabet

INTERNATIONAL_DIGITS: Final = 7
"""From so many digits on a sender is an international number, which Kannel shows with its `+`."""
MAX_FILE: Final = 4096
PLAIN: Final = (("content-type", "text/plain; charset=utf-8"),)
XML: Final = (("Content-Type", 'text/xml; charset="UTF-8"'),)
_VISIBLE: Final = "".join(map(chr, range(0x21, 0x7F))).replace("%", "")
_UNSET: Final = "-1"


def render_service(url: str, facts: TextFacts, service: KannelService) -> CallbackCall | OwnAnswer:
    """Renders what a service does about a text."""
    if service.file is not None:
        with Path(service.file).open("rb") as file:
            return OwnAnswer(body=file.read(MAX_FILE), headers=PLAIN)
    if service.text is not None:
        text = fill(service.text, Values(facts, _decoded), last=True)
        return OwnAnswer(body=text.encode(errors="replace"), headers=PLAIN)
    called = fill(url, Values(facts, _in_url), last=True)
    if service.post_url is None and service.post_xml is None:
        return CallbackCall(method="GET", url=called)
    octets = octets_of(facts)
    if service.strip_keyword:
        octets = b"".join(octets.split(None, 1)[1:])
    if service.post_xml is not None:
        body = _document(facts, service, octets).encode()
        return CallbackCall(method="POST", url=called, headers=XML, body=body)
    return CallbackCall(method="POST", url=called, headers=_headers(facts, service), body=octets)


def text_of_event(facts: EventFacts) -> TextFacts:
    """The text of an event, for services that are webhooks."""
    return TextFacts(
        inbound_id=int(facts.key),
        sender=facts.sender,
        recipient=facts.recipient,
        text=facts.text,
        carrier=facts.carrier,
        alphabet=Alphabet.BINARY.value if facts.is_data else "",
    )


def octets_of(facts: TextFacts) -> bytes:
    """The text in UTF-8, or the octets that came."""
    if is_binary(facts):
        return bytes.fromhex(facts.text)
    return facts.text.encode(errors="replace")


def is_binary(facts: TextFacts) -> bool:
    """Whether the text is octets."""
    return facts.alphabet == Alphabet.BINARY.value


class Values:
    """What escapes stand for; each `%s` or `%S` is the next word, and `%r` what they left."""

    def __init__(self, facts: TextFacts, encode: Callable[[bytes], str]) -> None:
        self._encode = encode
        self._octets = octets_of(facts)
        self._words = self._octets.split()
        self._used = 1
        at = datetime.fromtimestamp(time_of(facts.inbound_id) / 1000, UTC)
        coding = 1 if is_binary(facts) else 0
        sender, recipient = with_plus(facts.sender).encode(), facts.recipient.encode()
        self._values = {
            "t": at.strftime("%Y-%m-%d+%H:%M:%S"),
            "T": str(int(at.timestamp())),
            "p": encode(sender),
            "q": encode(sender),
            "P": encode(recipient),
            "Q": encode(recipient),
            "i": encode(facts.carrier.encode()),
            "I": str(UUID(hex=render_hex(facts.inbound_id))),
            "n": encode(facts.service.encode()),
            "c": str(coding),
            "C": "8-BIT" if coding else "UTF-8",
            "O": f"{coding << 2:02d}",
            "d": _UNSET,
            "m": _UNSET,
            "M": _UNSET,
            "u": encode(bytes.fromhex(facts.header)),
            **dict.fromkeys("vVBofFxDR", ""),
        }

    def get(self, name: str) -> str | None:
        """The value of an escape; None for one that stays as it is."""
        if name.startswith("%#"):
            return ""
        computed = self._computed.get(name)
        return self._values.get(name) if computed is None else computed(self)

    def _keyword(self) -> str:
        return self._encode(self._words[0]) if self._words else ""

    def _next(self) -> bytes:
        self._used += 1
        return self._words[self._used - 1] if self._used <= len(self._words) else b""

    def _next_raw(self) -> str:
        return quote(self._next().replace(b"*", b"~"), safe=_VISIBLE)

    def _rest(self) -> str:
        return self._encode(b" ".join(self._words[self._used :]))

    _computed: ClassVar[Mapping[str, Callable[[Values], str]]] = {
        "k": _keyword,
        "s": lambda self: self._encode(self._next()),
        "S": _next_raw,
        "r": _rest,
        "a": lambda self: self._encode(b" ".join(self._words)),
        "b": lambda self: self._encode(self._octets),
        "A": lambda self: self._encode(self._octets),
    }


def with_plus(number: str) -> str:
    """A number as Kannel shows those of handsets; names and short codes as they are."""
    is_number = number.isascii() and number.isdigit() and len(number) >= INTERNATIONAL_DIGITS
    return f"+{number}" if is_number else number


def _in_url(octets: bytes) -> str:
    return quote_plus(octets, safe="")


def _decoded(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _headers(facts: TextFacts, service: KannelService) -> tuple[tuple[str, str], ...]:
    """The headers of a post, those that Kannel has for a text over SMPP."""
    binary = is_binary(facts)
    at = datetime.fromtimestamp(time_of(facts.inbound_id) / 1000, UTC)
    sender = with_plus(facts.sender)
    return (
        ("Content-Type", "application/octet-stream" if binary else 'text/plain; charset="UTF-8"'),
        *((("X-Kannel-From", quote(sender, safe=_VISIBLE)),) if service.send_sender else ()),
        ("X-Kannel-To", facts.recipient),
        ("X-Kannel-Time", at.strftime("%Y-%m-%d %H:%M:%S")),
        *((("X-Kannel-SMSC", quote(facts.carrier, safe=_VISIBLE)),) if facts.carrier else ()),
        *((("X-Kannel-UDH", _in_url(bytes.fromhex(facts.header))),) if facts.header else ()),
        ("X-Kannel-Coding", "1" if binary else "0"),
        *((("X-Kannel-Service", facts.service),) if facts.service else ()),
    )


def _document(facts: TextFacts, service: KannelService, octets: bytes) -> str:
    """A text as the document that `sendsms` takes, with the octets encoded as in a URL."""
    at = datetime.fromtimestamp(time_of(facts.inbound_id) / 1000, UTC)
    times = ("year", "%Y"), ("month", "%m"), ("day", "%d"), ("hour", "%H"), ("minute", "%M")
    content = (
        _element("oa", _element("number", _shown(with_plus(facts.sender))))
        if service.send_sender
        else "",
        _element("da", _element("number", _shown(facts.recipient))),
        _element("udh", _in_url(bytes.fromhex(facts.header))) if facts.header else "",
        _element("ud", _in_url(octets)) if octets else "",
        _element("dcs", _element("coding", "1" if is_binary(facts) else "0")),
        _element(
            "at",
            *(_element(name, at.strftime(form)) for name, form in (*times, ("second", "%S"))),
            _element("timezone", "0"),
        ),
        _element("from", _element("account", _shown(facts.carrier))) if facts.carrier else "",
        _element("to", _element("service", _shown(facts.service))) if facts.service else "",
    )
    submit = _element("submit", *content)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<message cid="1">{submit}</message>\n'


def _element(name: str, *content: str) -> str:
    return f"<{name}>{''.join(content)}</{name}>"


def _shown(text: str) -> str:
    """A value without what no document can hold."""
    return escape("".join(filter(str.isprintable, text)))
