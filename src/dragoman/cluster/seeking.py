"""Whose receipts and texts are: which partition has the message that a receipt names, or a number.

Whoever sent a message remembers its ID. After a restart, or where a provider calls another node,
all partitions of all nodes are asked. An ID just as it was given wins at once. Another spelling of
it counts once every partition was asked twice: meanwhile the exact one may become known.

A receipt is never given to any partition because its own could not be asked: it would be
acknowledged, and its message never end. While a partition has no owner, receipts wait.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from typing import Final, Protocol

from dragoman.cluster.wire import Look
from dragoman.core.messages.model.messages import InboundPartReport, ReceiptReport
from dragoman.core.messages.model.outcomes import Accepted, Outcome
from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.model.stored import OnStored

MAX_KNOWN_IDS: Final = 500_000
"""IDs of carriers whose partition is remembered; those of older ones are looked for."""
MAX_SOUGHT: Final = 5_000
"""Receipts whose partition is looked for; further ones come again."""
SOUGHT_TIMES: Final = 16
SPELLED_TIMES: Final = 2
SOUGHT_EVERY_S: Final = 0.5
"""A receipt may overtake the outcome that tells whose it is."""
FIRST: Final = 0
"""The partition of texts to numbers that nobody has, and of receipts for no message."""

LookHere = Callable[[ReceiptReport], Awaitable[Look]]
FindText = Callable[[InboundPartReport], int | None]


class Others(Protocol):
    """The other nodes, as far as they know whose something is."""

    async def look(self, report: ReceiptReport, partitions: Collection[int]) -> Look:
        """What these partitions know of a receipt; those that do not answer soon are left out."""
        ...

    async def find_number(self, number: str) -> int | None:
        """The partition that has a number; raises `StorageUnavailable`."""
        ...


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
        self._seeking: set[asyncio.Task[None]] = set()

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
        elif len(self._seeking) < MAX_SOUGHT:
            self._begin(self._seek(report, on_stored))
        else:
            on_stored(False)

    def _known(self, report: ReceiptReport) -> int | None:
        for key in report.exact_keys:
            partition = self._known_ids.get((report.carrier, key))
            if partition is not None:
                return partition
        return None

    async def _seek(self, report: ReceiptReport, on_stored: OnStored) -> None:
        """Looks for the partition of a receipt, for as long as its outcome may still come."""
        partition, looks = None, 0
        is_text = report.text is not None
        while looks < SOUGHT_TIMES:
            partition = self._known(report)
            if partition is not None:
                break
            look = await self._look(report)
            looks += self._partitions <= {*look.partitions}
            settled = is_text and looks > 0
            if look.is_exact or (look.fit and (settled or looks >= SPELLED_TIMES)):
                partition = look.partition
                break
            if settled:
                break
            if not self._is_ours(report.carrier):
                on_stored(False)  # whoever has the carrier now gets it again
                return
            await asyncio.sleep(SOUGHT_EVERY_S)
        if partition is None and report.text is not None:
            self.inbound(report.text, on_stored)
        else:
            self._give_receipt(FIRST if partition is None else partition, report, on_stored)

    async def _look(self, report: ReceiptReport) -> Look:
        look = await self._look_here(report)
        missing = self._partitions.difference(look.partitions)
        if missing and not look.is_exact and self.others is not None:
            look = look.with_another(await self.others.look(report, missing))
        return look

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

    def _begin(self, seeking: Awaitable[None]) -> None:
        task = asyncio.ensure_future(seeking)
        self._seeking.add(task)
        task.add_done_callback(self._seeking.discard)
