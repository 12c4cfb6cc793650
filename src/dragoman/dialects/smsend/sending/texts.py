"""Texts of orders: their places, and how long they may be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from dragoman.core.billing.model.message_types import MessageType
from dragoman.core.messages.model.messages import Format
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsend.schemas import Value
from dragoman.protocols.gsm.alphabet import Alphabet, NotEncodable
from dragoman.protocols.gsm.look_alikes import fit_gsm
from dragoman.protocols.gsm.segmentation import (
    MAX_SEPTETS,
    MAX_UCS2_UNITS,
    PLAIN,
    Repertoire,
    TooManyParts,
    segment_text,
)

UCS2_SHARE: Final = 0.45
"""How much shorter a text of several parts may be in UCS-2: 450 units for 1,000 characters."""
MAX_UNITS: Final = 3
"""What a character takes at most, in any alphabet, or the look-alike of one."""

ENCODINGS: Final = MappingProxyType(
    {"": Format.AUTO, "gsm": Format.GSM_ALIKE, "ucs2": Format.UNICODE}
)

_ALPHABETS: Final = MappingProxyType({Format.GSM: Alphabet.GSM7, Format.UNICODE: Alphabet.UCS2})
_PLACE: Final = re.compile(r"\$?\{([^{}]+)\}")


class Template:
    """A text with places, `{name}` or `${name}`."""

    def __init__(self, text: str) -> None:
        # Every second piece is a name.
        self._pieces = _PLACE.split(text)

    def render(self, values: Mapping[str, str | int | float | bool | None]) -> str:
        """The text with the values in the places; a missing value is empty."""
        pieces = list(self._pieces)
        for index in range(1, len(pieces), 2):
            value = values.get(pieces[index])
            pieces[index] = "" if value is None else _written(value)
        return "".join(pieces)


class TextLimit(NamedTuple):
    """How long a text may be."""

    format: Format
    septets: int
    ucs2_units: int
    parts: int | None
    """None where only the lengths count."""
    truncates: bool
    sure: int
    """Characters that fit, whatever they are."""
    repertoire: Repertoire = PLAIN
    """What the carriers of the recipients take beyond the GSM alphabet."""

    def fit(self, text: str) -> str:
        """The text, or what of it fits where too long ones are cut; raises `Refused`."""
        if len(text) <= self.sure:
            return text
        excess = self._measure(text)
        if excess is None:
            return text
        if not self.truncates:
            raise Refused(RefusalCode.TEXT_TOO_LONG, detail=excess)
        fits, too_long = 0, len(text)
        while too_long - fits > 1:
            middle = (fits + too_long) // 2
            if self._measure(text[:middle]) is None:
                fits = middle
            else:
                too_long = middle
        return text[:fits]

    def _measure(self, text: str) -> str | None:
        """Why a text is too long; None for one that is not."""
        if self.format is Format.GSM_ALIKE:
            text = fit_gsm(text)
        alphabet = _ALPHABETS.get(self.format)
        try:
            cut = segment_text(text, alphabet=alphabet, repertoire=self.repertoire)
        except NotEncodable:
            raise Refused(RefusalCode.TEXT_NOT_ENCODABLE, "text") from None
        except TooManyParts:
            return f"at most {self.septets} characters"
        is_ucs2 = cut.alphabet is Alphabet.UCS2
        most = self.ucs2_units if is_ucs2 else self.septets
        if cut.units > most:
            return f"at most {most} characters" + (" in ucs2" if is_ucs2 else "")
        if self.parts is not None and cut.count > self.parts:
            return f"at most {self.parts} fragments"
        return None


def limit_of(
    message_type: MessageType,
    encoding: Value,
    parts: int | None,
    *,
    truncates: bool,
    only_gsm: bool,
) -> TextLimit:
    """How long a text of a type may be; raises `Refused`.

    `only_gsm`: whether encoding gsm takes no characters but those of its alphabet.
    """
    format_ = ENCODINGS.get(str(encoding or "").strip().lower())
    if format_ is None:
        raise Refused(RefusalCode.INVALID_FIELD, "encoding", "gsm or ucs2")
    if format_ is Format.GSM_ALIKE and only_gsm:
        format_ = Format.GSM
    septets = message_type.max_length
    ucs2_units = MAX_UCS2_UNITS if septets <= MAX_SEPTETS else int(septets * UCS2_SHARE)
    least = min(septets, ucs2_units if parts is None else MAX_UCS2_UNITS)
    return TextLimit(format_, septets, ucs2_units, parts, truncates, least // MAX_UNITS)


def _written(value: str | int | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
