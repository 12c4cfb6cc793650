"""What is answered to STOP, START and HELP."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

MAX_ANSWER: Final = 800
"""Characters."""
ANY_NUMBER: Final = ""
"""Stands for all numbers of an account that have no answer of their own."""
ANSWERS: Final = "answers"
"""Stands for a dialect in the callbacks by which answers are sent."""


class AnswerKind(StrEnum):
    """What somebody asked for."""

    STOP = "stop"
    START = "start"
    HELP = "help"


class AutoAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `auto_answers`."""

    account_id: int
    number: str
    """The number that was written to, as digits; `ANY_NUMBER` for all."""
    kind: AnswerKind
    text: str
    """Empty to send nothing on a number although there is an answer for all."""
    changed_ms: int = 0
