"""Whose receipts and texts are: which partition has the message that a receipt names, or a number.

Whoever sent a message remembers its ID. After a restart, or where a provider calls another node,
all partitions of all nodes are asked, about many receipts together: the next holder of a carrier
knows the IDs of none of the thousands that it is owed. An ID just as it was given wins at once.
Another spelling of it counts once every partition was asked twice: meanwhile the exact one may
become known.

A receipt is never given to any partition because its own could not be asked: it would be
acknowledged, and its message never end. While a partition has no owner, receipts wait.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog

from dragoman.cluster.wire import Look
from dragoman.core.messages.model.messages import InboundPartReport, ReceiptReport
from dragoman.core.messages.model.outcomes import Accepted, Outcome
from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.model.stored import OnStored

MAX_KNOWN_IDS: Final = 500_000
"""IDs of carriers whose partition is remembered; those of older ones are looked for."""
MAX_SOUGHT: Final = 5_000
"""Receipts whose partition is looked for; further ones come again."""
SOUGHT_TOGETHER: Final = 200
SOUGHT_TIMES: Final = 16
SPELLED_TIMES: Final = 2
SOUGHT_EVERY_S: Final = 0.5
"""A receipt may overtake the outcome that tells whose it is."""
FIRST: Final = 0
"""The partition of texts to numbers that nobody has, and of receipts for no message."""

log = structlog.get_logger(__name__)

LookHere = Callable[[Sequence[ReceiptReport]], Awaitable[list[Look]]]
FindText = Callable[[InboundPartReport], int | None]


class Others(Protocol):
    """The other nodes, as far as they know whose something is."""

    async def look(
        self, reports: Sequence[ReceiptReport], partitions: Collection[int]
    ) -> list[Look]:
        """What these partitions know of each receipt, without those that do not answer soon."""
        ...

    async def find_number(self, number: str) -> int | None:
        """The partition that has a number; raises `StorageUnavailable`."""
        ...


@dataclass(slots=True)
class _Sought:
    """A receipt whose partition is looked for."""

    report: ReceiptReport
    on_stored: OnStored
    looks: int = 0
    """How often all partitions were asked."""


class Seeker:
    """Finds the partitions of receipts and texts, and gives them there."""

    def __init__(
        self,
        partitions: int,
        *,
        look_here: LookHere,
        find_text: FindText,
        give_receipt: Callable[[int, ReceiptReport, OnStored], None],
        give_text: Callable[[int, InboundPartReport, OnStored], None],
        is_ours: Callable[[str], bool],
    ) -> None:
        """`look_here` and `find_text` look among the partitions of this node.

        `is_ours` says whether what a carrier brings may still be acknowledged from here.
        """
        self._partitions = frozenset(range(partitions))
        self._look_here = look_here
        self._find_text = find_text
        self._give_receipt = give_receipt
        self._give_text = give_text
        self._is_ours = is_ours
        self.others: Others | None = None
        self._known_ids: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._sought: list[tuple[float, int, _Sought]] = []
        """A heap: when each is looked for next, by the loop's clock."""
        self._came = asyncio.Event()
        self._order = itertools.count()
        self._is_looking = False
        self._tasks: set[asyncio.Task[None]] = set()

    def note_ids(self, carrier: str, outcome: Outcome, partition: int) -> None:
        """Remembers whose receipts will come under the IDs of an outcome."""
        if not isinstance(outcome, Accepted):
            return
        for carrier_id in outcome.carrier_ids:
            self._known_ids[carrier, carrier_id.strip()] = partition
        while len(self._known_ids) > MAX_KNOWN_IDS:
            self._known_ids.popitem(last=False)

    # Receipts

    def receipt(self, report: ReceiptReport, on_stored: OnStored) -> None:
        """Gives a receipt to its partition, now or once that is found."""
        partition = self._known(report)
        if partition is not None:
            self._give_receipt(partition, report, on_stored)
        elif len(self._sought) < MAX_SOUGHT:
            self._look_soon(_Sought(report, on_stored), 0.0)
        else:
            on_stored(False)

    def _known(self, report: ReceiptReport) -> int | None:
        for key in report.exact_keys:
            partition = self._known_ids.get((report.carrier, key))
            if partition is not None:
                return partition
        return None

    def _look_soon(self, one: _Sought, wait_s: float) -> None:
        due = asyncio.get_running_loop().time() + wait_s
        heapq.heappush(self._sought, (due, next(self._order), one))
        self._came.set()
        if not self._is_looking:
            self._is_looking = True
            self._begin(self._seek())

    async def _seek(self) -> None:
        """Looks for the partitions of receipts, of those first that have waited longest."""
        clock = asyncio.get_running_loop().time
        try:
            while self._sought:
                now, due = clock(), list[_Sought]()
                while self._sought and self._sought[0][0] <= now and len(due) < SOUGHT_TOGETHER:
                    due.append(heapq.heappop(self._sought)[2])
                if due:
                    await self._look_for(due)
                    continue
                self._came.clear()
                try:
                    async with asyncio.timeout_at(self._sought[0][0]):
                        await self._came.wait()
                except TimeoutError:
                    pass
        finally:
            self._is_looking = False

    async def _look_for(self, sought: Sequence[_Sought]) -> None:
        """Looks once for each, and gives them where they belong, or looks again later."""
        try:
            looks = await self._look([one.report for one in sought])
        except Exception as error:  # they are looked for again
            log.error("receipts_not_sought", reason=type(error).__name__)
            looks = [Look()] * len(sought)
        for one, look in zip(sought, looks, strict=True):
            try:
                self._settle(one, look)
            except Exception as error:  # it must cost no other its answer
                log.error("receipt_failed", carrier=one.report.carrier, reason=type(error).__name__)
                one.on_stored(False)

    def _settle(self, one: _Sought, look: Look) -> None:
        """Goes on with a receipt after a look, for as long as its outcome may still come."""
        report, on_stored = one.report, one.on_stored
        one.looks += self._partitions <= {*look.partitions}
        is_text = report.text is not None
        asked_all = is_text and one.looks > 0
        partition = self._known(report)
        if partition is None and (
            look.is_exact or (look.fit and (asked_all or one.looks >= SPELLED_TIMES))
        ):
            partition = look.partition
        if partition is not None:
            self._give_receipt(partition, report, on_stored)
        elif asked_all and report.text is not None:
            self.inbound(report.text, on_stored)
        elif not self._is_ours(report.carrier):
            on_stored(False)  # whoever has the carrier now gets it again
        elif one.looks < SOUGHT_TIMES:
            self._look_soon(one, SOUGHT_EVERY_S)
        else:
            self._give_receipt(FIRST, report, on_stored)

    async def _look(self, reports: Sequence[ReceiptReport]) -> list[Look]:
        looks = await self._look_here(reports)
        if self.others is None:
            return looks
        left = [place for place, look in enumerate(looks) if not look.is_exact]
        missing = {*self._partitions}.difference(*(look.partitions for look in looks))
        if left and missing:
            known = await self.others.look([reports[place] for place in left], missing)
            for place, look in zip(left, known, strict=True):
                looks[place] = looks[place].with_another(look)
        return looks

    # Texts

    def inbound(self, report: InboundPartReport, on_stored: OnStored) -> None:
        """Gives a text to the partition that has its number: so parts of one text meet there."""
        partition = self._find_text(report)
        if partition is not None or self.others is None:
            self._give_text(FIRST if partition is None else partition, report, on_stored)
        else:
            self._begin(self._seek_number(self.others, report, on_stored))

    async def _seek_number(
        self, others: Others, report: InboundPartReport, on_stored: OnStored
    ) -> None:
        try:
            found = await others.find_number(report.destination)
        except StorageUnavailable:
            on_stored(False)
            return
        self._give_text(FIRST if found is None else found, report, on_stored)

    def _begin(self, seeking: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(seeking)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
