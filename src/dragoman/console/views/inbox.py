"""Received texts and opt-outs."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final

from dragoman.console.labels import describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.paging import ENOUGH, make_pager
from dragoman.console.reading import Unreadable, read_number, read_pieces, read_time
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.audit_log import hide_number
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.accounts.model.people import Role
from dragoman.core.inbound.model.inbound import Handling, InboxFilter, OptOutFilter, OptOutOrigin
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import as_typed
from dragoman.kit.ids import time_of
from dragoman.web.responses import Response

FIELDS: Final = ("account", "sender", "number", "text", "from", "to")
HANDLINGS: Final = MappingProxyType(
    {
        Handling.KEPT: "",
        Handling.FORWARDED: lazy("forwarded"),
        Handling.OPTED_OUT: lazy("opted out"),
        Handling.OPTED_IN: lazy("opted in"),
    }
)
ORIGINS: Final = MappingProxyType(
    {
        OptOutOrigin.STOP: lazy("text message"),
        OptOutOrigin.WEB: lazy("console"),
        OptOutOrigin.API: "API",
    }
)


async def search_texts(request: PageRequest) -> Response:
    """The received texts that fit, newest first."""
    typed = {name: request.query.get(name, "") for name in FIELDS}
    wanted = _read_filter(request, typed)
    account = await _account(request, typed["account"].strip())
    paging = request.paging()
    page = None
    if not request.problems:
        page = await request.services.queries.inbox(
            InboxFilter(account_id=account.account_id, **wanted),
            paging.offset,
            paging.per_page,
            ENOUGH,
        )
    texts = page.texts if page is not None else ()
    return request.show(
        "inbox.html",
        400 if request.problems else 200,
        typed=typed,
        texts=texts,
        time_of=time_of,
        handlings={handling.value: label for handling, label in HANDLINGS.items()},
        has_others=len(await request.tree()) > 1,
        may_send=request.account.may(Permission.SEND),
        pager=make_pager(
            paging,
            typed,
            len(texts),
            page.total if page is not None else 0,
            has_more=page is not None and page.has_more,
        ),
        is_filtered=any(value.strip() for value in typed.values()),
    )


async def list_opt_outs(request: PageRequest) -> Response:
    """Who wants nothing of the account, or of one of its senders."""
    return await _show_opt_outs(request)


async def change_opt_outs(request: PageRequest) -> Response:
    """Enters an opt-out, or takes one back."""
    number = request.form.get("number", "").strip()
    sender = request.form.get("sender", "").strip()
    try:
        recipient = read_number(number)
        if not recipient:
            raise Unreadable(gettext("Enter a number."))
        if request.form.get("do") == "remove":
            await request.services.opt_outs.remove(request.account, recipient, sender)
            await request.note("opt_in", _subject(recipient, sender))
            return request.go("/opt-outs", "opted-in")
        await request.services.opt_outs.add(request.account, recipient, sender)
        await request.note("opt_out", _subject(recipient, sender))
    except Unreadable as unreadable:
        request.problems["number"] = str(unreadable)
    except Refused as refused:
        if refused.code is RefusalCode.NOT_FOUND:
            return request.go("/opt-outs", "opted-in")  # someone else was faster
        field = "sender" if refused.code is RefusalCode.INVALID_SENDER else "number"
        request.problems[field] = describe_refusal(refused)
    else:
        return request.go("/opt-outs", "opted-out")
    return await _show_opt_outs(request, 400, number, sender)


def _subject(recipient: str, sender: str) -> str:
    """An opt-out as the log of changes has it."""
    number = hide_number(recipient)
    return f"{number} from {hide_number(sender)}" if sender else number


async def _show_opt_outs(
    request: PageRequest, status: int = 200, number: str = "", sender: str = ""
) -> Response:
    wanted = request.query.get("digits", "").strip()
    digits = "".join(filter(str.isdecimal, wanted)) if wanted.isascii() else "-"
    paging = request.paging()
    page = await request.services.opt_outs.search(
        OptOutFilter(account_id=request.account.account_id, digits=digits[:20], with_senders=True),
        paging.offset,
        paging.per_page,
    )
    return request.show(
        "opt-outs.html",
        status,
        number=number,
        sender=sender,
        wanted=wanted,
        opt_outs=page.opt_outs,
        time_of=time_of,
        origins={origin.value: label for origin, label in ORIGINS.items()},
        may_send=request.manages and request.account.may(Permission.SEND),
        pager=make_pager(paging, request.query, len(page.opt_outs), page.total),
    )


async def _account(request: PageRequest, username: str) -> Account:
    """The account of the tree that a user name means; the reader's own where none is given."""
    if not username:
        return request.account
    try:
        account = await request.services.accounts.find(username)
        if account.is_at_or_below(request.account):
            return account
    except Refused as refused:
        if refused.code is not RefusalCode.NOT_FOUND:
            raise
    request.problems["account"] = gettext("You have no account with this name.")
    return request.account


def _read_filter(request: PageRequest, typed: dict[str, str]) -> dict[str, Any]:
    readers: dict[str, tuple[str, Callable[[str], Any]]] = {
        "sender": ("sender", read_number),
        "number": ("recipient", _read_own_number),
        "text": ("text", read_pieces),
        "from": ("from_ms", lambda text: read_time(text, request.zone)),
        "to": ("to_ms", lambda text: read_time(text, request.zone, ends=True)),
    }
    wanted: dict[str, Any] = {}
    for name, (field, read) in readers.items():
        try:
            wanted[field] = read(typed[name])
        except Unreadable as unreadable:
            request.problems[name] = str(unreadable)
    return wanted


def _read_own_number(text: str) -> str:
    """A number or short code that texts come to; raises `Unreadable`."""
    digits = as_typed(text).strip().removeprefix("+").replace(" ", "")
    if digits and not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
        raise Unreadable(gettext("Not a valid number or short code."))
    return digits


PAGES: Final = (
    Page("/inbox", lazy("Inbox"), menu=lazy("Inbox"), show=search_texts, needs=Permission.INBOX),
    Page(
        "/opt-outs",
        lazy("Opt-outs"),
        menu=lazy("Opt-outs"),
        show=list_opt_outs,
        act=change_opt_outs,
        acts=Role.MANAGER,
        needs=Permission.INBOX,
    ),
)
