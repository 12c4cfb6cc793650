"""Events of single messages: unusual ones are stored, usual ones kept in memory for a while.

A message that its first carrier accepts and delivers costs no row here: its own row says everything
except the link and the raw receipt, and those stay in memory for a while. A failed attempt, and a
receipt other than `delivered` or without effect, is a row, within limits per message and per
second. No decision depends on these notes, so one that cannot be stored is dropped and counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import Final

from dragoman.core.messages.live import LiveMessage
from dragoman.core.messages.model.events import EventKind
from dragoman.core.messages.model.lifecycle import ReceiptState
from dragoman.core.messages.model.messages import ReceiptReport
from dragoman.core.messages.model.outcomes import Accepted, Deferred, Outcome, Rejected, Unknown
from dragoman.core.messages.sql import events as message_events
from dragoman.core.messages.sql.events import MessageEvent
from dragoman.core.metrics import Metrics
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource, first_at
from dragoman.kit.token_bucket import TokenBucket
from dragoman.storage.writer import Writer

KEPT: Final = 10_000
"""Usual attempts, and usual reports, in memory: a few megabytes."""
MAX_NOTES: Final = 30
"""Rows of one message."""
NOTES_PER_S: Final = 200.0
BURST: Final = 2_000.0
MAX_DETAIL: Final = 500
MAX_RAW: Final = 1_000


class MessageEvents:
    """Records attempts and receipts."""

    def __init__(self, *, writer: Writer, ids: IdSource, clock: Clock, metrics: Metrics) -> None:
        self._writer = writer
        self._ids = ids
        self._clock = clock
        self._metrics = metrics
        self._room = TokenBucket(rate_per_s=NOTES_PER_S, burst=BURST, now=clock.monotonic())
        self._taken: deque[tuple[int, int, str, str]] = deque(maxlen=KEPT)
        """(message, time, carrier, link)."""
        self._reports: deque[tuple[int, int, int, ReceiptReport]] = deque(maxlen=KEPT)
        """(message, time, part, report)."""

    def attempt(self, message: LiveMessage, carrier: str, outcome: Outcome) -> None:
        """Records the outcome of an attempt."""
        if isinstance(outcome, Accepted):
            now_ms = self._clock.now_ms()
            self._taken.append((message.message_id, now_ms, carrier, outcome.link))
            return
        code = ""
        if isinstance(outcome, Deferred | Rejected):
            code = outcome.code.value
        kind = _KINDS[type(outcome)]
        self._note(message, kind, carrier, outcome.link, code, outcome.detail)

    def report(
        self, message: LiveMessage, part: int, report: ReceiptReport, kind: EventKind
    ) -> None:
        """Records a receipt for a message or, from 1, a part of it."""
        state = report.state
        if kind is _RECEIPT and (state is _DELIVERED or state in _ON_ITS_WAY):
            self._reports.append((message.message_id, self._clock.now_ms(), part, report))
            return
        code = state.name.lower()
        self._note(message, kind, report.carrier, "", code, report.error, part, report.raw)

    async def note_feedback(self, message_id: int, said: str) -> None:
        """Records what a customer says of a message; raises `Refused` where it is not stored."""
        event = MessageEvent(
            event_id=self._ids.next(), message_id=message_id, kind=EventKind.FEEDBACK, code=said
        )
        await self._writer.write(message_events.note_feedback, event)

    def recent(self, message_id: int) -> list[MessageEvent]:
        """The events of a message that are in memory."""
        taken = [
            MessageEvent(
                event_id=first_at(at_ms),
                message_id=message_id,
                kind=EventKind.TAKEN,
                carrier=carrier,
                link=link,
            )
            for known, at_ms, carrier, link in self._taken
            if known == message_id
        ]
        reports = [
            MessageEvent(
                event_id=first_at(at_ms),
                message_id=message_id,
                kind=EventKind.RECEIPT,
                part=part,
                carrier=report.carrier,
                code=report.state.name.lower(),
                detail=report.error,
                raw=_storable(report.raw, MAX_RAW),
            )
            for known, at_ms, part, report in self._reports
            if known == message_id
        ]
        return taken + reports

    def forget(self, message_ids: Collection[int]) -> None:
        """Forgets what is in memory of some messages."""
        gone = frozenset(message_ids)
        self._reports = deque((one for one in self._reports if one[0] not in gone), maxlen=KEPT)

    def _note(
        self,
        message: LiveMessage,
        kind: EventKind,
        carrier: str,
        link: str,
        code: str,
        detail: str,
        part: int = 0,
        raw: str = "",
    ) -> None:
        if message.notes >= MAX_NOTES or not self._room.take(self._clock.monotonic()):
            self._metrics.notes_left_out += 1
            return
        message.notes += 1
        event = MessageEvent(
            event_id=self._ids.next(),
            message_id=message.message_id,
            kind=kind,
            part=part,
            carrier=carrier,
            link=link,
            code=code,
            detail=_storable(detail, MAX_DETAIL),
            raw=_storable(raw, MAX_RAW),
        )
        self._writer.submit(message_events.note, event, self._noted, can_wait=True)

    def _noted(self, result: Exception | None) -> None:
        if result is not None:
            self._metrics.notes_left_out += 1


# Members that nearly every message asks for: looking one up in its class costs more than the rest.
_RECEIPT: Final = EventKind.RECEIPT
_DELIVERED: Final = ReceiptState.DELIVERED
_ON_ITS_WAY: Final = (ReceiptState.ENROUTE, ReceiptState.ACCEPTED)
_KINDS: Final = {
    Deferred: EventKind.DEFERRED,
    Rejected: EventKind.REFUSED,
    Unknown: EventKind.UNANSWERED,
}


def _storable(text: str, limit: int) -> str:
    """A text that any database can store."""
    return text[:limit].replace("\0", "").encode("utf-8", "replace").decode()
