"""Jasmin's REST API: the calls of its HTTP API in JSON, with HTTP Basic, and batches of messages.

It is a proxy there, which strips quotation marks from both ends of what it passes on; so the
closing one of `Success "…"` is missing in its answers, and here.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.callbacks import EventFacts, EventKind
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.urls import is_http_address
from dragoman.core.submission.decisions import AcceptedBatch
from dragoman.dialects.jasmin import arguments, errors, schemas
from dragoman.dialects.jasmin.callbacks import message_uuid
from dragoman.dialects.jasmin.inbound import STATUS
from dragoman.dialects.wording import quoted
from dragoman.kit.ids import render_hex
from dragoman.web.bodies import parse_json
from dragoman.web.operations import Operation
from dragoman.web.refusals import MalformedBody
from dragoman.web.requests import Request
from dragoman.web.responses import Response

PREFIX: Final = "/secure"
MAX_BODY: Final = 4 * 1024 * 1024
AT_ONCE: Final = 100
"""Messages of a batch that are decided at the same time."""
_REFUSALS: Final = dict.fromkeys((400, 401, 403, 412, 500))
CALLS_AT_ONCE: Final = 500
"""Calls about a batch that are stored in one transaction."""
LOGIN: Final = (b"www-authenticate", b'Basic realm="Jasmin"')
_SECONDS: Final = re.compile(r"([0-9]{1,9})s")
_TLVS: Final = "custom_tlvs"

Send = Callable[[Mapping[str, str], Request], Awaitable[Response]]


class Problem(Exception):
    """An answer with a title and a description, as the framework there makes it."""

    def __init__(self, status: int, title: str, description: str) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.description = description


class _Outcome(NamedTuple):
    """What became of a message of a batch."""

    recipient: str
    taken: int
    """1 or 0."""
    text: str
    """What the HTTP API would have answered."""
    message_id: int | None = None


class Rest:
    """The calls below `/secure`; the first three do what the HTTP API's do."""

    def __init__(
        self,
        services: Services,
        *,
        send: Send,
        rate: Send,
        balance: Send,
        authenticate: Callable[[Mapping[str, str], Request], Awaitable[Account]],
        submit: Callable[[Mapping[str, str], Account], Awaitable[AcceptedBatch]],
    ) -> None:
        self._services = services
        self._send = send
        self._rate = rate
        self._balance = balance
        self._authenticate = authenticate
        self._submit = submit

    def operations(self) -> Iterator[Operation]:
        """The table of its calls."""
        source = "RESTful API"
        for path, handler, summary, answer in (
            ("/balance", self.balance, "Get the credit balance", schemas.BalanceData),
            ("/rate", self.rate, "Get the price of a message", schemas.RateData),
        ):
            yield Operation(
                methods=("GET",),
                path=f"{PREFIX}{path}",
                handler=handler,
                summary=summary,
                source=source,
                query=schemas.RestMessage if path == "/rate" else None,
                answers={200: answer, **_REFUSALS},
            )
        yield Operation(
            methods=("POST",),
            path=f"{PREFIX}/send",
            handler=self.send,
            summary="Send a message",
            source=source,
            body=schemas.RestSend,
            body_formats=("json",),
            body_limit_bytes=64 * 1024,
            answers={200: schemas.SendData, **_REFUSALS},
        )
        yield Operation(
            methods=("POST",),
            path=f"{PREFIX}/sendbatch",
            handler=self.send_batch,
            summary="Send messages",
            source=source,
            body=schemas.Batch,
            body_formats=("json",),
            body_limit_bytes=MAX_BODY,
            answers={200: schemas.BatchData, **_REFUSALS},
        )

    async def balance(self, request: Request) -> Response:
        """Who is asking has so many credits."""
        return await _proxied(lambda: self._balance(_login(request), request))

    async def rate(self, request: Request) -> Response:
        """What a message costs."""
        given = {_name(name): value for name, value in request.query.pairs}
        return await _proxied(lambda: self._rate({**given, **_login(request)}, request))

    async def send(self, request: Request) -> Response:
        """Sends a message."""

        async def send() -> Response:
            given = _given(_read_object(request.body))
            return await self._send({**given, **_login(request)}, request)

        return await _proxied(send)

    async def send_batch(self, request: Request) -> Response:
        """Stores every message of a batch that can be sent, then answers."""
        try:
            return await self._send_batch(request)
        except Problem as problem:
            return _problem(problem)

    async def _send_batch(self, request: Request) -> Response:
        login = _login(request)
        try:
            account = await self._authenticate(login, request)
        except Refused as refused:
            self._services.metrics.refused[arguments.NAME, refused.code] += 1
            if refused.code is RefusalCode.UNAVAILABLE:
                text, status = errors.word(refused, "")
                raise Problem(status, "Service unavailable", text) from None
            user = quoted(arguments.text_of(login["username"]))
            raise Problem(
                412, "Authentication failed", f"Authentication failed for user: {user}"
            ) from None
        read = _read_object(request.body)
        config = read.get("batch_config")
        config = config if isinstance(config, dict) else {}
        scheduled_s, due_ms = self._schedule(config.get("schedule_at"), account)
        limit = min(self._services.settings.limits.max_recipients, account.max_recipients)
        messages = list(islice(_messages(read), limit + 1))
        if len(messages) > limit:
            raise Problem(412, "Batch too large", f"A batch has at most {limit} messages")
        batch_id = str(UUID(hex=render_hex(self._services.ids.next())))
        outcomes: list[_Outcome] = []
        for start in range(0, len(messages), AT_ONCE):
            some = messages[start : start + AT_ONCE]
            outcomes += await asyncio.gather(
                *(self._submit_one({**given, **login}, account, due_ms) for given in some)
            )
        await self._call_back(account, batch_id, config, outcomes)
        data: dict[str, Any] = {"batchId": batch_id, "messageCount": len(messages)}
        if scheduled_s:
            data["scheduled"] = f"{scheduled_s}s"
        return _json(200, {"data": data})

    async def _submit_one(
        self, given: Mapping[str, str], account: Account, due_ms: int | None
    ) -> _Outcome:
        recipient = arguments.text_of(given["to"])
        try:
            arguments.check(given, arguments.SEND)
            if due_ms is not None:
                given = {**given, DUE: str(due_ms)}
            accepted = await self._submit(given, account)
            return _Outcome(recipient, 1, success(accepted), accepted.message_id)
        except Refused as refused:
            self._services.metrics.refused[arguments.NAME, refused.code] += 1
            text, _ = errors.word(refused, quoted(arguments.text_of(given["username"])))
            return _Outcome(recipient, 0, f'HTTPAPI error: Error "{text}')

    async def _call_back(
        self,
        account: Account,
        batch_id: str,
        config: Mapping[str, Any],
        outcomes: Sequence[_Outcome],
    ) -> None:
        """Stores the calls to the URLs that follow a batch."""
        calls = []
        for outcome in outcomes:
            url = config.get("callback_url" if outcome.taken else "errback_url")
            if not isinstance(url, str) or not is_http_address(url):
                continue
            facts = EventFacts(
                event_id=0,
                account_id=account.account_id,
                webhook="",
                kind=EventKind.MESSAGE_CHANGED,
                at_ms=self._services.clock.now_ms(),
                key=batch_id,
                recipient=outcome.recipient,
                reason=outcome.text,
                details={STATUS: outcome.taken},
            )
            calls.append((url, facts, outcome.message_id))
        for start in range(0, len(calls), CALLS_AT_ONCE):
            some = calls[start : start + CALLS_AT_ONCE]
            await self._services.webhooks.call(arguments.NAME, some)

    def _schedule(self, written: object, account: Account) -> tuple[int, int | None]:
        """How many seconds a batch waits, and when that is; local time is the account's."""
        if written is None:
            return 0, None
        now_ms = self._services.clock.now_ms()
        if found := _SECONDS.fullmatch(str(written)):
            wait_s = int(found[1])
            return wait_s, now_ms + wait_s * 1000 if wait_s else None
        zone = ZoneInfo(account.time_zone or "UTC")
        try:
            at = datetime.strptime(str(written), "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone)
        except ValueError:
            raise Problem(
                412,
                "Cannot parse scheduled_at value",
                f"Got unknown format: {quoted(str(written))}, correct formats are"
                " 'YYYY-MM-DD HH:MM:SS' or a number of seconds such as '60s'",
            ) from None
        due_ms = round(at.timestamp() * 1000)
        if due_ms < now_ms:
            raise Problem(
                412, "Cannot schedule batch in past date", f"Invalid past date given: {written}"
            )
        return (due_ms - now_ms) // 1000, due_ms


DUE: Final = "\0due"
"""When a message of a scheduled batch is due; no argument of a call has this name."""


def refuse(text: str, status: int) -> Response:
    """The answer to a request that cannot be read."""
    return _json(status, {"message": text})


def success(accepted: AcceptedBatch) -> str:
    """The answer to a message."""
    return f'Success "{message_uuid(accepted.batch_id)}"'


def _login(request: Request) -> dict[str, str]:
    """User name and password (RFC 7617), octets as ISO 8859-1; raises `Problem`."""
    header = request.header(b"authorization")
    if not header:
        raise Problem(401, "Authentication required", "Please provide a valid Basic auth token")
    scheme, _, token = header.partition(b" ")
    try:
        decoded = b64decode(token.strip(), validate=True).decode("latin-1")
    except ValueError:
        decoded = ""
    username, colon, password = decoded.partition(":")
    if scheme.lower() != b"basic" or not colon:
        raise Problem(401, "Invalid token", "Please provide a valid Basic auth token")
    return {"username": username, "password": password}


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        read = parse_json(body)
    except MalformedBody:
        read = None
    if not isinstance(read, dict):
        raise Problem(412, "Cannot parse JSON data", "Got unparseable json data")
    return read


def _given(read: Mapping[str, Any]) -> dict[str, str]:
    """The arguments of an object, with `-` for `_`."""
    return arguments.from_json({_name(name): value for name, value in read.items()})


def _name(name: str) -> str:
    return name if name == _TLVS else name.replace("_", "-")


def _messages(read: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """One set of arguments for each number; what has no number or no content is left out."""
    common = read.get("globals")
    common = common if isinstance(common, dict) else {}
    listed = read.get("messages")
    for one in listed if isinstance(listed, list) else ():
        if not isinstance(one, dict):
            continue
        wanted = {**common, **one}
        to = wanted.pop("to", None)
        given = _given(wanted)
        if "content" not in given and "hex-content" not in given:
            continue
        for number in to if isinstance(to, list) else (to,):
            if number is not None and not isinstance(number, list | dict):
                octets = str(number).encode(errors="replace").decode("latin-1")
                yield {"to": octets, **given}


async def _proxied(call: Callable[[], Awaitable[Response]]) -> Response:
    """What the HTTP API answers, as the REST API passes it on."""
    try:
        response = await call()
    except Problem as problem:
        return _problem(problem)
    text = response.body.decode().strip('"')
    if response.status != 200:
        return _json(response.status, {"message": text})
    return _json(200, {"data": msgspec.json.decode(text) if "{" in text else text})


def _problem(problem: Problem) -> Response:
    answer = {"title": problem.title, "description": problem.description}
    return _json(problem.status, answer, *((LOGIN,) if problem.status == 401 else ()))


def _json(status: int, answer: Any, *headers: tuple[bytes, bytes]) -> Response:
    return Response(status, msgspec.json.encode(answer), headers=headers)
