"""The writer process's answers about groups, as they cross the channel."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from dragoman.core.model.errors import RefusalCode, Refused, StorageUnavailable
from dragoman.storage.outages import reason_of


class WriteFailed(Exception):
    """A statement failed through a defect of ours; the name of its error."""


class RefusedResult(msgspec.Struct, frozen=True, tag=True):
    """A refusal as it crosses the channel."""

    code: RefusalCode
    subject: str
    detail: str


class FailedResult(msgspec.Struct, frozen=True, tag=True):
    """Any other exception that an operation returned for an item."""

    reason: str


Result: TypeAlias = bool | int | list[bool | int] | RefusedResult | FailedResult | None


_PLAIN = frozenset({bool, int, type(None)})
"""Results that cross as they are, as nearly all do."""


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The child's answer about a group."""

    results: list[list[Result]] = []
    unavailable: str = ""
    sync_failed: bool = False
    failed: str = ""


_ANSWERS = msgspec.msgpack.Decoder(Answer)


def render_answer(results: list[list[Any]]) -> Answer:
    """The answer about a group that is on disk."""
    return Answer(
        results=[
            [result if type(result) in _PLAIN else _render(result) for result in of_kind]
            for of_kind in results
        ]
    )


def parse_answer(data: bytes) -> list[list[Any]] | Exception:
    """The results of each kind of work in a group, or why there are none."""
    answer = _ANSWERS.decode(data)
    if answer.unavailable:
        return StorageUnavailable(answer.unavailable, sync_failed=answer.sync_failed)
    if answer.failed:
        return WriteFailed(answer.failed)
    return [
        [result if type(result) in _PLAIN else _parse(result) for result in of_kind]
        for of_kind in answer.results
    ]


def _render(result: Any) -> Result:
    """A result as it crosses the channel."""
    if isinstance(result, Refused):
        return RefusedResult(result.code, result.subject, result.detail)
    if isinstance(result, Exception):
        return FailedResult(f"{type(result).__name__}: {reason_of(result)}")
    plain: Result = result
    return plain


def _parse(result: Result) -> Any:
    """A result as the operation gave it."""
    if isinstance(result, RefusedResult):
        return Refused(result.code, result.subject, result.detail)
    if isinstance(result, FailedResult):
        return WriteFailed(result.reason)
    return result
