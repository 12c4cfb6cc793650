"""What the gateway itself asks all partitions of its cluster: how they are, and to do alike."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final, TypeVar
from urllib.parse import urlencode

import msgspec

from dragoman.admin.answers import BindList, Overview, Problem
from dragoman.admin.context import Admin
from dragoman.admin.operations import PREFIX
from dragoman.admin.whole import as_alone, without_owner
from dragoman.assembly.membership import Others
from dragoman.core.callbacks.model.callback_lists import UnmatchedPage
from dragoman.core.delivery.running import BindView, Running, Situation
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.operations import Dialect
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import Response

Shape = TypeVar("Shape")


async def situation_of(admin: Admin, running: Running) -> Situation:
    """How everything is that operators look at; raises `Refused`."""
    if admin.others is None:
        return Situation(
            carriers=tuple(running.carriers()),
            waiting=dict(running.waiting()),
            oldest_s=dict(running.oldest_waiting_s()),
            problems=tuple(running.problems()),
            warnings=tuple(running.warnings()),
            binds=tuple(running.binds()),
        )
    seen = await _ask(admin.others, _question("GET", "/status"), Overview)
    bound = await _ask(admin.others, _question("GET", "/binds"), BindList)
    return Situation(
        carriers=seen.carriers,
        waiting={route.name: route.waiting for route in seen.routes},
        oldest_s={r.name: r.oldest_s for r in seen.routes if r.oldest_s is not None},
        problems=seen.problems,
        warnings=seen.warnings,
        binds=bound.binds,
    )


async def unmatched_of(admin: Admin, carrier: str, before: int | None, limit: int) -> UnmatchedPage:
    """Receipts that match no message, newest first; raises `Refused`."""
    if admin.others is None:
        return await admin.services.callback_lists.unmatched(carrier, before, limit)
    asked = {"carrier": carrier, "limit": limit} | ({} if before is None else {"before": before})
    return await _ask(
        admin.others, _question("GET", "/callbacks/receipts", query=asked), UnmatchedPage
    )


async def end_bind(admin: Admin, running: Running, bind_id: int) -> BindView:
    """Ends a bind, wherever it is; raises `Refused`."""
    if admin.others is None:
        return running.unbind(bind_id)
    return await _ask(admin.others, _question("DELETE", f"/binds/{bind_id}"), BindView)


async def tell_others(others: Others, method: str, path: str, body: object = None) -> None:
    """Has each other partition carry out an operation too; raises `Refused` where one did not.

    What belongs to no account is kept in every partition.
    """
    asked = as_alone(_question(method, path, body))
    numbers = [number for number in range(others.partitions) if number != others.partition]
    answers = await asyncio.gather(*(others.ask(asked, number) for number in numbers))
    for number, answer in zip(numbers, answers, strict=True):
        _check(answer, number)


async def _ask(others: Others, question: Request, shape: type[Shape]) -> Shape:
    """What all partitions answer together, as this one merges it."""
    answer = _check(await others.ask(question, others.partition), others.partition)
    return msgspec.json.decode(answer.body, type=shape)


def _check(answer: Response | None, partition: int) -> Response:
    if answer is None:
        raise without_owner(partition)
    if answer.status < 300:
        return answer
    problem = msgspec.json.decode(answer.body, type=Problem)
    known = problem.code in RefusalCode._value2member_map_
    code = RefusalCode(problem.code) if known else RefusalCode.UNAVAILABLE
    raise Refused(code, detail=f"partition {partition}: {problem.detail}")


def _question(
    method: str, path: str, body: object = None, query: Mapping[str, object] | None = None
) -> Request:
    """A question that no client asked, below `/admin/v1`."""
    content = b"" if body is None else msgspec.json.encode(body)
    headers = [(b"content-type", b"application/json")] if content else []
    return Request(
        method,
        PREFIX + path,
        dialect=_NOBODYS,
        query_string=urlencode(query or {}).encode(),
        headers=headers,
        body=content,
    )


def _refuse(_request: Request, refusal: Refusal) -> Response:
    return Response(refusal.status)


_NOBODYS: Final = Dialect(
    name="admin", title="", description="", prefixes=(), operations=(), refuse=_refuse
)
