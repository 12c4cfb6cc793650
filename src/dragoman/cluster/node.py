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
import functools
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
from dragoman.cluster.binds import BindFront
from dragoman.cluster.carriers import Carriers
from dragoman.cluster.configuration import digests
from dragoman.cluster.front import ADMIN, INNER, WEB, Everybody, Front, FrontApp, PeerApp, Place
from dragoman.cluster.holding import Holding
from dragoman.cluster.inner import FarMailbox, FarReads, build_inner
from dragoman.cluster.pages import NodePages
from dragoman.cluster.peers import Peers
from dragoman.cluster.reloading import ClusterReload, taken
from dragoman.cluster.tunnels import PeerProtocol
from dragoman.cluster.wire import Look
from dragoman.config import Settings
from dragoman.config.differences import differences, kept_until_restart
from dragoman.config.values import Secret
from dragoman.core.delivery.resources import LinkResources
from dragoman.core.delivery.running import Reloaded
from dragoman.core.messages.model.messages import InboundPartReport, ReceiptReport
from dragoman.core.model.errors import AlreadyInUse, StorageUnavailable
from dragoman.core.placement.membership import CannotJoin, claimed_url, open_membership
from dragoman.core.placement.model import fair_share
from dragoman.core.placement.model.views import DEAD_AFTER_S, Node, Overview
from dragoman.gateway import Gateway
from dragoman.kit.clock import Clock, SystemClock
from dragoman.kit.supervisor import Ended, Supervisor
from dragoman.mail.listener import MailListener
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
        reload_settings: Callable[[], Settings] | None = None,
        development: Development | None = None,
    ) -> None:
        """`reload_settings` reads the configuration again; without it, it stays as it is."""
        self.settings = settings
        self._development = development
        self._wanted = settings
        """What the partitions here are to have; `settings`, but while it is checked."""
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
        reads = FarReads(self.front, cluster.partitions)
        self.carriers = Carriers(
            settings,
            self._clock,
            self._supervisor,
            LinkResources(attachments=reads, unreported=reads, may_send=self._is_heard),
            look_here=self._look_here,
            find_text=self._partition_of_text,
        )
        self._holding = Holding(self.node.name, self.carriers, self._membership)
        self._stream: Stream | None = None
        self.binds = BindFront(
            settings.smpp_server,
            self.front,
            cluster.secret,
            self._membership.find,
            cluster.partitions,
        )
        self._mail: MailListener | None = None
        self._reload = ClusterReload(
            self, self.node.name, reload_settings, self._membership, self._peers
        )
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
        """Takes a changed configuration on all nodes; raises `Refused`."""
        return await self._reload.reload(check=check)

    async def _reload_all(self, check: bool) -> Reloaded:
        return await self.reload(check=check)

    async def check(self, settings: Settings) -> Reloaded:
        """What a configuration would change; raises `Refused` where that cannot be."""
        self._wanted = taken(self.settings, settings)
        kept = kept_until_restart(self.settings, settings)
        told = Reloaded(changes=differences(self.settings, settings))
        for owned in [*self.owned.values()]:
            told = await owned.gateway.take_configuration(check=True)
        return msgspec.structs.replace(told, at_restart=kept)

    async def take(self, settings: Settings) -> Reloaded:
        """Takes a configuration: carriers that come first, those that go last."""
        kept = kept_until_restart(self.settings, settings)
        changes = differences(self.settings, settings)
        new = self._wanted = taken(self.settings, settings)
        self.carriers.add_new(new)
        changing = asyncio.create_task(self.carriers.change(new))
        moved = 0
        self.settings = new
        for owned in [*self.owned.values()]:
            moved += (await owned.gateway.take_configuration(check=False)).moved
        await changing
        for name in self.carriers.leave_gone(new):
            await self._holding.release(name, STOP_S)
        self.carriers.forget_gone()
        log.info("reloaded", changes=len(changes), moved=moved)
        return Reloaded(changes=changes, at_restart=kept, applied=True, moved=moved)

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
        began = self._clock.monotonic()
        try:
            await self._membership.join(digests(self.settings))
        except CannotJoin as error:
            raise StorageUnavailable(str(error)) from None
        self._has_joined = True
        self._beaten_at = began
        timeout_s = self.settings.http.request_timeout_s
        host, port = self.settings.cluster.address
        await self._reload.note_version()
        asked = (self._reload.dialect(), self._pages.dialect())
        app = PeerApp(self.front, self.settings.cluster.secret, asked, body_timeout_s=timeout_s)
        server = build_server(app, host=host, port=port, protocol=PeerProtocol)
        await self._listen("peers", server, host, port)
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
        self._supervisor.spawn("configuration", self._reload.run())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TAKE_AGAIN_S):
                await self._serving.wait()
        host, port = self.settings.http.address
        await self._listen("http", build_server(web, host=host, port=port), host, port)
        await self._listen_for_customers()
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
            look_here=self._look_here,
            find_number=self._partition_of_number,
            quotas=lambda: {
                number: owned.gateway.services.selection.quotas
                for number, owned in self.owned.items()
            },
            is_heard=self._is_heard,
            spawn=self._supervisor.spawn,
        )
        try:
            await stream.start()
        except NatsUnfit as error:
            raise StorageUnavailable(str(error)) from None
        self._stream = self._holding.stream = self.carriers.afar = stream

    async def _listen(self, name: str, server: Server, host: str, port: int) -> None:
        serving = self._supervisor.spawn(name, server.serve())
        await server.listening.wait()
        if not server.started:
            raise SystemExit(f"cannot listen on {host}:{port}")
        self._servers.append((server, serving))

    async def _listen_for_customers(self) -> None:
        """Listens for binds and mail, where the settings say."""
        mail = self.settings.mail
        try:
            if self.settings.smpp_server.enabled:
                await self.binds.start()
            if mail.enabled:
                self._mail = MailListener(mail, FarMailbox(self.front), self._clock)
                await self._mail.start()
        except OSError as error:
            raise SystemExit(f"cannot listen for binds and mail: {error}") from None

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
        self.binds.close()
        if self._mail is not None:
            await self._mail.stop(STOP_S)
        # Calls are handed over from here on, while the partitions are closed.
        for _ in range(len(self.owned)):
            await asyncio.gather(*(self._give_back(number) for number in [*self.owned][:AT_ONCE]))
        await self.binds.stop()
        await self._holding.release_all(STOP_S)
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
            # As of before it asks: a pause in between must not count as heard.
            began = self._clock.monotonic()
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
                self.binds.look()
                try:
                    await self._adjust(overview, is_new, began)
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
            await self._holding.let_go_of_all()

    def _is_heard(self) -> bool:
        """Whether others cannot take this node for dead yet."""
        return self._clock.monotonic() - self._beaten_at < SILENT_S

    async def _adjust(self, overview: Overview, is_new: bool, began: float) -> None:
        """Brings what this node does in line with what the cluster says."""
        name = self.node.name
        for number, owned in [*self.owned.items()]:
            claim = overview.partitions[number]
            if (claim.node, claim.epoch) != (name, owned.place.epoch):
                self._move(number, self._abandon(number))
        await self._holding.let_go_of_lost(overview, is_new=is_new)
        was_heard = self._is_heard()
        self._beaten_at = began  # not before what is lost is let go
        if not was_heard and self._is_heard():
            for carrier in self.carriers.held:
                self.carriers.availability(carrier)
        if self._phase == "stopping":
            return
        await self._adjust_carriers(overview)
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

    async def _adjust_carriers(self, overview: Overview) -> None:
        me = overview.node(self.node.name)
        if me is None:
            return
        if me.draining:
            await self._holding.release_all(STOP_S)
        else:
            await self._holding.take_share(
                overview, lambda: self._clock.monotonic() >= self._claims_from
            )

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
        settings = self.settings
        try:
            gateway = Gateway(
                self._settings_of(number, epoch),
                self._clock,
                reload_settings=lambda: self._settings_of(number, epoch, self._wanted),
                membership=Membership(
                    connect=self.carriers.connect(number),
                    connect_carrier=self.carriers.connect_carrier(number),
                    reload=self._reload_all,
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
        assert gateway.web is not None
        inner = build_inner(gateway.services, gateway.mailbox)
        place.apps = {
            WEB: gateway.web,
            ADMIN: build_admin_app(
                gateway.admin, place.counted(ADMIN), self.front.hand_over_of(ADMIN)
            ),
            INNER: place.serve(INNER, inner, self.settings.http.request_timeout_s),
        }
        place.binds = gateway.smpp_server
        if self._stream is not None:
            await self._stream.owners.open_partition(number)
        owned = self.owned[number] = _Owned(place, gateway)
        owned.watch = asyncio.create_task(self._watch(number, gateway))
        if self.settings is not settings:  # it was opened while a configuration was taken
            await gateway.take_configuration(check=False)
        self.front.places[number] = place
        self._serving.set()
        log.info("partition_taken", partition=number, epoch=epoch)

    def _settings_of(
        self, partition: int, epoch: int, settings: Settings | None = None
    ) -> Settings:
        """The settings of a partition under a claim."""
        settings = settings or self.settings
        url = claimed_url(settings.database_url, partition, epoch)
        storage = msgspec.structs.replace(settings.storage, url=Secret(url))
        return msgspec.structs.replace(settings, storage=storage)

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
        owned.place.close()
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
            await self._stream.owners.close_partition(number)
        self.carriers.drop(number)

    async def _look_here(self, report: ReceiptReport) -> Look:
        """What the partitions here know of a receipt."""
        looks = [Look()]
        for number, owned in [*self.owned.items()]:
            if number not in self.front.places:
                continue  # it is being closed
            # RuntimeError: it was closed meanwhile
            with contextlib.suppress(StorageUnavailable, RuntimeError):
                looks.append(
                    Look((number,), await owned.gateway.services.receipts.knows(report), number)
                )
        return functools.reduce(Look.with_another, looks)

    async def _partition_of_number(self, number: str) -> int | None:
        """The partition anywhere that has a number; raises `StorageUnavailable`."""
        found = await self._membership.find("number", number)
        username = self.settings.owners_of_numbers().get(number)
        if found is None and username is not None:
            found = await self._membership.find("username", username)
        return found

    def _partition_of_text(self, report: InboundPartReport) -> int | None:
        """The partition that has the number a text was sent to; None where none here has."""
        for number, owned in self.owned.items():
            if owned.gateway.services.inbound_routing.number(report.destination) is not None:
                return number
        return None

    # What its pages tell

    def _problems(self) -> list[str]:
        problems = [self._failure or self._phase] if self._failure or self._phase else []
        if not self._is_heard():
            problems.append("PostgreSQL is not reached")
        for number, owned in sorted(self.owned.items()):
            problems += (f"partition {number}: {problem}" for problem in owned.gateway.problems())
        return problems
