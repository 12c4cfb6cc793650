"""Commands on senders and on credits of message types."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Any, Final

from dragoman.control import requests
from dragoman.control.answers import SenderList, SenderView, TypeBalances
from dragoman.control.house import Controlled
from dragoman.core.accounts.model.senders import SenderState, StoredSender
from dragoman.core.accounts.senders import EVERY_STATE
from dragoman.core.model.errors import RefusalCode, Refused

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


async def _list_senders(controlled: Controlled, request: requests.ListSenders) -> SenderList:
    services = controlled.services
    account = await services.accounts.find(request.username) if request.username else None
    states = {SenderState.PENDING} if request.pending else EVERY_STATE
    limit = min(request.limit, MAX_LISTED)
    found, total = await services.senders.list_page(account, states, request.offset, limit)
    names = {one.account_id: one.username for one in await services.accounts.list_all()}
    return SenderList(
        senders=tuple(_view(names.get(sender.account_id, ""), sender) for sender in found),
        total=total,
    )


async def _decide_sender(controlled: Controlled, request: requests.DecideSender) -> SenderView:
    services = controlled.services
    account = await services.accounts.find(request.username)
    state = DECISIONS[request.approved, request.by_authority]
    await services.senders.decide(account, request.sender, state)
    found = await services.senders.find_by_name(account, request.sender)
    return _view(account.username, found)


async def _add_credits(controlled: Controlled, request: requests.AddCredits) -> TypeBalances:
    services = controlled.services
    account = await services.accounts.find(request.username)
    if request.credits or request.message_type:
        message_type = services.credits.types.find(request.message_type)
        if message_type is None:
            known = ", ".join(one.name for one in services.credits.types)
            raise Refused(RefusalCode.INVALID_FIELD, "type", f"there are {known}")
        await services.credits.top_up(account, message_type, request.credits)
    return TypeBalances(account=account.username, credits=await services.credits.available(account))


def _view(username: str, sender: StoredSender) -> SenderView:
    return SenderView(
        sender_id=sender.sender_id,
        account=username,
        sender=sender.sender,
        state=sender.state.value,
        company=sender.details.company,
        contact=sender.details.contact,
        since_ms=sender.created_ms,
    )


SENDER_HANDLERS: Final = MappingProxyType[type[Any], Callable[[Controlled, Any], Awaitable[Any]]](
    {
        requests.ListSenders: _list_senders,
        requests.DecideSender: _decide_sender,
        requests.AddCredits: _add_credits,
    }
)
"""What carries out each of these requests."""
