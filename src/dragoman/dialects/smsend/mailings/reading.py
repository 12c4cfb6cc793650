"""Lists, issues and times as programs write them, and refusals with the names of this API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from dragoman.core.campaigns.model.mailings import ListState
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsend.errors import WordedRefusal, problem_of
from dragoman.dialects.smsend.schemas import Value
from dragoman.dialects.smsend.times import OF_ISSUES, parse_span
from dragoman.kit.ids import parse_base64, render_base64

SERVER_ERROR: Final = 500

STATUS_NAMES: Final = MappingProxyType(
    {
        ListState.ACTIVE: "ACTIVE",
        ListState.ARCHIVED: "ARCHIVED",
        ListState.TO_ACTIVATE: "TO_ACTIVATE",
    }
)
_STATES: Final = MappingProxyType(
    {name: state for state, name in STATUS_NAMES.items()}
    | {str(state.value): state for state in ListState}
)
LIST_NAMES: Final = MappingProxyType(
    {
        "title": "title",
        "language": "id_language",
        "sender": "email_sender",
        "reply_to": "reply_to",
        "company_name": "company_name",
        "company_address": "company_address",
        "company_url": "company_url",
        "company_phone": "company_phone",
        "company_fax": "company_fax",
    }
)
"""The manual's names of what a list holds, by ours."""


def read_text(value: Value) -> str:
    """A text; empty where none was given."""
    return "" if value is None else str(value)


def read_state(value: Value, name: str = "status") -> ListState:
    """The state of a list, by number or name; raises `Refused`."""
    state = _STATES.get(read_text(value).strip().upper())
    if state is None:
        raise Refused(RefusalCode.INVALID_FIELD, name, "0, 1 or 2")
    return state


def read_states(text: str) -> tuple[ListState, ...]:
    """States with commas between; all of them where none is named. Raises `Refused`."""
    names = [name for name in text.split(",") if name.strip()]
    return tuple(read_state(name, "statuses") for name in names) or tuple(ListState)


def read_schedule(value: Value, zone: ZoneInfo) -> int:
    """A time in a zone, in milliseconds; raises `Refused`, also where none was given."""
    text = read_text(value).strip()
    if not text:
        raise Refused(RefusalCode.MISSING_FIELD, "scheduleTime")
    try:
        return parse_span(text, zone, OF_ISSUES).first_ms
    except ValueError:
        raise Refused(RefusalCode.INVALID_FIELD, "scheduleTime", "yyyy-MM-dd hh:mm:ss") from None


def read_contact_ids(texts: list[str]) -> list[int]:
    """Contacts that a body names; raises `Refused` for the first that does not exist."""
    found = []
    for text in texts:
        contact_id = parse_base64(text)
        if contact_id is None:
            raise Refused(RefusalCode.INVALID_RECIPIENT, text)
        found.append(contact_id)
    return found


@contextmanager
def with_api_names() -> Iterator[None]:
    """Refuses with the names that the caller knows."""
    try:
        yield
    except Refused as refused:
        if refused.code is RefusalCode.INVALID_RECIPIENT and refused.subject.isdigit():
            raise Refused(refused.code, render_base64(int(refused.subject))) from None
        name = LIST_NAMES.get(refused.subject)
        if name is not None:
            raise Refused(refused.code, name, refused.detail) from None
        raise


@contextmanager
def unable(what: str) -> Iterator[None]:
    """Answers 500, as the manual does, where mail cannot be sent now or to no contact."""
    try:
        yield
    except Refused as refused:
        if refused.subject in {"email", "contactIds"}:
            reason = problem_of(refused).result
            raise WordedRefusal(refused.code, f"{what}: {reason}", SERVER_ERROR) from None
        raise
