"""What is wrong with a configuration, said so that a person finds the line to change."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Mistake(msgspec.Struct, frozen=True):
    """One thing to correct; `key` is spelled as a person writes it, empty for the whole file."""

    key: str
    problem: str

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}" if self.key else self.problem


class ConfigError(Exception):
    """The configuration cannot be used; `mistakes` has everything that was found, in order."""

    def __init__(self, source: str, mistakes: Sequence[Mistake]) -> None:
        super().__init__(source, tuple(mistakes))
        self.source = source
        self.mistakes = tuple(mistakes)

    def __str__(self) -> str:
        return "\n".join(f"{self.source}: {mistake}" for mistake in self.mistakes)
