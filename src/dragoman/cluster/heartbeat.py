"""Once a second a node says that it lives and looks who else does; it adjusts what it has beside.

What it believes can only be late. So it lets go of what others may have by now before it counts as
heard again, and closes its links before others take it for dead. Claiming carriers and giving them
back may take long, and letting go too: neither keeps it from saying that it lives. So each acts by
what it knew when it began: what is claimed meanwhile is newer than an overview (`Claim.is_over`),
and a round of adjusting begins with an overview that was asked for after the last round.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

import structlog

from dragoman.cluster.binds import BindFront
from dragoman.cluster.carriers import Carriers
from dragoman.cluster.front import Front
from dragoman.cluster.holding import RELEASE_S, Holding
from dragoman.cluster.nats_connection import end_tasks
from dragoman.cluster.partitions import Partitions
from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.placement.membership import CannotJoin, Membership
from dragoman.core.placement.model import fair_share
from dragoman.core.placement.model.views import DEAD_AFTER_S, Overview
from dragoman.kit.clock import Clock
from dragoman.kit.supervisor import Ended

BEAT_S: Final = 1.0
SILENT_S: Final = DEAD_AFTER_S * 0.7
"""Without a word to PostgreSQL for so long, links are closed: soon others may open them."""
FENCE_S: Final = 0.5
"""Between two looks whether that is so."""
ROUND_S: Final = 60.0
"""What takes longer hangs, and so would the node; its process ends, to be started again."""
OTHERS_BACK_S: Final = 6.0
"""For others to be heard again after PostgreSQL was away, before what was theirs is claimed."""
MORE_COMES_S: Final = 0.1
"""Before it looks for a reason: others may come right behind it."""

log = structlog.get_logger(__name__)


class Heard:
    """When PostgreSQL last heard of the node."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.at = 0.0

    @property
    def silent_s(self) -> float:
        """How long ago."""
        return self._clock.monotonic() - self.at

    def is_fresh(self) -> bool:
        """Whether others cannot take this node for dead yet."""
        return self.silent_s < SILENT_S


class Heartbeat:
    """Of a node that has joined."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        heard: Heard,
        moved: asyncio.Event,
        membership: Membership,
        front: Front,
        binds: BindFront,
        partitions: Partitions,
        carriers: Carriers,
        holding: Holding,
    ) -> None:
        """`moved` is set where it is to look at once: a partition has come or gone."""
        self._name = name
        self._clock = clock
        self._heard = heard
        self._membership = membership
        self._front = front
        self._binds = binds
        self._partitions = partitions
        self._carriers = carriers
        self._holding = holding
        self._claims_from = 0.0
        """From when on it claims what dead nodes had."""
        self._moved = moved
        self._ending: dict[str, asyncio.Task[None]] = {}
        """Carriers whose links are being closed at once, as others may open them."""
        self._wanted: asyncio.Future[Overview] | None = None
        """What the next round of adjusting waits for."""
        self._round: asyncio.Task[None] | None = None
        self._is_stopping = False
        self.serving = asyncio.Event()
        """A partition takes calls, here or elsewhere."""

    async def run(self) -> None:
        """Says that the node lives, and looks, each second.

        Runs until another node has taken the name, or a look hangs: raises `Ended`.
        """
        while True:
            self._front.outdated.clear()
            self._moved.clear()
            await _in_time(asyncio.ensure_future(self._beat()), "a look at the cluster")
            await self._until_next()

    async def adjust(self) -> None:
        """Claims carriers and gives them back; runs until that hangs: raises `Ended`."""
        while True:
            self._wanted = asyncio.get_running_loop().create_future()
            overview = await self._wanted
            self._round = asyncio.ensure_future(self._adjust(overview))
            await _in_time(self._round, "claiming carriers and giving them back")

    async def fence(self) -> None:
        """Closes links before others take this node for dead, whatever else is waited for."""
        while True:
            await asyncio.sleep(FENCE_S)
            if not self._heard.is_fresh():
                self._sever(self._carriers.held)

    async def take_no_more(self) -> None:
        """Takes nothing from here on and gives nothing back, but says that the node lives."""
        self._is_stopping = True
        if self._round is not None:
            await end_tasks([self._round])

    async def _beat(self) -> None:
        # As of before it asks: a pause in between must not count as heard.
        began, wanted = self._clock.monotonic(), self._wanted
        try:
            overview, is_new = await self._membership.beat()
        except StorageUnavailable as error:
            silent_s = round(self._heard.silent_s, 1)
            log.warning("cluster_unreachable", reason=str(error), silent_s=silent_s)
            return
        except CannotJoin as error:
            raise Ended(str(error)) from None
        if is_new:
            self._claims_from = self._clock.monotonic() + OTHERS_BACK_S
        self._front.overview = overview
        self._binds.look()
        self._partitions.let_go_of_lost(overview, self._name)
        self._sever(self._holding.lost(overview, is_new=is_new))
        if self._ending:
            return  # not heard before what is lost is let go; another look follows at once
        self._holding.note_holders(overview)
        self._note_heard(began)
        me = overview.node(self._name)
        if not self._is_stopping and me is not None:
            self._partitions.adjust(overview, self._name, may_claim=self._may_claim())
            if wanted is not None and not wanted.done():
                wanted.set_result(overview)
        if self._front.places or not fair_share.free(overview):
            self.serving.set()

    def _note_heard(self, at: float) -> None:
        was_fresh = self._heard.is_fresh()
        self._heard.at = at
        if not was_fresh and self._heard.is_fresh():
            for carrier in self._carriers.held:
                self._carriers.availability(carrier)

    def _sever(self, carriers: Iterable[str]) -> None:
        """Begins to close links at once; raises what went wrong where that has ended."""
        for carrier, task in [*self._ending.items()]:
            if task.done():
                del self._ending[carrier]
                task.result()
        for carrier in carriers:
            if carrier in self._ending:
                continue
            severing = asyncio.ensure_future(self._holding.sever(carrier))
            task = asyncio.ensure_future(_in_time(severing, "closing links"))
            task.add_done_callback(lambda _: self._moved.set())
            self._ending[carrier] = task

    async def _until_next(self) -> None:
        waiting = (self._front.outdated.wait(), self._moved.wait())
        tasks = [asyncio.ensure_future(one) for one in waiting]
        await asyncio.wait(tasks, timeout=BEAT_S, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        if self._moved.is_set() or self._front.outdated.is_set():
            await asyncio.sleep(MORE_COMES_S)

    async def _adjust(self, overview: Overview) -> None:
        """Brings the carriers of this node in line with what the cluster says."""
        if self._is_stopping:
            return
        me = overview.node(self._name)
        try:
            if me is not None and me.draining:
                await self._holding.release_left(overview)
                await self._holding.release_all(RELEASE_S)
            else:
                await self._holding.take_share(overview, self._may_claim)
                await self._holding.give_back_spare(overview)
        except StorageUnavailable as error:
            log.warning("cluster_not_adjusted", reason=str(error))

    def _may_claim(self) -> bool:
        """Whether who looks dead is so, and not only not heard again."""
        return self._clock.monotonic() >= self._claims_from


async def _in_time(work: asyncio.Task[None], what: str) -> None:
    """Waits for work; raises `Ended` where it hangs."""
    try:
        await asyncio.wait({work}, timeout=ROUND_S)
        if not work.done():
            raise Ended(f"{what} has taken {ROUND_S:.0f} s")
        work.result()
    finally:
        work.cancel()
