"""Signing in by password or by a one-time link, and signing out."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from dragoman.console.cookies import read_cookie, set_cookie
from dragoman.console.page import PREFIX, Page
from dragoman.console.visit import Visit
from dragoman.console.words import say_refusal
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
_WRONG: Final = "The name or the password is wrong, or the account is shut."
_USED_LINK: Final = "This link has been used, or it is older than a minute. Ask for a new one."


async def show_sign_in(visit: Visit) -> Response:
    """The form for name and password."""
    return _form(visit, target=_target(visit.query.get("next", "")))


async def sign_in(visit: Visit) -> Response:
    """Opens a session for a name and its password."""
    username, password = visit.form.get("username", ""), visit.form.get("password", "")
    target, kept = _target(visit.form.get("target", "")), visit.form.get("kept", "")
    try:
        account = await _authenticate(visit, username, password)
    except Refused as refused:
        if refused.code not in _EXPECTED:
            raise
        known = refused.code is RefusalCode.ADDRESS_NOT_ALLOWED
        words = say_refusal(refused) if known else _WRONG
        return _form(visit, 401, problem=words, username=username, target=target, kept=kept)
    token = await _open(visit, account)
    fields = _read_kept(kept)
    if fields:
        visit.secret = token
        return visit.show("continue.html", target=f"{PREFIX}{target}", fields=fields)
    return visit.go(target)


async def show_link(visit: Visit) -> Response:
    """Asks whether to use a one-time link; programs that follow links use none up by it."""
    return visit.show("enter.html", token=visit.query.get("k", "")[:200], problem="")


async def use_link(visit: Visit) -> Response:
    """Opens a session for a one-time link."""
    try:
        token = visit.form.get("k", "")[:200]
        account = await visit.desk.one_time_links.redeem(token, visit.request.client)
    except Refused as refused:
        if refused.code not in _EXPECTED:
            raise
        return visit.show("enter.html", 410, token="", problem=_USED_LINK)
    await _open(visit, account)
    return visit.go("")


async def sign_out(visit: Visit) -> Response:
    """Ends this session, or all of the account's."""
    everywhere = visit.form.get("everywhere") == "yes"
    if everywhere:
        await visit.desk.sessions.end_all(visit.account)
        await visit.desk.books.note(visit.account, "sign_out")
    else:
        await visit.desk.sessions.end(visit.secret)
    visit.cookies.append(set_cookie(visit.request, "session", ""))
    return visit.go("/sign-in", "signed-out-everywhere" if everywhere else "signed-out")


async def _authenticate(visit: Visit, username: str, password: str) -> Account:
    if len(username) > MAX_NAME or len(password) > MAX_PASSWORD:
        raise Refused(RefusalCode.AUTHENTICATION_FAILED)
    return await visit.desk.accounts.authenticate_password(
        username, password, visit.request.client, CredentialKind.PASSWORD
    )


async def _open(visit: Visit, account: Account) -> str:
    """Begins a session of its own; one that the browser had before is ended."""
    old = read_cookie(visit.request, "session")
    if old:
        await visit.desk.sessions.end(old)
    token = await visit.desk.sessions.open(account)
    visit.cookies.append(set_cookie(visit.request, "session", token))
    return token


def _form(
    visit: Visit,
    status: int = 200,
    *,
    problem: str = "",
    username: str = "",
    target: str = "",
    kept: str = "",
) -> Response:
    return visit.show(
        "sign-in.html",
        status,
        problems={"": problem} if problem else {},
        username=username[:MAX_NAME],
        target=target,
        kept=kept,
        stale=False,
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
    Page(path="/sign-in", title="Sign in", show=show_sign_in, act=sign_in, public=True),
    Page(path="/enter", title="Sign in by link", show=show_link, act=use_link, public=True),
    Page(path="/sign-out", title="Sign out", act=sign_out),
)
