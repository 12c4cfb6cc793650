"""Cursors: where the next page of a list begins, for the account and the list that it is of.

They are opaque to programs, and protect nothing: every search is limited to the caller's account.
What they check is that a cursor is used for the question that it came from.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final

import msgspec

from dragoman.dialects.native.problems import invalid_cursor
from dragoman.web.requests import Parameters

_NOT_OF_THE_QUESTION: Final = frozenset({"cursor", "limit"})


class _Cursor(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    question: str
    position: tuple[int, ...]


_decoder: Final = msgspec.json.Decoder(_Cursor)


def question_of(account_id: int, path: str, query: Parameters) -> str:
    """What tells a list, its filters and its account from others."""
    asked = sorted(item for item in query.items() if item[0] not in _NOT_OF_THE_QUESTION)
    return hashlib.sha256(repr((account_id, path.rstrip("/"), asked)).encode()).hexdigest()[:12]


def render_cursor(question: str, *position: int) -> str:
    """A cursor that leads to a position in the list of a question."""
    text = msgspec.json.encode(_Cursor(question, position))
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def read_cursor(text: str, question: str, length: int = 1) -> tuple[int, ...] | None:
    """The position, of so many numbers, that a cursor leads to; None without one.

    Raises `Refused` for a cursor of another question.
    """
    if not text:
        return None
    try:
        octets = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        cursor = _decoder.decode(octets)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise invalid_cursor() from None
    within = all(0 <= number < 1 << 53 for number in cursor.position)
    if cursor.question != question or len(cursor.position) != length or not within:
        raise invalid_cursor()
    return cursor.position
