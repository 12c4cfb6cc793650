"""The arguments of Jasmin's calls: which there are, how they are checked, and what they mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import CallbackRequest, Format, Submission
from dragoman.dialects.jasmin.errors import Invalid
from dragoman.dialects.wording import quoted
from dragoman.kit.call_header import MAX_TAG
from dragoman.protocols.gsm.alphabet import decode_gsm
from dragoman.protocols.smpp.times import parse_time

NAME: Final = "jasmin"
PROTOCOL: Final = "HTTP"
DEFAULT_SENDER: Final = "Jasmin"
URGENT: Final = 2

_ANY: Final = re.compile(r".*", re.DOTALL)
_TEXT: Final = re.compile(r".+", re.DOTALL)
_LOGIN: Final = MappingProxyType({"username": _TEXT, "password": _TEXT})
_MESSAGE: Final = {
    "to": re.compile(r"\+?[0-9]+"),
    "from": _ANY,
    "coding": re.compile(r"[0-9]|10|13|14"),
    **_LOGIN,
    "priority": re.compile(r"[0-3]"),
}
_CONTENT: Final = {"content": _ANY, "hex-content": _ANY}
_TAGS: Final = re.compile(r"[-a-zA-Z0-9,]*")
_MINUTES: Final = re.compile(r"[0-9]{1,9}")

BALANCE: Final = _LOGIN
RATE: Final = MappingProxyType({**_MESSAGE, "validity-period": _MINUTES, "tags": _TAGS, **_CONTENT})
SEND: Final = MappingProxyType(
    {
        **_MESSAGE,
        "sdt": re.compile(r"[0-9]{15}[-+R]"),
        "validity-period": _MINUTES,
        "dlr": re.compile(r"yes|no"),
        "dlr-url": re.compile(r"https?://.*"),
        "dlr-level": re.compile(r"[1-3]"),
        "dlr-method": re.compile(r"get|post", re.IGNORECASE),
        "tags": _TAGS,
        **_CONTENT,
        "custom_tlvs": _ANY,
    }
)
"""The arguments of each call in the order in which they are checked."""

REQUIRED: Final = frozenset({"to", "username", "password"})
TEXT_CODECS: Final = MappingProxyType(
    {
        1: "latin-1",
        3: "latin-1",
        5: "shift_jis",
        6: "iso8859-5",
        7: "iso8859-8",
        8: "utf-16-be",
        9: "shift_jis",
        10: "iso2022_jp",
        13: "euc_jp",
        14: "euc_kr",
    }
)
"""How the octets of a text are read for each `coding` (SMPP 3.4 s. 5.2.19); 2 and 4 are binary."""

_TAKEN: Final = frozenset({State.SENT, State.REJECTED})
_ENDED: Final = frozenset(
    {State.DELIVERED, State.UNDELIVERED, State.EXPIRED, State.UNKNOWN, State.REJECTED}
)
STATES: Final = MappingProxyType({1: _TAKEN, 2: _ENDED, 3: _TAKEN | _ENDED})
"""The states that each `dlr-level` asks for."""


def check(given: Mapping[str, str], known: Mapping[str, re.Pattern[str]]) -> None:
    """Raises `Invalid` for the first argument that is unknown, missing or has a wrong value."""
    if not given:
        raise Invalid("Mandatory arguments not found, please refer to the HTTPAPI specifications.")
    first, *rest = given
    _check_known(first, known)
    for name, pattern in known.items():
        if name not in given:
            if name in REQUIRED:
                raise Invalid(f"Mandatory argument [{name}] is not found.")
        elif not pattern.fullmatch(given[name]):
            shown = "" if name == "password" else quoted(given[name])
            raise Invalid(f"Argument [{name}] has an invalid value: [{shown}].")
    for name in rest:
        _check_known(name, known)
    if "content" in given and "hex-content" in given:
        raise Invalid("content and hex-content cannot be used both in same request.")


def _check_known(name: str, known: Mapping[str, re.Pattern[str]]) -> None:
    if name not in known:
        raise Invalid(f"Argument [{quoted(name)}] is unknown.")


def read_submission(given: Mapping[str, str], account: Account, now_ms: int) -> Submission:
    """Reads checked arguments, whose values are octets (as ISO 8859-1); raises `Invalid`."""
    format_, text = _read_content(given)
    validity = given.get("validity-period")
    return Submission(
        dialect=NAME,
        recipients=(given["to"],),
        text=text,
        sender=text_of(given.get("from", "")).strip() or account.default_sender or DEFAULT_SENDER,
        format=format_,
        due_ms=_read_due_time(given.get("sdt", ""), now_ms),
        validity_s=int(validity) * 60 if validity and int(validity) else None,
        urgent=int(given.get("priority", "0")) >= URGENT,
        callback=_read_callback(given),
        protocol=PROTOCOL,
        tag=given.get("tags", "").partition(",")[0][:MAX_TAG],
    )


def codec_of(coding: object) -> str:
    """The codec of a text with a coding; UTF-8 where there is none."""
    return next(
        (codec for known, codec in TEXT_CODECS.items() if str(known) == str(coding)), "utf-8"
    )


def from_json(read: Mapping[str, Any]) -> dict[str, str]:
    """The arguments of a JSON object, whose content is text already, whatever its coding."""
    given: dict[str, str] = {}
    for name, value in read.items():
        if value is None:
            continue
        text = "" if isinstance(value, dict | list) else str(value)
        given[str(name)] = text.encode(errors="replace").decode("latin-1")
        if name == "content":
            codec = codec_of(read.get("coding", 0))
            given[name] = text.encode(codec, "replace").decode("latin-1")
    return given


def text_of(octets: str) -> str:
    """A value that has no coding: UTF-8, else what its octets look like."""
    try:
        return octets.encode("latin-1").decode()
    except UnicodeDecodeError:
        return octets


def _read_content(given: Mapping[str, str]) -> tuple[Format, str]:
    """The text; in hexadecimal digits where its coding is one of data."""
    coding = int(given.get("coding", "0"))
    written = given.get("hex-content")
    if written is None:
        octets = given.get("content", "").encode("latin-1")
    else:
        try:
            octets = bytes.fromhex(written)
        except ValueError:
            raise _invalid("hex-content", written) from None
    if coding in {2, 4}:
        return Format.BINARY, octets.hex()
    if coding == 0:
        text = decode_gsm(octets) if written is not None else text_of(given.get("content", ""))
        return Format.AUTO, text
    try:
        text = octets.decode(TEXT_CODECS[coding])
    except UnicodeDecodeError:
        name = "content" if written is None else "hex-content"
        raise _invalid(name, given[name]) from None
    return Format.UNICODE if coding == 8 else Format.AUTO, text


def _invalid(name: str, value: str) -> Invalid:
    return Invalid(f"Argument [{name}] has an invalid value: [{quoted(value)}].")


def _read_due_time(written: str, now_ms: int) -> int | None:
    if not written:
        return None
    try:
        due = parse_time(written)
    except ValueError:
        raise _invalid("sdt", written) from None
    if due is None:
        return None
    if isinstance(due, datetime):
        return round(due.timestamp() * 1000)
    return now_ms + round(due.total_seconds() * 1000)


def _read_callback(given: Mapping[str, str]) -> CallbackRequest | None:
    url = text_of(given.get("dlr-url", ""))
    if not url:
        return None
    level = int(given.get("dlr-level", "1"))
    # The call is made by the method and the level that the request asked for.
    method = given.get("dlr-method", "POST").upper()
    return CallbackRequest(url=url, return_data=f"{method} {level}", states=STATES[level])
