"""The reader's own sign-in: password, second factor and sessions."""

from __future__ import annotations

from typing import Final

from dragoman.console.browsers import name_browser
from dragoman.console.cookies import set_cookie
from dragoman.console.labels import describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.pictures import draw_qr
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.console_sessions import mark_of
from dragoman.core.accounts.credentials import digest_of_key
from dragoman.core.accounts.people import MIN_PASSWORD
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response

MAX_CODE: Final = 40
MAX_SECRET: Final = 64
_WRONG: Final = lazy("Incorrect password.")
_WRONG_CODE: Final = lazy("This code is wrong, or it has been used. Wait for the next one.")


async def show_reader(request: PageRequest) -> Response:
    """Who is signed in, and the forms to change how."""
    return await _show(request)


async def change_password(request: PageRequest) -> Response:
    """Stores a new password, which signs its owner out everywhere."""
    current, new = request.form.get("current_password", ""), request.form.get("new_password", "")
    if len(new) < MIN_PASSWORD:
        request.problems["new_password"] = gettext("At least {min_password} characters.").format(
            min_password=MIN_PASSWORD
        )
    if new != request.form.get("password_again", ""):
        request.problems["password_again"] = gettext("The passwords do not match.")
    if request.problems:
        return await _show(request, 400)
    address = request.http.client
    try:
        if request.person is None:
            accounts = request.services.accounts
            await accounts.change_password(request.account, current, new, address)
            await request.note("password")
        else:
            await request.services.people.change_password(
                request.person, current, new, address, (request.audit("password"),)
            )
    except Refused as refused:
        wrong = refused.code is RefusalCode.AUTHENTICATION_FAILED
        if not wrong and refused.code is not RefusalCode.INVALID_FIELD:
            raise
        request.problems["current_password" if wrong else "new_password"] = (
            _WRONG if wrong else describe_refusal(refused)
        )
        return await _show(request, 400)
    request.cookies.append(set_cookie(request.http, "session", ""))
    return request.go("/sign-in", "password-changed")


async def end_session(request: PageRequest) -> Response:
    """Ends one of the reader's sessions."""
    mark = request.form.get("session", "")
    ended = await request.services.console_sessions.end_one(
        request.account, request.person_id, mark
    )
    return request.go("/me", "session-ended" if ended else "no-changes")


async def show_factor(request: PageRequest) -> Response:
    """The reader's second factor, or what an app needs to be one."""
    return await _show_factor(request, request.services.second_factors.new_secret())


async def set_up_factor(request: PageRequest) -> Response:
    """Stores a second factor, given a code of it; replaces an earlier one."""
    secret = request.form.get("secret", "")[:MAX_SECRET]
    code = request.form.get("code", "")[:MAX_CODE]
    factors = request.services.second_factors
    if await factors.has(request.reader):
        return request.go("/me/factor")
    try:
        entry = request.audit("second_factor")
        codes = await factors.set_up(request.reader, secret, code, (entry,))
    except Refused as refused:
        if refused.code is not RefusalCode.INVALID_FIELD:
            raise
        request.problems["code"] = _WRONG_CODE
        return await _show_factor(request, secret, 400)
    return request.show("recovery-codes.html", codes=codes, fields=[], target="")


async def change_factor(request: PageRequest) -> Response:
    """Takes the second factor away, or makes new recovery codes, given a code."""
    factors, who = request.services.second_factors, request.reader
    code, removes = request.form.get("code", "")[:MAX_CODE], request.form.get("do") == "remove"
    if removes and await request.services.sign_ins.is_required(who):
        raise Refused(RefusalCode.PERMISSION_DENIED, "second factor", "it is required")
    try:
        await factors.verify(who, code, request.http.client)
    except Refused as refused:
        if refused.code is not RefusalCode.AUTHENTICATION_FAILED:
            raise
        request.problems["code"] = _WRONG_CODE
        return await _show_factor(request, "", 400)
    if removes:
        await factors.remove(who, (request.audit("remove_second_factor"),))
        return request.go("/me", "factor-removed")
    codes = await factors.renew_recovery(who, (request.audit("recovery_codes"),))
    return request.show("recovery-codes.html", codes=codes, fields=[], target="")


async def _show(request: PageRequest, status: int = 200) -> Response:
    services, who = request.services, request.reader
    sessions = await services.console_sessions.list_own(who.account, request.person_id)
    own = digest_of_key(request.secret)
    return request.show(
        "reader.html",
        status,
        account=who.account,
        name=who.name,
        has_password=request.person is None or request.person.has_password,
        has_factor=await services.second_factors.has(who),
        sessions=[
            (mark_of(one), one, name_browser(one.browser), one.digest == own) for one in sessions
        ],
        min_password=MIN_PASSWORD,
    )


async def _show_factor(request: PageRequest, secret: str, status: int = 200) -> Response:
    factors, who = request.services.second_factors, request.reader
    has_factor = await factors.has(who)
    return request.show(
        "factor.html",
        status,
        has_factor=has_factor,
        left=await factors.recovery_left(who),
        is_required=await request.services.sign_ins.is_required(who),
        secret=secret,
        qr="" if has_factor else draw_qr(factors.address_of(who, secret)),
    )


PAGES: Final = (
    Page("/me", lazy("Your sign-in"), show=show_reader),
    Page("/me/password", lazy("Your sign-in"), act=change_password),
    Page("/me/sessions", lazy("Your sign-in"), act=end_session),
    Page("/me/factor", lazy("Second factor"), show=show_factor, act=set_up_factor),
    Page("/me/factor/change", lazy("Second factor"), act=change_factor),
)
