"""How the calls of this API are declared: one line a call, over one way to authenticate and answer.

Each room (contacts, aliases, subaccounts …) returns its own tuple of these; `routes` joins them.
Paths say the same name for the same place: `contact/{contact_id}`, `group/{group_id}`,
`list/{list_id}`, `alias/{alias_id}`, `subaccount/{subaccount_id}`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Literal

import msgspec

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.model.errors import Refused
from dragoman.dialects.smsend import schemas
from dragoman.dialects.smsend.auth import authenticate
from dragoman.dialects.smsend.errors import problem_of
from dragoman.dialects.smsend.mapping import DIALECT, PREFIX
from dragoman.dialects.smsend.rendering import Answer, render, render_problem
from dragoman.web.operations import DEFAULT_BODY_LIMIT_BYTES, Operation
from dragoman.web.requests import Request
from dragoman.web.responses import Response

Act = Callable[[Account, Request], Awaitable[Answer]]
"""Answers a call of a known account; raises `Refused`."""
OpenAct = Callable[[Request], Awaitable[Answer]]
"""Answers a call of whoever makes it; raises `Refused`."""
Body = type[msgspec.Struct]

_PROBLEMS: Final = dict.fromkeys((400, 401, 404), schemas.Problem)


class Calls:
    """Declares calls over the services.

    `path` is what stands behind `/API/v1.0/REST/`. `answer` is the shape of the body, None for
    bare text, `""` or nothing.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def open(self, path: str, act: OpenAct, summary: str, source: str, query: Body) -> Operation:
        """A question that needs no keys, answered in bare text."""
        return self._declare(
            "GET", path, self._answering(act), 200, None, summary, source, query, formats=("text",)
        )

    def text(
        self, method: str, path: str, act: Act, summary: str, source: str, query: Body
    ) -> Operation:
        """A call that is answered in bare text."""
        handler = self._answering(self._knowing(act))
        return self._declare(
            method, path, handler, 200, None, summary, source, query, formats=("text",)
        )

    def get(
        self,
        path: str,
        act: Act,
        answer: Body | None,
        summary: str,
        source: str,
        query: Body = schemas.NoQuery,
        *,
        in_thread: bool = False,
    ) -> Operation:
        """A question; `in_thread` renders an answer that may be large off the event loop."""
        handler = self._answering(self._knowing(act), in_thread=in_thread)
        return self._declare("GET", path, handler, 200, answer, summary, source, query)

    def post(
        self,
        path: str,
        act: Act,
        body: Body | None,
        answer: Body | None,
        summary: str,
        source: str,
        query: Body = schemas.NoQuery,
        *,
        status: int = 201,
        body_limit_bytes: int = DEFAULT_BODY_LIMIT_BYTES,
    ) -> Operation:
        """A creation, or something done."""
        handler = self._answering(self._knowing(act), status)
        return self._declare(
            "POST",
            path,
            handler,
            status,
            answer,
            summary,
            source,
            query,
            body=body,
            body_limit_bytes=body_limit_bytes,
        )

    def put(
        self,
        path: str,
        act: Act,
        body: Body | None,
        answer: Body | None,
        summary: str,
        source: str,
        query: Body = schemas.NoQuery,
        *,
        status: int = 200,
        body_limit_bytes: int = DEFAULT_BODY_LIMIT_BYTES,
    ) -> Operation:
        """A change."""
        handler = self._answering(self._knowing(act), status)
        return self._declare(
            "PUT",
            path,
            handler,
            status,
            answer,
            summary,
            source,
            query,
            body=body,
            body_limit_bytes=body_limit_bytes,
        )

    def patch(
        self, path: str, act: Act, summary: str, source: str, *, status: int = 200
    ) -> Operation:
        """A change that is written as a JSON Patch (RFC 6902)."""
        handler = self._answering(self._knowing(act), status)
        return self._declare("PATCH", path, handler, status, None, summary, source, schemas.NoQuery)

    def delete(
        self,
        path: str,
        act: Act,
        answer: Body | None,
        summary: str,
        source: str,
        query: Body = schemas.NoQuery,
        *,
        body: Body | None = None,
    ) -> Operation:
        """A removal."""
        handler = self._answering(self._knowing(act))
        return self._declare(
            "DELETE", path, handler, 200, answer, summary, source, query, body=body
        )

    def _declare(
        self,
        method: str,
        path: str,
        handler: Callable[[Request], Awaitable[Response]],
        status: int,
        answer: Body | None,
        summary: str,
        source: str,
        query: Body,
        *,
        body: Body | None = None,
        body_limit_bytes: int = DEFAULT_BODY_LIMIT_BYTES,
        formats: tuple[Literal["json", "text"], ...] = ("json",),
    ) -> Operation:
        return Operation(
            methods=(method,),
            path=f"{PREFIX}/{path}",
            handler=handler,
            summary=summary,
            source=source,
            query=query if query is not schemas.NoQuery else None,
            body=body,
            body_formats=() if body is None else ("json",),
            body_limit_bytes=body_limit_bytes,
            answers={status: answer, **_PROBLEMS},
            answer_formats=formats,
            tags=(path.partition("/")[0],),
        )

    def _knowing(self, act: Act) -> OpenAct:
        services = self._services

        async def know(request: Request) -> Answer:
            return await act(await authenticate(services, request), request)

        return know

    def _answering(
        self, act: OpenAct, status: int = 200, *, in_thread: bool = False
    ) -> Callable[[Request], Awaitable[Response]]:
        refused_meter = self._services.metrics.refused

        async def handle(request: Request) -> Response:
            try:
                answer = await act(request)
            except Refused as refused:
                refused_meter[DIALECT, refused.code.value] += 1
                return render_problem(problem_of(refused))
            if in_thread:
                return await asyncio.to_thread(render, status, answer)
            return render(status, answer)

        return handle
