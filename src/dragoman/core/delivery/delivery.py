"""Every state change of messages is decided, applied and stored here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from enum import StrEnum

import structlog

from dragoman.core.billing.model.reservations import Settlement
from dragoman.core.delivery.quality import Quality
from dragoman.core.delivery.series import shared_ids
from dragoman.core.messages.feed import Feed
from dragoman.core.messages.live import LiveBatch, LiveMessage, LiveMessages
from dragoman.core.messages.model.callbacks import CallbackFacts
from dragoman.core.messages.model.lifecycle import State, may_go
from dragoman.core.messages.model.outcomes import Accepted, Rejected, Unknown
from dragoman.core.messages.model.premium import PREMIUM_STATES
from dragoman.core.messages.model.records import NewCallback, StateChange, StoredMessage, StoredPart
from dragoman.core.messages.sql import changes
from dragoman.core.metrics import Metrics
from dragoman.core.model.errors import FailureCode
from dragoman.core.model.stored import OnStored, ignore
from dragoman.core.model.urls import origin_of
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.kit.signal import Signal
from dragoman.protocols.smpp.message_ids import stored_keys
from dragoman.storage.persistence import is_repeated
from dragoman.storage.writer import JointWork, Writer

log = structlog.get_logger(__name__)

_REFUNDED = frozenset({State.REJECTED, State.CANCELLED, State.EXPIRED})
"""Ends of a message that no carrier has taken."""
_RESULTS = frozenset({State.DELIVERED, State.UNDELIVERED, State.EXPIRED, State.REJECTED})
"""What tells how well a carrier delivers, where one is known."""
_NAMES = {state: state.name.lower() for state in State}
# Members that every message asks for: looking one up in its class costs more than the rest.
_DELIVERED = State.DELIVERED
_SENT = State.SENT
_UNKNOWN = State.UNKNOWN

WHOLE = 0
"""The part number of an ID for the whole message."""


class OnUnknown(StrEnum):
    """What to do with a message that was submitted and never answered."""

    RESEND = "resend"
    """At least once: it is sent again and marked as a possible duplicate."""
    HOLD = "hold"
    """At most once: it becomes `unknown` and waits for a report."""


FindEvents = Callable[[LiveMessage, State, FailureCode, str, int], tuple[NewCallback, ...]]
"""From a message, its new state, why and since when: the calls of its customer's webhooks."""


@use_case(kw_only=True)
class Delivery:
    """Turns outcomes, reports and deadlines into state changes.

    `find_events` finds the webhooks that want to hear of a change.
    """

    live: LiveMessages
    writer: Writer
    ids: IdSource
    clock: Clock
    metrics: Metrics
    policies: Mapping[str, OnUnknown]
    announce: Callable[[NewCallback], None]
    find_events: FindEvents
    quality: Quality
    feed: Feed = field(default_factory=Feed)
    carrier_id_known: Signal[[str, str, LiveMessage, int]] = field(
        default_factory=Signal[[str, str, LiveMessage, int]], init=False
    )
    """(carrier, ID, message, part) once it is known; its receipt may have come before."""
    _changes: JointWork[StateChange, tuple[LiveMessage, OnStored]] = field(init=False)
    _decided: list[tuple[StateChange, tuple[LiveMessage, OnStored]]] | None = field(
        default=None, init=False
    )
    """What is to be written together; None while each change is written on its own."""

    def __post_init__(self) -> None:
        self._changes = JointWork(changes.record, self._stored, can_wait=True)

    def take_policies(self, policies: Mapping[str, OnUnknown]) -> None:
        """Takes other policies of carriers from here on."""
        self.policies = policies

    def accepted(
        self, message: LiveMessage, carrier: str, outcome: Accepted, on_stored: OnStored
    ) -> None:
        """A carrier accepted the message."""
        joined, message.joined = message.joined, ()
        ids = outcome.carrier_ids
        own = ids[:1] if joined and len(ids) == len(joined) + 1 else ids
        _note_device(message, outcome)
        numbered = _known(message, own)
        self.change(message, _SENT, on_stored, carrier=carrier, carrier_ids=numbered)
        if joined:
            for part, carrier_id in zip(joined, shared_ids(joined, ids), strict=True):
                _note_device(part, outcome)
                known = ((1, carrier_id),) if carrier_id else ()
                self.change(part, _SENT, ignore, carrier=carrier, carrier_ids=known)

    def rejected(
        self, message: LiveMessage, carrier: str, outcome: Rejected, on_stored: OnStored
    ) -> None:
        """A carrier rejected the message permanently."""
        _note_device(message, outcome)
        self.change(
            message,
            State.REJECTED,
            on_stored,
            carrier=carrier,
            failure=outcome.code,
            detail=outcome.detail,
            carrier_ids=_known(message, outcome.carrier_ids),
        )

    def unanswered(
        self, message: LiveMessage, carrier: str, outcome: Unknown, on_stored: OnStored
    ) -> bool:
        """The message was submitted and no response came; whether to send it again now."""
        policy = self.policies.get(carrier, OnUnknown.RESEND)
        # What a recipient pays for is never sent twice, whatever the carrier's policy.
        if policy is OnUnknown.RESEND and not message.is_premium:
            known = [(message, *one) for one in _known(message, outcome.carrier_ids)]
            ids = shared_ids(message.joined, outcome.carrier_ids)
            known += [(m, 1, id_) for m, id_ in zip(message.joined, ids, strict=True) if id_]
            for one in (message, *message.joined):
                one.possible_duplicate = True
                one.attempts += 1
            for one, number, carrier_id in known:
                for key in stored_keys(carrier_id):
                    self.live.add_key(carrier, key, one, number)
                    self.carrier_id_known(carrier, key, one, number)
            return True
        joined, message.joined = message.joined, ()
        ids = shared_ids(joined, outcome.carrier_ids)
        for one, carrier_ids, done in (
            (message, _known(message, outcome.carrier_ids), on_stored),
            *((m, ((1, id_),) if id_ else (), ignore) for m, id_ in zip(joined, ids, strict=True)),
        ):
            self.change(
                one,
                State.UNKNOWN,
                done,
                carrier=carrier,
                failure=FailureCode.RESPONSE_LOST,
                detail=outcome.detail,
                carrier_ids=carrier_ids,
            )
        return False

    def expire(self, message: LiveMessage, on_stored: OnStored) -> None:
        """The validity of a message ended before a carrier accepted it for certain."""
        if message.possible_duplicate:  # it left us once: it may have arrived, and is paid for
            self.change(message, State.UNKNOWN, on_stored, failure=FailureCode.RESPONSE_LOST)
        else:
            self.change(message, State.EXPIRED, on_stored, failure=FailureCode.EXPIRED)

    def change(
        self,
        message: LiveMessage,
        after: State,
        on_stored: OnStored,
        *,
        carrier: str | None = None,
        failure: FailureCode = FailureCode.NONE,
        detail: str = "",
        carrier_ids: tuple[tuple[int, str], ...] = (),
        part_rows: tuple[StoredPart, ...] = (),
        reported: bool = False,
    ) -> None:
        """Changes the state of a message, if allowed, and stores it with all that follows.

        A `reported` change comes from a carrier that accepted the message, so it is paid for.
        What is joined to it changes likewise.
        """
        if message.joined:
            joined, message.joined = message.joined, ()
            for part in joined:
                self.change(
                    part,
                    after,
                    ignore,
                    carrier=carrier,
                    failure=failure,
                    detail=detail,
                    reported=reported,
                )
        before, batch = message.state, message.batch
        if not may_go(before, after):
            # A report overtook the answer it belongs to: the message has ended already.
            self.metrics.overtaken += 1
            on_stored(True)
            return
        now_ms = self.clock.now_ms()
        message.state = after
        message.failure = failure
        message.carrier = carrier = carrier or message.carrier
        if after is _SENT:
            message.sent_ms = now_ms
            message.attempts += 1
        keys: tuple[tuple[str, int], ...] = ()
        if carrier_ids:
            keys = tuple([(key, number) for number, id_ in carrier_ids for key in stored_keys(id_)])
            if carrier is not None:
                for key, number in keys:
                    self.live.add_key(carrier, key, message, number)
            if message.part_count > 1:
                for number, id_ in carrier_ids:
                    row = StoredPart(
                        message_id=message.message_id, number=number, carrier_message_id=id_
                    )
                    part_rows += (row,)
        callback: NewCallback | None = None
        if batch.stored.options.callback_url:
            callback = self._callback(message, after, failure, detail, now_ms)
        events = self.find_events(message, after, failure, detail, now_ms)
        settlement: Settlement | None = None
        is_refunded = False
        if before < _SENT:
            is_refunded = after in _REFUNDED and not reported
            if message.credits:
                settlement = self._settlement(message, is_refunded, now_ms)
        change = StateChange(
            message_id=message.message_id,
            batch_id=batch.batch_id,
            account_id=batch.account_id,
            mcc=message.mcc,
            parts=message.part_count,
            before=before,
            after=after,
            at_ms=now_ms,
            counted_in_batch=batch.counted,
            carrier=carrier,
            failure=failure,
            detail=detail,
            attempts=message.attempts,
            possible_duplicate=message.possible_duplicate,
            receipt_keys=keys,
            part_rows=part_rows,
            settlement=settlement,
            callback=callback,
            events=events,
            premium_state=PREMIUM_STATES[after] if batch.is_premium else None,
            route=message.route,
            sent_ms=message.sent_ms,
            refunded_credits=message.credits if is_refunded else 0,
            refunded_price=message.price if is_refunded else 0,
        )
        message.writes += 1
        if self._decided is None:
            self.writer.submit_joint(self._changes, change, (message, on_stored))
        else:
            self._decided.append((change, (message, on_stored)))
        if self.quality.is_watched and after in _RESULTS and carrier is not None:
            delivered = after is _DELIVERED
            self.quality.note(carrier, message.mcc, delivered, message.sent_ms, now_ms)
        if after >= _UNKNOWN:
            self.metrics.finals[carrier or "", _NAMES[after]] += 1
        if carrier is not None and keys:
            for key, number in keys:
                self.carrier_id_known(carrier, key, message, number)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Hands all changes that are decided meanwhile to the writer at once."""
        decided: list[tuple[StateChange, tuple[LiveMessage, OnStored]]] = []
        self._decided = decided
        try:
            yield
        finally:
            self._decided = None
            if decided:
                self.writer.submit_all(self._changes, decided)

    def _write(self, change: StateChange, caller: tuple[LiveMessage, OnStored]) -> None:
        self.writer.submit_joint(self._changes, change, caller)

    def _stored(
        self,
        decided: list[StateChange],
        callers: list[tuple[LiveMessage, OnStored]],
        results: Iterable[object],
    ) -> None:
        """Hears of all changes of a commit; each is written until that succeeds."""
        for change, caller, result in zip(decided, callers, results, strict=True):
            on_disk = not isinstance(result, Exception)
            if isinstance(result, Exception) and is_repeated(
                result, self.writer, changes.record, self._write, change, caller
            ):
                continue
            message, on_stored = caller
            try:
                message.writes -= 1
                if not message.writes:
                    self.live.settle(message)
                if on_disk:
                    if change.callback is not None:
                        self.announce(change.callback)
                    for event in change.events:
                        self.announce(event)
                    if self.feed.listeners:
                        self._show(message, change)
                on_stored(on_disk)
            except Exception as error:  # the others must hear of theirs
                log.error("change_not_told", reason=type(error).__name__)

    def _announce(self, change: StateChange) -> None:
        """Has the customer called about a stored change."""
        if change.callback is not None:
            self.announce(change.callback)
        for event in change.events:
            self.announce(event)

    def _show(self, message: LiveMessage, change: StateChange) -> None:
        """Tells the listeners of the live feed of a stored change."""
        self.feed.publish(
            message,
            change.before,
            change.after,
            change.at_ms,
            carrier=change.carrier,
            failure=change.failure,
            detail=change.detail,
        )

    def rejection(self, message: LiveMessage, failure: FailureCode) -> StateChange:
        """The end of a message that no carrier is to get, to store with its acceptance.

        Once it is on disk, `notify_rejections` is to be called.
        """
        now_ms, batch = self.clock.now_ms(), message.batch
        before, message.state, message.failure = message.state, State.REJECTED, failure
        return StateChange(
            message_id=message.message_id,
            batch_id=batch.batch_id,
            account_id=batch.account_id,
            mcc=message.mcc,
            parts=message.part_count,
            before=before,
            after=State.REJECTED,
            at_ms=now_ms,
            counted_in_batch=batch.counted,
            failure=failure,
            settlement=self._settlement(message, True, now_ms) if message.credits else None,
            callback=self._callback(message, State.REJECTED, failure, "", now_ms),
            events=self.find_events(message, State.REJECTED, failure, "", now_ms),
            premium_state=PREMIUM_STATES[State.REJECTED] if message.is_premium else None,
            route=message.route,
            refunded_credits=message.credits,
            refunded_price=message.price,
        )

    def notify_rejections(
        self,
        rejections: Iterable[StateChange],
        batch: LiveBatch,
        messages: Iterable[StoredMessage],
    ) -> None:
        """Notifies customers of stored rejections of some messages of a batch."""
        for rejection in rejections:
            self.metrics.finals["", _NAMES[rejection.after]] += 1
            self._announce(rejection)
        if self.feed.listeners and rejections:
            self._publish_rejections(rejections, batch, messages)

    def _publish_rejections(
        self,
        rejections: Iterable[StateChange],
        batch: LiveBatch,
        messages: Iterable[StoredMessage],
    ) -> None:
        on_stored = {message.message_id: message for message in messages}
        for change in rejections:
            message = LiveMessage(on_stored[change.message_id], batch)
            self.feed.publish(message, None, change.after, change.at_ms, failure=change.failure)

    def _settlement(self, message: LiveMessage, refund: bool, now_ms: int) -> Settlement:
        """Spends the credits held for a message, or gives them back."""
        batch = message.batch
        return Settlement(
            wallet_id=batch.wallet_id,
            entry_id=self.ids.next(now_ms),
            amount=message.credits * batch.per_credit,
            refund=refund,
            also=tuple(
                Settlement(
                    wallet_id=payment.wallet_id,
                    entry_id=self.ids.next(),
                    amount=message.credits * payment.per_credit,
                    refund=refund,
                )
                for payment in batch.also
            )
            if batch.also
            else (),
        )

    def _callback(
        self, message: LiveMessage, state: State, failure: FailureCode, detail: str, now_ms: int
    ) -> NewCallback | None:
        on_stored = message.batch.stored
        options = on_stored.options
        if not options.callback_url or state not in options.reported_states:
            return None
        facts = CallbackFacts(
            message_id=message.message_id,
            batch_id=on_stored.batch_id,
            state=state,
            at_ms=now_ms,
            recipient=message.recipient,
            sender=on_stored.sender,
            failure=failure,
            detail=detail,
            return_data=options.return_data,
            mcc=message.mcc,
            parts=message.part_count,
            price=message.price,
            premium_price=options.premium.price if options.premium is not None else 0,
            sent=message.sent_ms is not None,
        )
        return NewCallback(
            callback_id=self.ids.next(now_ms),
            account_id=on_stored.account_id,
            message_id=message.message_id,
            dialect=on_stored.dialect,
            origin=origin_of(options.callback_url),
            url=options.callback_url,
            payload=facts,
            due_ms=now_ms,
        )


def _known(
    message: LiveMessage, carrier_ids: tuple[str | None, ...]
) -> tuple[tuple[int, str], ...]:
    """The message IDs that a carrier assigned, by part."""
    if len(carrier_ids) == 1 and carrier_ids[0]:
        # A carrier that cuts the text itself gives one id for all of it, and reports once.
        return ((1 if message.part_count == 1 else WHOLE, carrier_ids[0]),)
    return tuple((number, id_) for number, id_ in enumerate(carrier_ids, 1) if id_)


def _note_device(message: LiveMessage, outcome: Accepted | Rejected) -> None:
    if outcome.device_id is not None:
        message.device_id, message.sim = outcome.device_id, outcome.sim
