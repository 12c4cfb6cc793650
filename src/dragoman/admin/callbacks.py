"""Callbacks: the customers' hosts that fail, and trying them now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from dragoman.admin.answers import HeldHosts, HeldHostView, RetriedHost, RetriedHosts
from dragoman.admin.calls import Body, Call
from dragoman.admin.context import Admin
from dragoman.admin.merging import whole
from dragoman.admin.messages import find_message
from dragoman.admin.whole import Gathered, Whole
from dragoman.core.callbacks.model.callback_lists import UnmatchedPage
from dragoman.core.delivery.running import Running
from dragoman.core.model.errors import RefusalCode, Refused

MAX_LISTED: Final = 1_000


class WhichCallbacks(Body, frozen=True, kw_only=True):
    """Which callbacks to make now; all that wait if left out."""

    account: str = ""
    host: str = ""
    """With or without its port."""
    message: str = ""
    """An identifier as any API shows it; what else waits for its hosts follows."""


class WhichReceipts(Body, frozen=True, kw_only=True):
    """Which receipts that match no message to list; of all carriers if none is named."""

    carrier: str = ""
    before: int | None = None
    """The `before` of the page before."""
    limit: int = 50


async def list_held_hosts(admin: Admin) -> HeldHosts:
    """List the customers' hosts that fail, and to which callbacks are held."""
    running = _running(admin)
    names = await admin.usernames()
    return HeldHosts(
        waiting=running.callbacks_waiting(),
        held=tuple(
            HeldHostView(
                account=names.get(host.account_id, ""),
                host=host.origin,
                reason=host.reason,
                waiting=host.waiting,
                since_ms=host.since_ms,
                next_try_ms=host.next_try_ms,
            )
            for host in running.held_hosts()
        ),
    )


async def list_unmatched(admin: Admin, query: WhichReceipts) -> UnmatchedPage:
    """List receipts of carriers that match no message, newest first."""
    if not 0 < query.limit <= MAX_LISTED:
        raise Refused(RefusalCode.INVALID_FIELD, "limit", f"from 1 to {MAX_LISTED}")
    lists = admin.services.callback_lists
    return await lists.unmatched(query.carrier[:64], query.before, query.limit)


def _page(gathered: Gathered) -> UnmatchedPage:
    """A page of all partitions: as far as each of them told all there is."""
    answers: tuple[UnmatchedPage, ...] = gathered.answers
    ends = [answer.before for answer in answers if answer.before is not None]
    told_to = max(ends, default=0)
    found = sorted(
        (one for answer in answers for one in answer.receipts if one.receipt_id >= told_to),
        key=lambda one: -one.receipt_id,
    )
    page = tuple(found[: gathered.query.limit])
    following = page[-1].receipt_id if len(found) > len(page) else told_to or None
    return UnmatchedPage(receipts=page, before=following)


async def retry_callbacks(admin: Admin, body: WhichCallbacks) -> RetriedHosts:
    """Make callbacks that wait now, without waiting for their next attempt.

    A host that fails is called once; once it answers, the others follow.
    """
    running = _running(admin)
    retried: Sequence[tuple[int, str, int]]
    if body.message:
        retried = await _retry_of_message(admin, running, body.message)
    else:
        account = await admin.services.accounts.find(body.account) if body.account else None
        retried = running.retry_callbacks(account.account_id if account else None, body.host)
    await _note(admin, retried)
    names = await admin.usernames()
    return RetriedHosts(
        retried=tuple(
            RetriedHost(account=names.get(account_id, ""), host=origin, waiting=waiting)
            for account_id, origin, waiting in retried
        )
    )


async def _retry_of_message(
    admin: Admin, running: Running, identifier: str
) -> list[tuple[int, str, int]]:
    message_id = await find_message(admin, identifier)
    story = await admin.services.timelines.of_any_message(message_id)
    return [
        retried
        for origin in story.waiting_origins
        for retried in running.retry_callbacks(story.account_id, origin, message_id)
    ]


async def _note(admin: Admin, retried: Sequence[tuple[int, str, int]]) -> None:
    hosts: dict[int, list[str]] = defaultdict(list)
    for account_id, origin, _ in retried:
        hosts[account_id].append(origin)
    for account_id, origins in hosts.items():
        account = await admin.services.accounts.find_by_id(account_id)
        if account is not None:
            await admin.note(account, "retry_callbacks", ", ".join(origins))


def _running(admin: Admin) -> Running:
    if admin.running is None:
        detail = "no gateway is running; one that starts calls every host that is due"
        raise Refused(RefusalCode.UNAVAILABLE, "callbacks", detail)
    return admin.running


CALLS: Final = (
    Call("GET", "/callbacks", list_held_hosts, whole=whole()),
    Call("GET", "/callbacks/receipts", list_unmatched, whole=Whole(_page)),
    Call("POST", "/callbacks/retry", retry_callbacks, whole=whole()),
)
