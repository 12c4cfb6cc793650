"""The dialect as a table: `sendsms` by GET, and by POST in each of the ways smsbox takes."""

from __future__ import annotations

from typing import Final

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import CredentialKind
from dragoman.core.messages.model.callbacks import CallbackCall, EventFacts, OwnAnswer, TextFacts
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.kannel import errors
from dragoman.dialects.kannel.callbacks import render_callback
from dragoman.dialects.kannel.inbound import render_service, text_of_event
from dragoman.dialects.kannel.parameters import read_parameters
from dragoman.dialects.kannel.replies import AS_WEBHOOK, Replies
from dragoman.dialects.kannel.schemas import SendParameters
from dragoman.dialects.kannel.status import StatusPage
from dragoman.dialects.kannel.submissions import NAME, read_submission, text_of
from dragoman.dialects.wording import CODES_OF_KIND
from dragoman.kit.ids import render_hex
from dragoman.web.operations import Dialect, Operation
from dragoman.web.refusals import Refusal, RefusalKind
from dragoman.web.requests import Request
from dragoman.web.responses import Response

PATH: Final = "/cgi-bin/sendsms"
IDENTIFIER: Final = b"x-dragoman-id"


def build_kannel(services: Services) -> ProviderDialect:
    calls = _Calls(services)
    pages = tuple(StatusPage(services).operations())
    found = {one.name: one for one in services.settings.dialects.kannel.services}

    def render_text(url: str, facts: TextFacts) -> CallbackCall | OwnAnswer:
        return render_service(url, facts, found.get(facts.service, AS_WEBHOOK))

    def render_event(url: str, facts: EventFacts) -> CallbackCall | OwnAnswer:
        return render_service(url, text_of_event(facts), AS_WEBHOOK)

    return ProviderDialect(
        name=NAME,
        web=Dialect(
            name=NAME,
            title="Kannel sendsms",
            description=(
                "Send a message as with Kannel's smsbox. The answer is one line of text; what "
                "becomes of the message is told to the `dlr-url` that it names."
            ),
            prefixes=(PATH, *(page.path for page in pages)),
            operations=(
                Operation(
                    methods=("GET", "POST"),
                    path=PATH,
                    handler=calls.send,
                    summary="Send a message",
                    source="Kannel user guide, Sendsms CGI parameters",
                    query=SendParameters,
                    body=SendParameters,
                    body_formats=("form", "xml"),
                    body_limit_bytes=64 * 1024,
                    answers=dict.fromkeys((202, 400, 403, 503)),
                    answer_formats=("html",),
                    is_prompt=True,
                ),
                *pages,
            ),
            refuse=calls.refuse,
            octets=True,
        ),
        render_callback=render_callback,
        render_text=render_text,
        render_event=render_event,
        take_answer=Replies(services, found).take,
    )


ENDS: Final = "19"
"""The `dlr-mask` of reports to the account's URL, where a request has none: delivered, failed, or
refused."""


class _Calls:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def send(self, request: Request) -> Response:
        services = self._services
        try:
            given = read_parameters(request)
            account = await services.accounts.authenticate_password(
                text_of(given.get("username", "")),
                text_of(given.get("password", "")),
                request.client,
                CredentialKind.PASSWORD,
            )
            url = services.webhooks.report_url(account.account_id, NAME)
            if url and not given.get("dlr-url", "").strip():
                given = {"dlr-mask": ENDS, **given, "dlr-url": url.encode().decode("latin-1")}
            submission = read_submission(given, account, services.clock.now_ms())
            accepted = await services.submission.submit(account, submission)
        except Refused as refused:
            return self._refuse(refused)
        return errors.respond(errors.ACCEPTED, (IDENTIFIER, render_hex(accepted.batch_id).encode()))

    def refuse(self, request: Request, refusal: Refusal) -> Response:
        """Answers a request that cannot be read: its path, its method or its body."""
        if refusal.kind is RefusalKind.UNSUPPORTED_TYPE:
            return self._refuse(Refused(RefusalCode.NOT_SUPPORTED))
        return self._refuse(Refused(CODES_OF_KIND[refusal.kind]))

    def _refuse(self, refused: Refused) -> Response:
        self._services.metrics.refused[NAME, refused.code] += 1
        return errors.respond(errors.answer_to(refused))
