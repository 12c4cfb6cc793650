"""The dialect as a table: `send_sms.php` and `dlr.php`, each by GET and POST."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from dragoman.container import Services
from dragoman.core.messages.model.callbacks import CallbackCall, CallbackFacts
from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.httpsms import errors, mapping
from dragoman.dialects.httpsms.schemas import (
    ReportAnswer,
    ReportParameters,
    SendAnswer,
    SendParameters,
)
from dragoman.web.bodies import decode_body
from dragoman.web.operations import BodyFormat, Dialect, Operation
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import TEXT, Response

NAME: Final = "httpsms"
PREFIX: Final = "/api/sms"
SEND_PATH: Final = f"{PREFIX}/send_sms.php"
REPORT_PATH: Final = f"{PREFIX}/dlr.php"
REQUIRED_TO_SEND: Final = ("key", "mobile", "sender", "msgtext", "ref")
REQUIRED_TO_ASK: Final = ("key", "full_number", "ref")
BODY_LIMIT_BYTES: Final = 64 * 1024
METHODS: Final = ("GET", "POST")
BODY_FORMATS: Final[tuple[BodyFormat, ...]] = ("form", "multipart", "json")

_OK: Final = 200
_ACCEPTED_JSON: Final = Response(_OK, msgspec.json.encode(SendAnswer(status=True, error=0)))
_ACCEPTED: Final = Response(_OK, b"200", TEXT)
_NOT_FOUND: Final = Response(_OK, mapping.NOT_FOUND)


def build_httpsms(services: Services) -> ProviderDialect:
    """Builds the dialect over the house's services."""
    calls = _Calls(services)
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
                Operation(
                    methods=METHODS,
                    path=SEND_PATH,
                    handler=calls.send,
                    summary="Send a message",
                    source="Single SMS HTTP API",
                    query=SendParameters,
                    body=SendParameters,
                    body_formats=BODY_FORMATS,
                    body_limit_bytes=BODY_LIMIT_BYTES,
                    answers={_OK: SendAnswer},
                    answer_formats=("json", "text"),
                ),
                Operation(
                    methods=METHODS,
                    path=REPORT_PATH,
                    handler=calls.report,
                    summary="Ask for a delivery report",
                    source="Delivery Report",
                    query=ReportParameters,
                    body=ReportParameters,
                    body_formats=BODY_FORMATS,
                    body_limit_bytes=BODY_LIMIT_BYTES,
                    answers={_OK: ReportAnswer},
                ),
            ),
            refuse=calls.refuse,
            fallback_charset="windows-1252",
        ),
        render_callback=_render_callback,
    )


class _Calls:
    """The handlers."""

    def __init__(self, services: Services) -> None:
        self._accounts = services.accounts
        self._submission = services.submission
        self._queries = services.queries
        self._metrics = services.metrics

    async def send(self, request: Request) -> Response:
        """Answers `send_sms.php`."""
        given = _read_parameters(request)
        as_json = _wants_json(given)
        for name in REQUIRED_TO_SEND:
            if not given.get(name):
                return self._refuse_missing(name, as_json)
        try:
            account = await self._accounts.authenticate_key(given["key"], request.client)
            await self._submission.submit(
                account,
                Submission(
                    dialect=NAME,
                    recipients=(given["mobile"],),
                    text=given["msgtext"],
                    sender=given["sender"],
                    reference=given["ref"],
                    protocol="HTTP",
                ),
            )
        except Refused as refused:
            return self._refuse(refused.code, as_json)
        return _ACCEPTED_JSON if as_json else _ACCEPTED

    async def report(self, request: Request) -> Response:
        """Answers `dlr.php`."""
        given = _read_parameters(request)
        for name in REQUIRED_TO_ASK:
            if not given.get(name):
                return self._refuse_missing(name, as_json=True)
        try:
            account = await self._accounts.authenticate_key(given["key"], request.client)
        except Refused as refused:
            return self._refuse(refused.code, as_json=True)
        try:
            number = normalise(given["full_number"])
        except Refused:
            return _NOT_FOUND
        reference = given["ref"]
        if "\0" in reference:  # no database keeps it, PostgreSQL does not even look for it
            return _NOT_FOUND
        found = await self._queries.message_by_reference(account, NAME, reference, number)
        return _NOT_FOUND if found is None else Response(_OK, mapping.render_report(found))

    def refuse(self, request: Request, refusal: Refusal) -> Response:
        """Words what the kit refuses: a path, a method or a body that cannot be read."""
        as_json = request.path.rstrip("/") == REPORT_PATH or _wants_json(request.query.lowered())
        return self._refuse(errors.CODES_OF_KIND[refusal.kind], as_json)

    def _refuse(self, code: RefusalCode, as_json: bool) -> Response:
        self._metrics.refused[NAME, code] += 1
        return _render_refusal(errors.ANSWERS[code], as_json)

    def _refuse_missing(self, parameter: str, as_json: bool) -> Response:
        self._metrics.refused[NAME, RefusalCode.MISSING_FIELD] += 1
        return _render_refusal(errors.missing(parameter), as_json)


def _read_parameters(request: Request) -> Mapping[str, str]:
    """The parameters under lower-case names; those of the body count more, as in PHP."""
    given = request.query.lowered()
    if request.body:
        body = decode_body(request, dict[str, str | int | None])
        given.update(
            (name.lower(), "" if value is None else str(value)) for name, value in body.items()
        )
    return given


def _wants_json(given: Mapping[str, str]) -> bool:
    return given.get("response", "").lower() == "json"


def _render_refusal(answer: errors.Answer, as_json: bool) -> Response:
    if as_json:
        return Response(_OK, msgspec.json.encode(SendAnswer(status=False, error=answer.text)))
    return Response(_OK, b"%d" % answer.number, TEXT)


def _render_callback(_url: str, _facts: CallbackFacts) -> CallbackCall:
    raise NotImplementedError("the httpsms API has no callbacks: its customers ask dlr.php")
