"""What differs between two configurations, for people; secrets are not shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import fields

from dragoman.config.sections import Section
from dragoman.config.settings import Settings
from dragoman.config.values import Secret

RELOADED: Final = (
    "carriers",
    "routes",
    "routing",
    "price_lists",
    "quotas",
    "sender_rules",
    "prices",
)
"""Tables that a running gateway takes."""
MAX_LINES: Final = 200


def differences(old: Settings, new: Settings) -> tuple[str, ...]:
    """A line for each entry and key that a reload changes."""
    lines: list[str] = []
    for name in RELOADED:
        before, after = getattr(old, name), getattr(new, name)
        if isinstance(before, Section):
            lines += (f"{name}: {line}" for line in _keys(before, after))
        else:
            lines += _entries(name, before, after)
    if len(lines) > MAX_LINES:
        lines[MAX_LINES:] = [f"and {len(lines) - MAX_LINES} more"]
    return tuple(lines)


def kept_until_restart(old: Settings, new: Settings) -> tuple[str, ...]:
    """The other tables that differ."""
    return tuple(
        field.name
        for field in fields(Settings)
        if field.name not in RELOADED and getattr(old, field.name) != getattr(new, field.name)
    )


def _entries(table: str, before: tuple[Section, ...], after: tuple[Section, ...]) -> Iterator[str]:
    one = table.removesuffix("s").replace("_", " ")
    old, new = _by_key(before), _by_key(after)
    for key in old.keys() - new.keys():
        yield f"{one} {key}: removed"
    for key, entry in new.items():
        if key not in old:
            yield f"{one} {key}: new"
        elif old[key] != entry:
            changed = "; ".join(_keys(old[key], entry)) or "changed"
            yield f"{one} {key}: {changed}"
    if [key for key in old if key in new] != [key for key in new if key in old]:
        yield f"{table}: another order"


def _by_key(entries: tuple[Section, ...]) -> dict[str, Section]:
    """Entries by their first field; quotas by country too, rules for senders by carrier."""
    found: dict[str, Section] = {}
    for entry in entries:
        key = str(getattr(entry, fields(entry)[0].name)) or "for all others"
        further = (getattr(entry, name, "") for name in ("country", "carrier"))
        found[" ".join(dict.fromkeys((key, *filter(None, further))))] = entry
    return found


def _keys(before: Section, after: Section) -> Iterator[str]:
    if type(before) is not type(after):
        return
    for field in fields(before):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old != new:
            yield f"{field.name} {_show(old)} -> {_show(new)}"


def _show(value: Any) -> str:
    if isinstance(value, Secret):
        return "***"
    if isinstance(value, tuple):
        return ", ".join(map(_show, value)) or "none"
    if isinstance(value, msgspec.Struct | Mapping):
        return "…"
    return str(value) if value not in ("", None) else "none"
