"""The timeline of one message, and what can be done about it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from functools import partial
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from dragoman.console.labels import (
    ALPHABETS,
    EVENTS,
    FAILURES,
    LEDGER,
    REFUSALS,
    describe_replaced,
    describe_route,
)
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.reading import (
    read_count,
)
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.messages.model.views import MessageView
from dragoman.core.model.countries import country_name
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.reporting.model.timeline import Timeline
from dragoman.web.responses import Response

PROTOCOL: Final = "console"


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
        account=(await names_of(request, (view,))).get(view.account_id, ""),
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
        request.problems[""] = gettext(
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
        request.problems[""] = sentence or gettext(
            "This message cannot be resent: {detail}."
        ).format(detail=refused.detail)
        return await _show_message(request, 409 if conflict else 400)
    return request.go(f"/messages?id={batch_id}", "sent")


_NOT_RESENT: Final = MappingProxyType(
    {
        RefusalCode.ALREADY_EXISTS: lazy(
            "Someone else resent it after you opened this page, so it was"
            " not resent. Resend it again only if you mean to."
        ),
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


async def names_of(request: PageRequest, messages: Iterable[MessageView]) -> dict[int, str]:
    """The user names of the accounts of messages, where they are not all the reader's own."""
    others = {message.account_id for message in messages} - {request.account.account_id}
    return await request.services.account_tree.names(request.account, others)


_change: Final = partial(Page, section="Messages", needs=Permission.SEND)
PAGES: Final = (
    Page("/messages/{message_id:int}", lazy("Message"), section="Messages", show=show_message),
    _change("/messages/{message_id:int}/cancel", lazy("Message"), act=cancel_message),
    _change("/messages/{message_id:int}/resend", lazy("Message"), act=resend_message),
    _change("/messages/{message_id:int}/retry-callbacks", lazy("Message"), act=retry_callbacks),
)
