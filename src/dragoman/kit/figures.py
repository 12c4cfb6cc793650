"""Figures as people read them."""

from __future__ import annotations

from typing import Final

NARROW_BLANK: Final = "\u202f"
"""Between thousands; it breaks no line, and is not in the GSM alphabet."""


def group_thousands(figure: float, form: str = ",") -> str:
    """A figure with narrow blanks between thousands; `form` as for `format`, with its comma."""
    return format(figure, form).replace(",", NARROW_BLANK)
