"""Signing in by password, link or invitation, with a second factor, and signing out."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from typing import Final

import msgspec

from dragoman.console.cookies import is_plain, read_cookie, set_cookie
from dragoman.console.forms import VERSION_FIELD
from dragoman.console.labels import describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.pictures import draw_qr
from dragoman.console.place import PREFIX
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.model.people import MAX_NAME, Person, Principal
from dragoman.core.accounts.people import MIN_PASSWORD
from dragoman.core.accounts.sign_ins import Begun, Step
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response

MAX_PASSWORD: Final = 256
MAX_TOKEN: Final = 200
MAX_CODE: Final = 40
MAX_KEPT: Final = 100_000
_OF_PAGES: Final = frozenset({VERSION_FIELD, "mark", "known", "seen", "do", "resent"})
"""Fields of forms that nobody sees."""
_TARGET: Final = re.compile(r"(?:/[A-Za-z0-9._-]+)*(?:\?[A-Za-z0-9._~%&=+:-]*)?")
_EXPECTED: Final = frozenset(
    {RefusalCode.AUTHENTICATION_FAILED, RefusalCode.ADDRESS_NOT_ALLOWED, RefusalCode.NOT_FOUND}
)
_WRONG: Final = lazy("Incorrect username or password, or the account is disabled.")
_WRONG_CODE: Final = lazy("This code is wrong, or it has been used. Wait for the next one.")
_TOO_LATE: Final = lazy("Signing in took too long, or too many codes were wrong. Begin again.")
_USED_INVITATION: Final = lazy(
    "This link has already been used, or it has expired. Ask whoever invited you for a new one."
)
_USED_LINK: Final = lazy(
    "This link has already been used, or it has expired after one minute. Request a new one."
)


async def show_sign_in(request: PageRequest) -> Response:
    """The form for name and password."""
    return show_form(request, target=read_target(request.query.get("next", "")))


async def sign_in(request: PageRequest) -> Response:
    """Opens a session for a name and its password."""
    username, password = request.form.get("username", ""), request.form.get("password", "")
    target, kept = read_target(request.form.get("target", "")), request.form.get("kept", "")
    try:
        who = await _authenticate(request, username, password)
    except Refused as refused:
        if refused.code not in _EXPECTED:
            raise
        known = refused.code is RefusalCode.ADDRESS_NOT_ALLOWED
        request.problems[""] = describe_refusal(refused) if known else _WRONG
        return show_form(request, 401, username=username, target=target, kept=kept)
    return await enter(request, who, target, kept)


async def enter(
    request: PageRequest, who: Principal, target: str = "", kept: str = "", *, trusted: bool = False
) -> Response:
    """Opens a session for somebody who was authenticated, or asks for the second factor first."""
    begun = await request.services.sign_ins.begin(
        who, address=request.http.client, browser=_browser_of(request), trusted=trusted
    )
    if begun.step is Step.CODE:
        return _ask_for_code(request, begun.token, target, kept)
    if begun.step is Step.SET_UP:
        return _ask_to_set_up(request, begun.token, target, kept)
    return await _go_in(request, begun, target, kept)


async def take_code(request: PageRequest) -> Response:
    """Opens a session for a code of the second factor."""
    pending, code = _read_pending(request), request.form.get("code", "")[:MAX_CODE]
    target, kept = read_target(request.form.get("target", "")), request.form.get("kept", "")
    try:
        begun = await request.services.sign_ins.verify(pending, code, request.http.client)
    except Refused as refused:
        if refused.code is RefusalCode.NOT_FOUND:
            return _begin_anew(request, target, kept)
        if refused.code not in _EXPECTED:
            raise
        request.problems["code"] = _WRONG_CODE
        return _ask_for_code(request, pending, target, kept, 401)
    return await _go_in(request, begun, target, kept)


async def set_up_factor(request: PageRequest) -> Response:
    """Stores a second factor that is required, opens a session, and shows the recovery codes."""
    pending, code = _read_pending(request), request.form.get("code", "")[:MAX_CODE]
    target, kept = read_target(request.form.get("target", "")), request.form.get("kept", "")
    try:
        begun, codes = await request.services.sign_ins.set_up(pending, code, request.http.client)
    except Refused as refused:
        if refused.code is RefusalCode.NOT_FOUND:
            return _begin_anew(request, target, kept)
        if refused.code is not RefusalCode.INVALID_FIELD:
            raise
        request.problems["code"] = _WRONG_CODE
        return _ask_to_set_up(request, pending, target, kept, 401)
    await _keep(request, begun.token)
    return request.show(
        "recovery-codes.html", codes=codes, fields=_read_kept(kept), target=f"{PREFIX}{target}"
    )


async def _go_in(request: PageRequest, begun: Begun, target: str, kept: str) -> Response:
    await _keep(request, begun.token)
    fields = _read_kept(kept)
    if fields:
        return request.show(
            "continue.html", target=f"{PREFIX}{target}", fields=fields, entered=_entered_in(fields)
        )
    return request.go(target)


async def show_invitation(request: PageRequest) -> Response:
    """Asks an invited person for a password; programs that follow links use none up by it."""
    token = request.query.get("k", "")[:MAX_TOKEN]
    try:
        person = await request.services.people.invited(token)
    except Refused as refused:
        return _refuse_invitation(request, refused)
    return _ask_for_password(request, person, token)


async def accept_invitation(request: PageRequest) -> Response:
    """Stores the password of an invited person and signs them in."""
    token, people = request.form.get("k", "")[:MAX_TOKEN], request.services.people
    new = request.form.get("new_password", "")
    try:
        person = await people.invited(token)
        if len(new) < MIN_PASSWORD:
            request.problems["new_password"] = gettext(
                "At least {min_password} characters."
            ).format(min_password=MIN_PASSWORD)
        if new != request.form.get("password_again", ""):
            request.problems["password_again"] = gettext("The passwords do not match.")
        if request.problems:
            return _ask_for_password(request, person, token, 400)
        who = await people.accept(token, new, request.http.client)
    except Refused as refused:
        if refused.code is RefusalCode.INVALID_FIELD:
            request.problems["new_password"] = describe_refusal(refused)
            return _ask_for_password(request, person, token, 400)
        return _refuse_invitation(request, refused)
    await request.services.audit_log.note(
        who.account, "accept_invitation", who.name, person_id=who.person_id
    )
    return await enter(request, who)


def _refuse_invitation(request: PageRequest, refused: Refused) -> Response:
    if refused.code not in _EXPECTED:
        raise refused
    known = refused.code is RefusalCode.ADDRESS_NOT_ALLOWED
    problem = describe_refusal(refused) if known else _USED_INVITATION
    return request.show("invitation.html", 410, token="", person=None, problem=problem)


def _ask_for_password(
    request: PageRequest, person: Person, token: str, status: int = 200
) -> Response:
    return request.show(
        "invitation.html",
        status,
        token=token,
        invited=person,
        min_password=MIN_PASSWORD,
        problem="",
    )


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
    return await enter(request, Principal(account, None))


async def sign_out(request: PageRequest) -> Response:
    """Ends this session, or all of the account's."""
    everywhere = request.form.get("everywhere") == "yes"
    if everywhere:
        await request.services.console_sessions.end_all(request.account, request.person_id)
        await request.note("sign_out")
    else:
        await request.services.console_sessions.end(request.secret)
    request.cookies.append(set_cookie(request.http, "session", ""))
    return request.go("/sign-in", "signed-out-everywhere" if everywhere else "signed-out")


async def _authenticate(request: PageRequest, username: str, password: str) -> Principal:
    if len(username) > MAX_NAME or len(password) > MAX_PASSWORD:
        raise Refused(RefusalCode.AUTHENTICATION_FAILED)
    return await request.services.people.authenticate(username, password, request.http.client)


async def _keep(request: PageRequest, token: str) -> None:
    """Gives the browser the token of its session; one that it had before is ended."""
    old = read_cookie(request.http, "session")
    if old:
        await request.services.console_sessions.end(old)
    request.cookies.append(set_cookie(request.http, "session", token))
    request.secret = token  # what forms of this answer are bound to


def _browser_of(request: PageRequest) -> str:
    return request.http.header(b"user-agent").decode("latin-1")


def _read_pending(request: PageRequest) -> str:
    return request.form.get("pending", "")[:MAX_TOKEN]


def _begin_anew(request: PageRequest, target: str, kept: str) -> Response:
    request.problems[""] = _TOO_LATE
    return show_form(request, 401, target=target, kept=kept)


def _ask_for_code(
    request: PageRequest, pending: str, target: str, kept: str, status: int = 200
) -> Response:
    return request.show("code.html", status, pending=pending, target=target, kept=kept)


def _ask_to_set_up(
    request: PageRequest, pending: str, target: str, kept: str, status: int = 200
) -> Response:
    try:
        who, secret = request.services.sign_ins.secret_of(pending)
    except Refused:
        return _begin_anew(request, target, kept)
    address = request.services.second_factors.address_of(who, secret)
    return request.show(
        "set-up-factor.html",
        status,
        pending=pending,
        target=target,
        kept=kept,
        qr=draw_qr(address),
        secret=secret,
    )


def show_form(
    request: PageRequest, status: int = 200, *, username: str = "", target: str = "", kept: str = ""
) -> Response:
    return request.show(
        "sign-in.html",
        status,
        username=username[:MAX_NAME],
        target=target,
        kept=kept,
        stale=False,
        plain=is_plain(request.http),
    )


def read_target(text: str) -> str:
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


def _entered_in(fields: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """What somebody typed or chose: nothing that a page adds to its forms or left as it was."""
    filled = {name for name, value in fields if value}
    return [
        (name, value)
        for name, value in fields
        if value and name not in _OF_PAGES and not _is_idle(name, filled)
    ]


def _is_idle(name: str, filled: Set[str]) -> bool:
    """Whether a field is part of a rule without a field to look at, or says how many must hold."""
    stem, _, number = name.rpartition("-")
    if stem == "operation":
        return f"field-{number}" not in filled
    return name == "match" and not any(one.startswith("field-") for one in filled)


PAGES: Final = (
    Page("/sign-in", lazy("Sign in"), show=show_sign_in, act=sign_in, public=True),
    Page("/sign-in/code", lazy("Sign in"), act=take_code, public=True),
    Page("/sign-in/factor", lazy("Second factor"), act=set_up_factor, public=True),
    Page(
        "/invitation", lazy("Invitation"), show=show_invitation, act=accept_invitation, public=True
    ),
    Page("/enter", lazy("Sign in by link"), show=show_link, act=use_link, public=True),
    Page("/sign-out", lazy("Sign out"), act=sign_out),
)
