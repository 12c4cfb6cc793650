"""How a call of this API is declared: one line a call, over one way to authenticate and answer.

Paths have one name for one thing: `contact/{contact_id}`, `group/{group_id}`, `list/{list_id}`,
`alias/{alias_id}`, `subaccount/{subaccount_id}`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.model.errors import Refused
from dragoman.dialects.smsend import schemas
from dragoman.dialects.smsend.auth import authenticate
from dragoman.dialects.smsend.errors import NOT_FOUND, problem_of
from dragoman.dialects.smsend.mapping import DIALECT, PREFIX
from dragoman.dialects.smsend.schemas import Answer, render, render_problem
from dragoman.dialects.smsend.times import read_zone
from dragoman.kit.clock import datetime_of
from dragoman.web.operations import DEFAULT_BODY_LIMIT_BYTES, AnswerFormat, Handler, Operation
from dragoman.web.requests import Parameters, Request
from dragoman.web.responses import Response

Act = Callable[[Account, Request], Awaitable[Answer]]
"""Answers a call of a known account; raises `Refused`."""
Shape = type[msgspec.Struct]

_PROBLEMS: Final = dict.fromkeys((400, 401, 404), schemas.Problem)


class Open(NamedTuple):
    """Marks what answers a call that needs no keys."""

    act: Callable[[Request], Awaitable[Answer]]


class CallGroup:
    """Answers a group of calls over the services."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._settings = services.settings.dialects.smsend

    def _zone_of(self, account: Account, query: Parameters | None = None) -> ZoneInfo:
        """The zone that a query names as `timezone`, else the account's; raises `Refused`."""
        named = None if query is None else read_zone(query.get("timezone"), "timezone")
        return named or ZoneInfo(account.time_zone or self._settings.time_zone)

    def _today(self, account: Account) -> date:
        return datetime_of(self._services.clock.now_ms()).astimezone(self._zone_of(account)).date()


class Calls:
    """Declares calls over the services."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def declare(
        self,
        call: str,
        act: Act | Open,
        summary: str,
        answer: Shape | None = None,
        body: Shape | None = None,
        *,
        source: str,
        query: Shape | None = None,
        status: int | None = None,
        body_limit_bytes: int = DEFAULT_BODY_LIMIT_BYTES,
        answer_format: AnswerFormat = "json",
        counts: int | None = None,
        unknown: int = NOT_FOUND,
    ) -> Operation:
        """A call such as `GET alias`: a method, and the path behind `/API/v1.0/REST/`.

        `answer` is the shape of the body, None for bare text, `""` or nothing. Without a `status`,
        POST is answered with 201 and all else with 200. `counts` is the status of an answer that
        is a bare number, `unknown` that for an identifier which the account does not have.
        Methods with commas between, as in `PUT,POST group/{group_id}`, are the same call.
        """
        named, _, path = call.partition(" ")
        methods = tuple(named.split(","))
        usual = status or (201 if methods[0] == "POST" else 200)
        return Operation(
            methods=methods,
            path=f"{PREFIX}/{path}",
            handler=self._handler(act, usual, unknown),
            summary=summary,
            source=source,
            query=query,
            body=body,
            body_formats=() if body is None else ("json",),
            body_limit_bytes=body_limit_bytes,
            answers={
                usual: answer,
                **_PROBLEMS,
                **({} if body is None else {415: schemas.Problem}),
            },
            variants={} if counts is None else {counts: (int,)},
            answer_formats=(answer_format,),
            tags=(path.partition("/")[0],),
        )

    def _handler(self, act: Act | Open, status: int, unknown: int) -> Handler:
        services, refusals = self._services, self._services.metrics.refused

        async def handle(request: Request) -> Response:
            try:
                if isinstance(act, Open):
                    return render(status, await act.act(request))
                account = await authenticate(services, request)
            except Refused as refused:
                return refuse(problem_of(refused), refused)
            try:
                return render(status, await act(account, request))
            except Refused as refused:
                return refuse(problem_of(refused, unknown), refused)

        def refuse(problem: schemas.Problem, refused: Refused) -> Response:
            refusals[DIALECT, refused.code.value] += 1
            return render_problem(problem)

        return handle
