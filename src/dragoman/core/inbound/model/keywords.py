"""Keywords: the first words of texts, by which accounts share a number."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

import msgspec

from dragoman.core.inbound.model.inbound import Keyword
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import as_typed
from dragoman.core.model.texts import check_text

MAX_KEYWORD: Final = 40
CATCH_ALL: Final = "*"
"""The keyword for texts that match no other one of their number."""
KEYWORD_WORDS: Final = 3
"""Words of a text that can matter: an opt-out, a main keyword and one below it."""

_LOOKED_AT: Final = 200
"""Characters in which the deciding words must be."""
_OWN_NUMBER: Final = re.compile(r"\+?([0-9]{3,15})", re.ASCII)
_WORD_CATEGORIES: Final = frozenset("LNM")
_OF_EMOJI: Final = frozenset("\ufe0e\ufe0f\u20e3")
"""What makes text or emoji of the character before it: a choice of how it is drawn, or a keycap."""
_DOTTED_I: Final = "\u0130"


def words_of(text: str, limit: int = KEYWORD_WORDS) -> tuple[str, ...]:
    """The first words of a text, normalised for comparison: upper case, without punctuation.

    Marks of direction and of emoji and other invisible characters are ignored, control characters
    count as spaces. Punctuation around a word is removed, unless nothing else is left.
    """
    seen = text.lstrip()[:_LOOKED_AT]
    if seen.isascii() and seen.isprintable():
        folded = seen.upper()
    else:
        visible = "".join(map(_visible, seen))
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).upper())
    return tuple(map(_bare, folded.split(maxsplit=limit)[:limit]))


def words_to_match(words: Iterable[str]) -> frozenset[str]:
    """Words of the configuration, normalised like the first words of texts.

    One with an I matches with a dot on it and without, as `iptal` is İPTAL in Turkish: no text
    says which language it is in.
    """
    found = {word for written in words for word in words_of(written, 1)}
    return frozenset(
        spelling
        for word in found
        for spelling in (word, word.replace(_DOTTED_I, "I"), word.replace("I", _DOTTED_I))
    )


def parse_keyword(text: str) -> str:
    """A keyword to reserve in its stored form; raises `Refused`."""
    words = words_of(text, 2)
    if not words:
        raise Refused(RefusalCode.MISSING_FIELD, "keyword")
    if len(words) > 1 or len(text) > _LOOKED_AT:
        raise Refused(RefusalCode.INVALID_FIELD, "keyword", "use one word")
    check_text("keyword", words[0], MAX_KEYWORD)
    return words[0]


def parse_own_number(text: str) -> str:
    """The digits of a number or short code that texts are sent to; raises `Refused`."""
    text = as_typed(text).strip()
    if not text:
        raise Refused(RefusalCode.MISSING_FIELD, "number")
    written = _OWN_NUMBER.fullmatch(text)
    if written is None:
        raise Refused(RefusalCode.INVALID_FIELD, "number", "3 to 15 digits")
    return written[1]


def _visible(character: str) -> str:
    if character.isascii() and character.isprintable():
        return character
    category = unicodedata.category(character)
    if category == "Cf" or character in _OF_EMOJI:
        return ""
    return " " if category == "Cc" else character


def _bare(word: str) -> str:
    if word.isalnum():
        return word
    start, end = 0, len(word)
    while start < end and unicodedata.category(word[start])[0] not in _WORD_CATEGORIES:
        start += 1
    while end > start and unicodedata.category(word[end - 1])[0] not in _WORD_CATEGORIES:
        end -= 1
    return word[start:end] or word


class KeywordView(msgspec.Struct, frozen=True, kw_only=True):
    """A keyword, and whether it has others below it."""

    keyword: Keyword
    has_subkeywords: bool
