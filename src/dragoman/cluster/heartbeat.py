"""Once a second a node says that it lives, looks who else does, and adjusts what it has.

What it believes can only be late. So it lets go of what others may have by now before it counts as
heard again, and closes its links before others take it for dead.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from dragoman.cluster.binds import BindFront
from dragoman.cluster.carriers import Carriers
from dragoman.cluster.front import Front
from dragoman.cluster.holding import RELEASE_S, Holding
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
"""A round that takes longer hangs, and so would the node; its process ends, to be started again."""
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
        self.is_stopping = False
        """It takes nothing any more."""
        self.serving = asyncio.Event()
        """A partition takes calls, here or elsewhere."""

    async def run(self) -> None:
        """Runs until another node has taken the name, or a round hangs: raises `Ended`."""
        while True:
            beating = asyncio.ensure_future(self._beat())
            try:
                await asyncio.wait({beating}, timeout=ROUND_S)
                if not beating.done():
                    raise Ended(f"a look at the cluster has taken {ROUND_S:.0f} s")
                beating.result()
            finally:
                beating.cancel()
            await self._until_next()

    async def fence(self) -> None:
        """Closes links before others take this node for dead, whatever a round is waiting for."""
        while True:
            await asyncio.sleep(FENCE_S)
            if self._carriers.held and not self._heard.is_fresh():
                await self._holding.sever()

    async def _beat(self) -> None:
        # As of before it asks: a pause in between must not count as heard.
        began = self._clock.monotonic()
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
        try:
            await self._adjust(overview, is_new, began)
            if self._front.places or not fair_share.free(overview):
                self.serving.set()
        except StorageUnavailable as error:
            log.warning("cluster_not_adjusted", reason=str(error))

    async def _until_next(self) -> None:
        self._front.outdated.clear()
        waiting = (self._front.outdated.wait(), self._moved.wait())
        tasks = [asyncio.ensure_future(one) for one in waiting]
        await asyncio.wait(tasks, timeout=BEAT_S, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        if self._moved.is_set() or self._front.outdated.is_set():
            self._moved.clear()
            await asyncio.sleep(MORE_COMES_S)

    async def _adjust(self, overview: Overview, is_new: bool, began: float) -> None:
        """Brings what this node does in line with what the cluster says."""
        self._partitions.let_go_of_lost(overview, self._name)
        await self._holding.let_go_of_lost(overview, is_new=is_new)
        was_fresh = self._heard.is_fresh()
        self._heard.at = began  # not before what is lost is let go
        if not was_fresh and self._heard.is_fresh():
            for carrier in self._carriers.held:
                self._carriers.availability(carrier)
        me = overview.node(self._name)
        if self.is_stopping or me is None:
            return
        if me.draining:
            await self._holding.release_all(RELEASE_S)
        else:
            await self._holding.take_share(overview, self._may_claim)
            await self._holding.give_back_spare(overview)
        self._partitions.adjust(overview, self._name, may_claim=self._may_claim())

    def _may_claim(self) -> bool:
        """Whether who looks dead is so, and not only not heard again."""
        return self._clock.monotonic() >= self._claims_from
