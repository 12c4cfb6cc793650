"""Signing in by password or by a one-time link, and signing out."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from dragoman.console.cookies import read_cookie, set_cookie
from dragoman.console.labels import describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.place import PREFIX
from dragoman.core.accounts.model.accounts import Account, CredentialKind
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response

MAX_NAME: Final = 64
MAX_PASSWORD: Final = 256
MAX_KEPT: Final = 100_000
_TARGET: Final = re.compile(r"(?:/[A-Za-z0-9._-]+)*(?:\?[A-Za-z0-9._~%&=+:-]*)?")
_EXPECTED: Final = frozenset(
    {RefusalCode.AUTHENTICATION_FAILED, RefusalCode.ADDRESS_NOT_ALLOWED, RefusalCode.NOT_FOUND}
)
_WRONG: Final = "Incorrect username or password, or the account is disabled."
_USED_LINK: Final = (
    "This link has already been used, or it has expired after one minute. Request a new one."
)


async def show_sign_in(request: PageRequest) -> Response:
    """The form for name and password."""
    return _form(request, target=_target(request.query.get("next", "")))


async def sign_in(request: PageRequest) -> Response:
    """Opens a session for a name and its password."""
    username, password = request.form.get("username", ""), request.form.get("password", "")
    target, kept = _target(request.form.get("target", "")), request.form.get("kept", "")
    try:
        account = await _authenticate(request, username, password)
    except Refused as refused:
        if refused.code not in _EXPECTED:
            raise
        known = refused.code is RefusalCode.ADDRESS_NOT_ALLOWED
        request.problems[""] = describe_refusal(refused) if known else _WRONG
        return _form(request, 401, username=username, target=target, kept=kept)
    token = await _open(request, account)
    fields = _read_kept(kept)
    if fields:
        request.secret = token
        return request.show("continue.html", target=f"{PREFIX}{target}", fields=fields)
    return request.go(target)


async def show_link(request: PageRequest) -> Response:
    """Asks whether to use a one-time link; programs that follow links use none up by it."""
    return request.show("enter.html", token=request.query.get("k", "")[:200], problem="")


async def use_link(request: PageRequest) -> Response:
    """Opens a session for a one-time link."""
    try:
        token = request.form.get("k", "")[:200]
        account = await request.services.one_time_links.redeem(token, request.http.client)
    except Refused as refused:
        if refused.code not in _EXPECTED:
            raise
        return request.show("enter.html", 410, token="", problem=_USED_LINK)
    await _open(request, account)
    return request.go("")


async def sign_out(request: PageRequest) -> Response:
    """Ends this session, or all of the account's."""
    everywhere = request.form.get("everywhere") == "yes"
    if everywhere:
        await request.services.console_sessions.end_all(request.account)
        await request.note("sign_out")
    else:
        await request.services.console_sessions.end(request.secret)
    request.cookies.append(set_cookie(request.http, "session", ""))
    return request.go("/sign-in", "signed-out-everywhere" if everywhere else "signed-out")


async def _authenticate(request: PageRequest, username: str, password: str) -> Account:
    if len(username) > MAX_NAME or len(password) > MAX_PASSWORD:
        raise Refused(RefusalCode.AUTHENTICATION_FAILED)
    return await request.services.accounts.authenticate_password(
        username, password, request.http.client, CredentialKind.PASSWORD
    )


async def _open(request: PageRequest, account: Account) -> str:
    """Begins a session of its own; one that the browser had before is ended."""
    old = read_cookie(request.http, "session")
    if old:
        await request.services.console_sessions.end(old)
    token = await request.services.console_sessions.open(account)
    request.cookies.append(set_cookie(request.http, "session", token))
    return token


def _form(
    request: PageRequest, status: int = 200, *, username: str = "", target: str = "", kept: str = ""
) -> Response:
    return request.show(
        "sign-in.html", status, username=username[:MAX_NAME], target=target, kept=kept, stale=False
    )


def _target(text: str) -> str:
    """Where to go after signing in: a path below `/console`, or the overview."""
    return text if len(text) <= 500 and _TARGET.fullmatch(text) else ""


def _read_kept(kept: str) -> list[tuple[str, str]]:
    """The fields of a form that was sent after its session had ended."""
    if not 0 < len(kept) <= MAX_KEPT:
        return []
    try:
        return msgspec.json.decode(kept, type=list[tuple[str, str]])
    except msgspec.DecodeError:
        return []


PAGES: Final = (
    Page("/sign-in", "Sign in", show=show_sign_in, act=sign_in, public=True),
    Page("/enter", "Sign in by link", show=show_link, act=use_link, public=True),
    Page("/sign-out", "Sign out", act=sign_out),
)
