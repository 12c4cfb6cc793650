"""What an account sent and received, as one list: filters and views."""

from __future__ import annotations

import msgspec

from dragoman.core.devices.model.devices import AssignmentState
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.records import BatchOptions
from dragoman.core.model.errors import FailureCode


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the texts that were sent, by their outcome."""

    states: tuple[State, ...]
    assignments: tuple[AssignmentState, ...] = ()
    """Only those that a phone was assigned and that are at one of these stages there."""
    other_assignments: tuple[AssignmentState, ...] = ()
    """Only those that are at none of these stages."""
    failures: tuple[FailureCode, ...] = ()
    """Only those that failed so."""
    other_failures: tuple[FailureCode, ...] = ()
    """Only those that did not fail so."""
    details: tuple[str, ...] = ()
    other_details: tuple[str, ...] = ()


class TextFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to search for; what is not given does not restrict the search."""

    account_id: int
    dialect: str
    kinds: tuple[Kind, ...] | None = None
    """Of those that were sent; none at all where empty."""
    received: bool = True
    """Whether texts that came in are meant too."""
    device_id: int | None = None
    slot: int | None = None
    reference: str | None = None
    number: str = ""
    """The other side: digits."""
    from_ms: int | None = None
    to_ms: int | None = None
    """Both ends included."""


class TextView(msgspec.Struct, frozen=True, kw_only=True):
    """A text as a query returns it."""

    text_id: int
    number: str
    text: str
    state: State | None
    """None for one that came in."""
    failure: FailureCode = FailureCode.NONE
    detail: str = ""
    assignment: AssignmentState | None = None
    """Its stage at the phone that was assigned it."""
    reference: str | None = None
    urgent: bool = False
    device_id: int | None = None
    slot: int | None = None
    created_ms: int
    sent_ms: int | None = None
    options: BatchOptions = BatchOptions()
    newsletter_id: int | None = None
    title: str | None = None


class TextPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the results, newest first, and the total."""

    texts: tuple[TextView, ...]
    total: int
