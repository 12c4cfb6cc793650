"""Which carriers a node holds: those that nobody holds, and no more than others do.

It never decides that it holds one: it claims, and PostgreSQL's lock decides.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from dragoman.cluster.carriers import Carriers
from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.placement.membership import Membership
from dragoman.core.placement.model import fair_share
from dragoman.core.placement.model.views import Overview

if TYPE_CHECKING:
    from dragoman.cluster.stream import Stream

AT_ONCE_S: Final = 0.5
"""For what is in flight, where another node may open the links already."""
RELEASE_S: Final = 3.0
"""To finish what is in flight over carriers that are given back."""
LEFT_TO_OTHERS_S: Final = 5.0
"""What was given back is taken again only where nobody else did."""


class Holding:
    """Claims carriers and gives them back."""

    def __init__(self, name: str, carriers: Carriers, membership: Membership) -> None:
        """`name` is the node's."""
        self._name = name
        self._carriers = carriers
        self._membership = membership
        self.stream: Stream | None = None
        self._not_before: dict[str, float] = {}

    def lost(self, overview: Overview, *, is_new: bool) -> list[str]:
        """The carriers held here that others may hold by now: with a new session, all."""
        claims = {claim.name: claim for claim in overview.carriers}
        return [
            name
            for name, held in self._carriers.held.items()
            if is_new or (name in claims and claims[name].is_over(self._name, held.epoch))
        ]

    def note_holders(self, overview: Overview) -> None:
        """Tells partitions which claims of carriers count; of those held here they know."""
        for claim in overview.carriers:
            name = claim.name
            if (
                claim.node is None
                or name in self._carriers.held
                or name not in self._carriers.names
            ):
                continue
            self._carriers.note_holder(name, claim.epoch)

    async def take_share(self, overview: Overview, may_claim: Callable[[], bool]) -> None:
        """Claims what nobody holds; `may_claim` says whether the dead are known to be dead."""
        holders = {claim.name: claim for claim in overview.carriers}
        takers = sum(not node.is_dead and not node.draining for node in overview.nodes)
        most = -(-len(self._carriers.names) // max(1, takers))
        for carrier in self._carriers.names:
            claim = holders.get(carrier)
            holder = overview.node(claim.node) if claim is not None else None
            own_earlier = holder is not None and holder.name == self._name
            if carrier in self._carriers.held or (holder is not None and not own_earlier):
                continue
            if len(self._carriers.held) >= most:
                return
            if self._not_before.get(carrier, 0.0) > asyncio.get_running_loop().time():
                continue
            hangs = claim is not None and claim.node is not None and not own_earlier
            if hangs and not may_claim():
                continue
            epoch = await self._membership.claim_carrier(carrier, dead=hangs)
            if epoch is not None:
                await self._carriers.take(carrier, epoch)
                if self.stream is not None and carrier in self._carriers.held:
                    self.stream.puller.hold(carrier)

    async def give_back_spare(self, overview: Overview) -> None:
        """Gives back a carrier where other nodes hold fewer; one at a time."""
        held = [*self._carriers.held]
        spare = fair_share.carrier_to_give_back(overview, self._name, held, self._carriers.names)
        if spare is not None:
            self._not_before[spare] = asyncio.get_running_loop().time() + LEFT_TO_OTHERS_S
            await self.release(spare, RELEASE_S)

    async def let_go(self, carrier: str, timeout_s: float) -> int | None:
        """Closes the links of a carrier; the epoch of the claim that was."""
        if self.stream is not None:
            await self.stream.puller.let_go(carrier)
        return await self._carriers.let_go(carrier, timeout_s)

    async def sever(self, carrier: str) -> None:
        """Closes links, whatever else letting go waits for: others may open them soon.

        Pulling ends in the same turn of the loop: later it may be that of a new claim.
        """
        ending = [self._carriers.let_go(carrier, AT_ONCE_S)]
        pulling = [] if self.stream is None else [self.stream.puller.let_go(carrier)]
        await asyncio.gather(*ending, *pulling)

    async def release_all(self, timeout_s: float) -> None:
        """Gives every carrier back, with what is in flight finished."""
        await asyncio.gather(*(self.release(one, timeout_s) for one in [*self._carriers.held]))

    async def release_left(self, overview: Overview) -> None:
        """Gives back what is let go and could not be given back, as PostgreSQL was away."""
        for claim in overview.carriers:
            if claim.node == self._name and claim.name not in self._carriers.held:
                await self._membership.release_carrier(claim.name, claim.epoch)

    async def release(self, carrier: str, timeout_s: float) -> None:
        """Gives a carrier back."""
        epoch = await self.let_go(carrier, timeout_s)
        if self.stream is not None:
            await self.stream.owners.settled(timeout_s)
        if epoch is not None:
            with contextlib.suppress(StorageUnavailable):
                await self._membership.release_carrier(carrier, epoch)
