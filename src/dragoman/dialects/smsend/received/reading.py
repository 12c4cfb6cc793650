"""SIMs, times and limits as programs write them in these calls."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from dragoman.core.inbound.inbox import MAX_NUMBERS
from dragoman.core.inbound.model.keywords import parse_own_number
from dragoman.core.inbound.model.received_texts import TextKind
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import drop_invisible
from dragoman.dialects.smsend.reading import read_count
from dragoman.dialects.smsend.times import NOW, OF_TEXTS, Span, parse_span
from dragoman.web.requests import Parameters

MAX_LIMIT: Final = 100
KINDS: Final = MappingProxyType(
    {"STOP": TextKind.STOP, "CONTACT": TextKind.CONTACT, "OTHER": TextKind.OTHER}
)


def read_sims(text: str) -> tuple[str, ...]:
    """The digits of each SIM that a path names, with commas between; raises `Refused`."""
    written = [sim.strip() for sim in drop_invisible(text).split(",") if sim.strip()]
    if not 0 < len(written) <= MAX_NUMBERS:
        raise Refused(RefusalCode.INVALID_FIELD, "id_sim", f"1 to {MAX_NUMBERS} numbers")
    return tuple(map(_read_sim, written))


def _read_sim(written: str) -> str:
    digits = written.removeprefix("+") if written.startswith("+") else written.removeprefix("00")
    try:
        if not digits[:1].isdigit():
            raise ValueError
        return parse_own_number(digits)
    except (Refused, ValueError):
        detail = "write it as +393471234567 or 00393471234567"
        raise Refused(RefusalCode.INVALID_FIELD, "id_sim", detail) from None


def read_limit(query: Parameters) -> int:
    """How many texts are wanted at most; raises `Refused`."""
    return read_count(query.get("limit"), "limit", MAX_LIMIT, MAX_LIMIT)


def read_kind(query: Parameters) -> TextKind:
    """The kind of texts wanted; raises `Refused`."""
    text = query.get("type", "").strip().upper()
    if not text:
        raise Refused(RefusalCode.MISSING_FIELD, "type")
    if text not in KINDS:
        raise Refused(RefusalCode.INVALID_FIELD, "type", "STOP, CONTACT or OTHER")
    return KINDS[text]


def read_from(query: Parameters, zone: ZoneInfo, now_ms: int) -> int | None:
    """The first millisecond that is wanted; None where none is given. Raises `Refused`."""
    found = _read_time(query, "from", zone, now_ms)
    return None if found is None else found.first_ms


def read_to(query: Parameters, zone: ZoneInfo, now_ms: int) -> int:
    """The last millisecond wanted: the end of what is named, else now; raises `Refused`."""
    found = _read_time(query, "to", zone, now_ms)
    return now_ms if found is None else found.last_ms


def _read_time(query: Parameters, name: str, zone: ZoneInfo, now_ms: int) -> Span | None:
    text = query.get(name, "").strip()
    if not text:
        return None
    if text.lower() == NOW:
        return Span(now_ms, now_ms)
    try:
        return parse_span(text, zone, OF_TEXTS)
    except ValueError:
        raise Refused(RefusalCode.INVALID_FIELD, name, "yyyyMMddHHmmss") from None
