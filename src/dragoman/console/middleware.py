"""Runs before every view: session, permissions, CSRF check; and turns errors into pages.

Whatever a view raises, the reader gets a page of the console.
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
from dragoman.console.cookies import is_plain, read_cookie, set_cookie
from dragoman.console.forms import TOKEN_FIELD, EditConflict, Forged, check_token, is_same_origin
from dragoman.console.frame import Frame
from dragoman.console.labels import describe_refusal
from dragoman.console.page import Page, View
from dragoman.console.page_request import PageRequest
from dragoman.console.place import PREFIX, Place
from dragoman.console.rendering import Renderer
from dragoman.console.translation import gettext, lazy, speak
from dragoman.core.accounts.model.people import Principal
from dragoman.core.model.errors import RefusalCode, Refused, TookTooLong
from dragoman.kit.elsewhere import AT_HOME
from dragoman.web.charsets import parse_media_type
from dragoman.web.forms import Form, parse_form, parse_multipart
from dragoman.web.operations import Handler
from dragoman.web.refusals import MalformedBody, Refusal, RefusalKind
from dragoman.web.refusals import Refused as RefusedByKit
from dragoman.web.requests import Parameters, Request
from dragoman.web.responses import Response

MAX_FIELDS: Final = 1_000
MAX_KEPT: Final = 100_000
"""Characters of a form that outlives its session."""


class ErrorPage(msgspec.Struct, frozen=True, kw_only=True):
    """An error page: what happened, and what the reader can do about it."""

    status: int
    title: str
    message: str
    remedy: str = ""


NOT_FOUND: Final = ErrorPage(
    status=404,
    title=lazy("Not found"),
    message=lazy("This page does not exist, or you do not have access to it."),
    remedy=lazy("Check the address, or start from the overview."),
)
NOT_PERMITTED: Final = ErrorPage(
    status=403,
    title=lazy("Access denied"),
    message=lazy("Your account does not have permission to use this page."),
    remedy=lazy("Ask the administrator of your account."),
)
FORGED: Final = ErrorPage(
    status=403,
    title=lazy("Form rejected"),
    message=lazy("This form did not come from this console, or it belongs to another session."),
    remedy=lazy(
        "Nothing was changed. Reload the page and submit the form again. If it happens again:"
        " the browser blocks cookies, a reverse proxy changes the Host header, or you are using"
        " plain http from another machine, which the console does not accept."
    ),
)
CONFLICT: Final = ErrorPage(
    status=409,
    title=lazy("Edit conflict"),
    message=lazy(
        "Someone else changed this after you opened the form, so your changes were not saved."
    ),
    remedy=lazy("Go back to see what you entered, or reload the page to see the current values."),
)
TOO_SLOW: Final = ErrorPage(
    status=503,
    title=lazy("Query timed out"),
    message=lazy("The query took too long and was stopped."),
    remedy=lazy("Narrow it down: a shorter period, a number or fewer words."),
)
_BY_CODE: Final[Mapping[RefusalCode, ErrorPage]] = MappingProxyType(
    {
        RefusalCode.NOT_FOUND: NOT_FOUND,
        RefusalCode.PERMISSION_DENIED: NOT_PERMITTED,
        RefusalCode.UNAVAILABLE: ErrorPage(
            status=503,
            title=lazy("Temporarily unavailable"),
            message=lazy("The gateway cannot reach its database right now."),
            remedy=lazy("Nothing was changed. Try again in a minute."),
        ),
    }
)
_BY_KIND: Final[Mapping[RefusalKind, tuple[str, str]]] = MappingProxyType(
    {
        RefusalKind.UNKNOWN_PATH: (NOT_FOUND.title, NOT_FOUND.message),
        RefusalKind.WRONG_METHOD: (
            lazy("Method not allowed"),
            lazy("This page does not accept this request."),
        ),
        RefusalKind.TOO_LARGE: (
            lazy("Request too large"),
            lazy("The request is larger than this page accepts."),
        ),
        RefusalKind.TOO_SLOW: (
            lazy("Request timed out"),
            lazy("The rest of the request did not arrive in time."),
        ),
        RefusalKind.INTERNAL: (
            lazy("Internal error"),
            lazy("Something went wrong in the gateway. It has been logged."),
        ),
    }
)


class ConsoleMiddleware:
    """Lets requests through to views."""

    def __init__(
        self,
        context: ConsoleContext,
        assets: Assets,
        pages: tuple[Page, ...],
        packages: tuple[str, ...] = (PACKAGE,),
    ) -> None:
        self._services = context.services
        self._frame = Frame(
            context=context,
            renderer=Renderer(assets, packages),
            menu=tuple(page for page in pages if page.menu),
        )

    def showing(self, page: Page, view: View) -> Handler:
        """A handler that lets GET requests through to a view."""

        async def show(request: Request) -> Response:
            return await self._answer(page, view, request, Form(fields=Parameters()))

        return show

    def acting(self, page: Page, view: View) -> Handler:
        """A handler that lets forms through to a view."""

        async def act(request: Request) -> Response:
            try:
                form = _read_form(request, with_files=bool(page.files_bytes))
            except MalformedBody as malformed:
                return self.refuse(request, malformed.refusal)
            return await self._answer(page, view, request, form)

        return act

    async def _answer(self, page: Page, view: View, request: Request, sent: Form) -> Response:
        speak(request.header(b"accept-language").decode("latin-1"))
        form = sent.fields
        page_request = PageRequest(self._frame, page, request, form)
        try:
            if request.method == "POST" and not is_same_origin(request):
                raise Forged
            admitted = await self._admit(page, request, form)
            if admitted is None:
                return self._ask_to_sign_in(page, request, form)
            page_request = admitted
            AT_HOME.set(not page.public)
            if not page.public and not page.is_open_to(page_request.account, page_request.role):
                raise Refused(RefusalCode.PERMISSION_DENIED, page.path)
            if request.method == "POST" and not page_request.role.includes(page.acts):
                raise Refused(RefusalCode.PERMISSION_DENIED, page.path)
            if request.method == "POST":
                check_token(form, page_request.secret)
            page_request.files = sent.files
            return await view(page_request)
        except Refused as refused:
            error = _error_for(refused)
        except Forged:
            error = FORGED
        except EditConflict:
            error = CONFLICT
        return self._show_error(page_request, error)

    async def _admit(self, page: Page, request: Request, form: Parameters) -> PageRequest | None:
        """The request, None where its reader must sign in first; raises `Refused`."""
        if page.public:
            secret = read_cookie(request, "form")
            fresh = not secret
            secret = secret or secrets.token_urlsafe(24)
            page_request = PageRequest(self._frame, page, request, form, secret)
            if fresh:
                page_request.cookies.append(set_cookie(request, "form", secret))
            return page_request
        reader = await self.find_reader(request, counts=not page.background)
        if reader is None:
            return None
        secret = read_cookie(request, "session")
        return PageRequest(self._frame, page, request, form, secret, reader)

    async def find_reader(self, request: Request, *, counts: bool = True) -> Principal | None:
        """Who is signed in; None if the session has ended, or the account or person is disabled."""
        services, token = self._services, read_cookie(request, "session")
        session = await services.console_sessions.find(token, counts=counts) if token else None
        if session is None:
            return None
        try:
            if session.person_id is None:
                account = await services.accounts.admit(session.account_id, request.client)
                return Principal(account, None)
            person = await services.people.find(session.person_id)
            return None if person is None else await services.people.admit(person, request.client)
        except Refused as refused:
            if refused.code is RefusalCode.UNAVAILABLE:
                raise
            return None

    def _ask_to_sign_in(self, page: Page, request: Request, form: Parameters) -> Response:
        """The sign-in page; it keeps the fields of a form whose session has ended."""
        secret = read_cookie(request, "form") or secrets.token_urlsafe(24)
        sign_in = Place("/sign-in", gettext("Sign in"), public=True)
        page_request = PageRequest(self._frame, sign_in, request, form, secret)
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
            plain=is_plain(request),
        )

    def _show_error(self, page_request: PageRequest, error: ErrorPage) -> Response:
        return page_request.show("error.html", error.status, error=error, problems={})

    def refuse(self, request: Request, refusal: Refusal) -> Response:
        """A request that the HTTP layer refuses, as a page."""
        speak(request.header(b"accept-language").decode("latin-1"))
        title, message = _BY_KIND.get(
            refusal.kind, (gettext("Bad request"), gettext("The request could not be read."))
        )
        reference = (
            gettext("Reference: {reference}").format(reference=refusal.reference)
            if refusal.reference
            else ""
        )
        error = ErrorPage(status=refusal.status, title=title, message=message, remedy=reference)
        no_page = Place("", title, public=True)
        page_request = PageRequest(self._frame, no_page, request, Parameters())
        return page_request.show("error.html", error.status, error=error)


def _is_kept(field: str) -> bool:
    """Whether a field may wait in a page until its sender has signed in again."""
    return field != TOKEN_FIELD and "password" not in field


def _target_of(request: Request) -> str:
    """The path below `/console`, and the query, that a request was for."""
    query = urlencode(request.query.pairs)
    return request.path.removeprefix(PREFIX) + (f"?{query}" if query else "")


def _error_for(refused: Refused) -> ErrorPage:
    if isinstance(refused, TookTooLong):
        return TOO_SLOW
    usual = ErrorPage(
        status=400, title=gettext("Request failed"), message=describe_refusal(refused)
    )
    return _BY_CODE.get(refused.code, usual)


def _read_form(request: Request, *, with_files: bool) -> Form:
    """The fields of a form, and its files where the page takes any; raises `MalformedBody`."""
    media = parse_media_type(request.header(b"content-type"))
    try:
        if with_files and media.name == "multipart/form-data":
            return parse_multipart(request.body, media.boundary, max_files=1)
        if request.body and media.name != "application/x-www-form-urlencoded":
            raise MalformedBody("not a form", kind=RefusalKind.UNSUPPORTED_TYPE)
        return Form(fields=parse_form(request.body, max_fields=MAX_FIELDS))
    except RefusedByKit as refused:
        raise MalformedBody(refused.refusal.reason, kind=refused.refusal.kind) from None
