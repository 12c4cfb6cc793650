"""The worker of a route with selective carriers: each is asked about each message.

A message goes to the first carrier that takes it. A carrier that is down is skipped for that
message only, one that is busy is waited for, and a message that none will ever take is rejected.
Waiting messages stay queued in their rows and form lines of messages of one kind, of which only the
first is asked about again; so no message waits for another's missing phone.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence, Set
from typing import Final, NamedTuple, Protocol

import structlog

from dragoman.core.delivery.lanes import CarrierLane, reject_for
from dragoman.core.delivery.model.ports import Taking
from dragoman.core.messages.live import LiveMessage
from dragoman.core.messages.model.messages import Outgoing
from dragoman.core.messages.model.outcomes import Rejected
from dragoman.work_queue.port import Consumer, Work

MAX_ROUND: Final = 200
"""Messages that are taken from the queue, and handed over, at once."""
MAX_WAITING: Final = 20_000
"""Messages of a route that wait in lines; beyond that the queue is left as it is."""
ASK_GAP_S: Final = 0.05
"""Between two rounds of asking about lines where the first was in vain."""
ASK_AGAIN_S: Final = 1.0
"""After which lines are asked about though no carrier has said that anything changed."""

Answer = Taking | Rejected

log = structlog.get_logger(__name__)


class Dispatches(Protocol):
    """What the worker uses of the dispatcher."""

    def consume(self, route: str, demand: Callable[[], int]) -> Consumer: ...
    def is_held(self, carrier: str) -> bool: ...
    def find(self, work: Work) -> LiveMessage | None: ...
    def leave_in_row(self, message: LiveMessage) -> bool: ...
    def reject(self, message: LiveMessage, carrier: str, reason: Rejected) -> None: ...
    def hand_over(
        self,
        works: Sequence[Work],
        consumer: Consumer,
        lane: CarrierLane,
        done: Callable[[], None],
    ) -> None: ...


class _Kind(NamedTuple):
    """What messages of one line have in common: if one waits, the others do."""

    lane: int
    account_id: int
    device_id: int | None
    refused_by: tuple[bool, ...]
    """Which carriers of the route never take it."""


class _Line:
    """Messages of a kind, oldest first; carriers were last asked about `first`."""

    __slots__ = ("first", "works")

    def __init__(self) -> None:
        self.works: deque[Work] = deque()
        self.first: Outgoing | None = None

    def put(self, work: Work) -> None:
        if self.works and work.message_id < self.works[0].message_id:  # it was taken back
            self.works.appendleft(work)
            self.first = None
        else:
            self.works.append(work)

    def drop_first(self) -> None:
        self.works.popleft()
        self.first = None


class _Round:
    """What is handed over next, by carrier."""

    def __init__(self, held: Set[CarrierLane]) -> None:
        self._held = held
        self.works: dict[CarrierLane, list[Work]] = {}
        self.size = 0
        self._parts: Counter[CarrierLane] = Counter()
        self._sent: Counter[tuple[CarrierLane, int, int | None]] = Counter()

    def add(self, lane: CarrierLane, work: Work, message: Outgoing) -> None:
        self.works.setdefault(lane, []).append(work)
        self.size += 1
        self._parts[lane] += len(message.parts)
        self._sent[lane, message.account_id, message.device_id] += 1

    def has_room(self, lane: CarrierLane) -> bool:
        return lane.room > self._parts[lane]

    def ask(self, lane: CarrierLane, message: Outgoing) -> Answer:
        """The answer of a carrier for a message that follows those of this round."""
        if lane in self._held:  # it is asked nothing, as a question may keep it a place
            return Taking.AWAY
        if lane.selective is None:
            return Taking.NOW if lane.connector.up else Taking.AWAY
        ahead = self._sent[lane, message.account_id, message.device_id]
        try:
            return lane.selective.takes(message, ahead)
        except Exception as error:  # else it would end the work of its route, at each start again
            carrier, reason = lane.connector.name, type(error).__name__
            log.error("not_asked", carrier=carrier, message_id=message.message_id, reason=reason)
            return reject_for(error)


class SortingWorker:
    """Asks the carriers of a route about each message, in the order of the route."""

    def __init__(self, dispatcher: Dispatches, route: str, lanes: list[CarrierLane]) -> None:
        self._dispatcher = dispatcher
        self._route = route
        self._lanes = lanes
        self._lines: dict[_Kind, _Line] = {}
        self.waiting = 0
        """Messages that wait in lines."""
        self._held: Set[CarrierLane] = frozenset()
        self._changed = asyncio.Event()
        self._ask_at = 0.0
        self._retired = False
        for lane in lanes:
            lane.waiters.append(self._changed)
        # No place is claimed: a row must not say that a message is sent which may have to wait.
        self.consumer = dispatcher.consume(route, no_demand)

    async def run(self) -> None:
        """Runs until cancelled."""
        while not self._retired:
            if not self._lines:
                await self.consumer.wait()
                if self._retired:
                    return
            round_ = _Round(self._look_at_held())
            self._ask_lines(round_)
            self._sort_new(round_)
            for lane, works in round_.works.items():
                handed_over = asyncio.Event()
                try:
                    self._dispatcher.hand_over(works, self.consumer, lane, handed_over.set)
                    await handed_over.wait()
                except Exception as error:  # one bad message must not end the work of its route
                    log.error("not_handed_over", route=self._route, reason=type(error).__name__)
            if not round_.size and self._lines:
                await self._wait()

    def retire(self) -> None:
        """Takes nothing more, and gives back what waits in lines."""
        self._retired = True
        for lane in self._lanes:
            lane.waiters.remove(self._changed)
        self.give_back()
        self._changed.set()
        self.consumer.wake()

    def give_back(self) -> None:
        """Puts everything that waits in lines back to the front of the queue, in its order."""
        works = [work for line in self._lines.values() for work in line.works]
        self._lines.clear()
        self.waiting = 0
        for work in sorted(works, key=_identifier_of, reverse=True):  # each goes first
            self.consumer.retry(work, 0.0)

    def _look_at_held(self) -> Set[CarrierLane]:
        """Updates the held carriers; a change sorts all waiting messages again.

        Messages that a held carrier would never take share a line with those it would.
        """
        is_held = self._dispatcher.is_held
        held = {lane for lane in self._lanes if is_held(lane.connector.name)}
        if held != self._held:
            self._held = held
            self.give_back()
        return held

    def _ask_lines(self, round_: _Round) -> None:
        """Asks about the first of each line, urgent lanes first, while any of them moves."""
        now = asyncio.get_running_loop().time()
        if now < self._ask_at:
            return
        self._changed.clear()
        moved = True
        while moved and round_.size < MAX_ROUND:
            moved = False
            for kind in sorted(self._lines, key=_lane_of):
                moved |= self._ask_line(kind, round_)
        if not round_.size:
            self._ask_at = now + ASK_GAP_S

    def _ask_line(self, kind: _Kind, round_: _Round) -> bool:
        """Whether the first of a line has left it, for a carrier or rejected."""
        line = self._lines[kind]
        work = line.works[0]
        message = self._dispatcher.find(work)
        if message is None:
            self.consumer.acknowledge(work)
        else:
            if line.first is None:
                line.first = message.outgoing()
            answers = [round_.ask(lane, line.first) for lane in self._lanes]
            if not self._settle(work, message, line.first, answers, round_):
                return False
        line.drop_first()
        self.waiting -= 1
        if not line.works:
            del self._lines[kind]
        return True

    def _sort_new(self, round_: _Round) -> None:
        """Takes new messages from the queue: each to a carrier, or to the end of its line."""
        room = min(MAX_ROUND - round_.size, MAX_WAITING - self.waiting)
        for work in self.consumer.take(max(0, room)):
            try:
                self._sort(work, round_)
            except Exception as error:  # one bad message must not end the work of its route
                log.error("not_sorted", route=self._route, reason=type(error).__name__)

    def _sort(self, work: Work, round_: _Round) -> None:
        message = self._dispatcher.find(work)
        if message is None:
            self.consumer.acknowledge(work)
            return
        outgoing = message.outgoing()
        answers = [round_.ask(lane, outgoing) for lane in self._lanes]
        refused_by = tuple(isinstance(answer, Rejected) for answer in answers)
        kind = _Kind(work.lane, work.account_id, outgoing.device_id, refused_by)
        line = self._lines.get(kind)
        if line is None:
            if self._settle(work, message, outgoing, answers, round_):
                return
            line = self._lines[kind] = _Line()
        line.put(work)
        self.waiting += 1

    def _settle(
        self,
        work: Work,
        message: LiveMessage,
        outgoing: Outgoing,
        answers: Sequence[Answer],
        round_: _Round,
    ) -> bool:
        """Assigns a message to the first carrier that takes it, or ends it; False if it waits."""
        for lane, answer in zip(self._lanes, answers, strict=True):
            if answer is Taking.NOW and round_.has_room(lane):
                round_.add(lane, work, outgoing)
                return True
            if answer in _WORTH_WAITING:
                return False
        refusals = [answer for answer in answers if isinstance(answer, Rejected)]
        if len(refusals) < len(answers):
            return False
        self._dispatcher.reject(message, self._lanes[0].connector.name, refusals[0])
        self.consumer.acknowledge(work)
        return True

    async def _wait(self) -> None:
        """Returns when there are new messages, or a reason to ask the carriers again."""
        waits = [asyncio.create_task(self._until_changed())]
        if self.waiting < MAX_WAITING:
            waits.append(asyncio.create_task(self.consumer.wait()))
        try:
            await asyncio.wait(waits, timeout=ASK_AGAIN_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _until_changed(self) -> None:
        await asyncio.sleep(self._ask_at - asyncio.get_running_loop().time())
        await self._changed.wait()


_WORTH_WAITING: Final = (Taking.NOW, Taking.BUSY)


def _lane_of(kind: _Kind) -> int:
    return kind.lane


def _identifier_of(work: Work) -> int:
    return work.message_id


def no_demand() -> int:
    """The demand of a consumer that claims no place in advance."""
    return 0
