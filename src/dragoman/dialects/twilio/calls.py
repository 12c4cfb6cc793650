"""How a call is declared: authenticated, read from a form, answered and refused in JSON."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from dragoman.container import Services
from dragoman.core.accounts.account_tree import check_right
from dragoman.core.accounts.auth_tokens import AuthToken
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.twilio import errors, schemas, sids, xml_answers
from dragoman.dialects.twilio.mapping import DIALECT
from dragoman.web.operations import Handler, Operation, Refuse
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import NO_CONTENT, Response

BODY_LIMIT_BYTES: Final = 256 * 1024
ACCOUNT: Final = "/2010-04-01/Accounts/{account}"

_PROBLEMS: Final = dict.fromkeys((400, 401, 403, 404, 409, 503), schemas.Problem)
_encode: Final = msgspec.json.Encoder().encode


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls: an account, under the SID that its programs know."""

    account: Account
    sid: str
    token: str
    """What its callbacks are signed with."""
    since_ms: int
    """When it got this token."""
    by_key: bool
    """Whether it has authenticated with an API key, which may not do all."""
    parent: Account | None = None
    """The account above that acts for this one, where it does not act itself."""

    @property
    def account_id(self) -> int:
        return self.account.account_id

    def uri(self, path: str) -> str:
        """The path of something of this account."""
        return f"/2010-04-01/Accounts/{self.sid}{path}"


Act = Callable[[Caller, Request], Awaitable[Response]]
Shape = type[msgspec.Struct]


class CallGroup:
    """Answers a group of calls over the services."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._settings = services.settings.dialects.twilio


class Calls:
    """Declares calls over the services."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def declare(
        self,
        call: str,
        act: Act,
        summary: str,
        *,
        query: Shape | None = None,
        body: Shape | None = None,
        answer: Shape | None = None,
        status: int = 200,
        tag: str,
        with_key: bool = True,
        even_closed: bool = False,
    ) -> Operation:
        """A call such as `GET /Messages.json` of an account, or of any path that begins with `/v`.

        Without `with_key` it is not for API keys; with `even_closed` it is also about accounts
        that the one above has suspended or closed.
        """
        method, _, path = call.partition(" ")
        if not path.startswith("/v"):
            path = path if path.startswith("/2010-04-01") else f"{ACCOUNT}{path}"
        return Operation(
            methods=(method,),
            path=path,
            handler=self._handler(act, with_key=with_key, even_closed=even_closed),
            summary=summary,
            source="Twilio API 2010-04-01" if path.startswith("/2010") else f"Twilio {tag}",
            query=query,
            body=body,
            # PHP's curl makes a multipart form of an array, which many programs hand it.
            body_formats=("form", "multipart") if method == "POST" else (),
            body_limit_bytes=BODY_LIMIT_BYTES,
            answers={
                status: answer,
                **_PROBLEMS,
                **({415: schemas.Problem} if method == "POST" else {}),
            },
            tags=(tag,),
        )

    def _handler(self, act: Act, *, with_key: bool, even_closed: bool) -> Handler:
        services, refusals = self._services, self._services.metrics.refused

        async def handle(request: Request) -> Response:
            try:
                caller = await authenticate(services, request)
                if caller.by_key and not with_key:
                    raise Refused(RefusalCode.AUTHENTICATION_FAILED)
                if not (caller.account.enabled or even_closed):
                    raise errors.CodedRefusal(20005)
                return await act(caller, request)
            except Refused as refused:
                refusals[DIALECT, refused.code.value] += 1
                return errors.respond(request, refused)

        return handle


def build_refuse(services: Services) -> Refuse:
    """Answers a request that cannot be read: its path, its method or its body."""

    def refuse(request: Request, refusal: Refusal) -> Response:
        services.metrics.refused[DIALECT, refusal.kind.value] += 1
        answer = errors.respond_unreadable(request, refusal)
        return xml_answers.render(answer) if xml_answers.is_xml(request.path) else answer

    return refuse


async def authenticate(services: Services, request: Request) -> Caller:
    """The caller, whose account is the one that the path names, or above it; raises `Refused`."""
    scheme, secret = request.authorization()
    if scheme != "basic":
        raise Refused(RefusalCode.AUTHENTICATION_FAILED)
    name, password = _read_pair(secret)
    by_key = sids.is_sid(name, sids.KEY)
    if by_key:
        account = await _authenticate_key(services, name, password, request.client)
    else:
        account = await services.auth_tokens.authenticate(name, password, request.client)
    token: AuthToken | None = await services.auth_tokens.of_account(account.account_id)
    if token is None:
        raise Refused(RefusalCode.AUTHENTICATION_FAILED)
    caller = Caller(
        account=account,
        sid=token.public_id,
        token=token.token,
        since_ms=token.created_ms,
        by_key=by_key,
    )
    named = request.path_params.get("account", token.public_id)
    return caller if named == token.public_id else await _act_for(services, caller, named)


async def _act_for(services: Services, caller: Caller, sid: str) -> Caller:
    """The account below with a SID, for which the caller's acts; raises `Refused`.

    Keys of the account above are not for those below.
    """
    token = None if caller.by_key else await services.auth_tokens.find(sid)
    account = await services.accounts.find_by_id(token.account_id) if token is not None else None
    if token is None or account is None or not account.is_at_or_below(caller.account):
        raise Refused(RefusalCode.AUTHENTICATION_FAILED)
    check_right(caller.account)
    return Caller(
        account=account,
        sid=token.public_id,
        token=token.token,
        since_ms=token.created_ms,
        by_key=False,
        parent=caller.account,
    )


async def _authenticate_key(services: Services, sid: str, secret: str, address: str) -> Account:
    await services.placement.check("record", sid)
    account_id = await services.key_pairs.account_of(sid, secret)
    if account_id is None:
        await services.accounts.refuse_login(f"{sid}\0{address}")
    return await services.auth_tokens.admit(account_id, address)


def _read_pair(text: str) -> tuple[str, str]:
    try:
        pair = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        raise Refused(RefusalCode.AUTHENTICATION_FAILED) from None
    name, colon, password = pair.partition(":")
    if not colon:
        raise Refused(RefusalCode.AUTHENTICATION_FAILED)
    return name, password


def may_receive(caller: Caller) -> None:
    """Raises `Refused` unless the account may have texts."""
    if not caller.account.may(Permission.RECEIVE):
        raise Refused(RefusalCode.PERMISSION_DENIED, Permission.RECEIVE)


def render(answer: msgspec.Struct, status: int = 200) -> Response:
    return Response(status, _encode(answer))


DONE: Final = Response(NO_CONTENT)
CREATED: Final = 201
