"""A node: takes its share of the partitions, runs a gateway for each, and gives them back.

Once a second it says that it lives and looks who else does. It never decides that it owns
something: it claims, and PostgreSQL's locks decide. So all that can go wrong here costs time, not
messages:

- A node that dies leaves its claims and frees its locks; the others claim what was its own.
- One that hangs is dead to the others after 10 s. They end its sessions before they ask for its
  locks; what it does after that is refused, and it finds that its claims are over.
- One that cannot reach PostgreSQL closes the links of its carriers before others may open theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from dragoman import __version__
from dragoman.admin.server import AdminServer, build_admin_app
from dragoman.assembly.membership import Membership
from dragoman.cluster.carriers import Carriers
from dragoman.cluster.configuration import digests
from dragoman.cluster.front import ADMIN, WEB, Everybody, Front, FrontApp, PeerApp, Place
from dragoman.cluster.pages import NodePages
from dragoman.cluster.peers import Peers
from dragoman.config import Settings
from dragoman.config.values import Secret
from dragoman.core.delivery.running import Reloaded
from dragoman.core.messages.model.messages import InboundPartReport, ReceiptReport
from dragoman.core.model.errors import AlreadyInUse, RefusalCode, Refused, StorageUnavailable
from dragoman.core.placement.membership import CannotJoin, claimed_url, open_membership
from dragoman.core.placement.model import fair_share
from dragoman.core.placement.model.views import DEAD_AFTER_S, Node, Overview
from dragoman.gateway import Gateway
from dragoman.kit.clock import Clock, SystemClock
from dragoman.kit.supervisor import Ended, Supervisor
from dragoman.web.client_address import ClientAddressReader
from dragoman.web.server import Server, build_server

if TYPE_CHECKING:
    from dragoman.cluster.development import Development
    from dragoman.cluster.stream import Stream

BEAT_S: Final = 1.0
SILENT_S: Final = DEAD_AFTER_S * 0.7
"""Without a word to PostgreSQL for so long, links are closed: soon others may open them."""
AT_ONCE: Final = 4
"""Partitions that are opened or closed at the same time."""
LOCK_FREE_S: Final = 5.0
"""For the sessions of an earlier owner to end."""
OTHERS_BACK_S: Final = 6.0
"""For others to be heard again after PostgreSQL was away, before what was theirs is claimed."""
TAKE_AGAIN_S: Final = 5.0
STOP_S: Final = 3.0

log = structlog.get_logger(__name__)


class _Owned:
    """A partition that this node owns."""

    def __init__(self, place: Place, gateway: Gateway) -> None:
        self.place = place
        self.gateway = gateway
        self.watch: asyncio.Task[None] | None = None


class ClusterNode:
    """Started and stopped as a `Gateway` is."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock | None = None,
        *,
        development: Development | None = None,
    ) -> None:
        self.settings = settings
        self._development = development
        self._clock = clock or SystemClock()
        cluster = settings.cluster
        host, port = settings.http.address
        self.node = Node(
            name=cluster.node or socket.gethostname(),
            run=secrets.token_hex(8),
            base_url=f"http://{host}:{port}",
            address=cluster.public_address or cluster.listen,
            pid=os.getpid(),
            version=__version__,
        )
        self._membership = open_membership(settings.database_url, self.node, cluster.partitions)
        self._peers = Peers(cluster.secret)
        self.front = Front(self._peers, self.node.address)
        self._supervisor = Supervisor(self._worker_ended)
        self._pages = NodePages(
            self.node,
            self._peers,
            gateways=lambda: {number: owned.gateway for number, owned in self.owned.items()},
            overview=lambda: self.front.overview,
            failure=lambda: self._failure,
            problems=self._problems,
            addresses=ClientAddressReader(settings.http.proxy_networks),
            public_metrics=settings.metrics.public,
        )
        self.carriers = Carriers(
            settings,
            self._clock,
            self._supervisor,
            find_text=self._partition_of_text,
            find_receipt=self._partition_of_receipt,
            all_owned=lambda: not fair_share.free(self.front.overview),
        )
        self._stream: Stream | None = None
        self.owned: dict[int, _Owned] = {}
        self._moving: dict[int, asyncio.Task[None]] = {}
        self._not_before: dict[int, float] = {}
        self._failure = ""
        self._phase = "not running"
        self._servers: list[tuple[Server, asyncio.Task[None]]] = []
        self._admin: AdminServer | None = None
        self._beaten_at = 0.0
        self._has_joined = False
        self._claims_from = 0.0
        """From when on it claims what dead nodes had."""
        self._wake = asyncio.Event()
        self._serving = asyncio.Event()
        """A partition takes calls, here or elsewhere."""

    @property
    def ready(self) -> bool:
        return not self._phase

    @property
    def stop_timeout_s(self) -> float:
        return self.settings.http.shutdown_timeout_s

    async def worker_ended(self) -> str:
        """Returns once a worker of the node has died, with the reason."""
        await self._supervisor.failure()
        return self._failure

    async def reload(self, *, check: bool) -> Reloaded:
        """A node takes its configuration at its start only; raises `Refused`."""
        raise Refused(
            RefusalCode.NOT_SUPPORTED, detail="restart the nodes of a cluster one after the other"
        )

    def _worker_ended(self, reason: str) -> None:
        log.error("worker_ended", reason=reason)
        self._failure = self._failure or reason

    # Start and stop

    async def start(
        self,
        *,
        migrate: bool = False,
        before_ready: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Joins, listens, and takes what is free; returns when it serves calls."""
        self._phase = "joining"
        if self.settings.cluster.nats:
            await self._connect()
        try:
            await self._membership.join(digests(self.settings))
        except CannotJoin as error:
            raise StorageUnavailable(str(error)) from None
        self._has_joined = True
        self._beaten_at = self._clock.monotonic()
        timeout_s = self.settings.http.request_timeout_s
        host, port = self.settings.cluster.address
        secret = self.settings.cluster.secret
        app = PeerApp(self.front, secret, self._pages.tell, body_timeout_s=timeout_s)
        await self._listen("peers", build_server(app, host=host, port=port), host, port)
        web = FrontApp(
            self.front,
            WEB,
            self._pages,
            body_timeout_s=timeout_s,
            development=self._development,
        )
        local = FrontApp(self.front, ADMIN, self._pages, body_timeout_s=timeout_s)
        self._admin = AdminServer(local, self.settings.data_path)
        await self._admin.start(self._supervisor.spawn)
        self._supervisor.spawn("cluster", self._run())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TAKE_AGAIN_S):
                await self._serving.wait()
        host, port = self.settings.http.address
        await self._listen("http", build_server(web, host=host, port=port), host, port)
        if before_ready is not None:
            await before_ready()
        self._phase = ""

    async def _connect(self) -> None:
        """Connects with the other nodes over NATS; raises `StorageUnavailable`."""
        try:
            from dragoman.cluster.stream import NatsUnfit, Stream
        except ImportError:
            raise StorageUnavailable(
                "cluster.nats needs the package nats-py: install dragoman[cluster]"
            ) from None
        stream = Stream(
            servers=self.settings.cluster.nats.split(","),
            run=self.node.run,
            carriers=self.carriers,
            clock=self._clock,
            find_receipt=self._partition_of_receipt,
            find_number=self._partition_of_number,
            is_heard=self._is_heard,
            spawn=self._supervisor.spawn,
        )
        try:
            await stream.start()
        except NatsUnfit as error:
            raise StorageUnavailable(str(error)) from None
        self._stream = self.carriers.afar = stream

    async def _listen(self, name: str, server: Server, host: str, port: int) -> None:
        serving = self._supervisor.spawn(name, server.serve())
        await server.listening.wait()
        if not server.started:
            raise SystemExit(f"cannot listen on {host}:{port}")
        self._servers.append((server, serving))

    async def stop(self) -> None:
        """Gives everything back and leaves."""
        self._phase = "stopping"
        self._supervisor.expect_ends()
        for task in [*self._moving.values()]:
            task.cancel()
        await asyncio.gather(*self._moving.values(), return_exceptions=True)
        with contextlib.suppress(StorageUnavailable):
            if self._has_joined:
                await self._membership.drain(self.node.name, True)
        # Calls are handed over from here on, while the partitions are closed.
        for _ in range(len(self.owned)):
            await asyncio.gather(*(self._give_back(number) for number in [*self.owned][:AT_ONCE]))
        for name in [*self.carriers.held]:
            await self._release_carrier(name)
        if self._stream is not None:
            await self._stream.close()
        for server, _ in reversed(self._servers):
            server.config.timeout_graceful_shutdown = round(STOP_S)
            server.should_exit = True
        await asyncio.gather(*(serving for _, serving in self._servers), return_exceptions=True)
        if self._admin is not None:
            await self._admin.stop()
        await self._supervisor.stop()
        with contextlib.suppress(StorageUnavailable):
            if self._has_joined:
                await self._membership.leave()
        await self._membership.close()
        self._peers.close()
        if self._development is not None:
            self._development.close()

    # Once a second

    async def _run(self) -> None:
        while True:
            try:
                overview, is_new = await self._membership.beat()
            except StorageUnavailable as error:
                await self._without_database(str(error))
            except CannotJoin as error:
                raise Ended(str(error)) from None
            else:
                if is_new:
                    self._claims_from = self._clock.monotonic() + OTHERS_BACK_S
                self.front.overview = overview
                try:
                    await self._adjust(overview, is_new)
                    if self.front.places or not fair_share.free(overview):
                        self._serving.set()
                except StorageUnavailable as error:
                    log.warning("cluster_not_adjusted", reason=str(error))
            self.front.outdated.clear()
            waiting = (self.front.outdated.wait(), self._wake.wait())
            tasks = [asyncio.ensure_future(one) for one in waiting]
            await asyncio.wait(tasks, timeout=BEAT_S, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            if self._wake.is_set() or self.front.outdated.is_set():
                self._wake.clear()
                await asyncio.sleep(0.1)

    async def _without_database(self, reason: str) -> None:
        silent_s = self._clock.monotonic() - self._beaten_at
        log.warning("cluster_unreachable", reason=reason, silent_s=round(silent_s, 1))
        if not self._is_heard():
            for name in [*self.carriers.held]:
                await self._let_go(name, 0.5)

    def _is_heard(self) -> bool:
        """Whether others cannot take this node for dead yet."""
        return self._clock.monotonic() - self._beaten_at < SILENT_S

    async def _adjust(self, overview: Overview, is_new: bool) -> None:
        """Brings what this node does in line with what the cluster says."""
        name = self.node.name
        for number, owned in [*self.owned.items()]:
            claim = overview.partitions[number]
            if (claim.node, claim.epoch) != (name, owned.place.epoch):
                self._move(number, self._abandon(number))
        await self._adjust_carriers(overview, is_new)
        self._beaten_at = self._clock.monotonic()  # not before what is lost is let go
        if self._phase == "stopping":
            return
        settled = [number for number in self.owned if number not in self._moving]
        spare = fair_share.to_give_back(overview, name, settled)
        if spare is not None:
            self._move(spare, self._give_back(spare))
        me = overview.node(name)
        if me is None or me.draining:
            return
        now, most = self._clock.monotonic(), fair_share.most_of(overview)
        for number, claim in enumerate(overview.partitions):
            if len(self._moving) >= AT_ONCE:
                return
            mine = claim.node == name and number not in self.owned
            ownerless = mine or overview.node(claim.node) is None
            waits = self._not_before.get(number, 0.0) > now
            waits |= claim.node not in (None, name) and now < self._claims_from
            if not ownerless or waits or number in self._moving:
                continue
            if fair_share.is_meant_for_another(overview, name, number):
                continue
            if claim.wanted_by == name or self._count() < most:
                self._move(number, self._take(number))

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
            finally:
                self._moving.pop(number, None)
                self._wake.set()

        self._moving[number] = asyncio.create_task(moved(), name=f"partition {number}")

    # Partitions

    async def _take(self, number: int) -> None:
        """Claims a partition and opens it."""
        epoch = await self._membership.claim(number)
        if epoch is None:
            return
        if not await self._membership.is_lock_free(number, LOCK_FREE_S):
            raise StorageUnavailable("an earlier owner still has its lock")
        place = Place(number, epoch, self.front)
        url = claimed_url(self.settings.database_url, number, epoch)
        storage = msgspec.structs.replace(self.settings.storage, url=Secret(url))
        try:
            gateway = Gateway(
                msgspec.structs.replace(self.settings, storage=storage),
                self._clock,
                membership=Membership(
                    connect=self.carriers.connect(number),
                    hand_over=self.front.hand_over_of(WEB),
                    call_type=place.counted(WEB),
                    cluster=self._membership,
                    others=Everybody(self.front, number, self.settings.cluster.partitions),
                    kill=self._development.kill if self._development else None,
                    wrap_caller=self._development.wrap if self._development else None,
                ),
            )
        except AlreadyInUse as error:
            raise StorageUnavailable(str(error)) from error
        try:
            await gateway.start(migrate=False)
        except BaseException:
            await self._close(number, gateway)
            raise
        place.web = gateway.web
        place.admin = build_admin_app(
            gateway.admin, place.counted(ADMIN), self.front.hand_over_of(ADMIN)
        )
        if self._stream is not None:
            await self._stream.open_partition(number)
        owned = self.owned[number] = _Owned(place, gateway)
        owned.watch = asyncio.create_task(self._watch(number, gateway))
        self.front.places[number] = place
        self._serving.set()
        log.info("partition_taken", partition=number, epoch=epoch)

    async def _watch(self, number: int, gateway: Gateway) -> None:
        reason = await gateway.worker_ended()
        log.error("partition_failed", partition=number, reason=reason)
        self._move(number, self._abandon(number))

    async def _give_back(self, number: int) -> None:
        """Closes a partition and lets others have it."""
        owned = self.owned.get(number)
        if owned is None:
            return
        self.front.places.pop(number, None)
        owned.place.is_open = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await owned.place.idle()
        await self._close(number, owned.gateway)
        self.owned.pop(number, None)
        if owned.watch is not None:
            owned.watch.cancel()
        with contextlib.suppress(StorageUnavailable):
            await self._membership.release(number, owned.place.epoch)
        log.info("partition_given_back", partition=number)

    async def _abandon(self, number: int) -> None:
        """Closes a partition that is somebody else's, or that failed."""
        log.warning("partition_lost", partition=number)
        self.carriers.cut(number)
        owned = self.owned.get(number)
        if owned is not None:  # whatever it wants to store, it may not
            owned.gateway.services.storage.writer.give_up("another node owns the partition")
        await self._give_back(number)

    async def _close(self, number: int, gateway: Gateway) -> None:
        await gateway.stop()
        if self._stream is not None:
            await self._stream.close_partition(number)
        self.carriers.drop(number)

    async def _partition_of_receipt(self, report: ReceiptReport) -> int | None:
        """The partition here whose message a receipt names."""
        found: list[tuple[int, int]] = []
        for number, owned in [*self.owned.items()]:
            if number not in self.front.places:
                continue  # it is being closed
            # RuntimeError: it was closed meanwhile
            with contextlib.suppress(StorageUnavailable, RuntimeError):
                found.append((await owned.gateway.services.receipts.knows(report), number))
        fit, number = max(found, default=(0, 0))
        return number if fit else None

    async def _partition_of_number(self, number: str) -> int | None:
        """The partition anywhere that has a number."""
        for owned in [*self.owned.values()]:
            placement = owned.gateway.services.placement
            username = self.settings.owners_of_numbers().get(number)
            with contextlib.suppress(StorageUnavailable, RuntimeError):
                found = await placement.find("number", number)
                if found is None and username is not None:
                    found = await placement.find("username", username)
                return found
        return None

    def _partition_of_text(self, report: InboundPartReport) -> int | None:
        """The partition that has the number a text was sent to; None where none here has."""
        for number, owned in self.owned.items():
            if owned.gateway.services.inbound_routing.number(report.destination) is not None:
                return number
        return None

    # Carriers

    async def _adjust_carriers(self, overview: Overview, is_new: bool) -> None:
        """Holds carriers that nobody holds, as many as others do."""
        name = self.node.name
        holders = {claim.name: claim for claim in overview.carriers}
        for carrier, held in [*self.carriers.held.items()]:
            claim = holders.get(carrier)
            if is_new or claim is None or (claim.node, claim.epoch) != (name, held.epoch):
                await self._let_go(carrier, 0.5)
        for carrier, claim in holders.items():
            if claim.node is not None and carrier in self.carriers.names:
                self.carriers.note_holder(carrier, claim.epoch)
        me = overview.node(name)
        if self._phase == "stopping" or me is None:
            return
        if me.draining:
            for carrier in [*self.carriers.held]:
                await self._release_carrier(carrier)
            return
        takers = sum(not node.is_dead and not node.draining for node in overview.nodes)
        most = -(-len(self.carriers.names) // max(1, takers))
        for carrier in self.carriers.names:
            claim = holders.get(carrier)
            holder = overview.node(claim.node) if claim is not None else None
            own_earlier = holder is not None and holder.name == name
            if carrier in self.carriers.held or (holder is not None and not own_earlier):
                continue
            if len(self.carriers.held) >= most:
                return
            hangs = claim is not None and claim.node is not None and not own_earlier
            if hangs and self._clock.monotonic() < self._claims_from:
                continue
            epoch = await self._membership.claim_carrier(carrier, dead=hangs)
            if epoch is not None:
                await self.carriers.take(carrier, epoch)
                if self._stream is not None:
                    self._stream.hold(carrier)

    async def _let_go(self, carrier: str, timeout_s: float) -> int | None:
        if self._stream is not None:
            await self._stream.let_go(carrier)
        return await self.carriers.let_go(carrier, timeout_s)

    async def _release_carrier(self, carrier: str) -> None:
        epoch = await self._let_go(carrier, STOP_S)
        if self._stream is not None:
            await self._stream.settled(STOP_S)
        if epoch is not None:
            with contextlib.suppress(StorageUnavailable):
                await self._membership.release_carrier(carrier, epoch)

    # What its pages tell

    def _problems(self) -> list[str]:
        problems = [self._failure or self._phase] if self._failure or self._phase else []
        if not self._is_heard():
            problems.append("PostgreSQL is not reached")
        for number, owned in sorted(self.owned.items()):
            problems += (f"partition {number}: {problem}" for problem in owned.gateway.problems())
        return problems
