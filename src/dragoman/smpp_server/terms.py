"""What a submit asks to have in its receipts, kept with the message until they are made.

Not the recipient's number nor the text: those are forgotten with their rows.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec


class Written(msgspec.Struct, frozen=True, array_like=True):
    """How a customer writes an address, for it to find it written like that in a receipt."""

    ton: int
    npi: int
    prefix: str = ""
    """What stands before the digits: `+`, `00` or nothing."""


class ReceiptTerms(msgspec.Struct, frozen=True, array_like=True):
    """What a receipt is to contain besides the facts."""

    recipient: Written
    sender: Written
    message_id: str = ""
    """As it was answered; empty where that was the batch's own identifier."""
    echoed: tuple[tuple[int, str], ...] = ()
    """Tags and hexadecimal values that a receipt repeats."""
    tags: tuple[tuple[str, str], ...] = ()
    """Names and values that the customer gave the message for its own books."""


NOTHING_KNOWN: Final = ReceiptTerms(Written(1, 1), Written(0, 0))


@lru_cache(maxsize=1_000)
def render_terms(terms: ReceiptTerms) -> str:
    """The terms as a message keeps them; cached, as most messages of a program have the same."""
    return msgspec.json.encode(terms).decode()


@lru_cache(maxsize=1_000)
def parse_terms(text: str) -> ReceiptTerms:
    """The terms that a message kept; those of an unreadable one are the usual ones."""
    try:
        return msgspec.json.decode(text, type=ReceiptTerms)
    except msgspec.DecodeError:
        return NOTHING_KNOWN
