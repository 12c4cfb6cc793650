"""WAP push: a Service Indication (WAP-167) as WBXML (WAP-192) in a WSP push (WAP-230 s. 8.2.4.1).

The result is a binary body for `segment_binary(..., udh=PUSH_UDH)`.
"""

import re
from datetime import UTC, datetime
from enum import StrEnum

PUSH_PORT = 2948  # connectionless WSP push client
PUSH_SOURCE_PORT = 9200  # connectionless WSP
PUSH_UDH = b"\x06\x05\x04\x0b\x84\x23\xf0"

_PDU_PUSH = 0x06
_CONTENT_TYPE_SIC = 0xAE  # application/vnd.wap.sic as a short integer

_DOCUMENT_START = b"\x02\x05\x6a\x00"  # WBXML 1.2, SI 1.0, UTF-8, empty string table
_SI_WITH_CONTENT = b"\x45"
_INDICATION_WITH_CONTENT_AND_ATTRIBUTES = b"\xc6"
_END = b"\x01"
_STRING = b"\x03"
_STRING_END = b"\x00"
_OPAQUE = b"\xc3"

_CREATED = b"\x0a"
_SI_EXPIRES = b"\x10"
_SI_ID = b"\x11"
# The longest prefix comes first.
_HREF_STARTS = (
    ("https://www.", b"\x0f"),
    ("http://www.", b"\x0d"),
    ("https://", b"\x0e"),
    ("http://", b"\x0c"),
    ("", b"\x0b"),
)
_DOMAIN_ENDS = {".com/": b"\x85", ".edu/": b"\x86", ".net/": b"\x87", ".org/": b"\x88"}
_DOMAIN_END = re.compile(r"(\.com/|\.edu/|\.net/|\.org/)")


class Action(StrEnum):
    """How urgently the phone shows the indication (WAP-167 s. 5.2)."""

    SIGNAL_NONE = "signal-none"
    SIGNAL_LOW = "signal-low"
    SIGNAL_MEDIUM = "signal-medium"
    SIGNAL_HIGH = "signal-high"
    DELETE = "delete"


_ACTIONS = {
    Action.SIGNAL_NONE: b"\x05",
    Action.SIGNAL_LOW: b"\x06",
    Action.SIGNAL_MEDIUM: b"",  # the default is not sent
    Action.SIGNAL_HIGH: b"\x08",
    Action.DELETE: b"\x09",
}


def encode_service_indication(
    href: str,
    text: str,
    *,
    expires: datetime | None = None,
    created: datetime | None = None,
    si_id: str | None = None,
    action: Action = Action.SIGNAL_MEDIUM,
    transaction_id: int = 0,
) -> bytes:
    """Render a WSP push PDU that shows `text` with a link to `href`.

    Raises ValueError for a time without zone, a NUL in a string, and a deletion without `si_id`.
    """
    if action is Action.DELETE and not si_id:
        raise ValueError("a deletion names its indication by si_id")
    return b"".join(
        (
            bytes([transaction_id & 0xFF, _PDU_PUSH, 1, _CONTENT_TYPE_SIC]),
            _DOCUMENT_START,
            _SI_WITH_CONTENT,
            _INDICATION_WITH_CONTENT_AND_ATTRIBUTES,
            _encode_href(href),
            _CREATED + _encode_time(created) if created else b"",
            _SI_EXPIRES + _encode_time(expires) if expires else b"",
            _SI_ID + _encode_string(si_id) if si_id else b"",
            _ACTIONS[action],
            _END,
            _encode_string(text),
            _END,
            _END,
        )
    )


def _encode_href(href: str) -> bytes:
    prefix, token = next(start for start in _HREF_STARTS if href.startswith(start[0]))
    pieces = _DOMAIN_END.split(href[len(prefix) :])
    return token + b"".join(_DOMAIN_ENDS.get(piece) or _encode_string(piece) for piece in pieces)


def _encode_time(moment: datetime) -> bytes:
    """Render a UTC time as digit pairs without its trailing zero octets (WAP-167 s. 8.2.2)."""
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone")
    utc = moment.astimezone(UTC)
    digits = f"{utc.year:04}{utc:%m%d%H%M%S}"
    octets = bytes.fromhex(digits).rstrip(b"\0")
    return _OPAQUE + bytes([len(octets)]) + octets


def _encode_string(text: str) -> bytes:
    if not text:
        return b""
    if "\0" in text:
        raise ValueError("a string in WBXML holds no NUL")
    return _STRING + text.encode() + _STRING_END
