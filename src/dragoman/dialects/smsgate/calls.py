"""How a call is declared: authenticated for its scope, answered and refused in JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, NamedTuple

import msgspec

from dragoman.container import Services
from dragoman.core.metrics import Metrics
from dragoman.core.model.errors import RefusalCode, Refused, StorageUnavailable
from dragoman.dialects.smsgate.auth import Caller, authenticate
from dragoman.dialects.smsgate.errors import NO_DATABASE, Problem, render_problem, render_refused
from dragoman.dialects.smsgate.mapping import DIALECT
from dragoman.web.operations import Handler, Operation, Refuse
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import NO_CONTENT, Header, Response

PREFIX: Final = "/api/3rdparty/v1"
CLOUD_PREFIX: Final = "/3rdparty/v1"
"""Where the public cloud has the same calls, and so where its clients look for them by default."""
BODY_LIMIT_BYTES: Final = 256 * 1024
SOURCE: Final = "SMSGate client API v1"

Act = Callable[[Caller, Request], Awaitable[Response]]
Shape = type[msgspec.Struct]

_REFUSALS: Final = (400, 401, 403, 404, 409, 503)


class Open(NamedTuple):
    """Marks what answers a call that authenticates its caller itself, if at all."""

    act: Callable[[Request], Awaitable[Response]]


class CallGroup:
    """Answers a group of calls over the services."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._settings = services.settings.dialects.smsgate


class Calls:
    """Declares calls over the services."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def declare(
        self,
        call: str,
        act: Act | Open,
        summary: str,
        *,
        scope: str = "",
        tag: str = "",
        query: Shape | None = None,
        body: Shape | None = None,
        answer: Shape | None = None,
        status: int = 200,
    ) -> Operation:
        """A call such as `GET /webhooks`, for callers with `scope`."""
        method, _, path = call.partition(" ")
        return Operation(
            methods=(method,),
            path=f"{PREFIX}{path}",
            handler=self._handler(act, scope),
            summary=summary,
            source=SOURCE,
            query=query,
            body=body,
            body_formats=("json",) if body is not None else (),
            body_limit_bytes=BODY_LIMIT_BYTES,
            answers={
                status: answer,
                **dict.fromkeys(_REFUSALS, Problem),
                **({} if body is None else {415: Problem}),
            },
            tags=(tag or scope.partition(":")[0],),
            needs=scope,
        )

    def _handler(self, act: Act | Open, scope: str) -> Handler:
        services, refusals = self._services, self._services.metrics.refused

        async def handle(request: Request) -> Response:
            try:
                if isinstance(act, Open):
                    return await act.act(request)
                return await act(await authenticate(services, request, scope), request)
            except StorageUnavailable:
                refusals[DIALECT, RefusalCode.UNAVAILABLE.value] += 1
                return render_problem(503, NO_DATABASE)
            except Refused as refused:
                refusals[DIALECT, refused.code.value] += 1
                return render_refused(refused)

        return handle


def build_refuse(metrics: Metrics) -> Refuse:
    """Answers a request that cannot be read: its path, its method or its body."""

    def refuse(_request: Request, refusal: Refusal) -> Response:
        metrics.refused[DIALECT, refusal.kind.value] += 1
        message, field = refusal.reason, refusal.field
        if field and not message.startswith(field):
            message = f"{field}: {message}"
        return render_problem(refusal.status, message)

    return refuse


def prefix_of(request: Request) -> str:
    """The prefix that a request came under."""
    is_cloud = request.path.lstrip("/").startswith("3rdparty/")
    return CLOUD_PREFIX if is_cloud else PREFIX


def render(status: int, answer: object, headers: Iterable[Header] = ()) -> Response:
    return Response(status, msgspec.json.encode(answer), headers=headers)


DONE: Final = Response(NO_CONTENT)
