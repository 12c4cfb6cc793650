"""Senders: what a phone may show as the origin of a message."""

from __future__ import annotations

import re

from dragoman.domain.errors import RefusalCode, Refused
from dragoman.protocols.gsm.alphabet import unencodable

MAX_LETTERS = 11
MAX_DIGITS = 15
SHORT_CODE_DIGITS = 8

_NUMERIC = re.compile(r"\+?[0-9]{3,22}")


def normalise_sender(sender: str) -> str:
    """A sender as it goes to carriers: `+` and digits, digits of a short code, or a name.

    Names hold at most 11 characters of the GSM alphabet (3GPP 23.040 s. 9.1.2.5). Raises
    `Refused(INVALID_SENDER)`.
    """
    if _NUMERIC.fullmatch(sender):
        if len(sender.lstrip("+")) > MAX_DIGITS:
            raise Refused(RefusalCode.INVALID_SENDER, sender[:32], "more than 15 digits")
        return sender
    if not sender.strip():
        raise Refused(RefusalCode.INVALID_SENDER, "", "empty")
    if len(sender) > MAX_LETTERS:
        raise Refused(RefusalCode.INVALID_SENDER, sender[:32], "more than 11 characters")
    if not sender.isprintable() or unencodable(sender):
        raise Refused(
            RefusalCode.INVALID_SENDER, sender[:32], "characters outside the GSM alphabet"
        )
    return sender
