"""The calls under `/dev` of a development gateway: phones, faults, mail, callbacks, in JSON.

They need no key from the same machine, where the caller names it by a local name (so no web page
can reach them under a name of its own); from elsewhere they need an API key.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec

from dragoman.core.model.errors import RefusalCode, Refused, StorageUnavailable
from dragoman.development import schemas
from dragoman.development.phones import MAX_WAIT_S, Faults, PhoneText
from dragoman.development.workbench import Workbench
from dragoman.web.bodies import decode_body, decode_query
from dragoman.web.operations import Dialect, Handler, Operation
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import Response

PREFIX: Final = "/dev"
BODY_LIMIT_BYTES: Final = 128 * 1024
_STATUSES: Final = {
    RefusalCode.AUTHENTICATION_FAILED: 401,
    RefusalCode.ADDRESS_NOT_ALLOWED: 403,
    RefusalCode.PERMISSION_DENIED: 403,
    RefusalCode.NOT_FOUND: 404,
    RefusalCode.UNAVAILABLE: 503,
}


class Keys(Protocol):
    """Knows API keys."""

    async def authenticate_key(self, key: str, address: str, /) -> object:
        """Raises `Refused` for one that is not good."""
        ...


# fmt: off
def build_calls(workbench: Workbench, accounts: Keys) -> Dialect:
    """The calls as a table of operations."""
    calls = _Calls(workbench, accounts)
    declare, s = calls.declare, schemas
    return Dialect(
        name="dev",
        title="Development",
        description="Virtual phones, faults, mail and callbacks of `dragoman dev`.",
        prefixes=(PREFIX,),
        operations=(
            declare("GET /messages", calls.messages, "Texts that phones received",
                    query=s.MessagesQuery),
            declare("DELETE /messages", calls.forget, "Forgets texts", query=s.MessagesQuery),
            declare("GET /phones", calls.phones, "Every phone with texts"),
            declare("GET /phones/{number}", calls.texts, "What a phone received and sent"),
            declare("POST /phones/{number}/texts", calls.send, "Sends a text from a phone",
                    body=s.NewText),
            declare("POST /phones/{number}/next", calls.choose,
                    "Sets what happens to the next messages", body=s.Choice),
            declare("GET /faults", calls.faults, "The faults of the carrier"),
            declare("POST /faults", calls.set_faults, "Sets the faults of the carrier",
                    body=s.FaultChanges),
            declare("GET /account", calls.account, "What the demo account signs in with"),
            declare("GET /mail", calls.mail, "Campaign mail, which is never delivered",
                    query=s.MailQuery),
            declare("GET /callbacks", calls.take, "Callbacks to be made elsewhere",
                    query=s.CallsQuery),
            declare("POST /callbacks/{call_id:int}", calls.answer, "The outcome of a callback",
                    body=s.CallAnswer),
        ),
        refuse=_refuse,
    )
# fmt: on


class _Calls:
    def __init__(self, workbench: Workbench, accounts: Keys) -> None:
        self._phones = workbench.phones
        self._outbox = workbench.outbox
        self._forwarding = workbench.forwarding
        self._demo = workbench.demo
        self._accounts = accounts

    def declare(
        self,
        call: str,
        handler: Handler,
        summary: str,
        *,
        query: type[msgspec.Struct] | None = None,
        body: type[msgspec.Struct] | None = None,
    ) -> Operation:
        method, _, path = call.partition(" ")
        return Operation(
            methods=(method,),
            path=PREFIX + path,
            handler=self._guarded(handler),
            summary=summary,
            source="development.md",
            body_formats=("json",) if body is not None else (),
            body_limit_bytes=BODY_LIMIT_BYTES,
            query=query,
            body=body,
        )

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                await self._check_caller(request)
                return await handler(request)
            except Refused as refused:
                detail = ": ".join(part for part in (refused.subject, refused.detail) if part)
                plain = refused.code.value.replace("_", " ")
                status = _STATUSES.get(refused.code, 400)
                return _problem(
                    status, refused.code.value, f"{plain}: {detail}" if detail else plain
                )
            except StorageUnavailable:
                return _problem(503, RefusalCode.UNAVAILABLE.value, "the database is unavailable")

        return answer

    async def _check_caller(self, request: Request) -> None:
        scheme, key = request.authorization()
        if scheme == "bearer":
            await self._accounts.authenticate_key(key, request.client)
            return
        host = request.header(b"host").decode("latin-1")
        origin = request.header(b"origin").decode("latin-1")
        if origin and urlsplit(origin).netloc != host:
            raise Refused(RefusalCode.PERMISSION_DENIED, "origin", "a page of another site")
        if not (_is_loopback(request.client) and _is_local_name(host)):
            detail = "requests from other machines need an API key: Authorization: Bearer <key>"
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, "", detail)

    async def messages(self, request: Request) -> Response:
        query = decode_query(request, schemas.MessagesQuery)
        wait_s = parse_wait(query.wait)
        found = await self._phones.wait(query.to, after=query.after, wait_s=wait_s)
        return _answer(
            schemas.Messages(
                code=_newest_code(found),
                messages=found,
                after=found[-1].text_id if found else query.after,
            )
        )

    async def forget(self, request: Request) -> Response:
        query = decode_query(request, schemas.MessagesQuery)
        return _answer(schemas.Forgotten(forgotten=self._phones.forget(query.to)))

    async def phones(self, _request: Request) -> Response:
        return _answer(schemas.Phones(phones=tuple(self._phones.phones())))

    async def texts(self, request: Request) -> Response:
        return _answer(schemas.Texts(texts=self._phones.texts(request.path_params["number"])))

    async def send(self, request: Request) -> Response:
        new = decode_body(request, schemas.NewText)
        number = request.path_params["number"]
        return _answer(await self._phones.send(number, new.text, new.to), 201)

    async def choose(self, request: Request) -> Response:
        choice = decode_body(request, schemas.Choice)
        self._phones.choose(
            request.path_params["number"],
            choice.fate,
            times=choice.times,
            code=choice.code,
            delay_s=choice.delay_s,
        )
        return _answer(choice)

    async def faults(self, _request: Request) -> Response:
        return _answer(self._phones.faults)

    async def set_faults(self, request: Request) -> Response:
        changes = decode_body(request, schemas.FaultChanges)
        if changes.reset:
            self._phones.reset()
        known = self._phones.faults
        throttle, slow = changes.throttle_per_s, changes.slow_s
        self._phones.set_faults(
            Faults(
                throttle_per_s=known.throttle_per_s if throttle is msgspec.UNSET else throttle,
                slow_s=known.slow_s if slow is msgspec.UNSET else slow,
            )
        )
        if changes.lose_responses:
            self._phones.lose_responses(changes.lose_responses)
        if changes.cut_links:
            self._phones.cut_links()
        return _answer(self._phones.faults)

    async def account(self, _request: Request) -> Response:
        return _answer(schemas.DemoAccount(variables=self._demo))

    async def mail(self, request: Request) -> Response:
        query = decode_query(request, schemas.MailQuery)
        mails = await self._outbox.wait(query.to, wait_s=parse_wait(query.wait))
        return _answer(schemas.Mails(mails=tuple(mails)))

    async def take(self, request: Request) -> Response:
        query = decode_query(request, schemas.CallsQuery)
        calls = await self._forwarding.take(parse_wait(query.wait))
        return _answer(schemas.Calls(calls=tuple(calls)))

    async def answer(self, request: Request) -> Response:
        given = decode_body(request, schemas.CallAnswer)
        call_id = int(request.path_params["call_id"][:18])
        body = given.body.encode("utf-8", "replace")
        if not self._forwarding.answer(call_id, given.status, body, given.reason):
            raise Refused(
                RefusalCode.NOT_FOUND, str(call_id), "nothing is waiting for this callback"
            )
        return _answer(given)


def parse_wait(text: str) -> float:
    """Seconds of `5s`, `500ms` or `5`, at most `MAX_WAIT_S`."""
    if text.endswith("ms"):
        seconds = float(text.removesuffix("ms")) / 1000
    else:
        seconds = float(text.removesuffix("s"))
    return min(seconds, MAX_WAIT_S)


def _newest_code(texts: tuple[PhoneText, ...]) -> str | None:
    return next((text.codes[0] for text in reversed(texts) if text.codes), None)


def _is_loopback(client: str) -> bool:
    try:
        return ip_address(client).is_loopback
    except ValueError:
        return False


def _is_local_name(host: str) -> bool:
    """Whether a Host header names this machine by a local name, not by one from the DNS."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)


def _answer(content: msgspec.Struct, status: int = 200) -> Response:
    return Response(status, msgspec.json.encode(content))


def _problem(status: int, code: str, message: str) -> Response:
    return _answer(schemas.Problem(code=code, message=message), status)


def _refuse(_request: Request, refusal: Refusal) -> Response:
    message = f"{refusal.field}: {refusal.reason}" if refusal.field else refusal.reason
    return _problem(refusal.status, refusal.kind.value, message)
