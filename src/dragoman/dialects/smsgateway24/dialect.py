"""The dialect as a table: the calls under `/getdata/`, each by GET and POST."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import msgspec

from dragoman.container import Services
from dragoman.core.model.errors import Refused
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.smsgateway24 import schemas
from dragoman.dialects.smsgateway24.asking import Asking
from dragoman.dialects.smsgateway24.auth import log_in
from dragoman.dialects.smsgateway24.contacts import Book
from dragoman.dialects.smsgateway24.errors import problem_of, problem_of_refusal
from dragoman.dialects.smsgateway24.mapping import NAME
from dragoman.dialects.smsgateway24.parameters import Given, read_parameters
from dragoman.dialects.smsgateway24.sending import Sending
from dragoman.dialects.smsgateway24.webhooks import render_delivery, render_incoming
from dragoman.dialects.wording import CODES_OF_KIND
from dragoman.web.operations import Dialect, Handler, Operation
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import Response

PREFIX: Final = "/getdata"
BODY_LIMIT_BYTES: Final = 256 * 1024
MANY_LIMIT_BYTES: Final = 8 * 1024 * 1024

_OK: Final = 200

Act = Callable[[Request, Given], Awaitable[msgspec.Struct]]
"""Performs a call and returns its answer; raises `Refused`."""


def build_smsgateway24(services: Services) -> ProviderDialect:
    services.webhooks.prefer_of_devices(NAME)
    calls = _Calls(services)
    return ProviderDialect(
        name=NAME,
        web=Dialect(
            name=NAME,
            title="SMSGateway24",
            description=(
                "Send over your own phones, and read what they received. Parameters go into the"
                " query, a form or a JSON object, by GET or POST, their names in any case. The"
                " HTTP status is always 200; `error` in the answer is 0 or 1."
            ),
            prefixes=(PREFIX,),
            operations=calls.operations(),
            refuse=calls.refuse,
            fallback_charset="windows-1252",
        ),
        render_callback=partial(render_delivery, services),
        render_event=partial(render_incoming, services),
    )


class _Calls:
    def __init__(self, services: Services) -> None:
        self._services = services

    # fmt: off
    def operations(self) -> tuple[Operation, ...]:
        """The whole API as a table: each call, who answers it, what it takes and answers."""
        declare, services = self._declare, self._services
        sending, asking, book = Sending(services), Asking(services), Book(services)
        return (
            declare("gettoken", self._issue_token, "Get a token",
                    schemas.LoginParameters, schemas.NewToken),
            declare("addsms", sending.add, "Send a text", schemas.SmsParameters, schemas.SavedSms),
            declare("smstosend", sending.add_with_login, "Send a text without a token",
                    schemas.SmsWithLoginParameters, schemas.SavedSms),
            declare("addalotofsms", sending.add_many, "Send many texts",
                    schemas.ManySmsParameters, schemas.SavedMany, MANY_LIMIT_BYTES),
            declare("getallsms", asking.search, "List texts, sent and received",
                    schemas.SearchParameters, schemas.SmsList),
            declare("savetag", book.add_tag, "Create a tag",
                    schemas.TagParameters, schemas.SavedTag),
            declare("savecontact", book.add_contact, "Create a contact with a tag",
                    schemas.ContactParameters, schemas.SavedContact),
            declare("savepaket", sending.add_newsletter, "Send a newsletter to tags",
                    schemas.NewsletterParameters, schemas.SavedNewsletter),
            declare("getalldevices", asking.devices, "List phones",
                    schemas.TokenParameters, schemas.DeviceList),
            declare("getsmsstatus", asking.status, "Get a text's state",
                    schemas.StatusParameters, schemas.SmsStatus),
            declare("getdevicestatus", asking.device, "Get a phone's status",
                    schemas.DeviceParameters, schemas.DeviceStatus),
        )
    # fmt: on

    def refuse(self, request: Request, refusal: Refusal) -> Response:
        """Answers a request that cannot be read: its path, its method or its body."""
        self._services.metrics.refused[NAME, CODES_OF_KIND[refusal.kind]] += 1
        return Response(_OK, msgspec.json.encode(problem_of_refusal(refusal)))

    async def _issue_token(self, request: Request, given: Given) -> schemas.NewToken:
        account = await log_in(self._services, given, request.client)
        return schemas.NewToken(token=await self._services.login_tokens.issue(account))

    def _handler(self, act: Act) -> Handler:
        refusals = self._services.metrics.refused

        async def handle(request: Request) -> Response:
            answer: msgspec.Struct
            try:
                answer = await act(request, read_parameters(request))
            except Refused as refused:
                refusals[NAME, refused.code] += 1
                answer = problem_of(refused)
            return Response(_OK, msgspec.json.encode(answer))

        return handle

    def _declare(
        self,
        name: str,
        act: Act,
        summary: str,
        takes: type[msgspec.Struct],
        answers: type[msgspec.Struct],
        body_limit_bytes: int = BODY_LIMIT_BYTES,
    ) -> Operation:
        return Operation(
            methods=("GET", "POST"),
            path=f"{PREFIX}/{name}",
            handler=self._handler(act),
            summary=summary,
            source=name,
            query=takes,
            body=takes,
            body_formats=("form", "multipart", "json"),
            body_limit_bytes=body_limit_bytes,
            answers={_OK: answers},
            variants={_OK: (schemas.Problem,)},
        )
