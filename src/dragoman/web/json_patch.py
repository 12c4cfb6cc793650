"""JSON Patch (RFC 6902): operations on a document, all of them or none.

Documents are never changed: each operation makes a new one that shares the unchanged parts, so
copying costs nothing, however often a patch does it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

MAX_OPERATIONS: Final = 100
MAX_DEPTH: Final = 32

_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_ESCAPE: Final = re.compile(r"~(?![01])")

Tokens = tuple[str, ...]


class PatchOperation(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a patch."""

    op: str
    path: str
    from_: str | UnsetType = msgspec.field(default=UNSET, name="from")
    value: Any = UNSET


class PatchRefused(ValueError):
    """A patch cannot be applied; the text names the operation and the reason."""


def apply_patch(document: Any, operations: Sequence[PatchOperation]) -> Any:
    """The document that the operations make of another; raises `PatchRefused`."""
    if len(operations) > MAX_OPERATIONS:
        raise PatchRefused(f"at most {MAX_OPERATIONS} operations")
    for number, operation in enumerate(operations, 1):
        try:
            perform = _OPERATIONS.get(operation.op)
            if perform is None:
                raise PatchRefused("no such op")
            document = perform(document, operation)
        except PatchRefused as refused:
            raise PatchRefused(f"operation {number}: {refused}") from None
    return document


def _add(document: Any, operation: PatchOperation) -> Any:
    return _put(document, parse_pointer(operation.path), _value(operation), insert=True)


def _remove(document: Any, operation: PatchOperation) -> Any:
    return _without(document, parse_pointer(operation.path))


def _replace(document: Any, operation: PatchOperation) -> Any:
    tokens, value = parse_pointer(operation.path), _value(operation)
    _get(document, tokens)
    return _put(document, tokens, value, insert=False)


def _move(document: Any, operation: PatchOperation) -> Any:
    source, target = _source(operation), parse_pointer(operation.path)
    if source != target and target[: len(source)] == source:
        raise PatchRefused("a value cannot be moved into itself")
    value = _get(document, source)
    return _put(_without(document, source), target, value, insert=True) if source else document


def _copy(document: Any, operation: PatchOperation) -> Any:
    value = _get(document, _source(operation))
    return _put(document, parse_pointer(operation.path), value, insert=True)


def _test(document: Any, operation: PatchOperation) -> Any:
    if not _is_same(_get(document, parse_pointer(operation.path)), _value(operation)):
        raise PatchRefused("the test failed")
    return document


_OPERATIONS: Final = MappingProxyType[str, Callable[[Any, PatchOperation], Any]](
    {
        "add": _add,
        "remove": _remove,
        "replace": _replace,
        "move": _move,
        "copy": _copy,
        "test": _test,
    }
)


def parse_pointer(text: str) -> Tokens:
    """The tokens of a JSON Pointer (RFC 6901); raises `PatchRefused`."""
    if not text:
        return ()
    if not text.startswith("/") or _ESCAPE.search(text):
        raise PatchRefused("not a JSON Pointer")
    tokens = text[1:].split("/")
    if len(tokens) > MAX_DEPTH:
        raise PatchRefused("the path is too long")
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in tokens)


def _value(operation: PatchOperation) -> Any:
    if operation.value is UNSET:
        raise PatchRefused("no value")
    return operation.value


def _source(operation: PatchOperation) -> Tokens:
    if isinstance(operation.from_, UnsetType):
        raise PatchRefused("no from")
    return parse_pointer(operation.from_)


def _get(document: Any, tokens: Tokens) -> Any:
    for token in tokens:
        if isinstance(document, dict):
            if token not in document:
                raise PatchRefused("there is nothing at the path")
            document = document[token]
        else:
            document = document[_index(document, token, len(_list(document)) - 1)]
    return document


def _put(document: Any, tokens: Tokens, value: Any, *, insert: bool) -> Any:
    """The document with a value at a place; in a list it is inserted, or replaces another."""
    if not tokens:
        return value
    first, rest = tokens[0], tokens[1:]
    if rest:
        value = _put(_get(document, tokens[:1]), rest, value, insert=insert)
        insert = False
    if isinstance(document, dict):
        return {**document, first: value}
    items = _list(document)
    index = len(items) if first == "-" and insert else _index(items, first, len(items) - 1 + insert)
    return [*items[:index], value, *items[index + (not insert) :]]


def _without(document: Any, tokens: Tokens) -> Any:
    if not tokens:
        raise PatchRefused("the whole document cannot be removed")
    first, rest = tokens[0], tokens[1:]
    child = _get(document, tokens[:1])
    if rest:
        return _put(document, tokens[:1], _without(child, rest), insert=False)
    if isinstance(document, dict):
        return {name: value for name, value in document.items() if name != first}
    index = int(first)
    return [*document[:index], *document[index + 1 :]]


def _list(document: Any) -> list[Any]:
    if not isinstance(document, list):
        raise PatchRefused("there is nothing at the path")
    return document


def _index(document: Any, token: str, last: int) -> int:
    _list(document)
    if not _INDEX.fullmatch(token) or int(token) > last:
        raise PatchRefused("there is no such place in the list")
    return int(token)


def _is_same(first: Any, second: Any) -> bool:
    """Equality of JSON (RFC 6902 s. 4.6), to which `true` is not 1."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_is_same(first[k], second[k]) for k in first)
    if isinstance(first, list) and isinstance(second, list):
        same_length = len(first) == len(second)
        return same_length and all(map(_is_same, first, second))
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    return bool(first == second)
