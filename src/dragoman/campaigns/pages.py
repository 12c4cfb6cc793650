"""The pages behind the links in mails: a question with a button, and its result.

A GET changes nothing, since programs follow links to scan them; it does not even check the token.
POST performs the action, from the page's button or from a mail program (RFC 8058).
"""

from __future__ import annotations

import html
from typing import Final

from dragoman.core.campaigns.compose import CONFIRM, UNSUBSCRIBE
from dragoman.core.campaigns.mailings import Mailings
from dragoman.core.campaigns.model.mailings import EndedBy, TokenPurpose
from dragoman.core.campaigns.model.wording import Words, words_of
from dragoman.web.operations import Dialect, Handler, Operation
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import HTML, Header, Response

PREFIX: Final = "/mailings"
MAX_TOKEN: Final = 100
BODY_LIMIT_BYTES: Final = 4096
ONE_CLICK: Final = b"one-click"

_HEADERS: Final[tuple[Header, ...]] = (
    (
        b"content-security-policy",
        b"default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),  # the address contains the token
    (b"cache-control", b"no-store"),
    (b"x-robots-tag", b"noindex"),
)


def build_mailing_pages(mailings: Mailings) -> Dialect:
    """The pages `/mailings/unsubscribe/<token>` and `/mailings/confirm/<token>`."""
    pages = _Pages(mailings)
    return Dialect(
        name="mailings",
        title="Mailing lists",
        description="The pages behind the links in mails.",
        prefixes=(PREFIX,),
        operations=(
            _declare("GET", UNSUBSCRIBE, pages.ask_to_unsubscribe, "Asks whether to leave a list"),
            _declare("POST", UNSUBSCRIBE, pages.unsubscribe, "Leaves a list"),
            _declare("GET", CONFIRM, pages.ask_to_confirm, "Asks whether to join a list"),
            _declare("POST", CONFIRM, pages.confirm, "Joins a list"),
        ),
        refuse=_refuse,
    )


class _Pages:
    def __init__(self, mailings: Mailings) -> None:
        self._mailings = mailings

    async def ask_to_unsubscribe(self, request: Request) -> Response:
        words = _words(request)
        return _page(200, words, words.unsubscribe_question, words.unsubscribe)

    async def unsubscribe(self, request: Request) -> Response:
        how = EndedBy.ONE_CLICK if ONE_CLICK in request.body.lower() else EndedBy.LINK
        return await self._use(request, TokenPurpose.UNSUBSCRIBE, how, _words(request).unsubscribed)

    async def ask_to_confirm(self, request: Request) -> Response:
        words = _words(request)
        return _page(200, words, "", words.confirm)

    async def confirm(self, request: Request) -> Response:
        confirmed = _words(request).confirmed
        return await self._use(request, TokenPurpose.CONFIRM, EndedBy.LINK, confirmed)

    async def _use(
        self, request: Request, purpose: TokenPurpose, how: EndedBy, done: str
    ) -> Response:
        token = request.path_params["token"]
        words = _words(request)
        if len(token) > MAX_TOKEN or not await self._mailings.use_token(token, purpose, how):
            return _page(404, words, words.invalid)
        return _page(200, words, done)


def _declare(method: str, page: str, handler: Handler, summary: str) -> Operation:
    return Operation(
        methods=(method,),
        path=f"{PREFIX}/{page}/{{token}}",
        handler=handler,
        summary=summary,
        source="RFC 8058",
        body_limit_bytes=BODY_LIMIT_BYTES,
        answer_formats=("text",),
    )


def _words(request: Request) -> Words:
    return words_of(request.header(b"accept-language").decode("latin-1"))


def _page(status: int, words: Words, sentence: str, button: str = "") -> Response:
    paragraph = f"<p>{html.escape(sentence)}</p>" if sentence else ""
    form = (
        f'<form method="post"><button type="submit">{html.escape(button)}</button></form>'
        if button
        else ""
    )
    body = (
        f'<!DOCTYPE html>\n<html lang="{words.tag}">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(button or sentence)}</title></head>\n"
        f"<body><main>{paragraph}{form}</main></body>\n</html>\n"
    )
    return Response(status, body.encode(), HTML, headers=_HEADERS)


def _refuse(request: Request, refusal: Refusal) -> Response:
    return _page(refusal.status, _words(request), refusal.reason)
