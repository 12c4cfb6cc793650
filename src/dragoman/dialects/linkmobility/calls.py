"""How a call of this API is declared: one line a call, over one way to authenticate and answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.container import Services
from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.model.accounts import Account, CredentialKind
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility import profiles, schemas
from dragoman.dialects.linkmobility.errors import problem_of
from dragoman.dialects.linkmobility.mapping import DIALECT
from dragoman.dialects.linkmobility.schemas import Answer
from dragoman.web.operations import DEFAULT_BODY_LIMIT_BYTES, Handler, Operation
from dragoman.web.requests import Request
from dragoman.web.responses import JSON, XML, Response
from dragoman.web.xml_tree import render_xml

OK: Final = 200
CREATED: Final = 201
LEGACY: Final = "legacy"

_KINDS: Final = MappingProxyType(
    {
        "": CredentialKind.PASSWORD,
        "plain": CredentialKind.PASSWORD,
        "md5": CredentialKind.LEGACY_MD5,
    }
)
ROOT: Final = "response"
XML_SUFFIX: Final = ".xml"

_encode_json: Final = msgspec.json.Encoder().encode

Act = Callable[[Account, Request], Awaitable[schemas.Answer]]
"""Answers a call of a known account; raises `Refused`."""
Shape = type[msgspec.Struct]

_REFUSED: Final = (400, 401, 403, 404)
_OF_EVERY_CALL: Final = frozenset(
    {RefusalCode.AUTHENTICATION_FAILED, RefusalCode.ADDRESS_NOT_ALLOWED}
)
"""Refusals that are printed with the status first, whatever the call (LINK v2 s. 11)."""


async def authenticate(accounts: Accounts, request: Request) -> Account:
    """The account of the caller (LINK v2 s. 03); raises `Refused` naming the key that was given."""
    query = request.query
    key = query.get("apikey", "")
    try:
        if key == LEGACY:
            return await _log_in(accounts, request)
        return await accounts.authenticate_key(key, request.client, call=request)
    except Refused as refused:
        if refused.code is RefusalCode.AUTHENTICATION_FAILED:
            raise Refused(refused.code, key, refused.detail) from None
        raise


async def _log_in(accounts: Accounts, request: Request) -> Account:
    query = request.query
    kind = _KINDS.get(query.get("type", "").lower())
    if kind is None:
        raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="unknown type of password")
    password = query.get("password", "")
    if kind is CredentialKind.LEGACY_MD5:
        password = password.lower()
    username = query.get("username", "")
    return await accounts.authenticate_password(username, password, request.client, kind)


def render(request: Request, answer: Answer, dropped: tuple[tuple[str, ...], ...] = ()) -> Response:
    """Renders an answer in the form that the suffix of the path asks for; JSON where none does.

    `dropped` are the paths of fields that the caller's profile does not have.
    """
    as_xml = _asks_for_xml(request)
    if not dropped and not as_xml:
        return Response(answer.status, _encode_json(answer), JSON)
    tree = msgspec.to_builtins(answer)
    profiles.drop_fields(tree, dropped)
    if as_xml:
        return Response(answer.status, render_xml(ROOT, tree), XML)
    return Response(answer.status, _encode_json(tree), JSON)


def _asks_for_xml(request: Request) -> bool:
    named = request.path_params.get("format")
    if named is not None:
        return named == "xml"
    return request.path.rstrip("/").endswith(XML_SUFFIX)


class CallGroup:
    """Answers a group of calls over the services."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._settings = services.settings.dialects.linkmobility

    def _zone_of(self, account: Account) -> str:
        """The IANA zone in which an account writes and reads its times."""
        return account.time_zone or self._settings.time_zone


class Calls:
    """Declares calls over the services."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._profile = profiles.ProfileChoice(services.settings.dialects.linkmobility)

    def declare(
        self,
        call: str,
        act: Act,
        summary: str,
        answer: Shape,
        body: Shape | None = None,
        *,
        source: str,
        query: Shape = schemas.Credentials,
        status: int | None = None,
        wrapper: str = "",
        body_limit_bytes: int = DEFAULT_BODY_LIMIT_BYTES,
        in_thread: bool = False,
        is_prompt: bool = False,
        message_first: bool = False,
    ) -> Operation:
        """A call such as `GET lists`: a method, and the path between `/v2/` and the suffix.

        Without a `status`, POST is answered with 201 and all else with 200. `wrapper` is the single
        JSON key and the XML root around the body. `in_thread` renders an answer that may be large
        away from the event loop. `message_first` is for calls whose refusals the manual prints with
        the message before the status.
        """
        method, _, path = call.partition(" ")
        return Operation(
            methods=(method,),
            path=f"/v2/{path}.{{format:json|xml}}",
            handler=self._handler(
                act,
                profiles.name_call(method, path),
                in_thread=in_thread,
                message_first=message_first,
            ),
            summary=summary,
            source=source,
            query=query,
            body=body,
            body_formats=() if body is None else ("json", "xml"),
            body_limit_bytes=body_limit_bytes,
            wrapper=wrapper,
            answers={
                status or (201 if method == "POST" else 200): answer,
                **dict.fromkeys(
                    _REFUSED, schemas.MessageFirst if message_first else schemas.Problem
                ),
                **({} if body is None else {415: schemas.Problem}),
            },
            answer_formats=("json", "xml"),
            tags=(path.partition("/")[0],),
            is_prompt=is_prompt,
        )

    def _handler(self, act: Act, call: str, *, in_thread: bool, message_first: bool) -> Handler:
        accounts, refusals = self._services.accounts, self._services.metrics.refused
        profile_of = self._profile.of
        rules = profiles.rules_of(call)

        async def handle(request: Request) -> Response:
            answer: schemas.Answer
            dropped: tuple[tuple[str, ...], ...] = ()
            try:
                account = await authenticate(accounts, request)
                if rules and (rule := rules.get(profile_of(account, request))) is not None:
                    rule.apply(request)
                    dropped = rule.dropped
                answer = await act(account, request)
            except Refused as refused:
                refusals[DIALECT, refused.code.value] += 1
                answer = problem = problem_of(refused)
                if message_first and refused.code not in _OF_EVERY_CALL:
                    answer = schemas.MessageFirst(message=problem.message, status=problem.status)
            if in_thread:
                return await asyncio.to_thread(render, request, answer, dropped)
            return render(request, answer, dropped)

        return handle
