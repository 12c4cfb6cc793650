"""The composition root: builds everything from Settings, and owns the order of start and stop.

A `House` is the services over one database, which is all a command needs; a `Gateway` is a house
with carriers, workers and an HTTP server.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from dragoman import __version__
from dragoman.callbacks.schedule import RetrySchedule
from dragoman.callbacks.worker import CallbackWorker, Caller
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
from dragoman.console.desk import Desk, Machine
from dragoman.console.repeats import Repeats
from dragoman.console.routes import build_console
from dragoman.console.views import PAGES
from dragoman.control.answers import CarrierView
from dragoman.control.carriers import view_carriers
from dragoman.control.server import ControlServer
from dragoman.dialects import DIALECTS, Services
from dragoman.dialects.smsgateway24.mapping import NAME as SMSGATEWAY24
from dragoman.dispatch.dispatcher import Dispatcher
from dragoman.domain.callbacks import renderer_of_events, renderer_of_texts
from dragoman.domain.keywords import words_to_match
from dragoman.domain.message_types import MessageTypes
from dragoman.domain.messages import Outgoing
from dragoman.domain.ports import Connector, Custodian
from dragoman.domain.pricing import PriceList
from dragoman.domain.routing import Router
from dragoman.kit.clock import Clock, SystemClock
from dragoman.kit.ids import IdSource, time_of
from dragoman.mail.listener import MailListener
from dragoman.mailings.pages import PREFIX as MAILINGS_PREFIX
from dragoman.mailings.pages import build_mailing_pages
from dragoman.mailings.relay import Outbox, RelayConnection, Transport
from dragoman.mailings.worker import MailWorker
from dragoman.pages import build_pages
from dragoman.queue.local import LocalQueue
from dragoman.services.access_tokens import AccessTokens
from dragoman.services.account_tree import AccountTree
from dragoman.services.accounts import Accounts
from dragoman.services.attachments import AttachmentLimits, Attachments
from dragoman.services.audiences import Audiences
from dragoman.services.backlog import Backlog
from dragoman.services.batches import Batches
from dragoman.services.books import Books
from dragoman.services.bundles import Bundles
from dragoman.services.carrier_switches import CarrierSwitches
from dragoman.services.console_sessions import ConsoleSessions
from dragoman.services.contact_addresses import ContactAddresses
from dragoman.services.contact_profiles import ContactProfiles
from dragoman.services.contact_values import ContactValues
from dragoman.services.contacts import Contacts
from dragoman.services.correspondence import Correspondence
from dragoman.services.credits import Credits
from dragoman.services.deadlines import Deadlines
from dragoman.services.delivery import Delivery, OnUnknown
from dragoman.services.device_registration import DeviceRegistration
from dragoman.services.device_routes import DeviceRoutes
from dragoman.services.devices import Devices
from dragoman.services.directory import Directory
from dragoman.services.feed import Feed
from dragoman.services.groups import Groups
from dragoman.services.imports import Imports
from dragoman.services.inbound import Inbound
from dragoman.services.inbox import Inbox
from dragoman.services.inbox_exports import InboxExports
from dragoman.services.interventions import Interventions
from dragoman.services.issues import Issues
from dragoman.services.journal import Journal
from dragoman.services.keyed_submissions import KeyedSubmissions
from dragoman.services.keywords import Keywords
from dragoman.services.live import LiveMessages
from dragoman.services.login_tokens import LoginTokens
from dragoman.services.mailings import Mailings
from dragoman.services.meters import Meters
from dragoman.services.one_time_links import OneTimeLinks
from dragoman.services.opt_outs import OptOuts
from dragoman.services.orders import Orders
from dragoman.services.phone_settings import PhoneSettings
from dragoman.services.premium import PremiumRules
from dragoman.services.presence import Presence
from dragoman.services.queries import Queries
from dragoman.services.quotes import Quotes
from dragoman.services.recall import Recall
from dragoman.services.receipts import Receipts
from dragoman.services.refunds import Refunds
from dragoman.services.scoped_tokens import ScopedTokens
from dragoman.services.senders import Senders
from dragoman.services.sessions import Sessions
from dragoman.services.statistics import Statistics
from dragoman.services.submission import SubmissionService
from dragoman.services.timeline import Timelines
from dragoman.services.traffic import Traffic
from dragoman.services.verifications import Verifications
from dragoman.services.webhooks import Webhooks
from dragoman.storage.engine import Storage
from dragoman.storage.records import NewCallback
from dragoman.storage.repositories import pending
from dragoman.web.client_address import ClientAddressReader
from dragoman.web.downloads import Downloader
from dragoman.web.operations import Dialect
from dragoman.web.outgoing import GuardedClient
from dragoman.web.router import DialectApp
from dragoman.web.server import Server, build_server

if TYPE_CHECKING:
    from dragoman.development.workbench import Workbench

KEPT_PAGE = 500

log = structlog.get_logger(__name__)


class House:
    """The services over one database."""

    def __init__(
        self, settings: Settings, clock: Clock | None = None, *, writer_process: bool = False
    ) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.meters = Meters()
        self.storage = Storage(settings.database_url, self.meters, own_process=writer_process)
        self.ids = IdSource(self.clock)
        self.live = LiveMessages()
        self.queue = LocalQueue()
        self.router = Router(settings.routes_for_router())
        self.prices = PriceList(settings.prices_for_price_list())
        stop_words = words_to_match(settings.inbound.stop_words)
        start_words = words_to_match(settings.inbound.start_words)
        phones = settings.carriers_of_phones
        self.policies = {
            # What a phone has given to its radio is never sent again.
            c.name: OnUnknown.HOLD if c.name in phones else OnUnknown(c.on_unknown)
            for c in settings.carriers
        }
        self.accounts = Accounts(storage=self.storage, ids=self.ids, clock=self.clock)
        self.account_tree = AccountTree(
            accounts=self.accounts, storage=self.storage, ids=self.ids, clock=self.clock
        )
        self.sessions = Sessions(clock=self.clock, idle_s=settings.dialects.smsend.session_idle_s)
        self.account_tree.on_shut_out = self.sessions.end_all
        self.console_sessions = ConsoleSessions(
            storage=self.storage,
            accounts=self.accounts,
            clock=self.clock,
            idle_s=settings.console.idle_s,
            longest_s=settings.console.longest_s,
        )
        self.access_tokens = AccessTokens(
            storage=self.storage, accounts=self.accounts, clock=self.clock
        )
        self.login_tokens = LoginTokens(
            storage=self.storage,
            accounts=self.accounts,
            clock=self.clock,
            life_s=settings.dialects.smsgateway24.token_life_s,
        )
        self.one_time_links = OneTimeLinks(
            storage=self.storage, accounts=self.accounts, ids=self.ids, clock=self.clock
        )
        self.credits = Credits(
            storage=self.storage,
            accounts=self.accounts,
            ids=self.ids,
            clock=self.clock,
            types=MessageTypes(settings.types_of_messages()),
        )
        self.senders = Senders(
            storage=self.storage, accounts=self.accounts, ids=self.ids, clock=self.clock
        )
        self.books = Books(storage=self.storage, ids=self.ids, clock=self.clock)
        self.carrier_switches = CarrierSwitches(storage=self.storage, clock=self.clock)
        self.directory = Directory(
            storage=self.storage,
            accounts=self.accounts,
            clock=self.clock,
            configured=settings.owners_of_numbers(),
        )
        self.accounts.on_change = self.directory.accounts_changed
        self.keywords = Keywords(
            storage=self.storage,
            directory=self.directory,
            ids=self.ids,
            clock=self.clock,
            reserved_words=stop_words | start_words,
        )
        self.opt_outs = OptOuts(storage=self.storage, ids=self.ids)
        self.devices = Devices(
            storage=self.storage,
            presence=Presence(self.clock),
            ids=self.ids,
            clock=self.clock,
            carriers=phones,
        )
        self.directory.on_accounts = self.devices.accounts_changed
        self.device_registration = DeviceRegistration(
            storage=self.storage,
            accounts=self.accounts,
            fleet=self.devices,
            ids=self.ids,
            clock=self.clock,
        )
        self.phone_settings = PhoneSettings(storage=self.storage, devices=self.devices)
        self.inbox_exports = InboxExports(devices=self.devices, clock=self.clock)
        self.webhooks = Webhooks(
            storage=self.storage,
            devices=self.devices,
            ids=self.ids,
            clock=self.clock,
            announce=self._announce,
            own_first=(SMSGATEWAY24,),
        )
        self.devices.tell_event = self.webhooks.tell_of_device
        self.scoped_tokens = ScopedTokens(
            storage=self.storage,
            accounts=self.accounts,
            clock=self.clock,
            access_life_s=settings.dialects.smsgate.token_life_s,
            refresh_life_s=settings.dialects.smsgate.refresh_life_s,
        )
        self.journal = Journal(
            writer=self.storage.writer, ids=self.ids, clock=self.clock, meters=self.meters
        )
        self.feed = Feed(self.meters)
        self.recall = Recall(self.storage, self.live)
        self.delivery = Delivery(
            live=self.live,
            writer=self.storage.writer,
            ids=self.ids,
            clock=self.clock,
            meters=self.meters,
            policies=self.policies,
            announce=self._announce,
            feed=self.feed,
        )
        self.delivery.find_events = self.webhooks.about_message
        self.backlog = Backlog(
            storage=self.storage,
            queue=self.queue,
            live=self.live,
            recall=self.recall,
            delivery=self.delivery,
            routes=self.router.routes.keys(),
            held_routes=self._held_routes(),
            kept_routes=self._kept_routes(),
            feed=self.feed,
        )
        self.premium = PremiumRules(
            short_codes=settings.short_codes_for_premium(),
            billing=settings.billing_of_carriers(),
            router=self.router,
        )
        self.downloader = Downloader(
            version=__version__,
            allow=settings.callbacks.private_networks,
            max_bytes=settings.mms.max_bytes,
            timeout_s=settings.mms.timeout_s,
        )
        self.attachments = Attachments(
            storage=self.storage,
            fetch=self.downloader.fetch,
            limits=AttachmentLimits(
                max_attachments=settings.mms.max_attachments,
                max_bytes=settings.mms.max_bytes,
                types=frozenset(settings.mms.types),
            ),
        )
        self.audiences = Audiences(self.storage)
        self.submission = SubmissionService(
            writer=self.storage.writer,
            queue=self.queue,
            backlog=self.backlog,
            accounts=self.accounts,
            attachments=self.attachments,
            router=self.router,
            prices=self.prices,
            opt_outs=self.opt_outs,
            delivery=self.delivery,
            ids=self.ids,
            clock=self.clock,
            meters=self.meters,
            audiences=self.audiences,
            inline_recipients=settings.limits.inline_recipients,
            max_parts=settings.limits.max_parts,
            max_recipients=settings.limits.max_recipients,
            premium=self.premium,
            device_routes=DeviceRoutes(self.router, self.devices),
            find_payments=self.credits.payments,
        )
        self.bundles = Bundles(submission=self.submission, writer=self.storage.writer)
        self.batches = Batches(
            storage=self.storage,
            live=self.live,
            backlog=self.backlog,
            delivery=self.delivery,
            submission=self.submission,
            audiences=self.audiences,
            accounts=self.accounts,
            ids=self.ids,
            clock=self.clock,
        )
        self.keyed_submissions = KeyedSubmissions(
            storage=self.storage,
            submission=self.submission,
            batches=self.batches,
            live=self.live,
        )
        self.orders = Orders(
            storage=self.storage,
            submission=self.submission,
            batches=self.batches,
            ids=self.ids,
            clock=self.clock,
        )
        self.queries = Queries(self.storage)
        self.timelines = Timelines(
            storage=self.storage,
            accounts=self.accounts,
            router=self.router,
            journal=self.journal,
        )
        self.interventions = Interventions(
            storage=self.storage,
            accounts=self.accounts,
            submission=self.submission,
            batches=self.batches,
            ids=self.ids,
        )
        self.correspondence = Correspondence(self.storage)
        self.refunds = Refunds(
            writer=self.storage.writer,
            queries=self.queries,
            submission=self.submission,
            clock=self.clock,
        )
        self.contacts = Contacts(storage=self.storage, ids=self.ids, clock=self.clock)
        self.contact_profiles = ContactProfiles(
            storage=self.storage, ids=self.ids, clock=self.clock
        )
        self.groups = Groups(storage=self.storage, ids=self.ids, clock=self.clock)
        self.contact_values = ContactValues(storage=self.storage)
        self.imports = Imports(storage=self.storage, ids=self.ids, clock=self.clock)
        self.statistics = Statistics(storage=self.storage, queries=self.queries, clock=self.clock)
        self.inbound = Inbound(
            storage=self.storage,
            directory=self.directory,
            opt_outs=self.opt_outs,
            ids=self.ids,
            clock=self.clock,
            meters=self.meters,
            announce=self._announce,
            stop_words=stop_words,
            start_words=start_words,
        )
        self.inbound.find_events = self.webhooks.about_text
        self.inbox = Inbox(
            storage=self.storage,
            directory=self.directory,
            stored_before=lambda: self.inbound.stored_before,
        )
        self.verifications = Verifications(
            storage=self.storage,
            submission=self.submission,
            credits=self.credits,
            ids=self.ids,
            clock=self.clock,
        )
        self.mailings = Mailings(
            storage=self.storage,
            ids=self.ids,
            clock=self.clock,
            enabled=settings.mailings.enabled,
            sender_domains=settings.mailings.sender_domains,
            book=ContactAddresses(self.storage),
        )
        self.issues = Issues(
            storage=self.storage, mailings=self.mailings, ids=self.ids, clock=self.clock
        )
        self.services = Services(
            settings=settings.dialects,
            accounts=self.accounts,
            account_tree=self.account_tree,
            sessions=self.sessions,
            access_tokens=self.access_tokens,
            login_tokens=self.login_tokens,
            one_time_links=self.one_time_links,
            credits=self.credits,
            senders=self.senders,
            submission=self.submission,
            bundles=self.bundles,
            batches=self.batches,
            orders=self.orders,
            queries=self.queries,
            correspondence=self.correspondence,
            premium=self.premium,
            refunds=self.refunds,
            contacts=self.contacts,
            contact_profiles=self.contact_profiles,
            groups=self.groups,
            opt_outs=self.opt_outs,
            imports=self.imports,
            statistics=self.statistics,
            keywords=self.keywords,
            inbox=self.inbox,
            verifications=self.verifications,
            mailings=self.mailings,
            issues=self.issues,
            meters=self.meters,
            clock=self.clock,
            devices=self.devices,
            keyed_submissions=self.keyed_submissions,
            scoped_tokens=self.scoped_tokens,
            webhooks=self.webhooks,
            phone_settings=self.phone_settings,
            inbox_exports=self.inbox_exports,
            problems=self.problems,
        )

    async def open(self, *, migrate: bool) -> None:
        """Readies the database; raises `StorageUnavailable` where its tables are not current."""
        if migrate:
            self.storage.migrate()
        self.storage.check()
        self.storage.start()
        self.ids.continue_after(await self.storage.read(pending.last_identifier))
        await self.directory.load()
        await self.opt_outs.load()
        await self.devices.restore()
        await self.phone_settings.restore()
        await self.webhooks.restore()

    async def close(self) -> None:
        await self.directory.settle()
        await self.downloader.close()
        await self.storage.stop()

    def desk(self, machine: Machine) -> Desk:
        """What the console's views may use."""
        return Desk(
            accounts=self.accounts,
            account_tree=self.account_tree,
            sessions=self.console_sessions,
            one_time_links=self.one_time_links,
            credits=self.credits,
            queries=self.queries,
            timelines=self.timelines,
            interventions=self.interventions,
            traffic=Traffic(storage=self.storage, clock=self.clock),
            submission=self.submission,
            batches=self.batches,
            quotes=Quotes(submission=self.submission, router=self.router, opt_outs=self.opt_outs),
            repeats=Repeats(),
            opt_outs=self.opt_outs,
            machine=machine,
            books=self.books,
            senders=self.senders,
            devices=self.devices,
            device_registration=self.device_registration,
            carrier_switches=self.carrier_switches,
            feed=self.feed,
            api_url=self.settings.devices.api_url,
            clock=self.clock,
            time_zone=self.settings.console.time_zone,
        )

    def problems(self) -> list[str]:
        """Why no traffic can be taken now; a house without carriers takes none."""
        return ["not running"]

    def _announce(self, _callback: NewCallback) -> None:
        """A callback was stored; without workers its row waits for the next start."""

    def _held_routes(self) -> frozenset[str]:
        """Where a message that may have left must not be sent again; phones know what they have."""
        phones = self.devices.carriers
        return frozenset(
            route.name
            for route in self.router.routes.values()
            if any(
                self.policies[name] is OnUnknown.HOLD
                for name in route.carriers
                if name not in phones
            )
        )

    def _kept_routes(self) -> frozenset[str]:
        phones = set(self.devices.carriers)
        routes = self.router.routes.values()
        return frozenset(route.name for route in routes if phones.issuperset(route.carriers))


@contextlib.asynccontextmanager
async def opened_house(settings: Settings, *, migrate: bool = False) -> AsyncIterator[House]:
    """A house for as long as one command needs it."""
    house = House(settings)
    try:
        await house.open(migrate=migrate)
        yield house
    finally:
        await house.close()


class Gateway(House):
    """A house that takes requests and sends messages."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        super().__init__(settings, clock, writer_process=True)
        receipts = settings.receipts
        self.receipts = Receipts(
            storage=self.storage,
            live=self.live,
            recall=self.recall,
            delivery=self.delivery,
            ids=self.ids,
            clock=self.clock,
            meters=self.meters,
            park_s=receipts.park_s,
            journal=self.journal,
        )
        self.deadlines = Deadlines(
            storage=self.storage,
            live=self.live,
            recall=self.recall,
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
            meters=self.meters,
            journal=self.journal,
            feed=self.feed,
        )
        resources = Resources(
            storage=self.storage,
            ids=self.ids,
            devices=self.devices,
            attachments=self.attachments,
        )
        self.connectors: dict[str, Connector] = {
            carrier.name: CONNECTORS[carrier.type](carrier, self.dispatcher, self.clock, resources)
            for carrier in settings.carriers
        }
        self.carrier_switches.on_change = self.dispatcher.hold
        self.keyed_submissions.call_back = self._call_back
        self.timelines.encode = self._encode_pdus
        self.dialects = tuple(DIALECTS[name](self.services) for name in settings.dialects.enabled)
        self.callbacks: CallbackWorker | None = None
        self._client: GuardedClient | None = None
        self._server: Server | None = None
        self._mail: MailListener | None = None
        self._web: DialectApp | None = None
        self.mail_worker: MailWorker | None = None
        self.workbench: Workbench | None = None
        """What a development gateway has besides; to be set before the start."""
        self._control = ControlServer(self, self)
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
            meters=self.meters,
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
            self.imports.run(),
            self.contact_values.run(),
            self.callbacks.run(),
        )
        await self._send_mailings()
        for connector in self.connectors.values():
            await connector.start()
        await self._control.start()
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
        await self._control.stop()
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

    def _encode_pdus(self, carrier: str, message: Outgoing, at_ms: int) -> tuple[bytes, ...]:
        connector = self.connectors.get(carrier)
        return connector.encode(message, at_ms) if isinstance(connector, SmppCarrier) else ()

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
            meters=self.meters,
            public_url=self.settings.devices.public_url,
            ping_interval_s=self.settings.devices.ping_interval_s,
            settings=self.phone_settings,
        )
        cht = ChtGateway(devices=self.devices, carriers=carriers, intake=intake, meters=self.meters)
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
            read = await self.recall.read(lambda c, page=page: pending.load_messages(c, page))  # type: ignore[misc]
            connector.resume(self.dispatcher.resume(name, read.live))

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
        held = self.dispatcher.held
        return {name: self.queue.depth(name) + held(name) for name in self.router.routes}

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
        )
        own = [build_mailing_pages(self.mailings)] if self.settings.mailings.enabled else []
        if self.settings.console.enabled:
            own.append(self._console())
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
            return build_console(self.desk(self))
        from dragoman.development.pages import PACKAGE, build_phone_pages

        pages = (*PAGES, *build_phone_pages(self.workbench))
        return build_console(self.desk(self), pages, packages=(CONSOLE, PACKAGE))

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
            meters=self.meters,
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
