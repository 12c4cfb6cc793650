"""What `sendsms` is given, read into a submission.

Checks come in smsbox's order, so that a request with several mistakes gets Kannel's answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from encodings.aliases import aliases
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qs

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import CallbackRequest, Format, Submission
from dragoman.core.model.errors import Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.dialects.kannel import errors
from dragoman.dialects.kannel.errors import Refusal, misformed
from dragoman.dialects.kannel.escapes import fill, quoted
from dragoman.protocols.gsm.alphabet import try_encode_gsm

NAME: Final = "kannel"
PROTOCOL: Final = "sendsms"
MAX_ACCOUNT: Final = 64
MAX_UDH: Final = 140
MS_A_MINUTE: Final = 60_000
URGENT: Final = 2

RANGES: Final = MappingProxyType(
    {
        "dlr-mask": ("DLR-Mask", 63),
        "mclass": ("MClass", 3),
        "pid": ("PID", 255),
        "rpi": ("RPI", 2),
        "alt-dcs": ("Alt-DCS", 1),
        "mwi": ("MWI", 7),
        "coding": ("Coding", 2),
        "compress": ("Compress", 1),
        "validity": ("Validity", 2**31 - 1),
        "deferred": ("Deferred", 2**31 - 1),
        "priority": ("Priority", 3),
    }
)
"""The numbers of a request: their names in refusals, and the largest; -1 stands for none."""

STATES: Final = MappingProxyType(
    {
        1: (State.DELIVERED,),
        2: (State.UNDELIVERED, State.EXPIRED, State.UNKNOWN),
        8: (State.SENT,),
        16: (State.REJECTED,),
    }
)
"""The states that each bit of a mask asks for. 4 and 32 are states that no message is in here."""

CODINGS: Final = MappingProxyType({0: Format.AUTO, 1: Format.BINARY, 2: Format.UNICODE})
_CHARSETS: Final = MappingProxyType({0: "utf-8", 2: "utf-16-be"})
_CHARSET_NAMES: Final = MappingProxyType({0: "UTF-8", 1: "8-BIT", 2: "UTF-16BE"})
_CODECS: Final = frozenset(aliases.values())
_INTEGER: Final = re.compile(r"\s*([+-]?[0-9]{1,10})")
_RECIPIENT: Final = re.compile(r"[0-9+ -]+", re.ASCII)
_URL: Final = re.compile(r"https?://.", re.IGNORECASE)
_META_DATA: Final = re.compile(r"\?([^?]*)\?([^?]*)")


def read_submission(given: Mapping[str, str], account: Account, now_ms: int) -> Submission:
    """Reads parameters whose values are octets (as ISO 8859-1); raises `Refused`."""
    if "to" not in given:
        raise Refusal(errors.NO_RECIPIENT)
    if not given["to"].strip():
        raise Refusal(errors.EMPTY_RECIPIENT)
    sender = text_of(given.get("from", "")).strip() or account.default_sender
    if not sender:
        raise Refusal(errors.NO_SENDER)
    udh = _read_udh(given.get("udh", ""))
    numbers = {name: _read_number(given, name) for name in RANGES}
    if len(given.get("account", "")) > MAX_ACCOUNT or re.search(
        r"[\[\]\r\n]", given.get("account", "")
    ):
        raise Refusal(errors.ACCOUNT)
    coding = numbers["coding"]
    if coding is None:
        coding = 1 if udh else 0
    text = _read_body(given, coding)
    validity, deferred, mask = numbers["validity"], numbers["deferred"], numbers["dlr-mask"]
    return Submission(
        dialect=NAME,
        recipients=_read_recipients(given["to"]),
        text=text,
        sender=sender,
        format=_format_of(coding, text, udh),
        udh=udh,
        due_ms=None if not deferred else now_ms + deferred * MS_A_MINUTE,
        validity_s=None if not validity else validity * 60,
        message_class=numbers["mclass"],
        protocol_id=numbers["pid"] or 0,
        urgent=(numbers["priority"] or 0) >= URGENT,
        callback=_read_callback(given, sender, numbers, coding, udh, mask or 0),
        protocol=PROTOCOL,
    )


def _read_number(given: Mapping[str, str], name: str) -> int | None:
    """A number as `sscanf` reads it: what follows its digits does not count, a word is none."""
    title, largest = RANGES[name]
    match = _INTEGER.match(given.get(name, ""))
    number = int(match[1]) if match is not None else -1
    if not -1 <= number <= largest:
        raise Refusal(misformed(title))
    return None if number == -1 else number


def _read_recipients(listed: str) -> tuple[str, ...]:
    """The numbers that can be sent to; the others are left out, as those of a black list are."""
    recipients = []
    for number in listed.split():
        if _RECIPIENT.fullmatch(number):
            try:
                recipients.append(normalise(number))
            except Refused:
                continue
    if not recipients:
        raise Refusal(errors.DENIED)
    return tuple(dict.fromkeys(recipients))


def _read_udh(octets: str) -> bytes:
    udh = octets.encode("latin-1")
    if len(udh) > MAX_UDH:
        raise Refusal(errors.UDH_TOO_LONG)
    if udh and udh[0] != len(udh) - 1:
        raise Refusal(misformed("UDH"))
    return udh


def _read_body(given: Mapping[str, str], coding: int) -> str:
    """The text, or the octets in hexadecimal digits."""
    octets = given.get("text", "").encode("latin-1")
    if coding == 1:
        return octets.hex()
    charset = given.get("charset", "").strip()
    try:
        return octets.decode(codec_of(charset) if charset else _CHARSETS[coding])
    except (LookupError, ValueError):
        if charset or coding:
            raise Refusal(errors.CHARSET) from None
        return octets.decode("cp1252", "replace")


def _format_of(coding: int, text: str, udh: bytes) -> Format:
    """The format; a text behind a header stays in one part, in the alphabet that it needs."""
    if udh and coding == 0:
        return Format.UNICODE if try_encode_gsm(text) is None else Format.GSM
    return CODINGS[coding]


def codec_of(charset: str) -> str:
    """The codec of a charset; LookupError for what is none.

    Only names in Python's table of charsets: it keeps every other name that it was ever asked for,
    and knows codecs such as `idna` that are no charsets.
    """
    name = re.sub(r"[^a-z0-9]+", "_", charset.lower())
    return name if name in _CODECS else aliases[name]


def text_of(octets: str) -> str:
    """A value that is no text of its own charset: UTF-8, else what its octets look like."""
    try:
        return octets.encode("latin-1").decode()
    except UnicodeDecodeError:
        return octets


def _read_callback(
    given: Mapping[str, str],
    sender: str,
    numbers: Mapping[str, int | None],
    coding: int,
    udh: bytes,
    mask: int,
) -> CallbackRequest | None:
    # Kannel calls a URL with a blank as it is, which servers do not take.
    template = given.get("dlr-url", "").strip().replace(" ", "%20")
    if not template:
        return None
    if not _URL.match(template):
        raise Refusal(misformed("DLR-URL"))
    states = frozenset(state for bit, asked in STATES.items() if mask & bit for state in asked)
    if not states:
        return None
    signed = all(number.startswith("+") for number in given["to"].split())
    charset = given.get("charset", "").strip() or _CHARSET_NAMES[coding]
    values = {
        "P": quoted(sender),
        "Q": quoted(re.sub("^00", "+", sender)),
        "o": quoted(text_of(given.get("account", ""))),
        "n": quoted(text_of(given.get("username", ""))),
        "c": str(coding),
        "C": quoted(charset),
        "m": _shown(numbers["mclass"]),
        "M": _shown(numbers["mwi"]),
        "O": f"{_dcs(numbers['mclass'], coding):02d}",
        "u": quoted(udh.decode("latin-1")) if udh.isascii() else _quoted_octets(udh),
        "v": "" if numbers["validity"] is None else str(numbers["validity"]),
        "V": "" if numbers["deferred"] is None else str(numbers["deferred"]),
        "D": quoted(text_of(given.get("meta-data", ""))),
        "R": quoted(text_of(template)),
        "f": "",
        "x": "",
        **_meta_data(text_of(given.get("meta-data", ""))),
    }
    url = fill(text_of(template), values, last=False)
    if signed:
        # Kannel shows a number with the plus that it was given with.
        url = fill(url, {"p": "\0p", "q": "\0q"}, last=False)
        url = url.replace("\0", "%%2B%")
    return CallbackRequest(url=url, states=states)


def _quoted_octets(octets: bytes) -> str:
    return "".join(f"%{octet:02X}" for octet in octets)


def _shown(number: int | None) -> str:
    return "-1" if number is None else str(number)


def _dcs(message_class: int | None, coding: int) -> int:
    """The data coding scheme of a class and a coding (3GPP 23.038 s. 4)."""
    return coding << 2 | (0 if message_class is None else 0x10 | message_class)


def _meta_data(written: str) -> dict[str, str]:
    values = {}
    for group, pairs in _META_DATA.findall(written):
        for name, value in parse_qs(pairs).items():
            values[f"%#{group}#{name}#"] = quoted(value[-1])
    return values
