"""A node: takes its share of the partitions, runs a gateway for each, and gives them back.

Once a second it says that it lives and looks who else does (`heartbeat`). It never decides that it
owns something: it claims, and PostgreSQL's locks decide. So all that can go wrong here costs time,
not messages:

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
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from dragoman import __version__
from dragoman.admin.server import AdminServer
from dragoman.assembly.membership import Membership as Member
from dragoman.campaigns.build import build_relay_share
from dragoman.cluster.binds import BindFront
from dragoman.cluster.carriers import Carriers
from dragoman.cluster.configuration import digests
from dragoman.cluster.front import ADMIN, WEB, Everybody, Front, FrontApp, PeerApp, Place
from dragoman.cluster.heartbeat import Heard, Heartbeat
from dragoman.cluster.holding import Holding
from dragoman.cluster.inner import FarMailbox, FarReads
from dragoman.cluster.pages import NodePages
from dragoman.cluster.partitions import Owned, Partitions
from dragoman.cluster.peers import Peers
from dragoman.cluster.reloading import ClusterReload, taken
from dragoman.cluster.tunnels import PeerProtocol
from dragoman.cluster.wire import Look
from dragoman.config import Settings
from dragoman.config.differences import differences, kept_until_restart
from dragoman.core.delivery.resources import LinkResources
from dragoman.core.delivery.running import Reloaded
from dragoman.core.messages.model.messages import InboundPartReport, ReceiptReport
from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.placement.membership import CannotJoin, open_membership
from dragoman.core.placement.model.views import Node
from dragoman.kit.clock import Clock, SystemClock
from dragoman.kit.structs import complete_structs
from dragoman.kit.supervisor import Supervisor
from dragoman.mail.listener import MailListener
from dragoman.web.client_address import ClientAddressReader
from dragoman.web.server import Server, build_server

if TYPE_CHECKING:
    from dragoman.cluster.development import Development
    from dragoman.cluster.stream import Stream

SERVING_S: Final = 5.0
"""For a partition to take calls, before the node listens all the same."""
STOP_S: Final = 3.0
"""For carriers, mail and calls to be finished, each."""

log = structlog.get_logger(__name__)


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
        self.wanted = settings
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
        complete_structs("dragoman.core")  # before its thread reads rows into them
        self._membership = open_membership(settings.database_url, self.node, cluster.partitions)
        self._peers = Peers(cluster.secret)
        self.front = Front(self._peers, self.node.address)
        self._supervisor = Supervisor(self._worker_ended)
        self._heard = Heard(self._clock)
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
            LinkResources(attachments=reads, unreported=reads, may_send=self._heard.is_fresh),
            look_here=self._look_here,
            find_text=self._partition_of_text,
        )
        moved = asyncio.Event()
        self._partitions = Partitions(
            self,
            self._clock,
            self._membership,
            self.front,
            self.carriers,
            member=self._member,
            changed=moved.set,
        )
        self._relay = build_relay_share(
            settings.mailings, self._clock, lambda: len(self.owned) / cluster.partitions
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
        self._heartbeat = Heartbeat(
            self.node.name,
            self._clock,
            self._heard,
            moved,
            self._membership,
            self.front,
            self.binds,
            self._partitions,
            self.carriers,
            self._holding,
        )
        self._mail: MailListener | None = None
        self._reload = ClusterReload(
            self, self.node.name, reload_settings, self._membership, self._peers
        )
        self._failure = ""
        self._phase = "not running"
        self._servers: list[tuple[Server, asyncio.Task[None]]] = []
        self._admin: AdminServer | None = None
        self._has_joined = False

    @property
    def owned(self) -> Mapping[int, Owned]:
        """The partitions that it owns, by their numbers."""
        return self._partitions.owned

    def _member(self, place: Place) -> Member:
        """What the gateway of a partition gets from this node."""
        number, development = place.partition, self._development
        return Member(
            connect=self.carriers.connect(number),
            connect_carrier=self.carriers.connect_carrier(number),
            reload=self._reload_all,
            hand_over=place.hand_over_of(WEB),
            may_send=self._heard.is_fresh,
            relay=self._relay,
            call_type=place.counted(WEB),
            cluster=self._membership,
            others=Everybody(self.front, number, self.settings.cluster.partitions),
            kill=development.kill if development else None,
            wrap_caller=development.wrap if development else None,
        )

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
        self.wanted = taken(self.settings, settings)
        kept = kept_until_restart(self.settings, settings)
        told = Reloaded(changes=differences(self.settings, settings))
        for owned in [*self.owned.values()]:
            told = await owned.gateway.take_configuration(check=True)
        return msgspec.structs.replace(told, at_restart=kept)

    async def take(self, settings: Settings) -> Reloaded:
        """Takes a configuration: carriers that come first, those that go last."""
        kept = kept_until_restart(self.settings, settings)
        changes = differences(self.settings, settings)
        new = self.wanted = taken(self.settings, settings)
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
        self._heard.at = began
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
        self._supervisor.spawn("cluster", self._heartbeat.run())
        self._supervisor.spawn("adjusting", self._heartbeat.adjust())
        self._supervisor.spawn("fence", self._heartbeat.fence())
        self._supervisor.spawn("configuration", self._reload.run())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SERVING_S):
                await self._heartbeat.serving.wait()
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
            is_heard=self._heard.is_fresh,
            spawn=self._supervisor.spawn,
        )
        try:
            await stream.start()
        except NatsUnfit as error:
            raise StorageUnavailable(str(error)) from None
        self._stream = self._holding.stream = self._partitions.stream = stream
        self.carriers.afar = stream

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
        await self._heartbeat.take_no_more()
        await self._partitions.stop_moving()
        with contextlib.suppress(StorageUnavailable):
            if self._has_joined:
                await self._membership.drain(self.node.name, True)
        self.binds.close()
        if self._mail is not None:
            await self._mail.stop(STOP_S)
        # Calls are handed over from here on, while the partitions are closed.
        await self._partitions.give_back_all()
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

    # Where what comes from carriers belongs

    async def _look_here(self, reports: Sequence[ReceiptReport]) -> list[Look]:
        return await self._partitions.look(reports)

    def _partition_of_text(self, report: InboundPartReport) -> int | None:
        return self._partitions.find_text(report)

    async def _partition_of_number(self, number: str) -> int | None:
        """The partition anywhere that has a number; raises `StorageUnavailable`."""
        found = await self._membership.find("number", number)
        username = self.settings.owners_of_numbers().get(number)
        if found is None and username is not None:
            found = await self._membership.find("username", username)
        return found

    # What its pages tell

    def _problems(self) -> list[str]:
        problems = [self._failure or self._phase] if self._failure or self._phase else []
        if not self._heard.is_fresh():
            problems.append("PostgreSQL is not reached")
        for number, owned in sorted(self.owned.items()):
            problems += (f"partition {number}: {problem}" for problem in owned.gateway.problems())
        return problems
