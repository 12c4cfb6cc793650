"""How a call is declared: authenticated by key, answered and refused in JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.native import problems, schemas
from dragoman.dialects.native.mapping import DIALECT
from dragoman.dialects.native.problems import PREFIX
from dragoman.web.operations import Handler, Operation, Refuse
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import JSON, NO_CONTENT, Header, Response

BODY_LIMIT_BYTES: Final = 8 << 20
"""Of a batch with ten thousand texts."""
SMALL_BODY_BYTES: Final = 256 << 10

Act = Callable[[Account, Request], Awaitable[Response]]
Shape = type[msgspec.Struct]

_KEY: Final = {"Idempotency-Key": "Accepts the request once, however often it is sent with it."}
_PROBLEMS: Final = dict.fromkeys(
    (400, 401, 402, 403, 404, 405, 408, 409, 413, 415, 500, 503), schemas.Problem
)
_encode: Final = msgspec.json.Encoder().encode


class CallGroup:
    """Answers a group of calls over the services."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def _report_url(self, account: Account) -> str:
        """Where reports go that name no URL of their own; empty without any."""
        return self._services.webhooks.report_url(account.account_id, DIALECT)


class Calls:
    """Declares calls over the services."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def declare(
        self,
        call: str,
        act: Act,
        name: str,
        summary: str,
        *,
        query: Shape | None = None,
        body: Shape | None = None,
        answer: Shape | None = None,
        status: int = 200,
        description: str = "",
        body_limit_bytes: int = SMALL_BODY_BYTES,
        keyed: bool = False,
        is_prompt: bool = False,
    ) -> Operation:
        """A call such as `GET /messages/{id}`, below `/api/v1`.

        A `keyed` one takes an idempotency key.
        """
        method, _, path = call.partition(" ")
        return Operation(
            methods=(method,),
            path=f"{PREFIX}{path}",
            handler=self._handler(act),
            summary=summary,
            description=description,
            source="Dragoman API v1",
            query=query,
            body=body,
            body_formats=() if body is None else ("json",),
            body_limit_bytes=body_limit_bytes,
            answers={status: answer, **_PROBLEMS},
            tags=(path.split("/")[1],),
            name=name,
            headers=_KEY if keyed else {},
            is_prompt=is_prompt,
        )

    def _handler(self, act: Act) -> Handler:
        accounts, refusals = self._services.accounts, self._services.metrics.refused

        async def handle(request: Request) -> Response:
            try:
                scheme, key = request.authorization()
                if scheme != "bearer":
                    detail = "send the key as `Authorization: Bearer KEY`"
                    raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail=detail)
                account = await accounts.authenticate_key(key, request.client, call=request)
                return await act(account, request)
            except Refused as refused:
                refusals[DIALECT, refused.code.value] += 1
                return problems.respond(refused)

        return handle


def build_refuse(services: Services) -> Refuse:
    """Answers a request that cannot be read: its path, its method or its body."""

    def refuse(request: Request, refusal: Refusal) -> Response:
        services.metrics.refused[DIALECT, refusal.kind.value] += 1
        return problems.respond_unreadable(request, refusal)

    return refuse


def render(answer: msgspec.Struct, status: int = 200, headers: tuple[Header, ...] = ()) -> Response:
    return Response(status, _encode(answer), JSON, headers)


CREATED: Final = 201
ACCEPTED: Final = 202
DONE: Final = Response(NO_CONTENT)
