"""Senders that accounts asked for, and the decisions on them."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.admin.account_answers import SenderList, SenderView
from dragoman.admin.answers import view
from dragoman.admin.calls import Body, Call
from dragoman.admin.context import Admin
from dragoman.admin.merging import merge, ordered
from dragoman.admin.whole import Gathered, Whole
from dragoman.core.accounts.audit_log import hide_number
from dragoman.core.accounts.model.senders import SenderState, StoredSender
from dragoman.core.accounts.senders import EVERY_STATE

MAX_LISTED: Final = 10_000

DECISIONS: Final = MappingProxyType(
    {
        (True, False): SenderState.APPROVED,
        (True, True): SenderState.APPROVED_BY_AUTHORITY,
        (False, False): SenderState.REJECTED,
        (False, True): SenderState.REJECTED_BY_AUTHORITY,
    }
)
"""The state by whether a sender is approved, and whether an authority said so."""


class SenderPage(Body, frozen=True, kw_only=True):
    """Which senders to list: of one account or of all, decided on or not."""

    account: str = ""
    pending: bool = False
    """Only those that wait for a decision."""
    offset: int = 0
    limit: int = 1000


class Decision(Body, frozen=True, kw_only=True):
    """Whether an account may use a sender, and whether an authority decided so."""

    approved: bool
    by_authority: bool = False


async def list_senders(admin: Admin, query: SenderPage) -> SenderList:
    """List senders, oldest first."""
    services = admin.services
    account = await services.accounts.find(query.account) if query.account else None
    states = {SenderState.PENDING} if query.pending else EVERY_STATE
    limit = min(query.limit, MAX_LISTED)
    found, total = await services.senders.list_page(account, states, query.offset, limit)
    names = await admin.usernames()
    return SenderList(
        senders=tuple(_view(names.get(sender.account_id, ""), sender) for sender in found),
        total=total,
    )


async def decide_sender(admin: Admin, username: str, sender: str, body: Decision) -> SenderView:
    """Approve or reject a sender of an account."""
    services = admin.services
    account = await services.accounts.find(username)
    await services.senders.decide(account, sender, DECISIONS[body.approved, body.by_authority])
    found = await services.senders.find_by_name(account, sender)
    await admin.note(account, "approve" if body.approved else "refuse", hide_number(sender))
    return _view(account.username, found)


def _view(username: str, sender: StoredSender) -> SenderView:
    return view(
        SenderView,
        sender,
        account=username,
        state=sender.state.value,
        company=sender.details.company,
        contact=sender.details.contact,
        since_ms=sender.created_ms,
    )


def _up_to_page(query: SenderPage) -> SenderPage:
    """Partitions are asked for all that may be on the page or before it."""
    limit = min(query.limit, MAX_LISTED)
    return msgspec.structs.replace(query, offset=0, limit=query.offset + limit)


def _page(gathered: Gathered) -> SenderList:
    query: SenderPage = gathered.query
    answers: tuple[SenderList, ...] = gathered.answers
    found = merge(answers, senders=ordered(lambda one: one.sender_id))
    page = found.senders[query.offset : query.offset + min(query.limit, MAX_LISTED)]
    return SenderList(senders=page, total=found.total)


CALLS: Final = (
    Call("GET", "/senders", list_senders, whole=Whole(_page, ask=_up_to_page)),
    Call("PUT", "/accounts/{username}/senders/{sender}", decide_sender),
)
