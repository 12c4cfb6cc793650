"""A gateway: the services with carriers, workers and an HTTP server.

It owns the order of start and stop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

import structlog

from dragoman import __version__
from dragoman.admin.carriers import view_carriers
from dragoman.admin.context import Admin
from dragoman.admin.operations import build_admin
from dragoman.admin.reloading import Reloading, connect_carrier, resume_kept
from dragoman.admin.remote import TokenGuard
from dragoman.admin.server import AdminServer, build_admin_app
from dragoman.admin.situation import end_bind, situation_of, tell_others, unmatched_of
from dragoman.assembly import build_services
from dragoman.assembly.membership import Membership
from dragoman.campaigns.build import build_mail_worker, build_notices
from dragoman.campaigns.links import build_short_links
from dragoman.campaigns.pages import build_mailing_pages
from dragoman.campaigns.relay import new_transport
from dragoman.config import Settings
from dragoman.connectors import connect_carriers, phones_of
from dragoman.connectors.http.carrier import HttpCarrier
from dragoman.connectors.http.live_calls import build_calls_of
from dragoman.connectors.mm7.carrier import Mm7Carrier
from dragoman.connectors.mm7.reports import build_reports
from dragoman.connectors.phones.apis import build_phone_apis
from dragoman.connectors.phones.carrier import PhonesCarrier
from dragoman.console.assets import PACKAGE as CONSOLE
from dragoman.console.context import ConsoleContext
from dragoman.console.openid_provider import build_openid
from dragoman.console.routes import build_console
from dragoman.console.views import PAGES
from dragoman.console.views.cluster import build_cluster_pages
from dragoman.container import Services
from dragoman.core.alerts.alerts import Channels
from dragoman.core.callbacks.calling import Caller
from dragoman.core.callbacks.model.callback_lists import UnmatchedPage
from dragoman.core.callbacks.model.held_hosts import HeldHost
from dragoman.core.callbacks.model.hosts import CallbackHost, Tested
from dragoman.core.delivery.model.ports import Connector, Custodian, behind
from dragoman.core.delivery.running import (
    BindView,
    CarrierView,
    Reloaded,
    Situation,
    WirePiece,
)
from dragoman.core.messages.feed import Feed
from dragoman.core.messages.model.callbacks import (
    CallbackFacts,
)
from dragoman.core.metrics import Metrics
from dragoman.dialects import DIALECTS
from dragoman.dialects.callbacks import build_callback_worker, build_http_calls
from dragoman.kit.child_process import ChildProcess
from dragoman.kit.clock import Clock
from dragoman.kit.ids import time_of
from dragoman.kit.periodic import repeat
from dragoman.kit.steps import step
from dragoman.kit.supervisor import Ended, Supervisor
from dragoman.mail.contract import Mailbox
from dragoman.mail.listener import MailListener
from dragoman.ops.alert_channels import build_channels
from dragoman.ops.health import build_pages
from dragoman.ops.traces import build_traces
from dragoman.smpp_server.build import build_smpp_server
from dragoman.web.client_address import ClientAddressReader
from dragoman.web.operations import Dialect
from dragoman.web.outgoing import ANSWER_LIMIT_BYTES, GuardedClient
from dragoman.web.router import DialectApp
from dragoman.web.server import Server, build_server

if TYPE_CHECKING:
    from dragoman.development.workbench import Workbench

READ_ANSWER_BYTES = 64 * 1024
"""Of customers' answers, where a dialect reads them."""
LOOK_AT_SPACE_S = 1.0
STOP_UNSTORED_S = 3.0
NOTE_KEYS_S = 60.0

log = structlog.get_logger(__name__)


class Gateway:
    """Runs the services: takes requests, sends messages, calls customers."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock | None = None,
        *,
        writer: ChildProcess | None = None,
        build_workbench: Callable[[Services, Caller], Workbench] | None = None,
        reload_settings: Callable[[], Settings] | None = None,
        membership: Membership | None = None,
    ) -> None:
        """`writer` is the process that writes to the database; without one, a thread does.

        `build_workbench` makes what a development gateway has besides. `reload_settings` reads the
        configuration again; without it, it stays as it is. With `membership` it is a partition of a
        node: that listens for it, and gives it its carriers.
        """
        self._membership = membership
        self.services = services = build_services(
            settings,
            clock,
            connect=membership.connect if membership is not None else connect_carriers,
            writer=writer,
        )
        self.dialects = tuple(DIALECTS[name](services) for name in settings.dialects.enabled)
        callbacks = settings.callbacks
        reads_answers = any(dialect.take_answer is not None for dialect in self.dialects)
        self._client = GuardedClient(
            version=__version__,
            allow=callbacks.private_networks,
            timeout_s=callbacks.timeout_s,
            connections=callbacks.concurrency,
            connections_per_host=callbacks.concurrency,
            answer_limit_bytes=READ_ANSWER_BYTES if reads_answers else ANSWER_LIMIT_BYTES,
        )
        self.workbench = build_workbench(services, self._client) if build_workbench else None
        caller: Caller = self.workbench.forwarding if self.workbench else self._client
        if membership is not None and membership.wrap_caller is not None:
            caller = membership.wrap_caller(self._client)
        self._traces = build_traces(settings.traces, services.feed)
        self._http_calls = build_http_calls(services, self.dialects, caller)
        self.callbacks = build_callback_worker(
            services,
            self._http_calls,
            on_called=self._traces.note_callback if self._traces else None,
        )
        self._openid = build_openid(services)
        self.smpp_server, self._bind_deliveries = build_smpp_server(services)
        self._mail_worker = (
            build_mail_worker(services)
            if membership is None
            else build_mail_worker(services, membership.relay, membership.may_send)
        )
        self._mail: MailListener | None = None
        self.web: DialectApp | None = None
        self._server: Server | None = None
        self._serving: asyncio.Task[None] | None = None
        started_ms = services.clock.now_ms()
        self.admin = Admin(
            services=services,
            running=self,
            started_ms=started_ms,
            cluster=membership.cluster if membership is not None else None,
            others=membership.others if membership is not None else None,
        )
        self._admin: AdminServer | None = None
        self._supervisor = Supervisor(self._worker_ended)
        self._reloading = Reloading(
            services,
            load=reload_settings,
            connect=lambda table: connect_carrier(services, table, membership),
            supervisor=self._supervisor,
        )

    async def start(
        self,
        *,
        migrate: bool = False,
        before_ready: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Opens the database, takes up what an earlier run left, connects, and listens.

        `before_ready` runs when it answers, but does not say yet that it is ready.
        """
        try:
            await self._start(migrate=migrate, before_ready=before_ready)
        except BaseException:
            self._supervisor.expect_ends()
            raise

    async def _start(
        self, *, migrate: bool, before_ready: Callable[[], Awaitable[object]] | None
    ) -> None:
        services, spawn = self.services, self._supervisor.spawn
        services.health.note_phase("starting")
        await services.open(migrate=migrate)
        self._look_at_space()
        with services.storage.reading_together():
            await asyncio.gather(
                self.callbacks.restore(),
                self._bind_deliveries.restore(),
                services.inbound.restore(),
                services.receipts.restore(),
                services.backlog.restore(services.ids.last),
                services.carrier_switches.restore(),
                services.price_lists.restore(),
                services.selection.quotas.restore(services.storage),
            )
        services.dispatcher.start(services.connectors, services.router.routes.values(), spawn)
        for name, connector in services.connectors.items():
            if isinstance(connector, Custodian):
                await resume_kept(services, name, connector)
        for name, work in (
            ("receipts", services.receipts.run()),
            ("inbound", services.inbound.run()),
            ("backlog", services.backlog.run()),
            ("parts of texts", services.backlog.series.run()),
            ("batches", services.batches.run()),
            ("deadlines", services.deadlines.run()),
            ("rerouting", services.rerouting.run()),
            ("retention", services.retention.run()),
            ("imports", services.imports.run()),
            ("uploads", services.uploads.run()),
            ("campaigns", services.text_campaigns.run()),
            ("alerts", services.alerts.run(self, self._channels())),
            ("short links", services.short_links.run()),
            ("key uses", repeat(NOTE_KEYS_S, services.accounts.note_key_uses, "keys_not_noted")),
            ("contact values", services.contact_values.run()),
            ("callbacks", self.callbacks.run()),
            ("bind deliveries", self._bind_deliveries.run()),
            ("writer", self._watch_writer()),
            ("disk space", self._watch_space()),
        ):
            spawn(name, work)
        if self._traces is not None:
            spawn("traces", self._traces.run())
        if self._mail_worker is not None:
            await self._mail_worker.restore()
            spawn("issues", services.issues.run())
            spawn("mails", self._mail_worker.run())
        for connector in services.connectors.values():
            await connector.start(self._supervisor.spawn_for(connector))
        self.web = self._build_web()
        if self._membership is None:
            app = build_admin_app(self.admin)
            self._admin = AdminServer(app, services.settings.data_path)
            await self._admin.start(spawn)
            await self._listen(self.web)
            await self._listen_for_mail()
            await self._listen_for_binds()
        if before_ready is not None:
            await before_ready()
        services.health.note_phase("")

    async def reload(self, *, check: bool) -> Reloaded:
        """Takes what changed in the configuration, in a cluster on all nodes; raises `Refused`."""
        member = self._membership
        if member is not None and member.reload is not None:
            return await member.reload(check)
        return await self.take_configuration(check=check)

    async def take_configuration(self, *, check: bool) -> Reloaded:
        """Takes what changed in the configuration, here; raises `Refused`."""
        return await self._reloading.reload(check=check)

    async def worker_ended(self) -> str:
        """Returns once a worker has died, with a line that names it and says why."""
        await self._supervisor.failure()
        return self.services.health.failure

    async def stop(self) -> None:
        """Stops taking requests, finishes what is in flight, and closes, in bounded time.

        What was not handed to a carrier stays in its rows as if it had never been touched; so does
        the rest of what could not be finished.
        """
        services, web = self.services, self.web
        services.health.note_phase("stopping")
        self._supervisor.expect_ends()
        began, timeout_s = asyncio.get_running_loop().time(), self.stop_timeout_s

        def by(share: float) -> float:
            return began + share * timeout_s

        async with step("http", by(0.4)):
            if web is not None:
                web.end_streams()
            if self._server is not None and self._serving is not None:
                # Calls that hang hear of it before their connections are cut.
                self._server.config.timeout_graceful_shutdown = int(0.35 * timeout_s)
                self._server.should_exit = True
                await asyncio.gather(self._serving, return_exceptions=True)
        async with step("binds", by(0.42)):
            await self.smpp_server.stop(0.1 * timeout_s)
        async with step("mail", by(0.45)):
            if self._mail is not None:
                await self._mail.stop(0.05 * timeout_s)
        async with step("admin", by(0.5)):
            if self._admin is not None:
                await self._admin.stop()
        async with step("carriers", by(0.7)):
            await services.dispatcher.stop()
            left_s = by(0.6) - asyncio.get_running_loop().time()
            await asyncio.gather(*(c.stop(left_s) for c in services.connectors.values()))
        async with step("outcomes", by(0.75)):
            await services.dispatcher.settled()
        async with step("unsent messages", by(0.8)):
            await services.dispatcher.take_back()
        async with step("workers", by(0.85)):
            await self._supervisor.stop()
            await self.callbacks.stop()
            await self._bind_deliveries.stop()
        async with step("database", by(0.9)):
            await self._client.close()
            if self._openid is not None:
                await self._openid.close()
            await services.close()

    @property
    def stop_timeout_s(self) -> float:
        """The time that a stop takes at most."""
        timeout_s = self.services.settings.http.shutdown_timeout_s
        # Nothing that is finished could be stored.
        return min(timeout_s, STOP_UNSTORED_S) if self.services.storage.writer.failed else timeout_s

    async def _watch_writer(self) -> NoReturn:
        raise Ended(await self.services.storage.writer.gone())

    async def _watch_space(self) -> NoReturn:
        while True:
            self._look_at_space()
            await asyncio.sleep(LOOK_AT_SPACE_S)

    def _look_at_space(self) -> None:
        self.services.storage.look_at_space(self.services.settings.storage.min_free_mb)

    def _worker_ended(self, reason: str) -> None:
        log.error("worker_ended", reason=reason)
        self.services.health.note_failure(reason)

    @property
    def ready(self) -> bool:
        """Whether it has started, and has not begun to stop."""
        return self.services.health.is_running

    # What is read off a running gateway: by health, metrics, the console and commands

    @property
    def metrics(self) -> Metrics:
        return self.services.metrics

    @property
    def feed(self) -> Feed:
        return self.services.feed

    @property
    def connectors(self) -> Mapping[str, Connector]:
        return self.services.connectors

    def problems(self) -> list[str]:
        """Why the gateway cannot take traffic now, in plain words; empty when it can."""
        return self.services.health.problems()

    def warnings(self) -> list[str]:
        """What needs attention although the gateway takes traffic."""
        quality = self.services.selection.quality
        left_out = ((name, quality.left_out(name)) for name in self.connectors)
        return [
            *self.services.health.warnings(),
            *(
                f"carrier {name} delivers too little and is left out for {', '.join(places)}"
                for name, places in left_out
                if places
            ),
        ]

    async def situation(self) -> Situation:
        """How everything is that operators look at; raises `Refused`."""
        return await situation_of(self.admin, self)

    async def unmatched(self, carrier: str, before: int | None, limit: int) -> UnmatchedPage:
        """Receipts that match no message, newest first; raises `Refused`."""
        return await unmatched_of(self.admin, carrier, before, limit)

    async def end_bind(self, bind_id: int) -> BindView:
        """Ends a bind, in whichever partition of a cluster; raises `Refused`."""
        return await end_bind(self.admin, self, bind_id)

    async def tell_others(self, method: str, path: str, body: object = None) -> None:
        """Has the other partitions of a cluster do what was done here; raises `Refused`."""
        if self.admin.others is not None:
            await tell_others(self.admin.others, method, path, body)

    def free_bytes(self) -> int | None:
        """Free space on the disk of the database; None for a server."""
        return self.services.storage.free_bytes()

    def waiting(self) -> dict[str, int]:
        """Messages queued in memory, by route."""
        services = self.services
        in_lines = services.dispatcher.waiting
        return {
            name: services.queue.depth(name) + in_lines(name) for name in services.router.routes
        }

    def oldest_waiting_s(self) -> dict[str, float]:
        """Age of the oldest message in the queue, by route."""
        now_ms, ages = self.services.clock.now_ms(), {}
        for name in self.services.router.routes:
            oldest = self.services.queue.oldest(name)
            if oldest is not None:
                ages[name] = max(0.0, (now_ms - time_of(oldest)) / 1000)
        return ages

    def window_use(self) -> dict[str, tuple[int, int]]:
        """(parts in flight, parts it may have in flight), by carrier."""
        in_flight = self.services.dispatcher.in_flight()
        return {
            name: (in_flight.get(name, 0), connector.capacity)
            for name, connector in self.connectors.items()
        }

    def carriers_up(self) -> dict[str, bool]:
        """Whether each carrier is up; without those of phones that live in other partitions."""
        devices, is_part = self.services.devices, self._membership is not None
        return {
            name: connector.up
            for name, connector in self.connectors.items()
            if not (is_part and isinstance(connector, PhonesCarrier)) or devices.of_carrier(name)
        }

    def carriers(self) -> tuple[CarrierView, ...]:
        """Every carrier as it is now."""
        return view_carriers(self)

    def is_held(self, carrier: str) -> bool:
        """Whether somebody took a carrier out of service."""
        return self.services.dispatcher.is_held(carrier)

    def callbacks_waiting(self) -> int:
        """Callbacks to be made, in memory and in rows."""
        return self.callbacks.depth() + self._bind_deliveries.depth()

    def held_hosts(self) -> Sequence[HeldHost]:
        """Customers' hosts that fail, and what waits for them, by account."""
        return (*self.callbacks.held(), *self._bind_deliveries.held())

    def retry_callbacks(
        self, account_id: int | None, host: str = "", message_id: int | None = None
    ) -> Sequence[tuple[int, str, int]]:
        """Has callbacks that wait made without a wait."""
        workers = (self.callbacks, self._bind_deliveries)
        return [found for w in workers for found in w.retry_now(account_id, host, message_id)]

    def callback_hosts(self) -> Sequence[CallbackHost]:
        """Where callbacks wait, or where they fail or are paused, by account."""
        return (*self.callbacks.hosts(), *self._bind_deliveries.hosts())

    async def test_callback(
        self, account_id: int, dialect: str, url: str, facts: CallbackFacts
    ) -> Tested:
        """Makes one call to a customer's URL that is not stored; raises `Refused`."""
        return await self._http_calls.test(dialect, url, facts)

    def binds(self) -> Sequence[BindView]:
        """Every bind of the SMPP server, oldest first."""
        return self.smpp_server.views()

    def unbind(self, bind_id: int) -> BindView:
        """Ends a bind; raises `Refused`."""
        return self.smpp_server.unbind(bind_id)

    def start_wire_log(self, bind_id: int) -> BindView:
        """Keeps what a bind reads and writes for an hour; raises `Refused`."""
        return self.smpp_server.start_wire_log(bind_id)

    def wire_log(self, bind_id: int) -> Sequence[WirePiece]:
        """What was kept of a bind, oldest first; raises `Refused`."""
        return [
            WirePiece(at_ms=piece.at_ms, direction=piece.direction, octets=piece.octets.hex())
            for piece in self.smpp_server.wire_log(bind_id)
        ]

    # HTTP and mail

    @property
    def mailbox(self) -> Mailbox | None:
        """What takes mail; None where no enabled dialect does."""
        return next((d.mailbox for d in self.dialects if d.mailbox is not None), None)

    def _build_web(self) -> DialectApp:
        services, settings = self.services, self.services.settings
        addresses = ClientAddressReader(settings.http.proxy_networks)
        apis = [dialect.web for dialect in self.dialects]
        own: list[Dialect] = []
        # A reload may bring the first carrier of a type: it is called from then on.
        for kind, calls in (
            (Mm7Carrier, build_reports(self._find_mm7)),
            (HttpCarrier, build_calls_of(self.connectors)),
        ):
            there_is = any(isinstance(behind(one), kind) for one in self.connectors.values())
            (apis if there_is else own).append(calls)
        phones = phones_of(self.connectors)
        (apis if phones else own).extend(build_phone_apis(services, phones))
        pages = build_pages(
            health=services.health,
            measured=self,
            dialects=apis,
            addresses=addresses,
            public_metrics=settings.metrics.public,
            front="/console" if settings.console.enabled else "/docs",
            demo="/dev/account" if self.workbench is not None else "",
        )
        if settings.mailings.enabled:
            own.append(build_mailing_pages(services.mailings))
        if services.short_links.enabled:
            own.append(build_short_links(services.short_links))
        if settings.console.enabled:
            own.append(self._console())
        if settings.admin.remote:
            own.append(build_admin(self.admin, TokenGuard(services.admin_tokens, services.clock)))
        if self.workbench is not None:
            from dragoman.development.calls import build_calls  # only where there is a simulator

            own.append(build_calls(self.workbench, services.accounts))
        member = self._membership
        web = DialectApp(
            [*apis, *own],
            pages,
            addresses=addresses,
            body_timeout_s=settings.http.request_timeout_s,
            max_body_bytes=settings.http.max_body_bytes,
            hand_over=member.hand_over if member is not None else None,
        )
        if member is not None:
            web.call_type = member.call_type
        return web

    async def _listen(self, web: DialectApp) -> None:
        host, port = self.services.settings.http.address
        self._server = build_server(web, host=host, port=port)
        self._serving = self._supervisor.spawn("http", self._server.serve())
        while not self._server.started:
            if self._serving.done():
                raise SystemExit(f"cannot listen on {host}:{port}")
            await asyncio.sleep(0.01)

    def _find_mm7(self, name: str) -> Mm7Carrier | None:
        carrier = behind(self.connectors.get(name))
        return carrier if isinstance(carrier, Mm7Carrier) else None

    def _console(self) -> Dialect:
        context = ConsoleContext(
            services=self.services,
            machine=self,
            notices=build_notices(self.services),
            openid=self._openid,
        )
        pages, member = PAGES, self._membership
        if member is not None and member.cluster is not None:
            pages = (*pages, *build_cluster_pages(member.cluster, member.kill))
        if self.workbench is None:
            return build_console(context, pages)
        from dragoman.development.pages import PACKAGE, build_phone_pages

        pages = (*pages, *build_phone_pages(self.workbench))
        return build_console(context, pages, packages=(CONSOLE, PACKAGE))

    def _channels(self) -> Channels:
        mailings = self.services.settings.mailings
        return build_channels(mailings, self._client, new_transport(mailings))

    async def _listen_for_binds(self) -> None:
        try:
            await self.smpp_server.start()
        except OSError as error:
            raise SystemExit(f"cannot listen for binds: {error}") from None

    async def _listen_for_mail(self) -> None:
        settings = self.services.settings.mail
        if not settings.enabled or self.mailbox is None:
            return
        try:
            self._mail = MailListener(settings, self.mailbox, self.services.clock)
            await self._mail.start()
        except OSError as error:
            raise SystemExit(f"cannot take mail on {settings.listen}: {error}") from None
