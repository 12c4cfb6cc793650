"""What data_coding says of a text: its alphabet, and the class of a message.

Below 0x10 as SMPP 3.4 s. 5.2.19 has it, above as 3GPP 23.038 s. 4 does.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dragoman.protocols.gsm.alphabet import Alphabet

CHARSETS: Final = MappingProxyType(
    {
        0x01: "latin-1",  # IA5, which peers fill beyond 0x7F
        0x03: "latin-1",
        0x05: "shift_jis",
        0x06: "iso8859-5",
        0x07: "iso8859-8",
        0x0E: "euc_kr",
    }
)
"""Charsets by data_coding, the GSM alphabet, UCS-2 and octets apart."""
_BINARY: Final = frozenset({0x02, 0x04})
_UCS2: Final = 0x08
_COMPRESSED: Final = 0x20
_HAS_CLASS: Final = 0x10
_CLASS: Final = 0x03


def alphabet_of(coding: int) -> Alphabet:
    """Reads the alphabet; texts in a charset of `CHARSETS` count as GSM 7-bit."""
    if coding < 0x10:
        if coding == _UCS2:
            return Alphabet.UCS2
        return Alphabet.BINARY if coding in _BINARY else Alphabet.GSM7
    if coding < 0x80:  # groups 00xx, and 01xx for texts to be deleted after reading
        if coding & _COMPRESSED:  # 3GPP 23.042: kept as octets, as nothing here expands them
            return Alphabet.BINARY
        return (Alphabet.GSM7, Alphabet.BINARY, Alphabet.UCS2, Alphabet.GSM7)[coding >> 2 & 0x03]
    if coding & 0xF0 == 0xE0:  # a message waits, the text in UCS-2
        return Alphabet.UCS2
    if coding & 0xF4 == 0xF4:  # data with a class
        return Alphabet.BINARY
    return Alphabet.GSM7  # groups 1100, 1101 and 1111, and what is reserved


def class_of(coding: int) -> int | None:
    """Reads the message class, 0 (flash) to 3; None where the coding has none."""
    if coding >= 0xF0 or (0x10 <= coding < 0x80 and coding & _HAS_CLASS):
        return coding & _CLASS
    return None
