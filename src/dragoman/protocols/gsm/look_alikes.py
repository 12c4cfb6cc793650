"""Characters that people type, or programs put for them, and what the GSM alphabet has instead."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final
from unicodedata import normalize

from dragoman.protocols.gsm.alphabet import try_encode_gsm

_GROUPS: Final = {
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212",  # hyphens, dashes, minus
    '"': "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb",
    "'": "\u2018\u2019\u201a\u201b\u2032\u02bc\u0060\u00b4\u2039\u203a",
    "...": "\u2026",
    "*": "\u2022",
    ".": "\u00b7\u2024",
    " ": "\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f",
    "\n": "\u2028\u2029",
    "": "\u00ad\u200b\u2060\ufeff",  # nobody sees them
    "x": "\u00d7",
    "fi": "\ufb01",
    "fl": "\ufb02",
}

LOOK_ALIKES: Final = MappingProxyType(
    {ord(character): alike for alike, group in _GROUPS.items() for character in group}
)
"""What is written in place of a character, by its code point, as `str.translate` takes it."""


def fit_gsm(text: str) -> str:
    """The text with look-alikes, if the GSM alphabet can then say it and could not before.

    Letters whose accents stand apart, as in names of files on macOS, are joined with them first.
    """
    if try_encode_gsm(text) is not None:
        return text
    alike = _join_accents(text).translate(LOOK_ALIKES)
    return text if try_encode_gsm(alike) is None else alike


def replaced_in(text: str) -> dict[str, str]:
    """The characters that `fit_gsm` replaces, in the order of the text, and by what.

    An accent that was joined with its letter is not among them: both spellings are one character.
    """
    if fit_gsm(text) == text:
        return {}
    joined = _join_accents(text)
    return {letter: LOOK_ALIKES[ord(letter)] for letter in joined if ord(letter) in LOOK_ALIKES}


def _join_accents(text: str) -> str:
    return normalize("NFC", text)
