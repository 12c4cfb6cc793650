"""Structs are complete before threads use them."""

from __future__ import annotations

import msgspec

from dragoman.kit.structs import complete_structs

worked_out = 0


class _Noted:
    """A type that counts how often somebody works out what it is."""

    def __class_getitem__(cls, kind: type[int]) -> type[int]:
        global worked_out
        worked_out += 1
        return kind


class Read(msgspec.Struct):
    number: _Noted[int]  # type: ignore[type-arg]


class Odd(msgspec.Struct):
    """What nothing can be read into."""

    either: str | Read | bytes | frozenset[str] | list[str]


def test_structs_are_worked_out_once_and_before_they_are_used() -> None:
    """Bug: of a gateway's reads at its start two could be the first of a struct, and it crashed."""
    complete_structs("another")
    assert worked_out == 0
    complete_structs(__name__.rpartition(".")[0])
    assert worked_out == 1
    assert msgspec.convert({"number": 2}, Read) == Read(2)
    assert worked_out == 1
