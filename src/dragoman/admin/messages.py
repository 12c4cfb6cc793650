"""Messages: sending one, where it is, its story, and what happens to all of them right now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from typing import Final

from dragoman.admin.answers import view
from dragoman.admin.calls import Body, Call
from dragoman.admin.context import Admin
from dragoman.admin.merging import whole
from dragoman.admin.message_answers import (
    BatchStatus,
    Cancelled,
    FeedLine,
    FeedLines,
    MessageStatus,
    SentBatch,
)
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.billing.model.pricing import render_price
from dragoman.core.messages.feed import GATHER_S, FeedEvent, read_filter
from dragoman.core.messages.model.callbacks import SMPP
from dragoman.core.messages.model.messages import Submission
from dragoman.core.messages.model.views import MessageView
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.reporting.model.timeline import Timeline
from dragoman.core.submission.decisions import AcceptedBatch
from dragoman.kit.ids import LIMIT, parse_dashed, parse_hex, parse_prefixed

DIALECT: Final = "cli"
PROTOCOL: Final = "CLI"
MESSAGES_SHOWN: Final = 20
TAIL_WAIT_S: Final = 1.0
"""The longest silence of a feed: a page without lines shows that the connection stands."""


class NewMessage(Body, frozen=True, kw_only=True):
    """A text to send; without an account, from the only one there is."""

    recipients: tuple[str, ...]
    text: str
    account: str = ""
    sender: str = ""


class EventFilter(Body, frozen=True, kw_only=True):
    """Which messages to follow; all if left out."""

    account: str = ""
    """With everything below it."""
    states: str = ""
    """With commas between."""
    recipient: str = ""
    """How the number begins."""
    route: str = ""
    dialect: str = ""


async def send_message(admin: Admin, body: NewMessage) -> SentBatch:
    """Send a text message."""
    account = await admin.account_or_only(body.account)
    if not account.enabled:
        raise Refused(RefusalCode.PERMISSION_DENIED, account.username, "the account is disabled")
    accepted = await admin.services.submission.submit(
        account,
        Submission(
            dialect=DIALECT,
            recipients=body.recipients,
            text=body.text,
            sender=body.sender,
            protocol=PROTOCOL,
        ),
    )
    return _sent(admin, account.username, accepted)


async def show_message(admin: Admin, identifier: str) -> Timeline:
    """Show the history of a message, or of a batch of one: request, route, attempts, cost."""
    story = await admin.services.timelines.of_any_message(await find_message(admin, identifier))
    return story.with_held(admin.running.held_hosts()) if admin.running is not None else story


async def resend_message(admin: Admin, identifier: str) -> SentBatch:
    """Send a message again, as a new one that its account pays for."""
    message_id = await find_message(admin, identifier)
    accepted = await admin.services.message_actions.resend(None, message_id, protocol=PROTOCOL)
    username = await _note(admin, "resend", message_id)
    return _sent(admin, username, accepted)


async def cancel_message(admin: Admin, identifier: str) -> Cancelled:
    """Stop a message that no carrier has been given, or what is scheduled; it is refunded."""
    batch_id = await _find_scheduled(admin, identifier)
    if batch_id is not None:
        account = await admin.services.scheduled_batches.cancel(None, batch_id)
        await admin.note(account, "cancel_batch", str(batch_id))
        return Cancelled(message_id=batch_id, account=account.username)
    message_id = await find_message(admin, identifier)
    await admin.services.message_actions.cancel(None, message_id)
    return Cancelled(message_id=message_id, account=await _note(admin, "cancel", message_id))


async def find_status(admin: Admin, identifier: str) -> MessageStatus | BatchStatus:
    """Show where a message or batch is, by its identifier as any API shows it."""
    number = await read_identifier(admin, identifier)
    queries = admin.services.queries
    if number is not None:
        account = await _account(admin, await queries.owner_of_message(number))
        if account is not None:
            message = await queries.message(account, number)
            return _view_message(account, message, await queries.last_callback_answer(number))
        account = await _account(admin, await queries.owner_of_batch(number))
        if account is not None:
            return await _view_batch(admin, account, number)
    raise Refused(RefusalCode.NOT_FOUND, identifier, "neither a message nor a batch")


def _check_known(field: str, name: str, known: Iterable[str]) -> None:
    """Raises `Refused` for a name that nothing has: whoever follows it would wait in vain."""
    names = sorted(known)
    if name and name not in names:
        detail = f"no such {field}; there are {', '.join(names)}"
        raise Refused(RefusalCode.INVALID_FIELD, name, detail)


async def tail_messages(admin: Admin, query: EventFilter) -> AsyncGenerator[FeedLines, None]:
    """Follow what happens to messages: one JSON object a line, until the caller leaves."""
    if admin.running is None:
        raise Refused(RefusalCode.UNAVAILABLE, "tail", "no gateway is running")
    services, below = admin.services, None
    _check_known("route", query.route, services.router.routes)
    _check_known("dialect", query.dialect, (*services.settings.dialects.enabled, SMPP))
    if query.account:
        account = await services.accounts.find(query.account)
        below = frozenset({account.account_id, *await services.queries.accounts_below(account)})
    wanted = read_filter(
        accounts=below,
        states=query.states,
        recipient=query.recipient,
        route=query.route,
        dialect=query.dialect,
    )
    names: dict[int, str] = {}
    with admin.running.feed.listen(wanted) as listener:
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
            await asyncio.sleep(GATHER_S)  # so that busy times take few pages


def parse_identifier(text: str) -> int | None:
    """The identifier of any spelling an API shows; None for any other text."""
    if text.isascii() and text.isdigit() and len(text) <= len(str(LIMIT)):
        return int(text) if int(text) < LIMIT else None
    return parse_hex(text) or parse_prefixed(text) or parse_dashed(text)


async def read_identifier(admin: Admin, text: str) -> int | None:
    """The identifier of any spelling, or that is shown under a short ID; None for neither."""
    number = parse_identifier(text)
    if number is None:
        return None
    await admin.services.placement.check_identifier(number)
    return await admin.services.short_ids.identifier_of(number)


async def find_message(admin: Admin, text: str) -> int:
    """The message of any spelling of its identifier, or of its batch if that has but one."""
    queries = admin.services.queries
    identifier = await read_identifier(admin, text)
    if identifier is None:
        raise Refused(RefusalCode.NOT_FOUND, text[:64], "no such message")
    if await queries.owner_of_message(identifier) is not None:
        return identifier
    account = await _account(admin, await queries.owner_of_batch(identifier))
    if account is None:
        raise Refused(RefusalCode.NOT_FOUND, text[:64], "no such message")
    views = await queries.messages_of_batch(account, identifier, 0, 2)
    if len(views) != 1:
        detail = f"a batch, not a message: `dragoman status {identifier}` lists its messages"
        raise Refused(RefusalCode.NOT_FOUND, text, detail)
    return views[0].message_id


async def _find_scheduled(admin: Admin, identifier: str) -> int | None:
    """The batch of an identifier, where it is due later."""
    batch_id = await read_identifier(admin, identifier)
    if batch_id is None:
        return None
    try:
        return (await admin.services.scheduled_batches.find(None, batch_id)).batch_id
    except Refused:
        return None


async def _account(admin: Admin, account_id: int | None) -> Account | None:
    return None if account_id is None else await admin.services.accounts.find_by_id(account_id)


async def _note(admin: Admin, action: str, message_id: int) -> str:
    """Adds to the audit log what was done to a message; the user name of its account."""
    owner = await admin.services.queries.owner_of_message(message_id)
    account = await _account(admin, owner)
    if account is None:
        return ""
    await admin.note(account, action, str(message_id))
    return account.username


def _sent(admin: Admin, username: str, accepted: AcceptedBatch) -> SentBatch:
    return view(SentBatch, accepted, account=username, gateway=admin.running is not None)


async def _view_batch(admin: Admin, account: Account, batch_id: int) -> BatchStatus:
    batch = await admin.services.queries.batch(account, batch_id)
    messages = await admin.services.queries.messages_of_batch(account, batch_id, 0, MESSAGES_SHOWN)
    return view(
        BatchStatus,
        batch,
        account=account.username,
        state=batch.state.name.lower(),
        messages=tuple(_view_message(account, message) for message in messages),
    )


def _view_message(
    account: Account, message: MessageView, callback_answer: str = ""
) -> MessageStatus:
    return view(
        MessageStatus,
        message,
        account=account.username,
        state=message.state.name.lower(),
        failure=message.failure.value,
        price=render_price(message.price),
        callback_answer=callback_answer,
    )


def _line(event: FeedEvent, account: str) -> FeedLine:
    state, failure = event.state.name.lower(), event.failure.value
    return view(FeedLine, event, account=account, state=state, failure=failure)


CALLS: Final = (
    Call("POST", "/messages", send_message, status=201),
    Call("GET", "/messages/{identifier}", show_message),
    Call("POST", "/messages/{identifier}/resend", resend_message, status=201),
    Call("POST", "/messages/{identifier}/cancel", cancel_message),
    Call("GET", "/status/{identifier}", find_status),
    Call("GET", "/events", tail_messages, whole=whole()),
)
