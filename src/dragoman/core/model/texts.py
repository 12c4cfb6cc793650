"""Text that can be kept."""

from __future__ import annotations


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
