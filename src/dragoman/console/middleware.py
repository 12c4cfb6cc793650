"""The way to every page: who comes, may they, was the form sent from here; and every way of no.

Nothing a view raises reaches a reader but as a page of ours.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

import msgspec

from dragoman.console.assets import PACKAGE, Assets
from dragoman.console.context import ConsoleContext
from dragoman.console.cookies import read_cookie, set_cookie
from dragoman.console.forms import (
    TOKEN_FIELD,
    EditConflict,
    Forged,
    check_token,
    is_from_here,
)
from dragoman.console.labels import say_refusal
from dragoman.console.page import PREFIX, Page, View
from dragoman.console.page_request import PageRequest
from dragoman.console.rendering import Renderer
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.model.errors import RefusalCode, Refused, TookTooLong
from dragoman.web.charsets import parse_media_type
from dragoman.web.forms import parse_form
from dragoman.web.operations import Handler
from dragoman.web.refusals import MalformedBody, Refusal, RefusalKind
from dragoman.web.refusals import Refused as RefusedByKit
from dragoman.web.requests import Parameters, Request
from dragoman.web.responses import Response

MAX_FIELDS: Final = 1_000
MAX_KEPT: Final = 100_000
"""Characters of a form that outlives its session."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """An error page: what happened, and what its reader can do."""

    status: int
    title: str
    words: str
    remedy: str = ""


NOT_FOUND: Final = Fault(
    status=404,
    title="Not found",
    words="There is nothing here, or it is not yours to see.",
    remedy="Check the address, or begin at the overview.",
)
NOT_PERMITTED: Final = Fault(
    status=403,
    title="Not permitted",
    words="Your account is not permitted to use this page.",
    remedy="Ask whoever looks after your account.",
)
FORGED: Final = Fault(
    status=403,
    title="Form refused",
    words="This form was not sent by a page of this console, or it is from another session.",
    remedy="Nothing was changed. Open the page again and send the form from there. Where it comes"
    " back: cookies are blocked; or a proxy between us changes the Host header; or you use http,"
    " which the console takes from its own machine only.",
)
CONFLICT: Final = Fault(
    status=409,
    title="Changed by somebody else",
    words="Somebody changed this after you opened the form, so yours was not saved.",
    remedy="Go back to see what you entered, or open the page anew to see what is stored.",
)
TOO_SLOW: Final = Fault(
    status=503,
    title="Took too long",
    words="The question took too long to answer and was given up.",
    remedy="Narrow it: a shorter time, a number, fewer words.",
)
_BY_CODE: Final[Mapping[RefusalCode, Fault]] = MappingProxyType(
    {
        RefusalCode.NOT_FOUND: NOT_FOUND,
        RefusalCode.PERMISSION_DENIED: NOT_PERMITTED,
        RefusalCode.UNAVAILABLE: Fault(
            status=503,
            title="Not now",
            words="The gateway cannot reach its database at the moment.",
            remedy="Nothing was changed. Try again in a minute.",
        ),
    }
)
_BY_KIND: Final[Mapping[RefusalKind, tuple[str, str]]] = MappingProxyType(
    {
        RefusalKind.UNKNOWN_PATH: (NOT_FOUND.title, NOT_FOUND.words),
        RefusalKind.WRONG_METHOD: ("Not this way", "This page does not take what was sent."),
        RefusalKind.TOO_LARGE: ("Too large", "What was sent is larger than this page takes."),
        RefusalKind.TOO_SLOW: ("Too slow", "The rest of what you sent did not arrive in time."),
        RefusalKind.INTERNAL: ("Something broke", "This is our fault and has been written down."),
    }
)


class ConsoleMiddleware:
    """Lets visits through to views."""

    def __init__(
        self,
        context: ConsoleContext,
        assets: Assets,
        pages: tuple[Page, ...],
        packages: tuple[str, ...] = (PACKAGE,),
    ) -> None:
        self.context = context
        self.renderer = Renderer(assets, packages)
        self._menu = tuple(page for page in pages if page.menu)

    def menu_for(self, account: Account | None) -> tuple[Page, ...]:
        """The pages in somebody's navigation."""
        if account is None:
            return ()
        return tuple(page for page in self._menu if page.is_open_to(account))

    def showing(self, page: Page, view: View) -> Handler:
        """A handler that lets GET requests through to a view."""

        async def show(request: Request) -> Response:
            return await self._answer(page, view, request, Parameters())

        return show

    def acting(self, page: Page, view: View) -> Handler:
        """A handler that lets forms through to a view."""

        async def act(request: Request) -> Response:
            try:
                form = _read_form(request)
            except MalformedBody as malformed:
                return self.refuse(request, malformed.refusal)
            return await self._answer(page, view, request, form)

        return act

    async def _answer(self, page: Page, view: View, request: Request, form: Parameters) -> Response:
        page_request = self._page_request(page, request, form, secret="", account=None)
        try:
            if request.method == "POST" and not is_from_here(request):
                raise Forged
            admitted = await self._admit(page, request, form)
            if admitted is None:
                return self._ask_to_sign_in(page, request, form)
            page_request = admitted
            if not page.public and not page.is_open_to(page_request.account):
                raise Refused(RefusalCode.PERMISSION_DENIED, page.path)
            if request.method == "POST":
                check_token(form, page_request.secret)
            return await view(page_request)
        except Refused as refused:
            fault = _fault_of(refused)
        except Forged:
            fault = FORGED
        except EditConflict:
            fault = CONFLICT
        return self._show_fault(page_request, fault)

    async def _admit(self, page: Page, request: Request, form: Parameters) -> PageRequest | None:
        """The request, None where its reader must sign in first; raises `Refused`."""
        if page.public:
            secret = read_cookie(request, "form")
            fresh = not secret
            secret = secret or secrets.token_urlsafe(24)
            page_request = self._page_request(page, request, form, secret=secret, account=None)
            if fresh:
                page_request.cookies.append(set_cookie(request, "form", secret))
            return page_request
        account = await self.find_account(request, counts=not page.by_itself)
        if account is None:
            return None
        secret = read_cookie(request, "session")
        return self._page_request(page, request, form, secret=secret, account=account)

    async def find_account(self, request: Request, *, counts: bool = True) -> Account | None:
        """Who is signed in; nobody where the session has ended or its account is shut out."""
        token = read_cookie(request, "session")
        account_id = (
            await self.context.services.console_sessions.find(token, counts=counts)
            if token
            else None
        )
        if account_id is None:
            return None
        try:
            return await self.context.services.accounts.admit(account_id, request.client)
        except Refused as refused:
            if refused.code is RefusalCode.UNAVAILABLE:
                raise
            return None

    def _ask_to_sign_in(self, page: Page, request: Request, form: Parameters) -> Response:
        """The sign-in page; what was in a form whose session has ended waits behind it."""
        secret = read_cookie(request, "form") or secrets.token_urlsafe(24)
        entrance = Page(path="/sign-in", title="Sign in", public=True)
        page_request = self._page_request(entrance, request, form, secret=secret, account=None)
        page_request.cookies.append(set_cookie(request, "form", secret))
        kept = ""
        if request.method == "POST":
            kept = msgspec.json.encode([pair for pair in form.pairs if _is_kept(pair[0])]).decode()
        return page_request.show(
            "sign-in.html",
            401,
            username="",
            target=_target_of(request),
            kept=kept if len(kept) <= MAX_KEPT else "",
            stale=bool(kept) or bool(read_cookie(request, "session")),
        )

    def _page_request(
        self,
        page: Page,
        request: Request,
        form: Parameters,
        *,
        secret: str,
        account: Account | None,
    ) -> PageRequest:
        return PageRequest(self, page, request, form=form, secret=secret, account=account)

    def _show_fault(self, page_request: PageRequest, fault: Fault) -> Response:
        return page_request.show("fault.html", fault.status, fault=fault)

    def refuse(self, request: Request, refusal: Refusal) -> Response:
        """What the kit turns down, as a page."""
        title, words = _BY_KIND.get(refusal.kind, ("Not readable", "This request cannot be read."))
        reference = f"Its reference is {refusal.reference}." if refusal.reference else ""
        fault = Fault(status=refusal.status, title=title, words=words, remedy=reference)
        nowhere = Page(path="", title=title, public=True)
        page_request = self._page_request(nowhere, request, Parameters(), secret="", account=None)
        return page_request.show("fault.html", fault.status, fault=fault)


def _is_kept(field: str) -> bool:
    """Whether a field may wait in a page until its sender has signed in again."""
    return field != TOKEN_FIELD and "password" not in field


def _target_of(request: Request) -> str:
    """The path below `/console`, and the query, that a request was for."""
    query = urlencode(request.query.pairs)
    return request.path.removeprefix(PREFIX) + (f"?{query}" if query else "")


def _fault_of(refused: Refused) -> Fault:
    if isinstance(refused, TookTooLong):
        return TOO_SLOW
    usual = Fault(status=400, title="Not possible", words=say_refusal(refused))
    return _BY_CODE.get(refused.code, usual)


def _read_form(request: Request) -> Parameters:
    """The fields of a form; raises `MalformedBody`."""
    media = parse_media_type(request.header(b"content-type"))
    if request.body and media.name != "application/x-www-form-urlencoded":
        raise MalformedBody("not a form", kind=RefusalKind.UNSUPPORTED_TYPE)
    try:
        return parse_form(request.body, max_fields=MAX_FIELDS)
    except RefusedByKit as refused:
        raise MalformedBody(refused.refusal.reason, kind=refused.refusal.kind) from None
