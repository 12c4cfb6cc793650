"""The dialect as a table: `/send`, `/rate`, `/balance` and `/ping`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import msgspec

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account, CredentialKind
from dragoman.core.model.errors import Refused
from dragoman.core.submission.decisions import AcceptedBatch
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.jasmin import arguments, errors, rest, schemas
from dragoman.dialects.jasmin.callbacks import render_callback
from dragoman.dialects.jasmin.inbound import render_event, render_text
from dragoman.dialects.jasmin.rest import DUE, PREFIX, Rest, success
from dragoman.dialects.wording import CODES_OF_KIND, quoted
from dragoman.web.bodies import parse_json
from dragoman.web.charsets import parse_media_type
from dragoman.web.forms import parse_form
from dragoman.web.operations import Dialect, Operation
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import Response

PREFIXES: Final = ("/send", "/rate", "/balance", "/ping", PREFIX)
JSON_PATHS: Final = frozenset({"/rate", "/balance"})
TEXT: Final = b"text/plain"
SAMPLE: Final = "x"
"""What a message without content is rated as."""


def build_jasmin(services: Services) -> ProviderDialect:
    calls = _Calls(services)
    secure = Rest(
        services,
        send=calls.send_given,
        rate=calls.rate_given,
        balance=calls.balance_given,
        authenticate=calls.authenticate,
        submit=calls.submit,
    )
    method = services.settings.dialects.jasmin.text_method
    return ProviderDialect(
        name=arguments.NAME,
        web=Dialect(
            name=arguments.NAME,
            title="Jasmin HTTP API",
            description=(
                "Send a message as with Jasmin's HTTP API. What becomes of it is told to the "
                "`dlr-url` that it names."
            ),
            prefixes=PREFIXES,
            operations=(
                Operation(
                    methods=("GET", "POST"),
                    path="/send",
                    handler=calls.send,
                    summary="Send a message",
                    source="HTTP API, Sending SMS-MT",
                    query=schemas.SendArguments,
                    body=schemas.SendArguments,
                    body_formats=("form", "json"),
                    body_limit_bytes=64 * 1024,
                    answers=dict.fromkeys((200, 400, 403, 412, 500)),
                    answer_formats=("text",),
                    is_prompt=True,
                ),
                Operation(
                    methods=("GET",),
                    path="/rate",
                    handler=calls.rate,
                    summary="Get the price of a message",
                    source="HTTP API, Checking rate price",
                    query=schemas.Message,
                    answers={200: schemas.Rate, **_REFUSALS},
                ),
                Operation(
                    methods=("GET",),
                    path="/balance",
                    handler=calls.balance,
                    summary="Get the credit balance",
                    source="HTTP API, Checking account balance",
                    query=schemas.Login,
                    answers={200: schemas.Balance, **_REFUSALS},
                ),
                Operation(
                    methods=("GET",),
                    path="/ping",
                    handler=_ping,
                    summary="Check whether it runs",
                    answers=dict.fromkeys((200, 400, 403, 412, 500)),
                    answer_formats=("text",),
                ),
                *secure.operations(),
            ),
            refuse=calls.refuse,
            octets=True,
        ),
        render_callback=render_callback,
        render_text=partial(render_text, method=method),
        render_event=partial(render_event, method=method),
    )


async def _ping(_request: Request) -> Response:
    return Response(200, b"Jasmin/PONG", TEXT)


ALL_LEVELS: Final = "3"
"""The `dlr-level` of reports to the account's URL, where a request has none."""

_REFUSALS: Final = dict.fromkeys((400, 403, 412, 500))
"""Statuses of refusals, which are bare texts or JSON strings."""


class _Calls:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def send(self, request: Request) -> Response:
        return await self.send_given(_read_arguments(request), request)

    async def rate(self, request: Request) -> Response:
        return await self.rate_given(_read_arguments(request), request)

    async def balance(self, request: Request) -> Response:
        return await self.balance_given(_read_arguments(request), request)

    async def send_given(self, given: Mapping[str, str], request: Request) -> Response:
        """Sends what some arguments say."""
        try:
            arguments.check(given, arguments.SEND)
            if "content" not in given and "hex-content" not in given:
                raise errors.Invalid("content or hex-content not present.")
            account = await self.authenticate(given, request)
            accepted = await self.submit(given, account)
        except Refused as refused:
            return self._refuse(refused, request, given)
        return Response(200, success(accepted).encode(), TEXT)

    async def submit(self, given: Mapping[str, str], account: Account) -> AcceptedBatch:
        """Stores a message; raises `Refused`."""
        url = self._services.webhooks.report_url(account.account_id, arguments.NAME)
        if url and not given.get("dlr-url"):
            octets = url.encode().decode("latin-1")
            given = {"dlr-level": ALL_LEVELS, **given, "dlr-url": octets}
        submission = arguments.read_submission(given, account, self._services.clock.now_ms())
        if DUE in given:
            submission = msgspec.structs.replace(submission, due_ms=int(given[DUE]))
        return await self._services.submission.submit(account, submission)

    async def rate_given(self, given: Mapping[str, str], request: Request) -> Response:
        """Rates what some arguments say."""
        try:
            arguments.check(given, arguments.RATE)
            account = await self.authenticate(given, request)
            if not (given.get("content") or given.get("hex-content")):
                given = {k: v for k, v in given.items() if k != "hex-content"}
                given["content"] = SAMPLE
            submission = arguments.read_submission(given, account, self._services.clock.now_ms())
            decision = await self._services.submission.decide(account, submission)
        except Refused as refused:
            return self._refuse(refused, request, given)
        parts = decision.accepted.parts
        rate = decision.accepted.credits / parts
        return _json(
            schemas.Rate(unit_rate=int(rate) if rate.is_integer() else rate, submit_sm_count=parts)
        )

    async def balance_given(self, given: Mapping[str, str], request: Request) -> Response:
        """The credits of who some arguments name."""
        try:
            arguments.check(given, arguments.BALANCE)
            account = await self.authenticate(given, request)
            balance = await self._services.accounts.balance(account)
        except Refused as refused:
            return self._refuse(refused, request, given)
        return _json(schemas.Balance(balance="ND" if balance.unlimited else balance.available))

    def refuse(self, request: Request, refusal: Refusal) -> Response:
        """Answers a request that cannot be read: its path, its method or its body."""
        refused = Refused(CODES_OF_KIND[refusal.kind])
        if request.path.startswith(f"{PREFIX}/"):
            self._services.metrics.refused[arguments.NAME, refused.code] += 1
            return rest.refuse(*errors.word(refused, ""))
        return self._refuse(refused, request, request.query)

    async def authenticate(self, given: Mapping[str, str], request: Request) -> Account:
        return await self._services.accounts.authenticate_password(
            arguments.text_of(given["username"]),
            arguments.text_of(given["password"]),
            request.client,
            CredentialKind.PASSWORD,
        )

    def _refuse(self, refused: Refused, request: Request, given: Mapping[str, str]) -> Response:
        self._services.metrics.refused[arguments.NAME, refused.code] += 1
        user = quoted(arguments.text_of(given.get("username", "")))
        text, status = errors.word(refused, user)
        if request.path.rstrip("/").removeprefix(PREFIX) in JSON_PATHS:
            return _json(text, status)
        return Response(status, f'Error "{text}"'.encode(), TEXT)


def _json(answer: Any, status: int = 200) -> Response:
    return Response(status, msgspec.json.encode(answer))


def _read_arguments(request: Request) -> dict[str, str]:
    """The arguments of the query and the body, their values octets as ISO 8859-1."""
    given: dict[str, str] = {}
    for name, value in request.query.pairs:
        given.setdefault(name, value)
    if not request.body:
        return given
    if parse_media_type(request.header(b"content-type")).name == "application/json":
        read = parse_json(request.body)
        return given | arguments.from_json(read if isinstance(read, dict) else {})
    for name, value in parse_form(request.body, octets=True).pairs:
        given.setdefault(name, value)
    return given
