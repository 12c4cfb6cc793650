"""Lists and contacts among the recipients, and the filter and segmentation that choose from lists.

Both structures come as JSON, or as XML where `rules` and `exclude` are repeated elements, or one
element around repeated ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from dragoman.core.contacts.model.filters import Filter, Match, Operation, Rule
from dragoman.core.messages.model.audiences import ALL_PERCENT, Audience, Segment
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.dialects.linkmobility.reading import MAX_IDENTIFIER
from dragoman.dialects.linkmobility.schemas import Structure
from dragoman.dialects.wording import quoted

MAX_RULES: Final = 100
MAX_VALUE: Final = 1_000
MAX_EXCLUDED: Final = 100
MAX_COUNT: Final = 1_000_000_000

NOTHING: Final[tuple[object, ...]] = ("", "0", 0, [], {})
"""What programs write where they mean nothing."""

_FILTER: Final = "filter"
_SEGMENTATION: Final = "segmentation"
_RULE: Final = frozenset({"field", "operation", "value"})
_INTEGER: Final = re.compile(r"[0-9]{1,16}", re.ASCII)


def read_audience(
    lists: tuple[int, ...], contacts: tuple[int, ...], filter_: Structure, segmentation: Structure
) -> Audience | None:
    """Reads whom a message is for beside its numbers; None for numbers alone; raises `Refused`."""
    if not (lists or contacts or filter_ or segmentation):
        return None
    wanted, segment = _read_filter(filter_), _read_segment(segmentation)
    for field, given in ((_FILTER, wanted), (_SEGMENTATION, segment)):
        if given is not None and not lists:
            raise _refused(field, "it needs a list among the recipients")
    if not (lists or contacts):
        return None
    return Audience(lists=lists, contacts=contacts, filter=wanted, segment=segment)


def _read_filter(value: Structure) -> Filter | None:
    if value is None or value in NOTHING:
        return None
    fields = _read_fields(_FILTER, value, {"match", "rules"})
    match = str(fields.get("match", Match.ALL)).strip().lower()
    if match not in set(Match):
        raise _refused(_FILTER, "match is any or all")
    rules = _read_list(fields.get("rules"), _RULE)
    if len(rules) > MAX_RULES:
        raise _refused(_FILTER, f"at most {MAX_RULES} rules")
    if not rules:
        return None
    return Filter(match=Match(match), rules=tuple(_read_rule(rule) for rule in rules))


def _read_rule(value: object) -> Rule:
    fields = _read_fields(_FILTER, value, _RULE)
    operation = str(fields.get("operation", "")).strip().lower()
    if operation not in set(Operation):
        raise _refused(_FILTER, f"there is no operation [{quoted(operation)}]")
    field, compared = fields.get("field"), fields.get("value", "")
    if not isinstance(field, str) or not field.strip() or not is_storable(field):
        raise _refused(_FILTER, "a rule needs a field")
    if compared is None:
        compared = ""
    if isinstance(compared, bool) or not isinstance(compared, str | int | float):
        raise _refused(_FILTER, "a value is a text or a number")
    text = str(compared)
    if len(text) > MAX_VALUE or not is_storable(text):
        raise _refused(_FILTER, f"a value has at most {MAX_VALUE} characters")
    return Rule(field=field, operation=Operation(operation), value=text)


def _read_segment(value: Structure) -> Segment | None:
    if value is None or value in NOTHING:
        return None
    fields = _read_fields(_SEGMENTATION, value, {"count", "percent", "exclude"})
    exclude = []
    for one in _read_list(fields.get("exclude")):
        batch_id = _read_integer("exclude", one, MAX_IDENTIFIER)
        if batch_id is not None:
            exclude.append(batch_id)
    if len(exclude) > MAX_EXCLUDED:
        raise _refused(_SEGMENTATION, f"at most {MAX_EXCLUDED} batches")
    segment = Segment(
        count=_read_integer("count", fields.get("count"), MAX_COUNT),
        percent=_read_integer("percent", fields.get("percent"), ALL_PERCENT),
        exclude=tuple(dict.fromkeys(exclude)),
    )
    return None if segment == Segment() else segment


def _read_integer(name: str, value: object, highest: int) -> int | None:
    if value is None or value == "":
        return None
    written = str(value).strip()
    if isinstance(value, str | int) and _INTEGER.fullmatch(written):
        number = int(written)
        if 1 <= number <= highest:
            return number
    raise _refused(_SEGMENTATION, f"{name} is a number between 1 and {highest}")


def _read_fields(field: str, value: object, known: AbstractSet[str]) -> Mapping[str, Any]:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]  # an element of XML that could be repeated
    if not isinstance(value, dict):
        raise _refused(field, f"use an object with {', '.join(sorted(known))}")
    for name in value:
        if name not in known:
            raise _refused(field, f"there is no [{quoted(str(name))}]")
    return value


def _read_list(value: object, known: AbstractSet[str] = frozenset()) -> list[Any]:
    """A list; one element of XML stands for a list of one, or holds its items by any one name.

    `known` are the fields of an item, which no item is called by.
    """
    if value is None or value == "":
        return []
    items = value if isinstance(value, list) else [value]
    if len(items) == 1 and isinstance(items[0], dict) and len(items[0]) == 1:
        [(name, held)] = items[0].items()
        if not known or (name not in known and isinstance(held, dict | list)):
            return held if isinstance(held, list) else [held]
    return items


def _refused(field: str, detail: str) -> Refused:
    return Refused(RefusalCode.INVALID_FIELD, field, detail)
