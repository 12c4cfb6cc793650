"""Operations of a whole cluster: each partition answers for itself, and the answers become one.

An operation says how (`Call.whole`); without that it is about one partition, and one that is called
in another is handed over to it (`Elsewhere`). What names an account is about its partition only.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from dragoman.assembly.membership import Others
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.requests import Request
from dragoman.web.responses import Response, Stream

ALONE: Final = b"x-dragoman-alone"
"""Asks a partition to answer for itself."""
FOLLOW_AGAIN_S: Final = 1.0
LINES: Final = 1_000
"""Lines of streams that wait to be written."""


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """What partitions answered to one question, in their order."""

    answers: tuple[Any, ...]
    numbers: tuple[int, ...]
    """The partitions that answered."""
    own: Any
    """What the partition answered that the question came to."""
    query: Any = None
    missing: tuple[int, ...] = ()
    """Partitions that nobody owns at the moment, where that may be."""


@dataclass(frozen=True, slots=True)
class Whole:
    """How the answers of all partitions become that of the cluster."""

    merge: Callable[[Gathered], Any]
    ask: Callable[[Any], Any] | None = None
    """The query that partitions are asked, where it is another one."""
    is_partial: bool = False
    """Whether there is an answer while partitions have no owner."""


async def ask_all(others: Others, whole: Whole, request: Request, query: Any, shape: Any) -> Any:
    """The merged answer; a `Response` where a partition refused. Raises `Refused`."""
    asked = as_alone(request, whole.ask(query) if whole.ask is not None else None)
    numbers = range(others.partitions)
    responses = await asyncio.gather(*(others.ask(asked, number) for number in numbers))
    answers: dict[int, Any] = {}
    for number, response in zip(numbers, responses, strict=True):
        if response is None:
            if not whole.is_partial:
                raise without_owner(number)
        elif response.status >= 300:
            return response
        else:
            answers[number] = msgspec.json.decode(response.body, type=shape)
    if not answers:
        raise without_owner(0)
    return whole.merge(
        Gathered(
            answers=tuple(answers.values()),
            numbers=tuple(answers),
            own=answers.get(others.partition, next(iter(answers.values()))),
            query=query,
            missing=tuple(number for number in numbers if number not in answers),
        )
    )


def without_owner(partition: int) -> Refused:
    """The refusal of what needs a partition that nobody owns."""
    detail = f"partition {partition} has no owner at the moment"
    return Refused(RefusalCode.UNAVAILABLE, detail=detail)


async def follow_all(others: Others, request: Request) -> AsyncGenerator[bytes, None] | Response:
    """The lines of a stream of every partition, as they come; a `Response` that refuses.

    A partition that changes hands is followed on at its new owner. The first line of a stream says
    no more than that it stands: of those that are repeated, the one partition's suffice.
    """
    asked = as_alone(request)
    numbers = range(others.partitions)
    begun = await asyncio.gather(*(others.ask(asked, number) for number in numbers))
    refusal = next((r for r in begun if r is not None and not isinstance(r, Stream)), None)
    if refusal is not None:
        for one in begun:
            if isinstance(one, Stream):
                await one.pieces.aclose()
        return refusal
    return _together(others, asked, begun)


async def _together(
    others: Others, asked: Request, begun: Sequence[Response | None]
) -> AsyncGenerator[bytes, None]:
    lines: asyncio.Queue[bytes] = asyncio.Queue(LINES)

    async def follow(partition: int, answer: Response | None) -> None:
        standing = b""
        while True:
            if isinstance(answer, Stream):
                async with contextlib.aclosing(_lines_of(answer)) as found:
                    async for line in found:
                        standing = standing or line
                        if line != standing or partition == others.partition:
                            await lines.put(line)
            await asyncio.sleep(FOLLOW_AGAIN_S)
            answer = await others.ask(asked, partition)

    tasks = [asyncio.create_task(follow(*one)) for one in enumerate(begun)]
    try:
        while True:
            yield await lines.get()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _lines_of(stream: Stream) -> AsyncGenerator[bytes, None]:
    """Whole lines, until the stream ends or breaks."""
    rest = b""
    async with contextlib.aclosing(stream.pieces) as pieces:
        with contextlib.suppress(Exception):  # however its node went away, it is asked for again
            async for piece in pieces:
                *whole, rest = (rest + piece).split(b"\n")
                for line in whole:
                    yield line + b"\n"


def is_alone(request: Request) -> bool:
    """Whether a partition is asked for itself."""
    return bool(request.header(ALONE))


def as_alone(request: Request, query: Any = None) -> Request:
    """A question for one partition alone; with another query where one is given."""
    return Request(
        request.method,
        request.path,
        dialect=request.dialect,
        query_string=request.query_string if query is None else _render_query(query),
        headers=[*(header for header in request.headers if header[0] != ALONE), (ALONE, b"1")],
        client=request.client,
        body=request.body,
        raw_path=request.raw_path,
    )


def _render_query(query: msgspec.Struct) -> bytes:
    given = {k: v for k, v in msgspec.to_builtins(query).items() if v not in (None, "")}
    words = {k: str(v).lower() if isinstance(v, bool) else v for k, v in given.items()}
    return urlencode(words).encode()
