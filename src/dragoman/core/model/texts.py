"""Text that every database can store."""

from __future__ import annotations

from dragoman.core.model.errors import RefusalCode, Refused


def is_storable(text: str) -> bool:
    """Whether every database keeps the text: no NUL, and no halves of surrogate pairs."""
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def problem_of(text: str, longest: int) -> str:
    """Why a text cannot be stored, in plain English; empty where it can."""
    if len(text) > longest:
        return f"more than {longest} characters"
    return "" if is_storable(text) else "not valid Unicode text"


def check_text(field: str, text: str, longest: int) -> None:
    """Raises `Refused` for a text that is too long or cannot be stored."""
    if problem := problem_of(text, longest):
        raise Refused(RefusalCode.INVALID_FIELD, field, problem)
