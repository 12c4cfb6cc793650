"""Rules over merge fields that select the contacts of a list.

Texts are compared ignoring case and surrounding space. `greater` and `less` compare numbers with a
decimal point or comma; they are false for anything else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,30}(?:[.,][0-9]{1,30})?", re.ASCII)

Fields: TypeAlias = Mapping[str, str]
"""The values of a contact by field."""
Test: TypeAlias = Callable[[Fields], bool]


class Match(StrEnum):
    """How many of the rules a contact must meet."""

    ANY = "any"
    ALL = "all"


class Operation(StrEnum):
    """What a rule asks of a field."""

    IS = "is"
    NOT = "not"
    CONTAINS = "contains"
    NOT_CONTAIN = "notcontain"
    START = "start"
    ENDS = "ends"
    GREATER = "greater"
    LESS = "less"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison of one field; a missing value counts as an empty text."""

    field: str
    operation: Operation
    value: str


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Rules, any or all of which must be met."""

    match: Match
    rules: tuple[Rule, ...]


def compile_filter(wanted: Filter) -> Test:
    """A test of the fields of a contact; raises ValueError for an invalid value."""
    tests = [_compile_rule(rule) for rule in wanted.rules]
    if len(tests) == 1:
        return tests[0]
    if wanted.match is Match.ANY:
        return lambda fields: any(test(fields) for test in tests)
    return lambda fields: all(test(fields) for test in tests)


def parse_number(text: str) -> Decimal | None:
    """Parses a number as people write it; None for any other text."""
    text = text.strip()
    if _NUMBER.fullmatch(text) is None:
        return None
    return Decimal(text.replace(",", "."))


def _compile_rule(rule: Rule) -> Test:
    field = rule.field
    if rule.operation in _COMPARISONS:
        compare = _COMPARISONS[rule.operation]
        bound = parse_number(rule.value)
        if bound is None:
            raise ValueError(f"{rule.operation} needs a number")

        def test_number(fields: Fields) -> bool:
            number = parse_number(fields.get(field, ""))
            return number is not None and compare(number, bound)

        return test_number
    meets = _TEXT_TESTS[rule.operation]
    value = _folded(rule.value)
    if not value and rule.operation not in _MAY_BE_EMPTY:
        raise ValueError(f"{rule.operation} needs a value")
    return lambda fields: meets(_folded(fields.get(field, "")), value)


def _folded(text: str) -> str:
    return text.strip().casefold()


_COMPARISONS: Final = MappingProxyType[Operation, Callable[[Decimal, Decimal], bool]](
    {
        Operation.GREATER: lambda number, bound: number > bound,
        Operation.LESS: lambda number, bound: number < bound,
    }
)
_TEXT_TESTS: Final = MappingProxyType[Operation, Callable[[str, str], bool]](
    {
        Operation.IS: lambda text, value: text == value,
        Operation.NOT: lambda text, value: text != value,
        Operation.CONTAINS: lambda text, value: value in text,
        Operation.NOT_CONTAIN: lambda text, value: value not in text,
        Operation.START: lambda text, value: text.startswith(value),
        Operation.ENDS: lambda text, value: text.endswith(value),
    }
)
_MAY_BE_EMPTY: Final = frozenset({Operation.IS, Operation.NOT})
