"""The timeline of a message: request, route, attempts, receipts, callbacks and cost.

It is built from what is stored anyway; what only memory knows (the link of a message that was
accepted at once, the raw receipt of a delivered one) is included while memory has it. PDUs are not
stored: they are reconstructed, byte for byte, from the rows of the message and the current profile
of its carrier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol, runtime_checkable

import msgspec

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.billing.model.pricing import render_price
from dragoman.core.callbacks.sql.callbacks import CallbackState
from dragoman.core.devices.model.devices import StoredAssignment
from dragoman.core.messages.events import MessageEvents
from dragoman.core.messages.live import LiveBatch, LiveMessage
from dragoman.core.messages.model.callbacks import CallbackFacts
from dragoman.core.messages.model.events import ATTEMPTS, RECEIPTS, EventKind
from dragoman.core.messages.model.failure_causes import CAUSES, Cause
from dragoman.core.messages.model.lifecycle import CANCELLABLE, State
from dragoman.core.messages.model.messages import Format, Outgoing, can_resend
from dragoman.core.messages.model.records import is_forgotten
from dragoman.core.messages.model.routing import Route, Router, RouteReason
from dragoman.core.messages.sql.events import MessageEvent
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused, existing
from dragoman.core.model.urls import hide_passwords
from dragoman.core.model.use_case import use_case
from dragoman.core.reporting.model.timeline import (
    AttemptStep,
    CallbackAttempt,
    CallbackStep,
    CostStep,
    FailureStep,
    LedgerStep,
    PartStep,
    PduStep,
    ReceiptStep,
    RequestStep,
    RouteStep,
    SeriesPart,
    SeriesStep,
    Timeline,
)
from dragoman.core.reporting.sql import timeline
from dragoman.core.reporting.sql.timeline import CallbackRow, CallbackTry, Sibling, TimelineRows
from dragoman.kit.ids import LIMIT, time_of
from dragoman.protocols.gsm.alphabet import NotEncodable
from dragoman.protocols.gsm.look_alikes import replaced_in
from dragoman.protocols.gsm.segmentation import InvalidHeader, TooManyParts
from dragoman.protocols.gsm.udh import parse_udh
from dragoman.storage.engine import Storage
from dragoman.work_queue.port import Lane

MAX_CALLS_SHOWN = 20
"""Of a callback: a host that is away for days is called thousands of times."""
ReconstructPdus = Callable[[Timeline, Outgoing, int], tuple[PduStep, ...]]
"""Makes the PDUs of a message that was sent at a time; none where its carrier has no PDUs."""


@runtime_checkable
class Reconstructs(Protocol):
    """A carrier that can reconstruct the PDUs of a message."""

    def reconstruct(self, story: Timeline, message: Outgoing, at_ms: int) -> tuple[PduStep, ...]:
        """The PDUs of a message that was sent at a time."""
        ...


@use_case(kw_only=True)
class Timelines:
    """Builds the timelines of messages."""

    storage: Storage
    accounts: Accounts
    router: Router
    message_events: MessageEvents
    reconstruct: ReconstructPdus

    async def of_message(self, caller: Account, message_id: int) -> Timeline:
        """The timeline of a message at or below the account, for operators with its PDUs."""
        rows = await self._load(message_id)
        account = await self.accounts.find_by_id(rows.message.account_id)
        if account is None or not account.is_at_or_below(caller):
            raise Refused(RefusalCode.NOT_FOUND, str(message_id), "message")
        story = await self._build(rows, account, caller)
        return self._with_pdus(story, rows) if caller.may(Permission.OPERATE) else story

    async def of_any_message(self, message_id: int) -> Timeline:
        """The timeline of any message with its PDUs, for operators; raises `Refused`."""
        rows = await self._load(message_id)
        account = await self.accounts.find_by_id(rows.message.account_id)
        story = await self._build(rows, account, None)
        return self._with_pdus(story, rows)

    async def _load(self, message_id: int) -> TimelineRows:
        rows = None
        if 0 <= message_id < LIMIT:
            rows = await self.storage.read(lambda c: timeline.load(c, message_id))
        return existing(rows, Refused(RefusalCode.NOT_FOUND, str(message_id), "message"))

    async def _build(
        self, rows: TimelineRows, account: Account | None, caller: Account | None
    ) -> Timeline:
        message, batch = rows.message, rows.batch
        events = [*rows.events, *self.message_events.recent(message.message_id)]
        events.sort(key=lambda event: event.event_id)
        premium = batch.options.premium
        return Timeline(
            message_id=message.message_id,
            batch_id=message.batch_id,
            account_id=message.account_id,
            account=account.username if account is not None else "",
            state=message.state.name.lower(),
            carrier=message.carrier or "",
            possible_duplicate=message.possible_duplicate,
            attempts_made=message.attempts,
            sent_ms=message.sent_ms,
            final_ms=message.final_ms,
            request=_request(rows),
            route=self._route(rows, account),
            attempts=_attempts(rows, events),
            parts=_parts(rows),
            receipts=_receipts(rows, events),
            callbacks=_callbacks(rows.callbacks, rows.tries),
            cost=CostStep(
                credits=message.credits,
                price=render_price(message.price),
                premium_price=premium.price if premium is not None else 0,
                entries=await self._ledger(rows, caller),
            ),
            failure=_failure(rows),
            series=_series(rows),
            feedback=next((e.code for e in events if e.kind is EventKind.FEEDBACK), ""),
            resent_as=tuple(int(e.code) for e in events if e.kind is EventKind.RESENT),
            can_cancel=message.state in CANCELLABLE and not message.possible_duplicate,
            can_resend=can_resend(message.state, batch.format, premium is not None)
            and not is_forgotten(message, batch),
        )

    def _route(self, rows: TimelineRows, account: Account | None) -> RouteStep:
        message, options = rows.message, rows.batch.options
        route = self.router.routes.get(message.route)
        reason, prefix, today = RouteReason.CHANGED, "", ""
        if not message.route:
            reason = RouteReason.NONE
        elif options.device_id is not None:
            reason = RouteReason.DEVICE
        elif options.route == message.route:
            reason = RouteReason.MESSAGE_TYPE
        elif account is not None:
            multimedia = rows.batch.format == Format.MMS
            choice = self.router.explain(
                account.username,
                message.recipient,
                multimedia=multimedia,
                query=self.router.query(
                    account.username,
                    message.recipient,
                    at_ms=time_of(message.message_id),
                    sender=rows.batch.sender,
                    message_type=options.message_type,
                    tag=options.tag,
                    alphabet=_alphabet_of(rows),
                    parts=message.parts,
                    multimedia=multimedia,
                ),
            )
            if choice is not None and choice.route.name == message.route:
                reason, prefix = choice.reason, choice.prefix
            elif choice is not None and message.route in self.router.after(choice.route):
                reason, today = RouteReason.FALLBACK, choice.route.name
            elif choice is not None:
                today = choice.route.name
        return RouteStep(
            route=message.route,
            reason=reason,
            prefix=prefix,
            carriers=_carriers_of(route),
            today=today,
        )

    async def _ledger(self, rows: TimelineRows, caller: Account | None) -> tuple[LedgerStep, ...]:
        names: dict[int, str] = {}
        for account_id in {entry.account_id for entry in rows.ledger}:
            account = await self.accounts.find_by_id(account_id)
            if account is not None and (caller is None or account.is_at_or_below(caller)):
                names[account_id] = account.username
        shared = rows.batch.recipients > 1 or rows.batch.options.audience
        return tuple(
            LedgerStep(
                entry_id=entry.entry_id,
                at_ms=time_of(entry.entry_id),
                account=names.get(entry.account_id, ""),
                wallet=entry.wallet_kind,
                kind=entry.kind,
                debit=entry.debit,
                credit=entry.credit,
                amount=entry.amount,
                shared=shared,
            )
            for entry in rows.ledger
        )

    def _with_pdus(self, story: Timeline, rows: TimelineRows) -> Timeline:
        message = rows.message
        if not message.carrier or is_forgotten(message, rows.batch):
            return story
        try:
            outgoing = LiveMessage(message, LiveBatch(rows.batch, 0)).outgoing()
        except _NOT_CUT:
            return story
        at_ms = message.sent_ms or message.final_ms or time_of(message.message_id)
        return msgspec.structs.replace(story, pdus=self.reconstruct(story, outgoing, at_ms))


_NOT_CUT: Final = (NotEncodable, TooManyParts, InvalidHeader, ValueError)


def _carriers_of(route: Route | None) -> tuple[str, ...]:
    return route.carriers if route is not None else ()


def _alphabet_of(rows: TimelineRows) -> str:
    """What the text needs; empty where it cannot be cut."""
    message, batch = rows.message, rows.batch
    text = batch.text if message.text is None else message.text
    try:
        return LiveBatch(batch, 0).segment(text).alphabet.value
    except _NOT_CUT:
        return ""


def _request(rows: TimelineRows) -> RequestStep:
    message, batch = rows.message, rows.batch
    text = batch.text if message.text is None else message.text
    return RequestStep(
        dialect=batch.dialect,
        protocol=batch.protocol,
        reference=batch.reference or "",
        accepted_ms=time_of(batch.batch_id),
        created_ms=time_of(message.message_id),
        due_ms=batch.due_ms,
        expires_ms=batch.expires_ms,
        sender=batch.sender,
        recipient=message.recipient,
        text=text,
        format=batch.format,
        alphabet=_alphabet_of(rows),
        parts=message.parts,
        lane=Lane(batch.lane).name.lower(),
        recipients=batch.recipients,
        wants_receipt=batch.options.wants_receipt,
        return_data=batch.options.return_data,
        message_type=batch.options.message_type,
        resend_of=batch.options.resend_of,
        ignored_sender=batch.options.ignored_sender,
        replaced=replaced_in(text) if batch.format == Format.GSM_ALIKE else {},
    )


def _attempts(rows: TimelineRows, events: list[MessageEvent]) -> tuple[AttemptStep, ...]:
    devices = {assignment.assignment_id: assignment for assignment in rows.assignments}
    steps = [
        AttemptStep(
            at_ms=time_of(event.event_id),
            carrier=event.carrier,
            link=event.link,
            outcome=event.kind,
            code=event.code,
            status=event.detail,
        )
        for event in events
        if event.kind in ATTEMPTS
    ]
    message = rows.message
    if message.sent_ms is not None and not any(s.outcome is EventKind.TAKEN for s in steps):
        # Memory has forgotten it; the row has not.
        steps.append(
            AttemptStep(
                at_ms=message.sent_ms,
                carrier=message.carrier or "",
                link="",
                outcome=EventKind.TAKEN,
                code="",
                status="",
            )
        )
    steps = [_with_device(step, devices) for step in steps]
    return tuple(sorted(steps, key=lambda step: step.at_ms))


def _with_device(step: AttemptStep, assignments: Mapping[int, StoredAssignment]) -> AttemptStep:
    """The device of a phone's attempt: the last one it was assigned to by then."""
    if step.link:
        return step
    given = [
        assignment
        for assignment in assignments.values()
        if assignment.carrier == step.carrier and assignment.assigned_ms <= step.at_ms
    ]
    if not given:
        return step
    last = max(given, key=lambda assignment: assignment.assignment_id)
    sim = f", SIM {last.slot}" if last.slot else ""
    return msgspec.structs.replace(step, link=f"device {last.device_id}{sim}")


def _series(rows: TimelineRows) -> SeriesStep | None:
    parts = tuple(
        SeriesPart(
            number=sibling.number,
            message_id=sibling.message.message_id,
            state=sibling.message.state.name.lower(),
            text="" if sibling.batch.format == Format.BINARY else _text_of(sibling),
            credits=sibling.message.credits,
        )
        for sibling in rows.siblings
    )
    own = next((p for p in parts if p.message_id == rows.message.message_id), None)
    header = parse_udh(bytes.fromhex(rows.batch.options.udh)) if own is not None else None
    place = header.concatenation if header is not None else None
    if own is None or place is None:
        return None
    return SeriesStep(number=own.number, total=place.total, parts=parts)


def _text_of(sibling: Sibling) -> str:
    own = sibling.message.text
    return sibling.batch.text if own is None else own


def _parts(rows: TimelineRows) -> tuple[PartStep, ...]:
    message = rows.message
    ids: dict[int, list[str]] = {}
    for _, number, carrier_id in rows.carrier_ids:
        ids.setdefault(number, []).append(carrier_id)
    stored = {part.number: part for part in rows.parts}
    numbers = sorted({*ids, *stored})
    if message.parts == 1:
        numbers = numbers[:1]
    steps = []
    for number in numbers:
        part = stored.get(number)
        if part is not None and part.carrier_message_id:
            ids.setdefault(number, [])
            if part.carrier_message_id not in ids[number]:
                ids[number].append(part.carrier_message_id)
        ended = message.state >= State.DELIVERED and message.sent_ms is not None
        state = part.state if part is not None else None
        error, reported_ms = "", None
        if part is not None:
            error, reported_ms = part.error or "", part.reported_ms
        elif message.parts == 1 and ended:
            state, error, reported_ms = message.state, message.detail or "", message.final_ms
        steps.append(
            PartStep(
                number=number,
                carrier=message.carrier or "",
                carrier_ids=tuple(ids.get(number, ())),
                state=state.name.lower() if state is not None else "",
                error=error,
                reported_ms=reported_ms,
            )
        )
    return tuple(steps)


def _receipts(rows: TimelineRows, events: list[MessageEvent]) -> tuple[ReceiptStep, ...]:
    steps = [
        ReceiptStep(
            at_ms=time_of(event.event_id),
            carrier=event.carrier,
            part=0 if rows.message.parts == 1 else event.part,
            state=event.code,
            error=event.detail,
            kind=event.kind,
            raw=event.raw,
        )
        for event in events
        if event.kind in RECEIPTS
    ]
    known = {step.part for step in steps}
    message = rows.message
    for part in rows.parts:
        if part.state is not None and part.reported_ms is not None and part.number not in known:
            steps.append(_forgotten(rows, part.number, part.state, part.error, part.reported_ms))
    delivered = message.state is State.DELIVERED and message.final_ms is not None
    if delivered and not rows.parts and not steps and message.final_ms is not None:
        steps.append(_forgotten(rows, 0, message.state, message.detail, message.final_ms))
    return tuple(sorted(steps, key=lambda step: step.at_ms))


def _forgotten(
    rows: TimelineRows, part: int, state: State, error: str | None, at_ms: int
) -> ReceiptStep:
    """A receipt of which only the result is left."""
    return ReceiptStep(
        at_ms=at_ms,
        carrier=rows.message.carrier or "",
        part=part,
        state=state.name.lower(),
        error=error or "",
        kind=EventKind.RECEIPT,
        raw="",
    )


def _callbacks(
    rows: tuple[CallbackRow, ...], tries: tuple[CallbackTry, ...]
) -> tuple[CallbackStep, ...]:
    return tuple(
        _callback(row, [t for t in tries if t.callback_id == row.callback_id]) for row in rows
    )


def _callback(row: CallbackRow, tries: list[CallbackTry]) -> CallbackStep:
    facts = msgspec.json.decode(row.payload, type=CallbackFacts)
    attempts = [
        CallbackAttempt(
            number=one.number, at_ms=one.answered_ms, status=one.answer_status, answer=one.answer
        )
        for one in tries
        if one.number < row.attempts
    ]
    if row.attempts and row.answered_ms is not None:
        attempts.append(
            CallbackAttempt(
                number=row.attempts,
                at_ms=row.answered_ms,
                status=row.answer_status,
                answer=row.answer or "",
            )
        )
    pending = row.state is CallbackState.PENDING
    return CallbackStep(
        callback_id=row.callback_id,
        about=facts.state.name.lower(),
        url=hide_passwords(row.url),
        created_ms=time_of(row.callback_id),
        state=row.state.name.lower(),
        next_attempt_ms=row.next_attempt_ms if pending else None,
        attempts=tuple(attempts[-MAX_CALLS_SHOWN:]),
    )


def _failure(rows: TimelineRows) -> FailureStep | None:
    message = rows.message
    code = FailureCode(message.failure or "")
    if code is FailureCode.NONE:
        return None
    cause: Cause = CAUSES[code]
    return FailureStep(
        code=code.value, detail=message.detail or "", cause=cause.cause, remedy=cause.remedy
    )
