"""Commands on single messages, and the live feed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from types import MappingProxyType
from typing import Any, Final

from dragoman.container import Services
from dragoman.control import requests
from dragoman.control.answers import Cancelled, FeedLine, FeedLines, SentBatch
from dragoman.control.house import Controlled
from dragoman.core.messages.feed import GATHER_S, FeedEvent, read_filter
from dragoman.core.messages.sql import pending
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.reporting.model.timeline import Timeline
from dragoman.core.reporting.sql import outbox
from dragoman.kit.ids import LIMIT, parse_dashed, parse_hex

PROTOCOL: Final = "CLI"
TAIL_WAIT_S: Final = 1.0
"""How long a listener hears nothing at most, so that one who has left is noticed."""


async def _show(controlled: Controlled, request: requests.ShowMessage) -> Timeline:
    services = controlled.services
    return await services.timelines.of_any_message(await find_message(services, request.identifier))


async def _resend(controlled: Controlled, request: requests.ResendMessage) -> SentBatch:
    services = controlled.services
    message_id = await find_message(services, request.identifier)
    accepted = await services.message_actions.resend(None, message_id, protocol=PROTOCOL)
    story = await services.timelines.of_any_message(message_id)
    return SentBatch(
        batch_id=accepted.batch_id,
        account=story.account,
        recipients=accepted.recipients,
        parts=accepted.parts,
        credits=accepted.credits,
        gateway=controlled.gateway is not None,
    )


async def _cancel(controlled: Controlled, request: requests.CancelMessage) -> Cancelled:
    services = controlled.services
    message_id = await find_message(services, request.identifier)
    await services.message_actions.cancel(None, message_id)
    story = await services.timelines.of_any_message(message_id)
    return Cancelled(message_id=message_id, account=story.account)


async def find_message(services: Services, text: str) -> int:
    """The message of any spelling of its identifier, or of its batch if that has but one."""
    identifier = parse_identifier(text)
    if identifier is not None:
        if await services.storage.read(lambda c: pending.load_messages(c, [identifier])):
            return identifier
        batches = await services.storage.read(lambda c: pending.load_batches(c, [identifier]))
        if identifier in batches:
            owner = batches[identifier].account_id
            views = await services.storage.read(
                lambda c: outbox.find_of_batch(c, owner, identifier, 0, 2)
            )
            if len(views) == 1:
                return views[0].message_id
            detail = f"a batch, not a message: `dragoman status {identifier}` lists its messages"
            raise Refused(RefusalCode.NOT_FOUND, text, detail)
    raise Refused(RefusalCode.NOT_FOUND, text[:64], "no such message")


def parse_identifier(text: str) -> int | None:
    """The identifier of any spelling an API shows; None for any other text."""
    if text.isascii() and text.isdigit() and len(text) <= len(str(LIMIT)):
        return int(text) if int(text) < LIMIT else None
    return parse_hex(text) or parse_dashed(text)


async def _tail(controlled: Controlled, request: requests.Tail) -> AsyncGenerator[FeedLines, None]:
    services, gateway = controlled.services, controlled.gateway
    if gateway is None:
        raise Refused(RefusalCode.UNAVAILABLE, "tail", "no gateway is running")
    below = None
    if request.account:
        account = await services.accounts.find(request.account)
        below = frozenset({account.account_id, *await services.queries.accounts_below(account)})
    wanted = read_filter(
        accounts=below,
        states=request.states,
        recipient=request.recipient,
        route=request.route,
        dialect=request.dialect,
    )
    names: dict[int, str] = {}
    with gateway.feed.listen(wanted) as listener:
        yield FeedLines(lines=())  # from here on nothing is missed
        while True:
            page = await listener.next(TAIL_WAIT_S)
            for account_id in {event.account_id for event in page.events} - names.keys():
                found = await services.accounts.find_by_id(account_id)
                names[account_id] = found.username if found is not None else ""
            yield FeedLines(
                lines=tuple(_line(event, names[event.account_id]) for event in page.events),
                dropped=page.dropped,
            )
            await asyncio.sleep(GATHER_S)  # busy times are told in few pages


def _line(event: FeedEvent, account: str) -> FeedLine:
    return FeedLine(
        at_ms=event.at_ms,
        message_id=event.message_id,
        batch_id=event.batch_id,
        account=account,
        dialect=event.dialect,
        sender=event.sender,
        recipient=event.recipient,
        parts=event.parts,
        route=event.route,
        carrier=event.carrier,
        state=event.state.name.lower(),
        failure=event.failure.value,
        detail=event.detail,
    )


MESSAGE_HANDLERS: Final = MappingProxyType[type[Any], Callable[[Controlled, Any], Awaitable[Any]]](
    {
        requests.ShowMessage: _show,
        requests.ResendMessage: _resend,
        requests.CancelMessage: _cancel,
    }
)
STREAMS: Final = MappingProxyType[
    type[Any], Callable[[Controlled, Any], AsyncGenerator[Any, None]]
]({requests.Tail: _tail})
"""Requests that are answered until the caller leaves."""
