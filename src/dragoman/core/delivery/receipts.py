"""Carriers' receipts: stored, then acknowledged; matched by carrier and spellings of the ID.

A receipt can come before the response to the submit, on another link, twice, or days late. One that
matches no message is stored and parked, and matched when its message ID becomes known. Its row goes
once the change is on disk: after a crash between them it is matched again, and changes nothing.

An ID exactly as received wins at once. Any other spelling of it counts only when every message is
answered that the receipt may be about: until then the exact ID may still come. And it counts only
if it names one message.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence, Set
from dataclasses import field
from functools import cache
from typing import NamedTuple

import msgspec
import structlog

from dragoman.core.delivery.delivery import WHOLE, Delivery
from dragoman.core.delivery.series import follower_id, place_of
from dragoman.core.inbound.inbound import Inbound
from dragoman.core.messages.events import MessageEvents
from dragoman.core.messages.live import LiveMessage, LiveMessages
from dragoman.core.messages.loader import MessageLoader
from dragoman.core.messages.model.events import EventKind
from dragoman.core.messages.model.failures import failure_of_report
from dragoman.core.messages.model.lifecycle import (
    ReceiptState,
    State,
    is_end,
    may_go,
    state_of_parts,
    state_of_receipt,
)
from dragoman.core.messages.model.messages import InboundPartReport, ReceiptReport
from dragoman.core.messages.model.records import ParkedReceipt, PartReport, StoredPart
from dragoman.core.messages.sql import changes, pending
from dragoman.core.metrics import Metrics
from dragoman.core.model.stored import OnStored, ignore
from dragoman.core.model.use_case import use_case
from dragoman.kit import ids as identifiers
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.protocols.smpp.message_ids import (
    IdReading,
    id_spellings,
    stored_keys,
)
from dragoman.storage.engine import Storage
from dragoman.storage.persistence import persist

MAX_PARKED_IN_MEMORY = 100_000
MAX_LOOKUP = 200
"""Receipts whose messages are looked up in one query."""
STORAGE_RETRY_S = 1.0
PUT_OFF_S = 0.5
"""Until a text that may be the receipt of a message without an answer yet is looked at again."""
MAX_PUT_OFF = 120
"""After a minute it is a text: a phone may keep a message for days."""
SIGNIFICANT_DIGITS = 7
"""Digits that distinguish recipients, however much of the prefix a carrier includes."""


log = structlog.get_logger(__name__)


class _Unmatched(NamedTuple):
    """A receipt that is of no message in memory, or not for certain."""

    report: ReceiptReport
    on_stored: OnStored
    decide: bool = False
    """Whether all messages are answered that it may be about."""


class _Awaiting(NamedTuple):
    """A parked receipt, and the messages whose answers it waits for."""

    report: ReceiptReport
    messages: set[int]


@use_case(kw_only=True)
class Receipts:
    """Matches receipts with messages and updates their states."""

    storage: Storage
    live: LiveMessages
    loader: MessageLoader
    delivery: Delivery
    texts: Inbound
    ids: IdSource
    clock: Clock
    metrics: Metrics
    park_s: float
    is_part: Callable[[LiveMessage], bool]
    """Whether a message may have been sent together with other parts of its text."""
    message_events: MessageEvents | None = None
    _parked: OrderedDict[tuple[str, str], list[ReceiptReport]] = field(
        default_factory=OrderedDict, init=False
    )
    _unmatched: list[_Unmatched] = field(default_factory=list, init=False)
    _awaiting: dict[int, list[_Awaiting]] = field(default_factory=dict, init=False)
    """Parked receipts by each message whose answer may have their ID."""
    _converting: dict[str, IdReading] = field(default_factory=dict, init=False)
    """Carriers whose receipts have been seen to spell IDs in another base than their answers."""
    _unmatched_came: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def __post_init__(self) -> None:
        self.delivery.carrier_id_known.subscribe(self._key_known)

    def receive(self, report: ReceiptReport, on_stored: OnStored) -> None:
        """Handles a receipt; `on_stored(True)` follows once it is on disk."""
        # A converted spelling counts only once SQL knows of no message with the id as it came.
        found = self._find(report, (report.likeliest_key,))
        if found is None:
            direct = _direct_keys(report)
            if any(self.live.find(report.carrier, key) for key in direct):
                found = self._find(report, report.exact_keys)
                if found is None and not self._unanswered(report):
                    found = self._find(report, direct)
        if found is not None:
            self._apply(*found, report, on_stored)
        else:
            self._look_up_soon(_Unmatched(report, on_stored))

    def answered(self, message: LiveMessage) -> None:
        """A message is in flight no longer, and its carrier's IDs are known if it has any."""
        if not self._awaiting:
            return
        for waiting in self._awaiting.pop(message.message_id, ()):
            waiting.messages.discard(message.message_id)
            if not waiting.messages and self._is_parked(waiting.report):
                self._look_up_soon(self._parked_one(waiting.report, decide=True))

    async def run(self) -> None:
        """Looks up in SQL the messages that are not in memory; runs until cancelled."""
        while True:
            await self._unmatched_came.wait()
            unmatched, self._unmatched = (
                self._unmatched[:MAX_LOOKUP],
                self._unmatched[MAX_LOOKUP:],
            )
            if not self._unmatched:
                self._unmatched_came.clear()
            try:
                await self._look_up(unmatched)
            except Exception as error:  # a reader that fails must not end the matching
                log.error("receipts_not_looked_up", reason=type(error).__name__)
                self._look_up_soon(*unmatched)
                await asyncio.sleep(STORAGE_RETRY_S)

    async def restore(self) -> None:
        """Loads the parked receipts of an earlier run; called before any carrier starts."""
        since = identifiers.first_at(self.clock.now_ms() - round(self.park_s * 1000))
        stored = await self.storage.read(lambda c: pending.load_parked_receipts(c, since))
        for parked in stored:
            report = ReceiptReport(
                carrier=parked.carrier,
                message_id=parked.carrier_message_id,
                known_keys=tuple(parked.keys.split("\n")),
                state=ReceiptState(parked.state),
                recipient=parked.recipient,
                error=parked.error,
                raw=parked.raw,
                parked_id=parked.receipt_id,
            )
            self._remember(report)
            self._look_up_soon(self._parked_one(report))

    async def knows(self, reports: Sequence[ReceiptReport]) -> list[int]:
        """How well each receipt fits a message of this partition: 2 by its ID as it came, 1 by
        another spelling of it and the number that it names, 0 not at all."""
        found = [self._live_keys(report) for report in reports]
        unsure = [
            (report, keys)
            for report, keys in zip(reports, found, strict=True)
            if keys.isdisjoint(report.exact_keys)
        ]
        wanted = {(report.carrier, key) for report, _ in unsure for key in report.keys}
        if wanted:
            rows = await self.storage.read(lambda c: pending.find_receipt_keys(c, [*wanted]))
            for report, keys in unsure:
                keys.update(key for key in report.keys if (report.carrier, key) in rows)
        spelled = {
            (report.carrier, key)
            for report, keys in unsure
            if keys.isdisjoint(report.exact_keys)
            for key in keys
        }
        loaded = await self.loader.by_keys([*spelled]) if spelled else []
        fits = [self._fit_of(report, keys) for report, keys in zip(reports, found, strict=True)]
        self._let_go(loaded)
        return fits

    def _live_keys(self, report: ReceiptReport) -> set[str]:
        return {key for key in report.keys if self.live.find(report.carrier, key) is not None}

    def _fit_of(self, report: ReceiptReport, known: Set[str]) -> int:
        if not known.isdisjoint(report.exact_keys):
            return 2
        hits = ((key, self.live.find(report.carrier, key)) for key in known)
        return int(any(hit is not None and _is_about(report, key, hit[0]) for key, hit in hits))

    def _let_go(self, loaded: Sequence[LiveMessage]) -> None:
        """Forgets messages that were loaded as mere candidates."""
        for message in loaded:
            if not message.writes:
                self.live.settle(message)

    def _look_up_soon(self, *unmatched: _Unmatched) -> None:
        self._unmatched.extend(unmatched)
        self._unmatched_came.set()

    async def _look_up(self, unmatched: list[_Unmatched]) -> None:
        wanted = [(one.report.carrier, key) for one in unmatched for key in one.report.keys]
        loaded = await self.loader.by_keys(wanted) if wanted else []
        in_flight = cache(self._numbers_in_flight)
        for one in unmatched:
            self._settle(one, in_flight)
        self._let_go(loaded)

    def _settle(self, one: _Unmatched, in_flight: Callable[[], Set[str]]) -> None:
        """Decides about a receipt whose possible messages are in memory."""
        report, on_stored = one.report, one.on_stored
        if report.parked_id and not self._is_parked(report):
            return  # it was matched meanwhile
        can_wait = not one.decide and report.put_off < MAX_PUT_OFF
        unanswered = self._unanswered(report) if can_wait else set[int]()
        found = self._find(report, report.exact_keys)
        if found is None and not unanswered:
            found = (
                self._find(report, _direct_keys(report))
                or self._find_converted(report)
                or self._find_by_id_alone(report, in_flight)
            )
        if found is not None:
            self._forget(report)
            self._apply(*found, report, on_stored)
        elif report.is_joined:
            on_stored(True)
        elif report.text is not None:
            self._settle_text(report, report.text, on_stored, in_flight)
        else:
            parked = report if report.parked_id else self._park(report, on_stored)
            if unanswered:
                self._await(parked, unanswered)

    def _unanswered(self, report: ReceiptReport) -> set[int]:
        """The messages that a receipt may be about and whose IDs are not known yet."""
        named = report.recipient[-SIGNIFICANT_DIGITS:]
        is_silent = len(named) < SIGNIFICANT_DIGITS or not named.isdecimal()
        return {
            message.message_id
            for message in self.live.in_flight_at(report.carrier)
            if is_silent
            or named == message.recipient[-SIGNIFICANT_DIGITS:]
            or named == message.batch.stored.sender[-SIGNIFICANT_DIGITS:]
        }

    def _await(self, report: ReceiptReport, messages: set[int]) -> None:
        """Decides about a parked receipt again when these messages are answered."""
        if len(self._awaiting) < MAX_PARKED_IN_MEMORY:
            waiting = _Awaiting(report, set(messages))
            for message_id in messages:
                self._awaiting.setdefault(message_id, []).append(waiting)

    def _settle_text(
        self,
        report: ReceiptReport,
        text: InboundPartReport,
        on_stored: OnStored,
        in_flight: Callable[[], Set[str]],
    ) -> None:
        """Handles a text that looks like a receipt and has no ID of ours, or none of ours yet."""
        being_sent = report.recipient[-SIGNIFICANT_DIGITS:] in in_flight()
        if being_sent and report.put_off < MAX_PUT_OFF:
            later = msgspec.structs.replace(report, put_off=report.put_off + 1)
            asyncio.get_running_loop().call_later(PUT_OFF_S, self.receive, later, on_stored)
        else:
            self.texts.receive(text, on_stored)

    def _find_by_id_alone(
        self, report: ReceiptReport, in_flight: Callable[[], Set[str]]
    ) -> tuple[LiveMessage, int] | None:
        """The message that an ID names exactly as received, though the addresses differ.

        It must have been sent as recently as receipts are parked. The ID of a carrier that converts
        IDs may be another's, and so may one that came while a message to the named number is not
        answered. What only looks like a receipt may be a stranger's text.
        """
        if report.text is not None or report.carrier in self._converting:
            return None
        since_ms = self.clock.now_ms() - round(self.park_s * 1000)
        named: dict[int, tuple[LiveMessage, int]] = {}
        for key in report.exact_keys:
            found = self.live.find(report.carrier, key)
            if found is not None and (found[0].sent_ms or since_ms) >= since_ms:
                named[found[0].message_id] = found
        if len(named) != 1 or report.recipient[-SIGNIFICANT_DIGITS:] in in_flight():
            return None
        return next(iter(named.values()))

    def _numbers_in_flight(self) -> Set[str]:
        """The recipients of messages that were sent and not answered yet, as they are compared."""
        return {m.recipient[-SIGNIFICANT_DIGITS:] for m in self.live.in_flight()}

    def _find(self, report: ReceiptReport, keys: Sequence[str]) -> tuple[LiveMessage, int] | None:
        for key in keys:
            found = self.live.find(report.carrier, key)
            if found is not None and _is_about(report, key, found[0]):
                return found
        return None

    def _find_converted(self, report: ReceiptReport) -> tuple[LiveMessage, int] | None:
        """The one message that the ID names in the other base.

        Small numbers can be read both ways. What the carrier was seen to do decides then.
        """
        direct = _direct_keys(report)
        found: dict[IdReading, tuple[LiveMessage, int]] = {}
        for key in report.keys:
            hit = None if key in direct else self.live.find(report.carrier, key)
            if hit is not None and _is_about(report, key, hit[0]):
                found.setdefault(_direction_of(report, key), hit)
        directions = found.keys() & {self._converting.get(report.carrier)} or found.keys()
        if len({found[direction][0].message_id for direction in directions}) != 1:
            return None
        direction = next(iter(directions))
        self._converting.setdefault(report.carrier, direction)
        return found[direction]

    def _apply(
        self, message: LiveMessage, part: int, report: ReceiptReport, on_stored: OnStored
    ) -> None:
        if message.state < State.SENDING:
            # Only its row is newer, which another owner of the partition may have written: were the
            # receipt acknowledged from here, the message would never end.
            on_stored(False)
            return
        reported = state_of_receipt(report.state)
        if reported is None:
            self.metrics.receipts[report.carrier, "on_its_way"] += 1
            self._note(message, part, report, EventKind.RECEIPT)
            on_stored(True)
            return
        if not report.is_joined and self.is_part(message):
            on_stored = self._report_joined(message, report, on_stored)
        rows: tuple[StoredPart, ...] = ()
        state: State | None = reported
        if message.part_count > 1 and part != WHOLE:
            row = StoredPart(
                message_id=message.message_id,
                number=part,
                state=reported,
                error=report.error,
                reported_ms=self.clock.now_ms(),
            )
            rows, state = self._part_row(message, row)
        if state is None:
            self.metrics.receipts[report.carrier, "matched"] += 1
            self._note(message, part, report, _kind_of(report))
            persist(
                self.storage.writer,
                changes.report_parts,
                PartReport(part=rows[0] if rows else None),
                on_stored,
            )
        elif may_go(message.state, state):
            self.metrics.receipts[report.carrier, "matched"] += 1
            if report.device_id is not None:
                message.device_id, message.sim = report.device_id, report.sim
            self._note(message, part, report, _kind_of(report))
            self.delivery.change(
                message,
                state,
                on_stored,
                carrier=report.carrier,
                failure=report.failure or failure_of_report(state, report.error),
                detail=report.error,
                part_rows=rows,
                reported=True,
            )
        else:
            if not report.parked_id:  # else it was noted in an earlier run
                self._note(message, part, report, EventKind.LATE_RECEIPT)
            self._repeat(message, rows, report, on_stored)

    def _report_joined(
        self, message: LiveMessage, report: ReceiptReport, on_stored: OnStored
    ) -> OnStored:
        """Reports the same of the parts that went with it; returns what to call for its own."""
        place = place_of(message)
        others = range(place.number + 1, place.total + 1) if place is not None else ()
        left, all_on_disk = len(others) + 1, True

        def stored(on_disk: bool) -> None:
            nonlocal left, all_on_disk
            left -= 1
            all_on_disk &= on_disk
            if not left:
                on_stored(all_on_disk)

        for number in others:
            keys = tuple(follower_id(key, number) for key in report.keys)
            joined = msgspec.structs.replace(
                report, known_keys=keys, is_joined=True, text=None, parked_id=0
            )
            self.receive(joined, stored)
        return stored if others else on_stored

    def _note(
        self, message: LiveMessage, part: int, report: ReceiptReport, kind: EventKind
    ) -> None:
        if self.message_events is not None:
            self.message_events.report(message, part, report, kind)

    def _repeat(
        self,
        message: LiveMessage,
        rows: tuple[StoredPart, ...],
        report: ReceiptReport,
        on_stored: OnStored,
    ) -> None:
        """Handles a receipt that changes no state, acknowledged no earlier than the one that did.

        What it says about a part is stored all the same.
        """
        self.metrics.receipts[report.carrier, "late"] += 1
        if message.writes or rows:
            note = PartReport(part=rows[0] if rows else None)
            persist(self.storage.writer, changes.report_parts, note, on_stored)
        else:
            on_stored(True)
        if not message.writes:
            self.live.settle(message)

    def _part_row(
        self, message: LiveMessage, row: StoredPart
    ) -> tuple[tuple[StoredPart, ...], State | None]:
        """The row to store, none for a part that has ended before, and the state of the message."""
        known = {part.number: part for part in message.parts or ()}
        earlier = known.get(row.number)
        ended = earlier is not None and earlier.state is not None and is_end(earlier.state)
        if not ended:
            known[row.number] = row
            message.parts = list(known.values())
        state = state_of_parts(
            tuple(
                known[number].state if number in known else None
                for number in range(1, message.part_count + 1)
            )
        )
        return () if ended else (row,), state

    def _park(self, report: ReceiptReport, on_stored: OnStored) -> ReceiptReport:
        """Parks a receipt and returns it with the identifier of its row."""
        self.metrics.receipts[report.carrier, "parked"] += 1
        report = msgspec.structs.replace(report, parked_id=self.ids.next())
        self._remember(report)
        parked = ParkedReceipt(
            receipt_id=report.parked_id,
            carrier=report.carrier,
            carrier_message_id=report.message_id,
            keys="\n".join(report.keys),
            recipient=report.recipient.replace("\0", ""),
            state=report.state.value,
            error=report.error,
            raw=report.raw.replace("\0", ""),
        )
        persist(self.storage.writer, changes.park, parked, on_stored)
        return report

    def _parked_one(self, report: ReceiptReport, *, decide: bool = False) -> _Unmatched:
        """A parked receipt that is to be looked up again."""
        return _Unmatched(report, self._drop_row(report), decide)

    def _drop_row(self, report: ReceiptReport) -> OnStored:
        """What deletes the row of a parked receipt once it is on disk what it says."""

        def stored(on_disk: bool) -> None:
            if on_disk:
                persist(self.storage.writer, changes.drop_matched, report.parked_id, ignore)

        return stored

    def _remember(self, report: ReceiptReport) -> None:
        for key in report.keys:
            self._parked.setdefault((report.carrier, key), []).append(report)
        while len(self._parked) > MAX_PARKED_IN_MEMORY:
            self._parked.popitem(last=False)

    def _is_parked(self, report: ReceiptReport) -> bool:
        keys = report.keys
        waiting = self._parked.get((report.carrier, keys[0]), ()) if keys else ()
        return any(other is report for other in waiting)

    def _forget(self, report: ReceiptReport) -> None:
        for key in report.keys:
            waiting = self._parked.get((report.carrier, key), [])
            waiting[:] = [other for other in waiting if other is not report]
            if not waiting:
                self._parked.pop((report.carrier, key), None)

    def _key_known(self, carrier: str, key: str, message: LiveMessage, part: int) -> None:
        """A submit was answered; its receipt may be parked."""
        if not self._parked:
            return
        waiting = tuple(self._parked.get((carrier, key), ()))
        meant = [report for report in waiting if _is_about(report, key, message)]
        exact = [report for report in meant if key in report.exact_keys]
        for report in exact:
            self._forget(report)
            self._apply(message, part, report, self._drop_row(report))
        others = [report for report in meant if report not in exact]
        if not meant and len(waiting) == 1:
            # The addresses differ: it may still be about one whose ID it converts, and be queued.
            others = [*waiting]
        self._look_up_soon(*map(self._parked_one, others))


def _direct_keys(report: ReceiptReport) -> list[str]:
    """The keys of the IDs as received, ignoring case and leading zeros, but not converted."""
    exact = report.exact_keys
    same = {key.removeprefix("~") for one in exact for key in stored_keys(one)}.union(exact)
    return [key for key in report.keys if key.removeprefix("~") in same]


def _direction_of(report: ReceiptReport, key: str) -> IdReading:
    """How the carrier converts IDs if this converted key is right."""
    decimal = (report.message_id, report.other_id)
    if any(key in id_spellings(id_, IdReading.HEX_TO_DEC) for id_ in decimal):
        return IdReading.HEX_TO_DEC
    return IdReading.DEC_TO_HEX


def _is_about(report: ReceiptReport, key: str, message: LiveMessage) -> bool:
    """Whether a message with a matching key was sent to the recipient of the receipt.

    If a receipt names no recipient, masks the number or names our own sender, the ID as received
    suffices, but a converted one does not.
    """
    named = report.recipient[-SIGNIFICANT_DIGITS:]
    if named == message.recipient[-SIGNIFICANT_DIGITS:]:
        return True
    silent = len(named) < SIGNIFICANT_DIGITS or not named.isdecimal()
    sender = message.batch.stored.sender
    return (silent or named == sender[-SIGNIFICANT_DIGITS:]) and key in _direct_keys(report)


def _kind_of(report: ReceiptReport) -> EventKind:
    return EventKind.PARKED_RECEIPT if report.parked_id else EventKind.RECEIPT
