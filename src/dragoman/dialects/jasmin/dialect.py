"""The dialect as a table: `/send`, `/rate`, `/balance` and `/ping`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account, CredentialKind
from dragoman.core.model.errors import Refused
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.jasmin import arguments, errors, schemas
from dragoman.dialects.jasmin.callbacks import message_uuid, render_callback
from dragoman.dialects.wording import CODES_OF_KIND, quoted
from dragoman.web.bodies import parse_json
from dragoman.web.charsets import parse_media_type
from dragoman.web.forms import parse_form
from dragoman.web.operations import Dialect, Operation
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import Response

PREFIXES: Final = ("/send", "/rate", "/balance", "/ping")
JSON_PATHS: Final = frozenset({"/rate", "/balance"})
TEXT: Final = b"text/plain"
SAMPLE: Final = "x"
"""What a message without content is rated as."""


def build_jasmin(services: Services) -> ProviderDialect:
    calls = _Calls(services)
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
                    answers={200: None},
                    answer_formats=("text",),
                ),
                Operation(
                    methods=("GET",),
                    path="/rate",
                    handler=calls.rate,
                    summary="Get the price of a message",
                    source="HTTP API, Checking rate price",
                    query=schemas.Message,
                    answers={200: schemas.Rate},
                ),
                Operation(
                    methods=("GET",),
                    path="/balance",
                    handler=calls.balance,
                    summary="Get the credit balance",
                    source="HTTP API, Checking account balance",
                    query=schemas.Login,
                    answers={200: schemas.Balance},
                ),
                Operation(
                    methods=("GET",),
                    path="/ping",
                    handler=_ping,
                    summary="Check whether it runs",
                    answers={200: None},
                    answer_formats=("text",),
                ),
            ),
            refuse=calls.refuse,
            octets=True,
        ),
        render_callback=render_callback,
    )


async def _ping(_request: Request) -> Response:
    return Response(200, b"Jasmin/PONG", TEXT)


ALL_LEVELS: Final = "3"
"""The `dlr-level` of reports to the account's URL, where a request has none."""


class _Calls:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def send(self, request: Request) -> Response:
        given = _read_arguments(request)
        try:
            arguments.check(given, arguments.SEND)
            if "content" not in given and "hex-content" not in given:
                raise errors.Invalid("content or hex-content not present.")
            account = await self._authenticate(given, request)
            url = self._services.webhooks.report_url(account.account_id, arguments.NAME)
            if url and not given.get("dlr-url"):
                octets = url.encode().decode("latin-1")
                given = {"dlr-level": ALL_LEVELS, **given, "dlr-url": octets}
            submission = arguments.read_submission(given, account, self._services.clock.now_ms())
            accepted = await self._services.submission.submit(account, submission)
        except Refused as refused:
            return self._refuse(refused, request, given)
        return Response(200, f'Success "{message_uuid(accepted.batch_id)}"'.encode(), TEXT)

    async def rate(self, request: Request) -> Response:
        given = _read_arguments(request)
        try:
            arguments.check(given, arguments.RATE)
            account = await self._authenticate(given, request)
            if not (given.get("content") or given.get("hex-content")):
                given = {**given, "content": SAMPLE}
                given.pop("hex-content", None)
            submission = arguments.read_submission(given, account, self._services.clock.now_ms())
            decision = await self._services.submission.decide(account, submission)
        except Refused as refused:
            return self._refuse(refused, request, given)
        parts = decision.accepted.parts
        rate = decision.accepted.credits / parts
        return _json(
            schemas.Rate(unit_rate=int(rate) if rate.is_integer() else rate, submit_sm_count=parts)
        )

    async def balance(self, request: Request) -> Response:
        given = _read_arguments(request)
        try:
            arguments.check(given, arguments.BALANCE)
            account = await self._authenticate(given, request)
            balance = await self._services.accounts.balance(account)
        except Refused as refused:
            return self._refuse(refused, request, given)
        return _json(schemas.Balance(balance="ND" if balance.unlimited else balance.available))

    def refuse(self, request: Request, refusal: Refusal) -> Response:
        """Answers a request that cannot be read: its path, its method or its body."""
        return self._refuse(Refused(CODES_OF_KIND[refusal.kind]), request, request.query)

    async def _authenticate(self, given: Mapping[str, str], request: Request) -> Account:
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
        if request.path.rstrip("/") in JSON_PATHS:
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
        return given | _read_json(request.body)
    for name, value in parse_form(request.body, octets=True).pairs:
        given.setdefault(name, value)
    return given


def _read_json(body: bytes) -> dict[str, str]:
    """The arguments of a JSON object, whose content is text already, whatever its coding."""
    read = parse_json(body)
    given: dict[str, str] = {}
    for name, value in read.items() if isinstance(read, dict) else ():
        if value is None:
            continue
        text = "" if isinstance(value, dict | list) else str(value)
        given[str(name)] = text.encode(errors="replace").decode("latin-1")
        if name == "content":
            codec = arguments.codec_of(read.get("coding", 0))
            given[name] = text.encode(codec, "replace").decode("latin-1")
    return given
