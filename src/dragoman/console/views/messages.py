"""Search in sent messages, and the timeline of one message."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from dragoman.console.labels import (
    ALPHABETS,
    EVENTS,
    FAILURES,
    LEDGER,
    REFUSALS,
    choose_state,
    describe_refusal,
    describe_replaced,
    describe_route,
)
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.paging import ENOUGH, make_pager
from dragoman.console.reading import (
    Unreadable,
    read_count,
    read_identifiers,
    read_number,
    read_pieces,
    read_time,
)
from dragoman.console.views.scheduled import find_page, names_of, next_address
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.model.state_choices import read_states
from dragoman.core.messages.model.views import MessageView
from dragoman.core.model.countries import country_name
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.core.reporting.model.timeline import Timeline
from dragoman.core.submission.model.progress import BatchProgress
from dragoman.core.submission.model.scheduled import ScheduledFilter
from dragoman.web.responses import Response

PROTOCOL: Final = "console"
FIELDS: Final = ("number", "id", "text", "state", "from", "to")
_CANCELLABLE: Final = frozenset({BatchState.QUEUED, BatchState.RUNNING})


async def search_messages(request: PageRequest) -> Response:
    """The messages that fit, newest first; one that is named by its identifier opens at once."""
    typed = {name: request.query.get(name, "") for name in FIELDS}
    tree = await request.tree()
    wanted = _read_filter(request, typed)
    if not request.problems and wanted["states"] == (State.SCHEDULED,):
        return await _search_scheduled(request, typed, wanted, tree)
    batch_id = None
    if typed["id"].strip() and "id" not in request.problems:
        message_id, batch_id = await _find(request, read_identifiers(typed["id"]), tree)
        if message_id is not None:
            return request.go(f"/messages/{message_id}")
        if batch_id is None:
            request.problems["id"] = "You have no message or batch with this ID."
    paging = request.paging()
    if request.problems:
        page = None
    else:
        wanted["batch_id"] = batch_id
        page = await request.services.queries.outbox(
            OutboxFilter(account_id=tree[0], below=tree[1:], **wanted),
            paging.offset,
            paging.per_page,
            ENOUGH,
        )
    shown = page.messages if page is not None else ()
    return request.show(
        "messages.html",
        400 if request.problems else 200,
        typed=typed,
        choices=choose_state(typed["state"]),
        messages=shown,
        scheduled=(),
        batch=await _batch(request, batch_id) if batch_id is not None else None,
        may_send=request.account.may(Permission.SEND),
        names=await _names(request, shown),
        pager=make_pager(
            paging,
            typed,
            len(shown),
            page.total if page is not None else 0,
            has_more=page is not None and page.has_more,
        ),
        can_cancel=_CANCELLABLE,
        is_filtered=any(value.strip() for value in typed.values()),
    )


async def _search_scheduled(
    request: PageRequest, typed: dict[str, str], wanted: dict[str, Any], tree: tuple[int, ...]
) -> Response:
    """What is due later: batches, which become messages then."""
    found = await find_page(
        request,
        ScheduledFilter(
            account_ids=tree,
            recipient=wanted["recipient"],
            text=wanted["text"],
            from_ms=wanted["from_ms"],
            to_ms=wanted["to_ms"],
        ),
    )
    return request.show(
        "messages.html",
        typed=typed,
        choices=choose_state(typed["state"]),
        messages=(),
        scheduled=found.batches,
        next=next_address(request, found),
        batch=None,
        may_send=request.account.may(Permission.SEND),
        names=await names_of(request, found.batches),
        is_filtered=True,
    )


async def show_message(request: PageRequest) -> Response:
    """The timeline of one message."""
    return await _show_message(request)


async def _show_message(request: PageRequest, status: int = 200) -> Response:
    tree = await request.tree()
    message_id = request.identifier("message_id")
    view = await request.services.queries.message(request.account, message_id, tree[1:])
    story = await _story(request, message_id)
    return request.show(
        "message.html",
        status,
        view=view,
        story=story,
        events=EVENTS,
        route_reason=describe_route(story.route),
        ledger=LEDGER,
        resent=len(story.resent_as),
        hosts=[_host_of(callback.url) for callback in story.callbacks],
        may_send=request.account.may(Permission.SEND),
        mark=secrets.token_urlsafe(12),
        account=(await _names(request, (view,))).get(view.account_id, ""),
        country=country_name(view.mcc),
        failure=FAILURES[view.failure],
        replaced=describe_replaced(story.request.replaced),
        alphabet=ALPHABETS.get(story.request.alphabet, story.request.format),
        is_operator=request.account.may(Permission.OPERATE),
    )


async def _story(request: PageRequest, message_id: int) -> Timeline:
    story = await request.services.timelines.of_message(request.account, message_id)
    return story.with_held(request.context.machine.held_hosts())


async def retry_callbacks(request: PageRequest) -> Response:
    """Makes the callbacks of a message that wait without a wait, and then others to their hosts."""
    message_id = request.identifier("message_id")
    story = await _story(request, message_id)
    for origin in story.waiting_origins:
        request.context.machine.retry_callbacks(story.account_id, origin, message_id)
    account = await request.services.accounts.find_by_id(story.account_id)
    await request.note("retry_callbacks", ", ".join(sorted(story.waiting_origins)), account)
    return request.go(f"/messages/{message_id}", "retrying")


async def cancel_message(request: PageRequest) -> Response:
    """Stops a message that no carrier has been given."""
    message_id = request.identifier("message_id")
    try:
        await request.services.message_actions.cancel(request.account, message_id)
    except Refused as refused:
        if refused.code is not RefusalCode.NOT_CANCELLABLE:
            raise
        request.problems[""] = (
            "It was too late to cancel this message. This page shows its current state."
        )
        return await _show_message(request, 409)
    return request.go(f"/messages/{message_id}", "cancelled")


async def resend_message(request: PageRequest) -> Response:
    """Sends a message again, as a new one; a form that is sent twice sends one."""
    message_id = request.identifier("message_id")
    known = read_count(request.form.get("resent", ""))

    async def resend() -> int:
        again = await request.services.message_actions.resend(
            request.account, message_id, protocol=PROTOCOL, known=known
        )
        return again.batch_id

    mark = f"resend {message_id} {request.form.get('mark', '')[:64]}"
    try:
        batch_id = await request.context.repeats.once(request.account.account_id, mark, resend)
    except Refused as refused:
        sentence = _NOT_RESENT.get(refused.code)
        if sentence is None:
            raise
        conflict = refused.code is RefusalCode.ALREADY_EXISTS
        request.problems[""] = sentence or f"This message cannot be resent: {refused.detail}."
        return await _show_message(request, 409 if conflict else 400)
    return request.go(f"/messages?id={batch_id}", "sent")


_NOT_RESENT: Final = MappingProxyType(
    {
        RefusalCode.ALREADY_EXISTS: "Someone else resent it after you opened this page, so it was"
        " not resent. Resend it again only if you mean to.",
        RefusalCode.NOT_SUPPORTED: "",
        RefusalCode.INSUFFICIENT_CREDIT: REFUSALS[RefusalCode.INSUFFICIENT_CREDIT],
    }
)
"""What the page of the message shows; empty where the refusal has the reason."""


def _host_of(url: str) -> str:
    """Whom a callback goes to; the rest of an address may hold a secret."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _read_filter(request: PageRequest, typed: dict[str, str]) -> dict[str, Any]:
    """The fields of a filter; what cannot be read is added to the problems."""
    readers: dict[str, tuple[str, Callable[[str], Any]]] = {
        "number": ("recipient", read_number),
        "text": ("text", read_pieces),
        "from": ("from_ms", lambda text: read_time(text, request.zone)),
        "to": ("to_ms", lambda text: read_time(text, request.zone, ends=True)),
        "state": ("states", read_states),
        "id": ("", lambda text: read_identifiers(text) if text.strip() else None),
    }
    wanted: dict[str, Any] = {}
    for name, (field, read) in readers.items():
        try:
            value = read(typed[name])
        except Unreadable as unreadable:
            request.problems[name] = str(unreadable)
        except Refused as refused:
            request.problems[name] = describe_refusal(refused)
        else:
            if field:
                wanted[field] = value
    return wanted


async def _find(
    request: PageRequest, identifiers: tuple[int, ...], tree: tuple[int, ...]
) -> tuple[int | None, int | None]:
    """The message, or else the batch, that an identifier names in the tree."""
    queries = request.services.queries
    read = [await request.services.short_ids.identifier_of(written) for written in identifiers]
    meant = [identifier for identifier in read if identifier is not None]
    for identifier in meant:
        try:
            view = await queries.message(request.account, identifier, tree[1:])
        except Refused as refused:
            if refused.code is not RefusalCode.NOT_FOUND:
                raise
        else:
            return view.message_id, None
    for identifier in meant:
        if await _batch(request, identifier) is not None:
            return None, identifier
        wanted = OutboxFilter(account_id=tree[0], below=tree[1:], batch_id=identifier)
        if (await queries.outbox(wanted, 0, 1, 0)).total:
            return None, identifier
    return None, None


async def _batch(request: PageRequest, batch_id: int) -> BatchProgress | None:
    """How far a batch of the reader's own account is."""
    try:
        return await request.services.queries.batch(request.account, batch_id)
    except Refused as refused:
        if refused.code is not RefusalCode.NOT_FOUND:
            raise
        return None


async def _names(request: PageRequest, messages: tuple[MessageView, ...]) -> dict[int, str]:
    """The user names of the accounts of messages, where they are not all the reader's own."""
    others = {message.account_id for message in messages} - {request.account.account_id}
    return await request.services.account_tree.names(request.account, others)


_change: Final = partial(Page, section="Messages", needs=Permission.SEND)
PAGES: Final = (
    Page("/messages", "Messages", menu="Messages", show=search_messages),
    Page("/messages/{message_id:int}", "Message", section="Messages", show=show_message),
    _change("/messages/{message_id:int}/cancel", "Message", act=cancel_message),
    _change("/messages/{message_id:int}/resend", "Message", act=resend_message),
    _change("/messages/{message_id:int}/retry-callbacks", "Message", act=retry_callbacks),
)
