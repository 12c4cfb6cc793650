"""Case-insensitive substring search, identical on SQLite and PostgreSQL.

SQLite's lower() handles ASCII only, and PostgreSQL's depends on the locale of the database. A class
of both spellings of each letter needs neither: `æ` is searched as `[Ææ]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, collate, func

_OF_GLOB = frozenset("*?[")
_ESCAPE = "\\"
_OF_LIKE = frozenset("%_" + _ESCAPE)


def contains_pieces(
    driver: str, column: Column[Any] | ColumnElement[Any], pieces: Sequence[str]
) -> ColumnElement[bool]:
    """Whether a text contains the pieces one after the other, with anything in between."""
    # Both databases look for ASCII letters in any case several times as fast as for a class of
    # them; any sign may stand where another letter is asked for, which then is looked at again.
    alike = _like(driver, column, pieces)
    return alike if "".join(pieces).isascii() else and_(alike, _exactly(driver, column, pieces))


def _like(
    driver: str, column: Column[Any] | ColumnElement[Any], pieces: Sequence[str]
) -> ColumnElement[bool]:
    pattern = "%".join("".join(map(_in_like, piece)) for piece in pieces)
    if driver == "sqlite":
        return column.like(f"%{pattern}%", escape=_ESCAPE)
    return func.lower(collate(column, "C")).like(f"%{pattern.lower()}%", escape=_ESCAPE)


def _exactly(
    driver: str, column: Column[Any] | ColumnElement[Any], pieces: Sequence[str]
) -> ColumnElement[bool]:
    if driver == "sqlite":
        pattern = "*".join("".join(map(_in_glob, piece)) for piece in pieces)
        return column.bool_op("GLOB")(f"*{pattern}*")
    return column.regexp_match(".*".join("".join(map(_in_regex, piece)) for piece in pieces))


def _in_like(character: str) -> str:
    if not character.isascii():
        return "_"
    return f"{_ESCAPE}{character}" if character in _OF_LIKE else character


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
    """The distinct cases of a letter; one that takes several letters (`ß`) is left out."""
    cases = {character, character.lower(), character.upper()}
    return "".join(sorted(case for case in cases if len(case) == 1))
