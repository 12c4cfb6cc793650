"""The composition root of a gateway: a house with carriers, workers and an HTTP server.

It owns the order of start and stop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from dragoman import __version__
from dragoman.admin.answers import CarrierView
from dragoman.admin.carriers import view_carriers
from dragoman.admin.context import Admin
from dragoman.admin.operations import build_admin
from dragoman.admin.remote import TokenGuard
from dragoman.admin.server import AdminServer
from dragoman.campaigns.pages import PREFIX as MAILINGS_PREFIX
from dragoman.campaigns.pages import build_mailing_pages
from dragoman.campaigns.relay import Outbox, RelayConnection
from dragoman.config import Settings
from dragoman.connectors import CONNECTORS, Resources
from dragoman.connectors.mm7.carrier import Mm7Carrier
from dragoman.connectors.mm7.reports import build_reports
from dragoman.connectors.phones.carrier import PhonesCarrier
from dragoman.connectors.phones.cht import ChtGateway
from dragoman.connectors.phones.intake import Intake
from dragoman.connectors.phones.smsgate.routes import SmsGate
from dragoman.connectors.smpp.carrier import SmppCarrier
from dragoman.console.assets import PACKAGE as CONSOLE
from dragoman.console.routes import build_console
from dragoman.console.views import PAGES
from dragoman.core.callbacks.schedule import RetrySchedule
from dragoman.core.callbacks.worker import CallbackWorker, Caller
from dragoman.core.campaigns.ports import Transport
from dragoman.core.campaigns.worker import MailWorker
from dragoman.core.delivery.deadlines import Deadlines
from dragoman.core.delivery.dispatcher import Dispatcher
from dragoman.core.delivery.model.ports import Connector, Custodian
from dragoman.core.delivery.receipts import Receipts
from dragoman.core.devices.assignments import Assignments
from dragoman.core.messages.model.callbacks import renderer_of_events, renderer_of_texts
from dragoman.core.messages.model.messages import Outgoing
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.reporting.model.timeline import PduStep, Timeline
from dragoman.core.retention.model import Kept
from dragoman.core.retention.retention import Retention
from dragoman.dialects import DIALECTS
from dragoman.house import House
from dragoman.kit.clock import Clock
from dragoman.kit.ids import time_of
from dragoman.mail.listener import MailListener
from dragoman.pages import build_pages
from dragoman.web.client_address import ClientAddressReader
from dragoman.web.operations import Dialect
from dragoman.web.outgoing import GuardedClient
from dragoman.web.router import DialectApp
from dragoman.web.server import Server, build_server

if TYPE_CHECKING:
    from dragoman.development.workbench import Workbench

KEPT_PAGE = 500

log = structlog.get_logger(__name__)


class Gateway(House):
    """A house that takes requests and sends messages."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        super().__init__(settings, clock, writer_process=True)
        receipts = settings.receipts
        self.receipts = Receipts(
            storage=self.storage,
            live=self.live,
            loader=self.loader,
            delivery=self.delivery,
            ids=self.ids,
            clock=self.clock,
            metrics=self.metrics,
            park_s=receipts.park_s,
            message_events=self.message_events,
        )
        self.deadlines = Deadlines(
            storage=self.storage,
            live=self.live,
            loader=self.loader,
            delivery=self.delivery,
            clock=self.clock,
            horizon_s=receipts.horizon_s,
            park_s=receipts.park_s,
        )
        self.dispatcher = Dispatcher(
            queue=self.queue,
            live=self.live,
            writer=self.storage.writer,
            delivery=self.delivery,
            receipts=self.receipts,
            inbound=self.inbound,
            clock=self.clock,
            metrics=self.metrics,
            message_events=self.message_events,
            feed=self.feed,
        )
        kept = settings.retention
        self.retention = Retention(
            storage=self.storage,
            clock=self.clock,
            days={
                Kept.ATTACHMENTS: kept.attachments_days,
                Kept.AUDIT_ENTRIES: kept.audit_days,
                Kept.CALLBACKS: kept.callbacks_days,
                Kept.DELIVERIES: kept.deliveries_days,
                Kept.INGESTED_ROWS: kept.ingested_days,
                Kept.NOTES: kept.notes_days,
            },
        )
        resources = Resources(
            assignments=Assignments(self.storage),
            ids=self.ids,
            devices=self.devices,
            attachments=self.attachments,
        )
        self.connectors: dict[str, Connector] = {
            carrier.name: CONNECTORS[carrier.type](carrier, self.dispatcher, self.clock, resources)
            for carrier in settings.carriers
        }
        self.carrier_switches.on_change = self.dispatcher.hold
        self.idempotency_keys.call_back = self._call_back
        self.timelines.reconstruct = self._reconstruct_pdus
        self.dialects = tuple(DIALECTS[name](self.services) for name in settings.dialects.enabled)
        self.callbacks: CallbackWorker | None = None
        self._client: GuardedClient | None = None
        self._server: Server | None = None
        self._mail: MailListener | None = None
        self._web: DialectApp | None = None
        self.mail_worker: MailWorker | None = None
        self.workbench: Workbench | None = None
        """What a development gateway has besides; to be set before the start."""
        self.admin = Admin(services=self, running=self, started_ms=self.clock.now_ms())
        self._admin = AdminServer(self.admin)
        self._tasks: list[asyncio.Task[None]] = []
        self.ready = False

    async def start(self, *, migrate: bool = False) -> None:
        """Opens the database, takes up what an earlier run left, connects, and listens."""
        settings = self.settings
        await self.open(migrate=migrate)
        self._client = GuardedClient(
            version=__version__,
            allow=settings.callbacks.private_networks,
            timeout_s=settings.callbacks.timeout_s,
            connections=settings.callbacks.concurrency,
            connections_per_host=settings.callbacks.per_host,
        )
        caller: Caller = self._client
        if self.workbench is not None:
            self.workbench.forwarding.client = self._client
            caller = self.workbench.forwarding
        self.callbacks = CallbackWorker(
            storage=self.storage,
            client=caller,
            renderers={d.name: d.render_callback for d in self.dialects},
            schedule=RetrySchedule(
                first_s=settings.callbacks.first_retry_s,
                longest_s=settings.callbacks.max_retry_s,
                give_up_after_s=settings.callbacks.give_up_after_s,
            ),
            per_origin=settings.callbacks.per_host,
            clock=self.clock,
            metrics=self.metrics,
            text_renderers={
                renderer_of_texts(d.name): d.render_text
                for d in self.dialects
                if d.render_text is not None
            },
            event_renderers={
                renderer_of_events(d.name): d.render_event
                for d in self.dialects
                if d.render_event is not None
            },
        )
        await self.callbacks.restore()
        await self.inbound.restore()
        await self.receipts.restore()
        await self.backlog.restore(self.ids.last)
        await self.carrier_switches.restore()
        self.dispatcher.start(self.connectors, self.router.routes.values())
        for name, connector in self.connectors.items():
            if isinstance(connector, Custodian):
                await self._resume(name, connector)
        self._run(
            self.receipts.run(),
            self.inbound.run(),
            self.backlog.run(),
            self.batches.run(),
            self.deadlines.run(),
            self.retention.run(),
            self.imports.run(),
            self.contact_values.run(),
            self.callbacks.run(),
        )
        await self._send_mailings()
        for connector in self.connectors.values():
            await connector.start()
        await self._admin.start()
        await self._listen()
        await self._listen_for_mail()
        self.ready = True

    async def stop(self) -> None:
        """Stops taking requests, finishes what is in flight, and closes.

        What was not handed to a carrier stays in its rows as if it had never been touched.
        """
        self.ready = False
        timeout_s = self.settings.http.shutdown_timeout_s
        if self._web is not None:
            self._web.end_streams()
        if self._server is not None:
            self._server.should_exit = True
            await self._server_task
        if self._mail is not None:
            await self._mail.stop(timeout_s)
        await self._admin.stop()
        await self.dispatcher.stop()
        await asyncio.gather(*(c.stop(timeout_s) for c in self.connectors.values()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self.dispatcher.settled()
        await self.dispatcher.take_back()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.callbacks is not None:
            await self.callbacks.stop()
        if self._client is not None:
            await self._client.close()
        await self.close()

    @property
    def phones(self) -> dict[str, PhonesCarrier]:
        """The carriers that are phones, by name."""
        return {
            name: connector
            for name, connector in self.connectors.items()
            if isinstance(connector, PhonesCarrier)
        }

    def _reconstruct_pdus(
        self, story: Timeline, message: Outgoing, at_ms: int
    ) -> tuple[PduStep, ...]:
        connector = self.connectors.get(story.carrier)
        if not isinstance(connector, SmppCarrier):
            return ()
        return connector.reconstruct(story, message, at_ms)

    def _phone_apis(self) -> list[Dialect]:
        """What phones call, one protocol a dialect."""
        carriers = self.phones
        intake = Intake(self.devices, carriers, self.clock)
        smsgate = SmsGate(
            accounts=self.accounts,
            devices=self.devices,
            registration=self.device_registration,
            carriers=carriers,
            intake=intake,
            clock=self.clock,
            metrics=self.metrics,
            public_url=self.settings.devices.public_url,
            ping_interval_s=self.settings.devices.ping_interval_s,
            settings=self.phone_settings,
        )
        cht = ChtGateway(
            devices=self.devices, carriers=carriers, intake=intake, metrics=self.metrics
        )
        return [smsgate.dialect(), cht.dialect()]

    async def _call_back(self, message_id: int) -> bool:
        """Asks the phone that has a message not to send it; whether it may still be stopped."""
        for carrier in self.phones.values():
            if await carrier.handout.cancel(message_id):
                return True
        return False

    async def _resume(self, name: str, connector: Custodian) -> None:
        """Brings back the messages that a carrier kept, before the backlog finds their rows."""
        wanted = await connector.kept()
        for start in range(0, len(wanted), KEPT_PAGE):
            page = wanted[start : start + KEPT_PAGE]
            messages = await self.loader.by_ids(page)
            connector.resume(self.dispatcher.resume(name, messages))

    # What the health and metrics pages read

    def problems(self) -> list[str]:
        """Why the gateway cannot take traffic now, in plain words; empty when it can."""
        if not self.ready:
            return ["starting or stopping"]
        if self.storage.writer.failed:
            return ["a write could not be made durable; restart after checking the disk"]
        down = [name for name, connector in self.connectors.items() if not connector.up]
        # Phones come to us, and find nobody where a proxy keeps them from a gateway without phones.
        if down and len(down) == len(self.connectors) and not self.phones:
            return [f"carrier {name} is down" for name in down]
        return []

    def waiting(self) -> dict[str, int]:
        """Messages queued in memory, by route."""
        in_lines = self.dispatcher.waiting
        return {name: self.queue.depth(name) + in_lines(name) for name in self.router.routes}

    def oldest_waiting_s(self) -> dict[str, float]:
        """Age of the oldest message in the queue, by route."""
        now_ms, ages = self.clock.now_ms(), {}
        for name in self.router.routes:
            oldest = self.queue.oldest(name)
            if oldest is not None:
                ages[name] = max(0.0, (now_ms - time_of(oldest)) / 1000)
        return ages

    def window_use(self) -> dict[str, tuple[int, int]]:
        """(parts in flight, parts it may have in flight), by carrier."""
        in_flight = self.dispatcher.in_flight()
        return {
            name: (in_flight.get(name, 0), connector.capacity)
            for name, connector in self.connectors.items()
        }

    def carriers(self) -> tuple[CarrierView, ...]:
        """Every carrier as it is now."""
        return view_carriers(self)

    def is_held(self, carrier: str) -> bool:
        """Whether somebody took a carrier out of service."""
        return self.dispatcher.is_held(carrier)

    def callbacks_waiting(self) -> int:
        """Callbacks to be made, in memory and in rows."""
        return self.callbacks.depth() if self.callbacks is not None else 0

    def _announce(self, callback: NewCallback) -> None:
        if self.callbacks is not None:
            self.callbacks.announce(callback)

    def _run(self, *workers: Coroutine[Any, Any, None]) -> None:
        for worker in workers:
            task = asyncio.create_task(worker)
            task.add_done_callback(_report_end)
            self._tasks.append(task)

    async def _listen(self) -> None:
        host, port = self.settings.http.address
        addresses = ClientAddressReader(self.settings.http.proxy_networks)
        dialects = [dialect.web for dialect in self.dialects]
        if reporting := [c for c in self.connectors.values() if isinstance(c, Mm7Carrier)]:
            dialects.append(build_reports(reporting))
        if self.phones:
            dialects.extend(self._phone_apis())
        pages = build_pages(
            health=self,
            measured=self,
            dialects=dialects,
            addresses=addresses,
            public_metrics=self.settings.metrics.public,
            front="/console" if self.settings.console.enabled else "/docs",
        )
        own = [build_mailing_pages(self.mailings)] if self.settings.mailings.enabled else []
        if self.settings.console.enabled:
            own.append(self._console())
        if self.settings.admin.remote:
            own.append(build_admin(self.admin, TokenGuard(self.admin_tokens, self.clock)))
        if self.workbench is not None:
            from dragoman.development.calls import build_calls  # only where there is a simulator

            own.append(build_calls(self.workbench, self.accounts))
        self._web = DialectApp(
            [*dialects, *own],
            pages,
            addresses=addresses,
            body_timeout_s=self.settings.http.request_timeout_s,
            max_body_bytes=self.settings.http.max_body_bytes,
        )
        self._server = build_server(self._web, host=host, port=port)
        self._server_task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            if self._server_task.done():
                raise SystemExit(f"cannot listen on {host}:{port}")
            await asyncio.sleep(0.01)

    def _console(self) -> Dialect:
        if self.workbench is None:
            return build_console(self.context(self))
        from dragoman.development.pages import PACKAGE, build_phone_pages

        pages = (*PAGES, *build_phone_pages(self.workbench))
        return build_console(self.context(self), pages, packages=(CONSOLE, PACKAGE))

    async def _send_mailings(self) -> None:
        settings = self.settings.mailings
        if not settings.enabled:
            return

        def new_transport() -> Transport:
            if settings.outbox is not None:
                return Outbox(Path(settings.outbox))
            return RelayConnection(settings)

        self.mail_worker = MailWorker(
            storage=self.storage,
            settings=settings,
            pages_url=f"{(settings.base_url or '').rstrip('/')}{MAILINGS_PREFIX}",
            new_transport=new_transport,
            clock=self.clock,
            metrics=self.metrics,
        )
        await self.mail_worker.restore()
        self.mailings.announce = self.mail_worker.announce
        self._run(self.issues.run(), self.mail_worker.run())

    async def _listen_for_mail(self) -> None:
        settings = self.settings.mail
        mailbox = next((d.mailbox for d in self.dialects if d.mailbox is not None), None)
        if not settings.enabled or mailbox is None:
            return
        try:
            self._mail = MailListener(settings, mailbox, self.clock)
            await self._mail.start()
        except OSError as error:
            raise SystemExit(f"cannot take mail on {settings.listen}: {error}") from None


def _report_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("worker_ended", worker=task.get_name(), reason=repr(task.exception()))
