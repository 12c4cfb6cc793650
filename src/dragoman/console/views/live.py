"""The live log: changes of messages as they happen, by server-sent events.

A stream is bounded: what a browser is too slow for is dropped and counted, a frame holds the newest
rows only, and after a while the stream ends, so that its reader is asked again who it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from dragoman.console.labels import FAILURES, STATES, choose_state, describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.rendering import name_unseen, render_clock
from dragoman.console.translation import gettext, lazy
from dragoman.console.views.scheduled import names_of
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.messages.feed import MAX_LISTENERS, FeedEvent, FeedFilter, FeedPage, read_filter
from dragoman.core.messages.model.state_choices import SCHEDULED
from dragoman.core.messages.model.views import MessageView
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.core.reporting.model.message_search import MessageFilter
from dragoman.core.submission.model.scheduled import ScheduledBatch, ScheduledFilter
from dragoman.web.events import KEEP_ALIVE, KEEP_ALIVE_S, render_event
from dragoman.web.responses import Response

FIELDS: Final = ("state", "to", "route", "dialect")
MAX_FIELD: Final = 64
MAX_ROWS: Final = 40
"""Of one frame; the page keeps `KEPT_ROWS`."""
KEPT_ROWS: Final = 200
PAUSE_S: Final = 0.25
"""Between frames, so that busy times are gathered into few."""
LONGEST_S: Final = 60.0
AGAIN: Final = b"retry: 20\n" + KEEP_ALIVE
"""Ends a stream whose time is over: what happens until its reader is back is not shown to it."""
SHOWN: Final = 30
"""Messages of the table that is there without script."""
LOOKED_AT: Final = 150
"""Messages that those are chosen from."""


async def show_live(request: PageRequest) -> Response:
    """The page: filters, and the messages that changed last as they are now."""
    typed = _typed(request)
    wanted = None
    try:
        wanted = await _read_filter(request, typed)
    except Refused as refused:
        request.problems.add(refused, FIELDS, describe_refusal(refused))
    messages: Sequence[MessageView] = ()
    scheduled: tuple[ScheduledBatch, ...] = ()
    if wanted is not None and wanted.states == SCHEDULED:
        scheduled = await _find_scheduled(request, wanted)
    elif wanted is not None:
        messages = await _newest(request, wanted)
    query = urlencode({name: value for name, value in typed.items() if value})
    return request.show(
        "live.html",
        400 if request.problems else 200,
        typed=typed,
        choices=choose_state(typed["state"]),
        routes=[
            ("", gettext("any")),
            *((name, name) for name in request.context.machine.waiting()),
        ],
        messages=messages,
        scheduled=scheduled,
        names=await names_of(request, scheduled),
        may_send=request.account.may(Permission.SEND),
        failures=FAILURES,
        stream=f"/live/events?{query}" if query else "/live/events",
        kept_rows=KEPT_ROWS,
        changed_ms=changed_ms,
    )


async def stream_changes(request: PageRequest) -> Response:
    """The changes from here on, as events."""
    wanted = await _read_filter(request, _typed(request))
    if len(request.services.feed.listeners) >= MAX_LISTENERS:
        raise Refused(RefusalCode.UNAVAILABLE, "feed")  # while it can still be said
    return request.stream(_frames(request, wanted))


async def _frames(request: PageRequest, wanted: FeedFilter) -> AsyncGenerator[bytes, None]:
    loop = asyncio.get_running_loop()
    end = loop.time() + LONGEST_S
    with request.services.feed.listen(wanted) as listener:
        yield b"retry: 1000\n" + render_event("open")
        while (left := end - loop.time()) > 0:
            page = await listener.next(min(left, KEEP_ALIVE_S), MAX_ROWS)
            if page.events:
                yield render_event("changes", render_frame(request, page))
                await asyncio.sleep(PAUSE_S)
            else:
                yield KEEP_ALIVE
        yield AGAIN


def render_frame(request: PageRequest, page: FeedPage) -> bytes:
    """The changes of a page as texts, oldest first, and how many are left out."""
    # Changes of one frame share a few times and senders.
    format_time = cache(lambda tenth: render_clock(tenth * 100, request.zone))
    format_sender = cache(name_unseen)
    rows = [
        _row(event, format_time(event.at_ms // 100), format_sender(event.sender))
        for event in page.events
    ]
    return msgspec.json.encode({"rows": rows, "dropped": page.dropped, "skipped": page.skipped})


def _row(event: FeedEvent, time: str, sender: str) -> dict[str, Any]:
    why = "" if event.failure is FailureCode.NONE else str(FAILURES[event.failure])
    return {
        "time": time,
        "id": str(event.message_id),
        "to": f"+{event.recipient}",
        "from": sender,
        "state": str(STATES[event.state]),
        "kind": event.state.name.lower(),
        "route": event.route,
        "why": why,
    }


async def _read_filter(request: PageRequest, typed: dict[str, str]) -> FeedFilter:
    return read_filter(
        accounts=frozenset(await request.tree()),
        states=typed["state"],
        recipient=typed["to"],
        route=typed["route"],
        dialect=typed["dialect"],
    )


async def _find_scheduled(request: PageRequest, wanted: FeedFilter) -> tuple[ScheduledBatch, ...]:
    """The first that will be due; they change nothing until then."""
    search = ScheduledFilter(account_ids=await request.tree(), dialect=wanted.dialect)
    page = await request.services.scheduled_batches.page(search, None, LOOKED_AT)
    begins = [one for one in page.batches if one.recipient.startswith(wanted.recipient)]
    return tuple(begins[:SHOWN])


async def _newest(request: PageRequest, wanted: FeedFilter) -> list[MessageView]:
    """The newest messages that fit now, of the newest there are."""
    search = MessageFilter(
        account_ids=await request.tree(),
        states=tuple(wanted.states),
        route=wanted.route,
        dialect=wanted.dialect,
    )
    found = await request.services.message_search.page(search, limit=LOOKED_AT)
    fitting = [one for one in found.messages if one.recipient.startswith(wanted.recipient)]
    # By the time that the table shows, not by when they were accepted.
    fitting.sort(key=changed_ms, reverse=True)
    return fitting[:SHOWN]


def changed_ms(message: MessageView) -> int:
    """When a message changed last, as the table shows it."""
    return message.final_ms or message.sent_ms or message.created_ms


def _typed(request: PageRequest) -> dict[str, str]:
    return {name: request.query.get(name, "").strip()[:MAX_FIELD] for name in FIELDS}


PAGES: Final = (
    Page("/live", lazy("Live log"), menu=lazy("Live log"), show=show_live),
    Page(
        "/live/events", lazy("Live log"), section="Live log", show=stream_changes, background=True
    ),
)
