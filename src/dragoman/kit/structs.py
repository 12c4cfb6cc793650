"""Structs that several threads may use from the first moment on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache

import msgspec


@cache
def complete_structs(package: str) -> None:
    """Has msgspec work out the fields of all structs of a package that are there; once.

    It does that when a struct is first read into, and a second thread that reads into the same
    struct meanwhile takes it half done, which ends the process (msgspec 0.22). So it is to be done
    before there is a second thread. Structs that nothing is read into are left as they are.
    """
    for struct in _structs_below(msgspec.Struct):
        if struct.__module__.startswith(f"{package}."):
            with suppress(TypeError, NameError):
                msgspec.msgpack.Decoder(struct)


def _structs_below(struct: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for one in struct.__subclasses__():
        yield one
        yield from _structs_below(one)
