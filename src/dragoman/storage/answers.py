"""The writer process's answers about groups, as they cross the channel."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

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
    in_doubt: str = ""
    unwritten: bool = False
    """To the question what became of a group: it is not on disk."""


_ANSWERS = msgspec.msgpack.Decoder(Answer)


class InDoubt(StorageUnavailable):
    """The answer to the commit of a group was lost: it may be on disk, or not."""


def encode_answer(results: list[list[Any]]) -> bytes:
    """The answer about a group that is on disk."""
    return msgspec.msgpack.encode(
        Answer(
            results=[
                of_kind if _PLAIN.issuperset(map(type, of_kind)) else [*map(_render, of_kind)]
                for of_kind in results
            ]
        )
    )


def encode_failure(error: Exception) -> bytes:
    """The answer about a group that failed."""
    if isinstance(error, InDoubt):
        answer = Answer(in_doubt=str(error) or "storage")
    elif isinstance(error, StorageUnavailable):
        answer = Answer(unavailable=str(error) or "storage", sync_failed=error.sync_failed)
    else:
        answer = Answer(failed=f"{type(error).__name__}: {reason_of(error)}")
    return msgspec.msgpack.encode(answer)


UNWRITTEN: Final = msgspec.msgpack.encode(Answer(unwritten=True))


def parse_answer(data: bytes) -> list[list[Any]] | Exception | None:
    """The results of each kind of work in a group, or why there are none.

    None says of a group in doubt that it is not on disk.
    """
    answer = _ANSWERS.decode(data)
    if answer.unwritten:
        return None
    if answer.in_doubt:
        return InDoubt(answer.in_doubt)
    if answer.unavailable:
        return StorageUnavailable(answer.unavailable, sync_failed=answer.sync_failed)
    if answer.failed:
        return WriteFailed(answer.failed)
    return [
        of_kind if _PLAIN.issuperset(map(type, of_kind)) else [*map(_parse, of_kind)]
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
