"""The dialect as a table: `send_sms.php` and `dlr.php`, each by GET and POST."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Final

import msgspec
from msgspec.structs import fields

from dragoman.container import Services
from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.httpsms import errors, mapping, schemas
from dragoman.dialects.httpsms.callbacks import render_callback, request_reports
from dragoman.dialects.wording import CODES_OF_KIND
from dragoman.web.bodies import decode_body
from dragoman.web.operations import Dialect, Operation
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import TEXT, Response

NAME: Final = "httpsms"
PREFIX: Final = "/api/sms"
REPORT_PATH: Final = f"{PREFIX}/dlr.php"

_OK: Final = 200
_ACCEPTED: Final = Response(_OK, b"200", TEXT)
_ACCEPTED_JSON: Final = Response(_OK, msgspec.json.encode(schemas.SendAnswer(status=True, error=0)))
_NOT_FOUND: Final = Response(_OK, mapping.NOT_FOUND)


def build_httpsms(services: Services) -> ProviderDialect:
    calls = _Calls(services)
    declare = partial(
        Operation,
        methods=("GET", "POST"),
        body_formats=("form", "multipart", "json"),
        body_limit_bytes=64 * 1024,
    )
    return ProviderDialect(
        name=NAME,
        web=Dialect(
            name=NAME,
            title="Single SMS HTTP API",
            description=(
                "Send one message with an HTTP GET or POST and ask for its delivery report. "
                "Parameters go into the query, a form or a JSON object, their names in any case. "
                "The HTTP status is always 200; the answer is a number, or JSON if asked for."
            ),
            prefixes=(PREFIX,),
            operations=(
                declare(
                    path=f"{PREFIX}/send_sms.php",
                    handler=calls.send,
                    summary="Send a message",
                    source="Single SMS HTTP API",
                    query=schemas.SendParameters,
                    body=schemas.SendParameters,
                    answers={_OK: schemas.SendAnswer},
                    answer_formats=("json", "text"),
                    is_prompt=True,
                ),
                declare(
                    path=REPORT_PATH,
                    handler=calls.report,
                    summary="Fetch a delivery report",
                    source="Delivery Report",
                    query=schemas.ReportParameters,
                    body=schemas.ReportParameters,
                    answers={_OK: schemas.ReportAnswer},
                ),
            ),
            refuse=calls.refuse,
            fallback_charset="windows-1252",
        ),
        render_callback=render_callback,
    )


class _Calls:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def send(self, request: Request) -> Response:
        given = _read_parameters(request)
        as_json = _wants_json(given)
        try:
            _check_complete(given, schemas.SendParameters)
            account = await self._services.accounts.authenticate_key(
                given["key"], request.client, call=request
            )
            number = normalise(given["mobile"])
            submission = Submission(
                dialect=NAME,
                recipients=(f"+{number}",),
                text=given["msgtext"],
                sender=given["sender"],
                reference=given["ref"],
                callback=request_reports(
                    self._services.webhooks.report_url(account.account_id, NAME), given["ref"]
                ),
                protocol="HTTP",
            )
            key = f"{number}:{given['ref']}"
            await self._services.idempotency_keys.submit(account, submission, key)
        except Refused as refused:
            if refused.code is not RefusalCode.ALREADY_EXISTS:
                return self._refuse(refused, as_json)
            # A program that repeats a call did not get the answer to the first: this is it.
        return _ACCEPTED_JSON if as_json else _ACCEPTED

    async def report(self, request: Request) -> Response:
        given = _read_parameters(request)
        try:
            _check_complete(given, schemas.ReportParameters)
            account = await self._services.accounts.authenticate_key(
                given["key"], request.client, call=request
            )
        except Refused as refused:
            return self._refuse(refused, as_json=True)
        try:
            number = normalise(given["full_number"])
        except Refused:
            return _NOT_FOUND
        reference = given["ref"]
        if "\0" in reference:  # no database keeps it, PostgreSQL does not even look for it
            return _NOT_FOUND
        find = self._services.queries.message_by_reference
        found = await find(account, NAME, reference, number)
        return _NOT_FOUND if found is None else Response(_OK, mapping.render_report(found))

    def refuse(self, request: Request, refusal: Refusal) -> Response:
        """Answers a request that cannot be read: its path, its method or its body."""
        as_json = request.path.rstrip("/") == REPORT_PATH or _wants_json(request.query.lowered())
        return self._refuse(Refused(CODES_OF_KIND[refusal.kind]), as_json)

    def _refuse(self, refused: Refused, as_json: bool) -> Response:
        self._services.metrics.refused[NAME, refused.code] += 1
        answer = errors.answer_to(refused)
        status = answer.number if answer is errors.UNAVAILABLE else _OK
        if not as_json:
            return Response(status, b"%d" % answer.number, TEXT)
        body = schemas.SendAnswer(status=False, error=answer.text)
        return Response(status, msgspec.json.encode(body))


def _read_parameters(request: Request) -> Mapping[str, str]:
    """The parameters under lower-case names; those of the body count more, as in PHP."""
    given = request.query.lowered()
    if request.body:
        body = decode_body(request, dict[str, str | int | None])
        given.update(
            (name.lower(), "" if value is None else str(value)) for name, value in body.items()
        )
    return given


def _check_complete(given: Mapping[str, str], parameters: type[msgspec.Struct]) -> None:
    """Raises `Refused` for the first required parameter that is not given."""
    for name in _required(parameters):
        if not given.get(name):
            raise errors.MissingParameter(name)


@cache
def _required(parameters: type[msgspec.Struct]) -> tuple[str, ...]:
    """Asked for once: msgspec evaluates all annotations every time."""
    return tuple(field.name for field in fields(parameters) if field.required)


def _wants_json(given: Mapping[str, str]) -> bool:
    return given.get("response", "").lower() == "json"
