"""Conversations: received and sent texts with one number as one thread, and answering in it."""

from __future__ import annotations

import hashlib
import secrets
from functools import partial
from typing import Any, Final

import msgspec

from dragoman.console.labels import FAILURES, describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.paging import PER_PAGE, address_of, read_before
from dragoman.console.reading import Unreadable, read_count, read_numbers
from dragoman.console.regions import region_of
from dragoman.console.translation import gettext, lazy
from dragoman.console.views.inbox import HANDLINGS
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.reporting.model.conversations import ConversationPage, Thread
from dragoman.kit.ids import time_of
from dragoman.web.responses import Response

DIALECT: Final = "console"
ENTRIES: Final = 50
MAX_TEXT: Final = 10_000
_AT: Final = "/conversations"
_TEXT_REFUSALS: Final = frozenset(
    {
        RefusalCode.EMPTY_TEXT,
        RefusalCode.TEXT_TOO_LONG,
        RefusalCode.TEXT_NOT_ENCODABLE,
        RefusalCode.INVALID_FIELD,
    }
)
_SENDER_REFUSALS: Final = frozenset({RefusalCode.INVALID_SENDER, RefusalCode.SENDER_NOT_ALLOWED})


async def list_conversations(request: PageRequest) -> Response:
    """Who wrote, the newest text first; or the thread with a number that is searched for."""
    typed = request.query.get("number", "").strip()
    status = 200
    if typed:
        try:
            numbers = read_numbers(typed, region_of(request))
            return request.go(f"{_AT}/{numbers[0]}")
        except Unreadable as unreadable:
            request.problems["number"] = str(unreadable)
            status = 400
    page = await _page_of(request)
    before = read_before(request.query)
    return request.show(
        "conversations.html",
        status,
        page_of=page,
        manages=request.manages and request.account.may(Permission.SEND),
        typed=typed,
        only_unread=_only_unread(request),
        time_of=time_of,
        version=_version_of_page(page),
        watch="/conversations-watch" + ("?unread=1" if _only_unread(request) else ""),
        further="" if page.before is None else address_of(request.query, before=page.before),
        first=address_of(request.query) if before is not None else "",
    )


async def watch_list(request: PageRequest) -> Response:
    """Whether the list is another one, for a script."""
    return _tell(request, _version_of_page(await _page_of(request)))


async def show_thread(request: PageRequest) -> Response:
    """What was written to and by a number, and the form for an answer."""
    return await _show(request, await _thread(request))


async def watch_thread(request: PageRequest) -> Response:
    """Whether the thread is another one, for a script."""
    return _tell(request, _version_of_thread(await _thread(request)))


async def act(request: PageRequest) -> Response:
    """Answers, or says what was read."""
    thread, form = await _thread(request), request.form
    conversations, at = (
        request.services.conversations,
        f"{_AT}/{request.http.path_params['number']}",
    )
    if form.get("do") in ("read", "unread"):
        # Up to what the reader saw: what came since stays unread.
        read_id = read_count(form.get("seen", "")) or 0 if form.get("do") == "read" else 0
        await conversations.mark(request.account, thread.number, min(read_id, thread.last_id))
        if form.get("script"):
            return request.give_json(b"{}")
        return request.go(_AT if form.get("do") == "unread" else at)
    if not request.account.may(Permission.SEND):
        raise Refused(RefusalCode.PERMISSION_DENIED, Permission.SEND)
    text = form.get("text", "").replace("\r\n", "\n")
    if len(text) > MAX_TEXT:
        request.problems["text"] = gettext("At most {max_text} characters.").format(
            max_text=MAX_TEXT
        )
        return await _show(request, thread, 400, text)
    submission = Submission(
        dialect=DIALECT,
        protocol=DIALECT,
        recipients=(f"+{thread.number}",),
        text=text,
        sender=form.get("sender", "").strip() or thread.answer_from,
    )

    async def send() -> int:
        accepted = await request.services.submission.submit(request.account, submission)
        return accepted.batch_id

    try:
        mark = f"answer {form.get('mark', '')}"
        await request.context.repeats.once(request.account.account_id, mark, send)
    except Refused as refused:
        if refused.code is RefusalCode.UNAVAILABLE:
            raise
        field = "text" if refused.code in _TEXT_REFUSALS else ""
        field = "sender" if refused.code in _SENDER_REFUSALS else field
        request.problems[field] = describe_refusal(refused)
        return await _show(request, thread, 400, text)
    if thread.last_id:
        seen = read_count(form.get("seen", "")) or 0
        await conversations.mark(request.account, thread.number, min(seen, thread.last_id))
    return request.go(at, "sent")


async def _show(
    request: PageRequest, thread: Thread, status: int = 200, text: str = ""
) -> Response:
    account, services = request.account, request.services
    own = [
        one.number
        for one in await services.keywords.numbers()
        if one.account_id == account.account_id
    ]
    sender = request.form.get("sender", "") or thread.answer_from or account.default_sender
    senders = dict.fromkeys(
        filter(None, (sender, thread.answer_from, *own, account.default_sender))
    )
    opted_out = bool(
        thread.number.isdigit()
        and services.opt_outs.among(account.account_id, sender, [thread.number])
    )
    return request.show(
        "conversation.html",
        status,
        thread=thread,
        text=text,
        sender=sender,
        senders=[(one, one) for one in senders],
        opted_out=opted_out,
        may_send=account.may(Permission.SEND) and thread.number.isdigit(),
        mark=request.form.get("mark", "") or secrets.token_urlsafe(16),
        is_newest=read_before(request.query) is None,
        time_of=time_of,
        failures=FAILURES,
        handlings={handling.value: label for handling, label in HANDLINGS.items()},
        version=_version_of_thread(thread),
        watch=f"{_AT}/{request.http.path_params['number']}/watch",
        older="" if thread.before is None else address_of(request.query, before=thread.before),
    )


async def _thread(request: PageRequest) -> Thread:
    number, before = request.http.path_params["number"], read_before(request.query)
    return await request.services.conversations.thread(request.account, number, before, ENTRIES)


async def _page_of(request: PageRequest) -> ConversationPage:
    return await request.services.conversations.page(
        request.account,
        read_before(request.query),
        PER_PAGE,
        unread=_only_unread(request),
    )


def _only_unread(request: PageRequest) -> bool:
    return request.query.get("unread") == "1"


def _version_of_page(page: ConversationPage) -> str:
    return _digest([(one.number, one.last_id, one.is_unread) for one in page.conversations])


def _version_of_thread(thread: Thread) -> str:
    return _digest([(one.entry_id, one.state) for one in thread.entries])


def _digest(values: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(values)).hexdigest()[:16]


def _tell(request: PageRequest, version: str) -> Response:
    return request.give_json(msgspec.json.encode({"version": version}))


_page: Final = partial(Page, section="Conversations", needs=Permission.INBOX)
PAGES: Final = (
    Page(
        _AT,
        lazy("Conversations"),
        menu=lazy("Conversations"),
        show=list_conversations,
        needs=Permission.INBOX,
    ),
    _page("/conversations-watch", lazy("Conversations"), show=watch_list, background=True),
    _page(f"{_AT}/{{number}}", lazy("Conversation"), show=show_thread, act=act),
    _page(f"{_AT}/{{number}}/watch", lazy("Conversation"), show=watch_thread, background=True),
)
