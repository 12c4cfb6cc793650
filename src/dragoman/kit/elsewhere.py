"""What a call raises whose caller belongs to another partition of the cluster (ADR 0023)."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

UNREACHABLE: Final[ContextVar[bool]] = ContextVar("unreachable", default=False)
"""Whether the owner of the call's partition could not be reached: then it is refused where it is,
as its API refuses what is not available now."""

AT_HOME: Final[ContextVar[bool]] = ContextVar("at_home", default=False)
"""Whether the call is where its caller lives: what is elsewhere is then not the caller's."""


class Elsewhere(Exception):
    """The call belongs to another partition; nothing was done for it yet.

    It is raised where callers are found, and taken by the front, which hands the call over.
    """

    def __init__(self, partition: int) -> None:
        super().__init__(f"partition {partition}")
        self.partition = partition
