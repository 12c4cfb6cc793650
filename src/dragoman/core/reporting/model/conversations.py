"""Conversations: what an account and a number wrote to each other."""

from __future__ import annotations

import msgspec

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode


class ConversationView(msgspec.Struct, frozen=True, kw_only=True):
    """A number that wrote, with its last text."""

    number: str
    last_id: int
    read_id: int
    own_number: str
    """The number that it was written to."""
    text: str
    name: str = ""
    """What the contacts call it: the first values of the first contact."""

    @property
    def is_unread(self) -> bool:
        """Whether nobody read its last text."""
        return self.read_id < self.last_id


class ConversationPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some conversations, the newest text first."""

    conversations: tuple[ConversationView, ...]
    unread: int
    """Of all; at most `MAX_COUNTED`."""
    before: int | None = None
    """Where the next page begins."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A text of a thread."""

    entry_id: int
    own_number: str
    """What the account received it on, or sent it from."""
    text: str
    state: State | None = None
    """None for one that came in."""
    failure: FailureCode = FailureCode.NONE
    handling: str = ""


class Thread(msgspec.Struct, frozen=True, kw_only=True):
    """What an account and a number wrote to each other, oldest first."""

    number: str
    entries: tuple[Entry, ...]
    before: int | None
    """Older entries come before this one; None where there are none."""
    last_id: int
    """Its last text; 0 where it never wrote."""
    read_id: int
    answer_from: str
    """The number that it wrote to last; empty where it never wrote."""
    name: str = ""
