"""One table of every operation, for the web kit: local, or for callers with a token.

Bodies and answers are JSON. What is refused is answered as `application/problem+json` (RFC 9457)
with the code of the refusal beside its sentence.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final, cast, get_args, get_type_hints

import msgspec

from dragoman import __version__
from dragoman.admin import (
    accounts,
    alerts,
    binds,
    callbacks,
    campaigns,
    carriers,
    cluster,
    contacts,
    conversations,
    devices,
    diagnosis,
    inbound,
    keys,
    message_lists,
    messages,
    people,
    prices,
    privacy,
    reload,
    routes,
    senders,
    tokens,
    webhooks,
)
from dragoman.admin.answers import Problem
from dragoman.admin.calls import Call
from dragoman.admin.context import Admin
from dragoman.admin.whole import Whole, ask_all, follow_all, is_alone, without_owner
from dragoman.assembly.membership import Others
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.elsewhere import Elsewhere
from dragoman.web.bodies import decode_body, decode_query
from dragoman.web.openapi import render_openapi
from dragoman.web.operations import Dialect, Handler, Operation
from dragoman.web.refusals import Refusal, RefusalKind
from dragoman.web.requests import Request
from dragoman.web.responses import Response, Stream

PREFIX: Final = "/admin/v1"
BODY_LIMIT_BYTES: Final = 4 << 20
JSON_LINES: Final = b"application/jsonl"
PROBLEM_TYPE: Final = b"application/problem+json"
SUBJECTS: Final = (
    accounts, messages, message_lists, carriers, routes, prices, reload, callbacks, inbound,
    senders, devices, webhooks, privacy, diagnosis, tokens, binds, contacts, campaigns, people,
    conversations, keys, alerts, cluster,
)  # fmt: skip

Guard = Callable[[Request], Awaitable[None]]
"""Lets a request in, or raises `Refused`."""

_MALFORMED: Final = frozenset(
    {RefusalKind.MALFORMED, RefusalKind.BAD_CHARSET, RefusalKind.UNSUPPORTED_TYPE}
)
_STATUSES: Final = MappingProxyType(
    {
        RefusalCode.AUTHENTICATION_FAILED: 401,
        RefusalCode.INSUFFICIENT_CREDIT: 402,
        RefusalCode.ADDRESS_NOT_ALLOWED: 403,
        RefusalCode.PERMISSION_DENIED: 403,
        RefusalCode.NOT_FOUND: 404,
        RefusalCode.ALREADY_EXISTS: 409,
        RefusalCode.NOT_CANCELLABLE: 409,
        RefusalCode.NOT_SUPPORTED: 409,
        RefusalCode.UNAVAILABLE: 503,
    }
)
_OTHERWISE: Final = 422
_PROBLEMS: Final = dict.fromkeys((400, 405, *_STATUSES.values(), _OTHERWISE, 500), Problem)
_PROBLEMS_OF_BODIES: Final = dict.fromkeys((408, 413, 415), Problem)


def build_admin(admin: Admin, guard: Guard | None = None) -> Dialect:
    """The operations under `/admin/v1`; with a guard, without those that are local."""
    calls = [call for subject in SUBJECTS for call in subject.CALLS]
    operations = [_operation(admin, call, guard) for call in calls if not (guard and call.local)]

    async def describe(request: Request) -> Response:
        if guard is not None:
            try:
                await guard(request)
            except Refused as refused:
                return problem_of(refused)
        return Response(200, msgspec.json.encode(render_openapi(dialect, version=__version__)))

    document = Operation(
        methods=("GET",),
        path=f"{PREFIX}/openapi.json",
        handler=describe,
        summary="This interface as an OpenAPI 3.1 document",
    )
    dialect = Dialect(
        name="admin",
        title="Admin interface",
        description="What operators do to a gateway; `dragoman` on the command line is its client.",
        prefixes=(PREFIX,),
        operations=(document, *operations),
        refuse=_refuse,
        problem=Problem,
        bearer=guard is not None,
    )
    return dialect


def _operation(admin: Admin, call: Call, guard: Guard | None) -> Operation:
    shapes = _shapes_of(call.run)
    answer = shapes["return"]
    streams, summary, description = _description_of(call.run)
    return Operation(
        methods=(call.method,),
        path=PREFIX + call.path,
        handler=_handler(admin, call, shapes, guard),
        summary=summary,
        description=description,
        query=shapes.get("query"),
        body=shapes.get("body"),
        body_formats=("json",) if "body" in shapes else (),
        body_limit_bytes=BODY_LIMIT_BYTES,
        answers={
            **_PROBLEMS,
            **(_PROBLEMS_OF_BODIES if "body" in shapes else {}),
            call.status: get_args(answer)[0] if streams else answer,
        },
        answer_formats=("jsonl",) if streams else ("json",),
    )


@cache
def _shapes_of(run: Callable[..., Any]) -> Mapping[str, Any]:
    """The annotations of a call, which a gateway reads for its socket and for its HTTP server."""
    return MappingProxyType(get_type_hints(run))


@cache
def _description_of(run: Callable[..., Any]) -> tuple[bool, str, str]:
    """Whether a call streams, its summary, and what else its docstring says."""
    first_line, _, rest = inspect.cleandoc(run.__doc__ or "").partition("\n")
    return inspect.isasyncgenfunction(run), first_line.rstrip("."), rest.strip()


def _handler(admin: Admin, call: Call, shapes: Mapping[str, Any], guard: Guard | None) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            if guard is not None:
                await guard(request)
        except Refused as refused:
            return problem_of(refused)
        try:
            return await carry_out(request)
        except Refused as refused:
            return problem_of(refused)
        except Elsewhere as elsewhere:
            if guard is None or admin.others is None:
                raise
            # Whoever was let in here is not asked for a token again.
            handed = await admin.others.ask(request, elsewhere.partition)
            return handed or problem_of(without_owner(elsewhere.partition))

    async def carry_out(request: Request) -> Response:
        given: dict[str, Any] = dict(request.path_params)
        if "body" in shapes:
            given["body"] = decode_body(request, shapes["body"])
        if "query" in shapes:
            given["query"] = decode_query(request, shapes["query"])
        if call.whole is not None and admin.others is not None and _is_about_all(request, given):
            return await _answer_whole(admin.others, call, call.whole, request, given, shapes)
        result = call.run(admin, **given)
        if inspect.isasyncgen(result):
            # A refusal comes with the first piece, while its status can still be said.
            pieces = cast("AsyncGenerator[Any, None]", result)
            return Stream(_lines(await anext(pieces), pieces), JSON_LINES)
        return Response(call.status, msgspec.json.encode(await result))

    return answer


def _is_about_all(request: Request, given: dict[str, Any]) -> bool:
    """Whether all partitions are asked: not by one that asks, nor for one account or message."""
    asked = [given[name] for name in ("body", "query") if name in given]
    named = any(getattr(one, name, "") for one in asked for name in ("account", "message"))
    return not named and not is_alone(request)


async def _answer_whole(
    others: Others,
    call: Call,
    whole: Whole,
    request: Request,
    given: dict[str, Any],
    shapes: Mapping[str, Any],
) -> Response:
    if inspect.isasyncgenfunction(call.run):
        lines = await follow_all(others, request)
        return lines if isinstance(lines, Response) else Stream(lines, JSON_LINES)
    answer = await ask_all(others, whole, request, given.get("query"), shapes["return"])
    if isinstance(answer, Response):
        return answer
    return Response(call.status, msgspec.json.encode(answer))


async def _lines(
    first: msgspec.Struct, others: AsyncGenerator[msgspec.Struct, None]
) -> AsyncGenerator[bytes, None]:
    try:
        yield msgspec.json.encode(first) + b"\n"
        async for one in others:
            yield msgspec.json.encode(one) + b"\n"
    finally:
        await others.aclose()


def problem_of(refused: Refused) -> Response:
    """A refusal as an answer."""
    about = ": ".join(part for part in (refused.subject, refused.detail) if part)
    title = refused.code.value.replace("_", " ")
    detail = f"{title}: {about}" if about else title
    status = _STATUSES.get(refused.code, _OTHERWISE)
    return _render_problem(status, refused.code.value, title, detail)


def _render_problem(status: int, code: str, title: str, detail: str) -> Response:
    """A problem as an answer; one of authentication names the scheme (RFC 9110 s. 11.6.1)."""
    content = Problem(title=title, status=status, detail=detail, code=code)
    headers = ((b"www-authenticate", b"Bearer"),) if status == 401 else ()
    return Response(status, msgspec.json.encode(content), PROBLEM_TYPE, headers)


def _refuse(_request: Request, refusal: Refusal) -> Response:
    malformed = refusal.kind in _MALFORMED
    code = RefusalCode.MALFORMED_REQUEST.value if malformed else refusal.kind.value
    detail = f"{refusal.field}: {refusal.reason}" if refusal.field else refusal.reason
    if refusal.reference:
        detail += f"; the gateway's log has more under {refusal.reference}"
    return _render_problem(refusal.status, code, code.replace("_", " "), detail)
