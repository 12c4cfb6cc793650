"""The partitions that a node owns: it claims them, runs a gateway for each, and gives them back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
import structlog

from dragoman.admin.server import build_admin_app
from dragoman.assembly.membership import Membership as Member
from dragoman.cluster.carriers import Carriers
from dragoman.cluster.front import ADMIN, INNER, WEB, Front, Place
from dragoman.cluster.inner import build_inner
from dragoman.cluster.wire import Look
from dragoman.config import Settings
from dragoman.config.values import Secret
from dragoman.core.messages.model.messages import InboundPartReport, ReceiptReport
from dragoman.core.model.errors import AlreadyInUse, StorageUnavailable
from dragoman.core.placement.membership import Membership, claimed_url
from dragoman.core.placement.model import fair_share
from dragoman.core.placement.model.views import Claim, Overview
from dragoman.gateway import Gateway
from dragoman.kit.clock import Clock
from dragoman.kit.supervisor import place_of

if TYPE_CHECKING:
    from dragoman.cluster.stream import Stream

AT_ONCE: Final = 4
"""Partitions that are opened or closed at the same time."""
LOCK_FREE_S: Final = 5.0
"""For the sessions of an earlier owner to end."""
TAKE_AGAIN_S: Final = 5.0
STOP_S: Final = 3.0
"""For the calls of a partition to be answered before it is closed."""

log = structlog.get_logger(__name__)


class Configured(Protocol):
    """The configuration of the node."""

    @property
    def settings(self) -> Settings:
        """As it is taken."""
        ...

    @property
    def wanted(self) -> Settings:
        """What is to be taken next; `settings`, but while it is checked."""
        ...


class Owned:
    """A partition that this node owns."""

    def __init__(self, place: Place, gateway: Gateway) -> None:
        self.place = place
        self.gateway = gateway
        self.watch: asyncio.Task[None] | None = None


class Partitions:
    """Opens and closes partitions, each by a task of its own."""

    def __init__(
        self,
        configured: Configured,
        clock: Clock,
        membership: Membership,
        front: Front,
        carriers: Carriers,
        *,
        member: Callable[[Place], Member],
        changed: Callable[[], None],
    ) -> None:
        """`member` is what the gateway of a partition gets; `changed` hears of each move."""
        self._configured = configured
        self._clock = clock
        self._membership = membership
        self._front = front
        self._carriers = carriers
        self._member = member
        self._changed = changed
        self.owned: dict[int, Owned] = {}
        self._moving: dict[int, asyncio.Task[None]] = {}
        self._taking: set[int] = set()
        """Those of them that are being taken."""
        self._opening: dict[int, Owned] = {}
        """Those whose gateways start."""
        self._released: dict[int, int] = {}
        """The epoch under which each was given back last."""
        self._not_before: dict[int, float] = {}
        self.stream: Stream | None = None

    def let_go_of_lost(self, overview: Overview, name: str) -> None:
        """Closes what another node owns by now; at once it sends and stores nothing more."""
        for number, owned in [*self._opening.items(), *self.owned.items()]:
            if overview.partitions[number].is_over(name, owned.place.epoch):
                self._cut(number, owned)
                self._move(number, self._abandon(number))

    def adjust(self, overview: Overview, name: str, *, may_claim: bool) -> None:
        """Takes what is free, and gives back what is too much.

        Without `may_claim`, those that look dead may only not have been heard.
        """
        settled = [number for number in self.owned if number not in self._moving]
        spare = fair_share.to_give_back(overview, name, settled)
        if spare is not None:
            self._move(spare, self._give_back(spare))
        me = overview.node(name)
        if me is None:
            return
        if me.draining:
            self._release_left(overview, name)
            return
        now, most = self._clock.monotonic(), fair_share.most_of(overview)
        for number, claim in enumerate(overview.partitions):
            if len(self._moving) >= AT_ONCE:
                return
            mine = self._is_left(number, claim, name)
            ownerless = mine or overview.node(claim.node) is None
            waits = self._not_before.get(number, 0.0) > now
            waits |= claim.node not in (None, name) and not may_claim
            if not ownerless or waits or number in self._moving:
                continue
            if fair_share.is_meant_for_another(overview, name, number):
                continue
            if claim.wanted_by == name or self._count() < most:
                self._taking.add(number)
                self._move(number, self._take(number))

    def _is_left(self, number: int, claim: Claim, name: str) -> bool:
        """Whether a claim is this node's, which does not have the partition open."""
        is_newer = claim.epoch > self._released.get(number, 0)  # else it was given back meanwhile
        return claim.node == name and number not in self.owned and is_newer

    def _release_left(self, overview: Overview, name: str) -> None:
        """Lets others have what is closed and could not be given back, as PostgreSQL was away."""
        for number, claim in enumerate(overview.partitions):
            if self._is_left(number, claim, name) and number not in self._moving:
                self._move(number, self._membership.release(number, claim.epoch))

    async def stop_moving(self) -> None:
        """Takes no more of what is being taken, and waits for what is being given back."""
        for number in self._taking:
            self._moving[number].cancel()
        await asyncio.gather(*self._moving.values(), return_exceptions=True)

    async def give_back_all(self) -> None:
        """Gives everything back."""
        for _ in range(len(self.owned)):
            await asyncio.gather(*(self._give_back(number) for number in [*self.owned][:AT_ONCE]))

    def _count(self) -> int:
        return len(self.owned.keys() | self._moving.keys())

    def _move(self, number: int, work: Awaitable[None]) -> None:
        if number in self._moving:
            work.close()  # type: ignore[attr-defined]
            return

        async def moved() -> None:
            try:
                await work
            except StorageUnavailable as error:
                log.warning("partition_not_moved", partition=number, reason=str(error))
                self._not_before[number] = self._clock.monotonic() + TAKE_AGAIN_S
            except Exception as error:  # it must not be claimed again and again without a word
                log.error("partition_not_moved", partition=number, reason=place_of(error))
                self._not_before[number] = self._clock.monotonic() + TAKE_AGAIN_S
            finally:
                self._moving.pop(number, None)
                self._taking.discard(number)
                self._changed()

        self._moving[number] = asyncio.create_task(moved(), name=f"partition {number}")

    async def _take(self, number: int) -> None:
        """Claims a partition and opens it."""
        epoch = await self._membership.claim(number)
        if epoch is None:
            return
        if not await self._membership.is_lock_free(number, LOCK_FREE_S):
            raise StorageUnavailable("an earlier owner still has its lock")
        place = Place(number, epoch, self._front)
        settings = self._configured.settings
        try:
            gateway = Gateway(
                _under_claim(settings, number, epoch),
                self._clock,
                reload_settings=lambda: _under_claim(self._configured.wanted, number, epoch),
                membership=self._member(place),
            )
        except AlreadyInUse as error:
            raise StorageUnavailable(str(error)) from error
        owned = self._opening[number] = Owned(place, gateway)
        try:
            await self._open(number, owned, settings)
        except BaseException:
            self.owned.pop(number, None)
            await self._close(number, gateway)
            raise
        finally:
            del self._opening[number]
        log.info("partition_taken", partition=number, epoch=epoch)

    async def _open(self, number: int, owned: Owned, settings: Settings) -> None:
        """Has a partition take calls, and what other nodes tell it."""
        place, gateway = owned.place, owned.gateway
        await gateway.start(migrate=False)
        assert gateway.web is not None
        inner = build_inner(gateway.services, gateway.mailbox)
        place.apps = {
            WEB: gateway.web,
            ADMIN: build_admin_app(gateway.admin, place.counted(ADMIN), place.hand_over_of(ADMIN)),
            INNER: place.serve(INNER, inner, settings.http.request_timeout_s),
        }
        place.binds = gateway.smpp_server
        if self.stream is not None:
            await self.stream.owners.open_partition(number)
        self.owned[number] = owned
        if (
            self._configured.settings is not settings
        ):  # it was opened while a configuration was taken
            await gateway.take_configuration(check=False)
        owned.watch = asyncio.create_task(self._watch(number, gateway))
        self._front.places[number] = place
        self._changed()

    async def _watch(self, number: int, gateway: Gateway) -> None:
        reason = await gateway.worker_ended()
        log.error("partition_failed", partition=number, reason=reason)
        self._move(number, self._abandon(number))

    async def _give_back(self, number: int) -> None:
        """Closes a partition and lets others have it."""
        owned = self.owned.get(number)
        if owned is None:
            return
        self._front.places.pop(number, None)
        owned.place.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await owned.place.idle()
        try:
            await self._close(number, owned.gateway)
        finally:
            self.owned.pop(number, None)
            if owned.watch is not None:
                owned.watch.cancel()
        with contextlib.suppress(StorageUnavailable):
            await self._membership.release(number, owned.place.epoch)
            self._released[number] = owned.place.epoch
        log.info("partition_given_back", partition=number)

    async def _abandon(self, number: int) -> None:
        """Closes a partition that is somebody else's, or that failed."""
        log.warning("partition_lost", partition=number)
        owned = self.owned.get(number)
        if owned is not None:
            self._cut(number, owned)
        await self._give_back(number)

    def _cut(self, number: int, owned: Owned) -> None:
        """Lets a partition send nothing more; whatever it wants to store, it may not."""
        self._carriers.cut(number)
        owned.gateway.services.storage.writer.give_up("another node owns the partition")

    async def _close(self, number: int, gateway: Gateway) -> None:
        await gateway.stop()
        if self.stream is not None:
            await self.stream.owners.close_partition(number)
        self._carriers.drop(number)

    async def look(self, reports: Sequence[ReceiptReport]) -> list[Look]:
        """What the partitions here know of each receipt."""
        looks = [Look()] * len(reports)
        for number, owned in [*self.owned.items()]:
            if number not in self._front.places:
                continue  # it is being closed
            # RuntimeError: it was closed meanwhile
            with contextlib.suppress(StorageUnavailable, RuntimeError):
                fits = await owned.gateway.services.receipts.knows(reports)
                looks = [
                    look.with_another(Look((number,), fit, number))
                    for look, fit in zip(looks, fits, strict=True)
                ]
        return looks

    def find_text(self, report: InboundPartReport) -> int | None:
        """The partition that has the number a text was sent to; None where none here has."""
        for number, owned in self.owned.items():
            if owned.gateway.services.inbound_routing.number(report.destination) is not None:
                return number
        return None


def _under_claim(settings: Settings, partition: int, epoch: int) -> Settings:
    """The settings of a partition under a claim."""
    url = claimed_url(settings.database_url, partition, epoch)
    storage = msgspec.structs.replace(settings.storage, url=Secret(url))
    return msgspec.structs.replace(settings, storage=storage)
