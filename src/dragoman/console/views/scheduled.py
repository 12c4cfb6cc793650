"""Batches that are due later: their list, another time for one, and cancelling it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from dragoman.console.labels import describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.paging import PER_PAGE, address_of
from dragoman.console.reading import Unreadable, read_count, read_due
from dragoman.console.translation import lazy
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.submission.model.scheduled import (
    Position,
    ScheduledBatch,
    ScheduledFilter,
    ScheduledPage,
)
from dragoman.web.responses import Response

_MOVED: Final = lazy(
    "Someone else changed the time after you opened this page, so yours was not saved. Save again"
    " to replace it."
)
_TOO_LATE: Final = lazy("It is due now, so its time can no longer be changed.")


async def find_page(request: PageRequest, wanted: ScheduledFilter) -> ScheduledPage:
    """The page that the query asks for, the first due first."""
    services = request.services
    return await services.scheduled_batches.page(wanted, _read_after(request), PER_PAGE)


def next_address(request: PageRequest, page: ScheduledPage) -> str:
    """The query of the page after one; empty where it is the last."""
    if page.next is None:
        return ""
    return address_of(request.query, after=f"{page.next.due_ms}-{page.next.batch_id}")


async def names_of(request: PageRequest, batches: Iterable[ScheduledBatch]) -> dict[int, str]:
    """The user names of the accounts of batches, where they are not all the reader's own."""
    others = {batch.account_id for batch in batches} - {request.account.account_id}
    return await request.services.account_tree.names(request.account, others)


async def show_schedule(request: PageRequest) -> Response:
    """What is scheduled, and the form for its time."""
    batch = await _find(request)
    return await _show(request, batch, due=_local(batch.due_ms, request))


async def move_batch(request: PageRequest) -> Response:
    """Gives a batch another time."""
    batch_id = request.identifier("batch_id")
    batch = await _find(request)
    typed = request.form.get("due", "")
    try:
        due_ms = read_due(typed, request.zone, request.services.clock.now_ms())
        known_ms = read_count(request.form.get("known", "")) or 0
        await request.services.scheduled_batches.move(request.account, batch_id, due_ms, known_ms)
    except Unreadable as unreadable:
        request.problems["due"] = str(unreadable)
        return await _show(request, batch, 400, due=typed)
    except Refused as refused:
        if refused.code is RefusalCode.ALREADY_EXISTS:
            request.problems[""] = _MOVED
            batch = await _find(request)
            return await _show(request, batch, 409, due=typed)
        if refused.code is RefusalCode.INVALID_SCHEDULE:
            request.problems["due"] = describe_refusal(refused)
            return await _show(request, batch, 400, due=typed)
        if refused.code is RefusalCode.NOT_CANCELLABLE:
            request.problems[""] = _TOO_LATE
            return await _show(request, batch, 409, due=typed)
        raise
    return request.go("/messages?state=scheduled", "moved")


async def cancel_batch(request: PageRequest) -> Response:
    """Stops a batch none of whose messages a carrier has been given."""
    batch_id = request.identifier("batch_id")
    services = request.services
    try:
        await services.scheduled_batches.cancel(request.account, batch_id)
    except Refused as refused:
        if refused.code is not RefusalCode.NOT_FOUND:
            raise
        await services.batches.cancel(request.account, batch_id)
        await request.note("cancel_batch", str(batch_id))
    if request.form.get("list"):
        return request.go("/messages?state=scheduled", "cancelled")
    return request.go(f"/messages?id={batch_id}", "cancelled")


async def _find(request: PageRequest) -> ScheduledBatch:
    batch_id = request.identifier("batch_id")
    return await request.services.scheduled_batches.find(request.account, batch_id)


async def _show(
    request: PageRequest, batch: ScheduledBatch, status: int = 200, **values: Any
) -> Response:
    return request.show(
        "schedule.html",
        status,
        batch=batch,
        names=await names_of(request, [batch]),
        **values,
    )


def _local(at_ms: int, request: PageRequest) -> str:
    """A time as a field for local times has it."""
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(request.zone)
    return local.strftime("%Y-%m-%dT%H:%M")


def _read_after(request: PageRequest) -> Position | None:
    due, _, batch = request.query.get("after", "").partition("-")
    due_ms, batch_id = read_count(due), read_count(batch)
    return None if due_ms is None or batch_id is None else Position(due_ms, batch_id)


_change: Final = partial(Page, section="Messages", needs=Permission.SEND)
PAGES: Final = (
    _change("/batches/{batch_id:int}/cancel", lazy("Messages"), act=cancel_batch),
    _change(
        "/batches/{batch_id:int}/schedule", lazy("Change time"), show=show_schedule, act=move_batch
    ),
)
