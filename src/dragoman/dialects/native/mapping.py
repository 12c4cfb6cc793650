"""Our states, failures, times and events as this API writes them."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, cast

from dragoman.core.messages.model.callbacks import EventKind
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.native.schemas import Event, StateName
from dragoman.kit.clock import ms_of, render_milliseconds
from dragoman.kit.ids import parse_number

DIALECT: Final = "native"
MAX_TIME_MS: Final = 1 << 52

STATES: Final = MappingProxyType[State, StateName](
    {state: cast(StateName, state.name.lower()) for state in State}
)
"""Our own words: this API has nobody else's."""
STATES_BY_NAME: Final = MappingProxyType({name: state for state, name in STATES.items()})

BATCH_STATES: Final = MappingProxyType[
    BatchState, Literal["queued", "running", "done", "cancelled"]
](
    {
        BatchState.QUEUED: "queued",
        BatchState.RUNNING: "running",
        BatchState.DONE: "done",
        BatchState.CANCELLED: "cancelled",
    }
)

EVENTS: Final = MappingProxyType[EventKind, Event](
    {
        EventKind.MESSAGE_SENT: "message.sent",
        EventKind.MESSAGE_DELIVERED: "message.delivered",
        EventKind.MESSAGE_FAILED: "message.failed",
        EventKind.MESSAGE_CANCELLED: "message.cancelled",
        EventKind.TEXT_RECEIVED: "text.received",
        EventKind.DATA_RECEIVED: "data.received",
    }
)
"""The events that a webhook may be for."""
KINDS: Final = MappingProxyType({name: kind for kind, name in EVENTS.items()})

EVENTS_OF_STATES: Final = MappingProxyType[State, Event](
    {
        State.SENT: "message.sent",
        State.DELIVERED: "message.delivered",
        State.UNDELIVERED: "message.failed",
        State.EXPIRED: "message.failed",
        State.REJECTED: "message.failed",
        State.CANCELLED: "message.cancelled",
    }
)
"""What a message's own `callback_url` is called for."""


def read_time(field: str, text: str) -> int:
    """A time as RFC 3339 writes it; raises `Refused`."""
    try:
        # A space is a `+` of a query that was not escaped.
        at = datetime.fromisoformat(text.strip().upper().replace(" ", "+"))
        at_ms = ms_of(at)
        if at.tzinfo is None or "T" not in text.upper() or not 0 <= at_ms < MAX_TIME_MS:
            raise ValueError
    except (ValueError, OverflowError, OSError):
        detail = "use RFC 3339 with a zone, such as 2026-12-01T08:00:00Z"
        raise Refused(RefusalCode.INVALID_FIELD, field, detail) from None
    return at_ms


def read_optional_time(field: str, text: str | None) -> int | None:
    """A time, if there is one; raises `Refused`."""
    return read_time(field, text) if text else None


def render_time(at_ms: int) -> str:
    return render_milliseconds(at_ms)


def render_optional_time(at_ms: int | None) -> str | None:
    return None if at_ms is None else render_milliseconds(at_ms)


def render_number(digits: str) -> str:
    """A number with its `+`; names and short codes as they are."""
    return f"+{digits}" if digits.isascii() and digits.isdigit() and len(digits) > 8 else digits


def read_id(text: str, what: str) -> int:
    """An identifier; raises `Refused`, as for one that nothing has."""
    found = parse_number(text) if len(text) <= 20 else None
    if found is None:
        raise Refused(RefusalCode.NOT_FOUND, text, f"no such {what}")
    return found
