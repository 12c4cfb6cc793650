"""Asks for the states of messages where the provider does not report them.

Bounded in every direction: so many messages are remembered, so many questions are open at a time,
each message is asked about ever less often, and not after three days. Where the provider answers
for several, those that are due soon are asked about together. After a restart, messages
that were sent and not reported are taken up again.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any, Final

import msgspec
import structlog

from dragoman.connectors.http.answers import decode
from dragoman.connectors.http.reports import StatusReader
from dragoman.core.delivery.model.ports import SentMessage
from dragoman.core.messages.model.lifecycle import state_of_receipt
from dragoman.core.messages.model.messages import ReceiptReport
from dragoman.web.outgoing import Fetched, FetchError

MOST: Final = 100_000
GIVE_UP_S: Final = 72 * 3600.0
LONGEST: Final = 32
EARLIEST: Final = -2
"""The first question comes after a quarter of the interval, as most messages arrive soon."""
AT_A_TIME: Final = 4
SOON: Final = 0.1
"""The part of the interval by which a message may be asked about earlier, together with others."""
NOT_NOW_S: Final = 5.0
"""Until a provider that takes no questions now is looked at again."""
_ANSWERED: Final = range(200, 300)

log = structlog.get_logger(__name__)


class _Asked:
    __slots__ = ("questions", "sent", "since")

    def __init__(self, sent: SentMessage, since: float) -> None:
        self.sent = sent
        self.since = since
        self.questions = 0


class Poller:
    """Asks about the messages of one carrier."""

    def __init__(
        self,
        reader: StatusReader,
        *,
        every_s: float,
        at_a_time: int,
        messages: int,
        ask: Callable[[Sequence[SentMessage], Callable[[Fetched | FetchError], None]], bool],
        report: Callable[[ReceiptReport, Callable[[bool], None]], None],
        clock: Callable[[], float],
        unreported: Callable[[int], Awaitable[Sequence[SentMessage]]],
    ) -> None:
        """`messages` is how many one question is about. `ask` says whether it asks at all now,
        which it may not while the provider is down."""
        self._reader = reader
        self._every_s = every_s
        self._free = at_a_time or AT_A_TIME
        self._messages = messages
        self._ask = ask
        self._report = report
        self._clock = clock
        self._unreported = unreported
        self._due: list[tuple[float, int, _Asked]] = []
        self._numbers = count()
        self._wake = asyncio.Event()
        self._dropped = False

    def add(self, sent: SentMessage) -> None:
        """Remembers a message that the provider has taken."""
        self._schedule(_Asked(sent, self._clock()))

    def wake(self) -> None:
        """The provider may take questions now."""
        self._wake.set()

    async def run(self) -> None:
        """Runs until cancelled."""
        for sent in await self._unreported(MOST):
            self.add(sent)
        while True:
            self._wake.clear()
            wait_s = self._ask_due()
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def _ask_due(self) -> float | None:
        """Asks what is due; how long until the next is, None for until something changes."""
        while self._due and self._free:
            now = self._clock()
            wait_s = self._due[0][0] - now
            if wait_s > 0:
                return wait_s
            soon = now + self._every_s * SOON
            taken = [heapq.heappop(self._due)]
            while self._due and len(taken) < self._messages and self._due[0][0] <= soon:
                taken.append(heapq.heappop(self._due))
            about = [asked for _, _, asked in taken]
            if not self._ask([one.sent for one in about], partial(self._answered, about)):
                for entry in taken:
                    heapq.heappush(self._due, entry)
                return NOT_NOW_S
            self._free -= 1
        return None

    def _answered(self, about: Sequence[_Asked], result: Fetched | FetchError) -> None:
        self._free += 1
        self._wake.set()
        reports = self._read(about, result)
        for asked in about:
            asked.questions += 1
            self._take(asked, reports.get(asked.sent.carrier_id))

    def _take(self, asked: _Asked, report: ReceiptReport | None) -> None:
        if report is None or state_of_receipt(report.state) is None:
            self._schedule(asked)
            return

        def on_stored(stored: bool) -> None:
            if not stored:
                self._schedule(asked)

        self._report(report, on_stored)

    def _read(
        self, about: Sequence[_Asked], result: Fetched | FetchError
    ) -> Mapping[str, ReceiptReport]:
        """What an answer says, by the IDs of the messages that it was asked about."""
        found: dict[str, ReceiptReport] = {}
        if isinstance(result, FetchError) or result.status not in _ANSWERED:
            return found
        tree: Any = decode(result.body, "json")
        asked_about = {asked.sent.carrier_id: asked.sent for asked in about}
        # It was asked about the only one, whatever the answer calls it.
        only = about[0].sent.carrier_id if self._messages == 1 else ""
        for item in self._reader.items(tree) if tree is not None else ():
            report = self._reader.read(item, only)
            if report is None:
                continue
            for id_ in (only, report.message_id, report.other_id):
                sent = asked_about.get(id_)
                if sent is not None:
                    named = msgspec.structs.replace(
                        report, message_id=id_, other_id="", recipient=sent.recipient
                    )
                    found.setdefault(id_, named)
                    break
        return found

    def _schedule(self, asked: _Asked) -> None:
        now = self._clock()
        if now - asked.since > GIVE_UP_S:
            return  # the core gives it up too
        if len(self._due) >= MOST:
            if not self._dropped:
                self._dropped = True
                log.warning("http_states_not_asked", most=MOST)
            return
        factor = min(float(LONGEST), 2.0 ** min(EARLIEST + asked.questions, 10))
        heapq.heappush(self._due, (now + self._every_s * factor, next(self._numbers), asked))
        self._wake.set()
