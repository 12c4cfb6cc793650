"""SIDs: two letters of the kind and 32 hexadecimal digits."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

from dragoman.kit.ids import parse_hex, render_hex

SMS: Final = "SM"
MMS: Final = "MM"
MEDIA: Final = "ME"
SERVICE: Final = "MG"
KEY: Final = "SK"
NUMBER: Final = "PN"
ALPHA_SENDER: Final = "AI"
VERIFY_SERVICE: Final = "VA"
VERIFICATION: Final = "VE"

_SID: Final = re.compile(r"[A-Z]{2}[0-9a-f]{32}")


def render_sid(kind: str, identifier: int) -> str:
    """The SID of what has an identifier."""
    return kind + render_hex(identifier)


def parse_sid(sid: str, *kinds: str) -> int | None:
    """The identifier of a SID of one of these kinds; None for any other text."""
    return parse_hex(sid[2:]) if _SID.fullmatch(sid) and sid[:2] in kinds else None


def is_sid(sid: str, kind: str) -> bool:
    """Whether a text has the form of a SID of this kind."""
    return sid.startswith(kind) and _SID.fullmatch(sid) is not None


def new_sid(kind: str) -> str:
    """A SID that nobody can guess."""
    return kind + secrets.token_hex(16)


def derived_sid(kind: str, *parts: object) -> str:
    """The SID of what has no identifier of its own: the same for the same parts."""
    text = "\0".join(map(str, parts))
    return kind + hashlib.sha256(text.encode()).hexdigest()[:32]
