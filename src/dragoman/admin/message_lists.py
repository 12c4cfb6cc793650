"""Lists of messages and of what is scheduled, and another time for that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dragoman.admin.answers import view
from dragoman.admin.calls import Body, Call
from dragoman.admin.context import Admin
from dragoman.admin.message_answers import MessageList, MessageStatus, Rescheduled, ScheduledStatus
from dragoman.admin.messages import read_identifier
from dragoman.admin.whole import Gathered, Whole
from dragoman.core.billing.model.pricing import render_price
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.state_choices import read_states
from dragoman.core.messages.model.views import MessageView
from dragoman.core.model.countries import NAMES
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.core.model.written_numbers import read_written
from dragoman.core.reporting.model.message_search import MessageFilter
from dragoman.core.submission.model.scheduled import Position, ScheduledBatch, ScheduledFilter

MAX_LISTED: Final = 1_000


class WhichMessages(Body, frozen=True, kw_only=True):
    """Which messages to list; all if left out."""

    account: str = ""
    """That one alone, without those below it."""
    states: str = ""
    """With commas between; `scheduled` alone for what is due later."""
    recipient: str = ""
    sender: str = ""
    route: str = ""
    carrier: str = ""
    dialect: str = ""
    cause: str = ""
    """A failure code."""
    country: str = ""
    """A mobile country code, or a name."""
    text: str = ""
    """Words of the text, in this order."""
    from_ms: int | None = None
    to_ms: int | None = None
    """When it was accepted, or is due; both ends included."""
    after: str = ""
    """The `next` of the page before."""
    limit: int = 50


class NewTime(Body, frozen=True, kw_only=True):
    """When to send what is scheduled."""

    due_ms: int


async def list_messages(admin: Admin, query: WhichMessages) -> MessageList:
    """List messages, newest first, or what is scheduled, the first due first."""
    if not 0 < query.limit <= MAX_LISTED:
        raise Refused(RefusalCode.INVALID_FIELD, "limit", f"from 1 to {MAX_LISTED}")
    names = await admin.usernames()
    account_ids = tuple(names)
    if query.account:
        account_ids = ((await admin.services.accounts.find(query.account)).account_id,)
    states = read_states(query.states)
    if states == (State.SCHEDULED,):
        return await _list_scheduled(admin, query, account_ids, names)
    wanted = MessageFilter(
        account_ids=account_ids,
        recipients=_read_numbers(query.recipient),
        sender=query.sender,
        route=query.route,
        carrier=query.carrier,
        dialect=query.dialect,
        failures=_read_cause(query.cause),
        mccs=_read_country(query.country),
        states=states,
        text=tuple(query.text.split()),
        from_ms=query.from_ms,
        to_ms=query.to_ms,
    )
    found = await admin.services.message_search.page(wanted, _read_before(query), query.limit)
    return MessageList(
        messages=tuple(_message(one, names.get(one.account_id, "")) for one in found.messages),
        next="" if found.before is None else str(found.before),
        looked_to_ms=found.looked_to_ms,
    )


async def _list_scheduled(
    admin: Admin, query: WhichMessages, account_ids: tuple[int, ...], names: dict[int, str]
) -> MessageList:
    numbers = _read_numbers(query.recipient)
    wanted = ScheduledFilter(
        account_ids=account_ids,
        recipient=numbers[0] if numbers else "",
        sender=query.sender,
        dialect=query.dialect,
        text=tuple(query.text.split()),
        from_ms=query.from_ms,
        to_ms=query.to_ms,
    )
    page = await admin.services.scheduled_batches.page(wanted, _read_after(query), query.limit)
    return MessageList(
        scheduled=tuple(_scheduled(one, names.get(one.account_id, "")) for one in page.batches),
        next="" if page.next is None else f"{page.next.due_ms}-{page.next.batch_id}",
    )


async def reschedule_message(admin: Admin, identifier: str, body: NewTime) -> Rescheduled:
    """Give what is scheduled another time."""
    batch_id = await read_identifier(admin, identifier)
    if batch_id is None:
        raise Refused(RefusalCode.NOT_FOUND, identifier[:64], "no batch that is due later")
    known = await admin.services.scheduled_batches.find(None, batch_id)
    account = await admin.services.scheduled_batches.move(None, batch_id, body.due_ms, known.due_ms)
    await admin.note(account, "move_batch", str(batch_id))
    return Rescheduled(batch_id=batch_id, account=account.username, due_ms=body.due_ms)


def _read_numbers(text: str) -> tuple[str, ...]:
    if not text:
        return ()
    found = read_written(text)
    if not found:
        raise Refused(RefusalCode.INVALID_FIELD, "recipient", "not an international number")
    return found


def _read_cause(text: str) -> tuple[FailureCode, ...]:
    if not text:
        return ()
    try:
        return (FailureCode(text),)
    except ValueError:
        known = ", ".join(filter(None, FailureCode))
        detail = f"no cause {text[:40]!r}; there are {known}"
        raise Refused(RefusalCode.INVALID_FIELD, "cause", detail) from None


def _read_country(text: str) -> tuple[str, ...]:
    if not text:
        return ()
    named = {name.lower(): mcc for mcc, name in NAMES.items()}
    mcc = text if text in NAMES else named.get(text.lower())
    if mcc is None:
        raise Refused(RefusalCode.INVALID_FIELD, "country", f"no country {text[:40]!r}")
    return (mcc,)


def _read_before(query: WhichMessages) -> int | None:
    if not query.after:
        return None
    if query.after.isascii() and query.after.isdigit() and len(query.after) <= 16:
        return int(query.after)
    raise Refused(RefusalCode.INVALID_FIELD, "after", "not the end of a page")


def _read_after(query: WhichMessages) -> Position | None:
    return _position(query.after) if query.after else None


def _position(after: str) -> Position:
    pieces = after.split("-")
    if len(pieces) == 2 and all(p.isascii() and p.isdigit() and len(p) <= 16 for p in pieces):
        return Position(int(pieces[0]), int(pieces[1]))
    raise Refused(RefusalCode.INVALID_FIELD, "after", "not the end of a page")


def _message(message: MessageView, account: str) -> MessageStatus:
    return view(
        MessageStatus,
        message,
        account=account,
        state=message.state.name.lower(),
        failure=message.failure.value,
        price=render_price(message.price),
        callback_answer="",
    )


def _scheduled(batch: ScheduledBatch, account: str) -> ScheduledStatus:
    return view(ScheduledStatus, batch, account=account, reference=batch.reference or "")


def _page(gathered: Gathered) -> MessageList:
    """A page of all partitions: as far as each of them told all there is."""
    answers: tuple[MessageList, ...] = gathered.answers
    limit, query = gathered.query.limit, gathered.query
    ends = [answer.next for answer in answers if answer.next]
    if read_states(query.states) == (State.SCHEDULED,):
        return _page_of_scheduled(answers, [_position(end) for end in ends], limit)
    told_to = max((int(end) for end in ends), default=0)
    found = sorted(
        (one for answer in answers for one in answer.messages if one.message_id >= told_to),
        key=lambda one: -one.message_id,
    )
    is_full, following = len(found) > limit, str(told_to) if ends else ""
    if is_full:
        following = str(found[limit - 1].message_id)
    looked_to = [one.looked_to_ms for one in answers if one.looked_to_ms is not None]
    return MessageList(
        messages=tuple(found[:limit]),
        next=following,
        looked_to_ms=max(looked_to, default=None) if len(found) < limit else None,
    )


def _page_of_scheduled(
    answers: Iterable[MessageList], ends: list[Position], limit: int
) -> MessageList:
    told_to = min(ends, default=None)
    found = sorted(
        (
            (Position(one.due_ms, one.batch_id), one)
            for answer in answers
            for one in answer.scheduled
        ),
        key=lambda pair: pair[0],
    )
    found = [pair for pair in found if told_to is None or pair[0] <= told_to]
    last = found[limit - 1][0] if len(found) > limit else told_to
    return MessageList(
        scheduled=tuple(one for _, one in found[:limit]),
        next="" if last is None else f"{last.due_ms}-{last.batch_id}",
    )


CALLS: Final = (
    Call("GET", "/messages", list_messages, whole=Whole(_page)),
    Call("POST", "/messages/{identifier}/reschedule", reschedule_message),
)
