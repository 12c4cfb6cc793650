"""What the operations on conversations and automatic answers answer."""

from __future__ import annotations

import msgspec


class AnswerView(msgspec.Struct, frozen=True, kw_only=True):
    """An automatic answer."""

    kind: str
    number: str
    """Empty for all numbers of the account."""
    text: str
    """Empty where nothing is answered on the number."""


class AnswerList(msgspec.Struct, frozen=True, kw_only=True):
    """The automatic answers of an account."""

    answers: tuple[AnswerView, ...]


class ConversationLine(msgspec.Struct, frozen=True, kw_only=True):
    """A number that wrote, with its last text."""

    number: str
    name: str
    last_ms: int
    own_number: str
    text: str
    unread: bool


class ConversationList(msgspec.Struct, frozen=True, kw_only=True):
    """Conversations, the newest text first."""

    conversations: tuple[ConversationLine, ...]
    next: int | None


class ThreadLine(msgspec.Struct, frozen=True, kw_only=True):
    """A text of a conversation."""

    at_ms: int
    own_number: str
    text: str
    state: str
    """Empty for one that came in."""
    failure: str


class ThreadView(msgspec.Struct, frozen=True, kw_only=True):
    """What an account and a number wrote to each other, oldest first."""

    number: str
    name: str
    answer_from: str
    """The number that it wrote to last."""
    texts: tuple[ThreadLine, ...]
    next: int | None
    """Where older texts begin."""
