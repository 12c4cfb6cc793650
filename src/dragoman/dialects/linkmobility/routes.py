"""The table of calls: where each one is, what it takes and answers, and who answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from dragoman.dialects.contract import Services
from dragoman.dialects.linkmobility import schemas
from dragoman.dialects.linkmobility.auth import LEGACY, authenticate
from dragoman.dialects.linkmobility.errors import problem_of, problem_of_kit
from dragoman.dialects.linkmobility.mapping import DIALECT
from dragoman.dialects.linkmobility.messages import Messages
from dragoman.dialects.linkmobility.queries import Inbox, Outbox
from dragoman.dialects.linkmobility.rendering import render
from dragoman.domain.accounts import Account
from dragoman.domain.errors import Refused
from dragoman.web.operations import Handler, Operation, Refuse
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import Response

Act = Callable[[Account, Request], Awaitable[schemas.Answer]]
"""Answers a call of a known account; raises `Refused`."""

MESSAGE_LIMIT_BYTES: Final = 4 << 20
"""Room for 100,000 recipients."""
S03: Final = "LINK v2 s. 03"
S08: Final = "LINK v2 s. 08"
S09: Final = "LINK v2 s. 09"


def build_operations(services: Services) -> tuple[Operation, ...]:
    """Builds the table over the services."""
    messages, outbox, inbox = Messages(services), Outbox(services), Inbox(services)

    def get(
        path: str,
        act: Act,
        answer: type[msgspec.Struct],
        summary: str,
        source: str,
        query: type[msgspec.Struct] = schemas.Credentials,
    ) -> Operation:
        return Operation(
            methods=("GET",),
            path=f"/v2/{path}.{{format:json|xml}}",
            handler=_handler(services, act),
            summary=summary,
            source=source,
            query=query,
            answers={200: answer, 400: schemas.Problem, 401: schemas.Problem, 404: schemas.Problem},
            answer_formats=("json", "xml"),
            tags=(path.partition("/")[0],),
        )

    return (
        get("ping", _ping, schemas.Ping, "Whose key this is", S03),
        Operation(
            methods=("POST",),
            path="/v2/message.{format:json|xml}",
            handler=_handler(services, messages.send),
            summary="Send a message",
            source=S08,
            query=schemas.Credentials,
            body=schemas.Message,
            body_formats=("json", "xml"),
            body_limit_bytes=MESSAGE_LIMIT_BYTES,
            wrapper="message",
            answers={
                201: schemas.BatchStatus,
                400: schemas.Problem,
                401: schemas.Problem,
                403: schemas.Problem,
            },
            answer_formats=("json", "xml"),
            tags=("message",),
        ),
        get(
            "message/{batchid:int}/{page:int}",
            messages.batch,
            schemas.BatchMessages,
            "The status of a batch; from page 1 on, its messages",
            S08,
        ),
        get(
            "messages/{page:int}",
            messages.newest,
            schemas.NewestBatches,
            "The newest batches, waiting ones included",
            S08,
        ),
        get(
            "inbox/{page:int}",
            inbox.search,
            schemas.InboxPage,
            "Search received texts",
            S09,
            schemas.InboxQuery,
        ),
        get("inbox/lookup/{lookupid}", inbox.look_up, schemas.InboxLookup, "A received text", S09),
        get(
            "outbox/{page:int}",
            outbox.search,
            schemas.OutboxPage,
            "Search sent messages",
            S09,
            schemas.OutboxQuery,
        ),
        get("outbox/lookup/{lookupid}", outbox.look_up, schemas.OutboxLookup, "A message", S09),
    )


def build_refuse(services: Services) -> Refuse:
    """Builds what answers requests that never reach a call of the table."""

    def refuse(request: Request, refusal: Refusal) -> Response:
        services.meters.refused[DIALECT, refusal.kind.value] += 1
        return render(request, problem_of_kit(request, refusal))

    return refuse


def _handler(services: Services, act: Act) -> Handler:
    accounts, refused_meter = services.accounts, services.meters.refused

    async def handle(request: Request) -> Response:
        answer: schemas.Answer
        try:
            account = await authenticate(accounts, request)
            answer = await act(account, request)
        except Refused as refused:
            refused_meter[DIALECT, refused.code.value] += 1
            answer = problem_of(refused)
        return render(request, answer)

    return handle


async def _ping(account: Account, request: Request) -> schemas.Ping:
    key = request.query.get("apikey", "")
    return schemas.Ping(
        status=200,
        userid=str(account.account_id),
        username=account.username,
        iprange=account.allowed_addresses.text,
        # Keys are stored as digests: who logs in without one cannot be told it.
        apikey="" if key == LEGACY else key,
    )
