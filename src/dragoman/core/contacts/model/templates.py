"""Texts with placeholders for merge fields, such as `Hi [Name]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

_PLACE: Final = re.compile(r"\[([^\[\]]{1,100})\]")


class Template:
    """A text split at its placeholders; `fields` maps names to the keys of values.

    A name without a field is no placeholder: it stays in the text with its brackets.
    """

    def __init__(self, text: str, fields: Mapping[str, str]) -> None:
        self._pieces: list[tuple[str, str]] = []
        """What stands before each place, and the key of its value."""
        self.names: dict[str, str] = {}
        """The names as they stand in the text, and the keys of their values."""
        at = 0
        for place in _PLACE.finditer(text):
            name = place[1]
            key = find_key(name, fields)
            if key is not None:
                self._pieces.append((text[at : place.start()], key))
                self.names[name] = key
                at = place.end()
        self._rest = text[at:]

    def render(self, values: Mapping[str, str]) -> str:
        """The text with its placeholders filled in; missing values become empty."""
        get: Callable[[str, str], str] = values.get
        filled = [before + get(key, "") for before, key in self._pieces]
        return "".join((*filled, self._rest))


def find_key(name: str, fields: Mapping[str, str]) -> str | None:
    """The key of a field by its exact name, else ignoring case; None if unknown."""
    key = fields.get(name)
    return fields.get(fold_name(name)) if key is None else key


def fold_name(name: str) -> str:
    """The form in which field names are compared."""
    return name.strip().casefold()
