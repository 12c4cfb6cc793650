"""Finding pieces of text in any case, alike on SQLite and PostgreSQL.

SQLite's lower() knows ASCII only, and PostgreSQL's what the locale of the database knows. A class
of both spellings of each letter needs neither: `æ` is looked for as `[Ææ]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement

_OF_GLOB = frozenset("*?[")


def contains_pieces(
    driver: str, column: Column[Any] | ColumnElement[Any], pieces: Sequence[str]
) -> ColumnElement[bool]:
    """Whether a text holds the pieces one after the other, with anything between them."""
    if driver == "sqlite":
        pattern = "*".join("".join(map(_in_glob, piece)) for piece in pieces)
        return column.bool_op("GLOB")(f"*{pattern}*")
    return column.regexp_match(".*".join("".join(map(_in_regex, piece)) for piece in pieces))


def _in_glob(character: str) -> str:
    if character in _OF_GLOB:
        return f"[{character}]"
    spellings = _spellings(character)
    return f"[{spellings}]" if len(spellings) > 1 else character


def _in_regex(character: str) -> str:
    spellings = _spellings(character)
    if len(spellings) > 1:
        return f"[{spellings}]"
    return f"\\{character}" if character.isascii() and not character.isalnum() else character


def _spellings(character: str) -> str:
    """The letter in each case, once; a case that takes several letters (`ß`) is left out."""
    cases = {character, character.lower(), character.upper()}
    return "".join(sorted(case for case in cases if len(case) == 1))
