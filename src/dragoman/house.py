"""The house: the services over one database, built from Settings, which is all a command needs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from dragoman import __version__
from dragoman.config import Settings
from dragoman.console.context import ConsoleContext, Machine
from dragoman.console.repeats import Repeats
from dragoman.core.accounts.access_tokens import AccessTokens
from dragoman.core.accounts.account_tree import AccountTree
from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.audit_log import AuditLog
from dragoman.core.accounts.console_sessions import ConsoleSessions
from dragoman.core.accounts.credits import Credits
from dragoman.core.accounts.login_tokens import LoginTokens
from dragoman.core.accounts.one_time_links import OneTimeLinks
from dragoman.core.accounts.scoped_tokens import ScopedTokens
from dragoman.core.accounts.senders import Senders
from dragoman.core.accounts.sessions import Sessions
from dragoman.core.billing.model.message_types import MessageTypes
from dragoman.core.billing.model.pricing import PriceList
from dragoman.core.callbacks.webhooks import Webhooks
from dragoman.core.campaigns.issues import Issues
from dragoman.core.campaigns.mailings import Mailings
from dragoman.core.contacts.contact_addresses import ContactAddresses
from dragoman.core.contacts.contact_profiles import ContactProfiles
from dragoman.core.contacts.contact_values import ContactValues
from dragoman.core.contacts.contacts import Contacts
from dragoman.core.contacts.groups import Groups
from dragoman.core.contacts.imports import Imports
from dragoman.core.delivery.backlog import Backlog
from dragoman.core.delivery.carrier_switches import CarrierSwitches
from dragoman.core.delivery.delivery import Delivery, OnUnknown
from dragoman.core.delivery.device_routes import DeviceRoutes
from dragoman.core.devices.device_registration import DeviceRegistration
from dragoman.core.devices.devices import Devices
from dragoman.core.devices.inbox_exports import InboxExports
from dragoman.core.devices.phone_settings import PhoneSettings
from dragoman.core.devices.presence import Presence
from dragoman.core.identifiers import last_identifier
from dragoman.core.inbound.inbound import Inbound
from dragoman.core.inbound.inbox import Inbox
from dragoman.core.inbound.keywords import Keywords
from dragoman.core.inbound.model.keywords import words_to_match
from dragoman.core.inbound.opt_outs import OptOuts
from dragoman.core.inbound.routing import InboundRouting
from dragoman.core.messages.attachments import AttachmentLimits, Attachments
from dragoman.core.messages.events import MessageEvents
from dragoman.core.messages.feed import Feed
from dragoman.core.messages.live import LiveMessages
from dragoman.core.messages.loader import MessageLoader
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.messages.model.routing import Router
from dragoman.core.messages.premium import PremiumRules
from dragoman.core.metrics import Metrics
from dragoman.core.reporting.correspondence import Correspondence
from dragoman.core.reporting.queries import Queries
from dragoman.core.reporting.statistics import Statistics
from dragoman.core.reporting.timeline import Timelines
from dragoman.core.reporting.traffic import Traffic
from dragoman.core.submission.audiences import Audiences
from dragoman.core.submission.batches import Batches
from dragoman.core.submission.bundles import Bundles
from dragoman.core.submission.idempotency_keys import IdempotencyKeys
from dragoman.core.submission.message_actions import MessageActions
from dragoman.core.submission.message_maker import MessageMaker
from dragoman.core.submission.orders import Orders
from dragoman.core.submission.quotes import Quotes
from dragoman.core.submission.refunds import Refunds
from dragoman.core.submission.submission import SubmissionService
from dragoman.core.submission.verifications import Verifications
from dragoman.core.writes import WRITER_MODULE
from dragoman.dialects import Services
from dragoman.dialects.smsgateway24.mapping import NAME as SMSGATEWAY24
from dragoman.kit.clock import Clock, SystemClock
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage
from dragoman.web.downloads import Downloader
from dragoman.work_queue.local import LocalQueue


class House:
    """The services over one database."""

    def __init__(
        self, settings: Settings, clock: Clock | None = None, *, writer_process: bool = False
    ) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.metrics = Metrics()
        self.storage = Storage(
            settings.database_url,
            self.metrics,
            writer_module=WRITER_MODULE if writer_process else None,
        )
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
        self.audit_log = AuditLog(storage=self.storage, ids=self.ids, clock=self.clock)
        self.carrier_switches = CarrierSwitches(storage=self.storage, clock=self.clock)
        self.inbound_routing = InboundRouting(
            storage=self.storage,
            accounts=self.accounts,
            clock=self.clock,
            configured=settings.owners_of_numbers(),
        )
        self.accounts.on_change = self.inbound_routing.accounts_changed
        self.keywords = Keywords(
            storage=self.storage,
            inbound_routing=self.inbound_routing,
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
        self.inbound_routing.on_accounts = self.devices.accounts_changed
        self.device_registration = DeviceRegistration(
            storage=self.storage,
            accounts=self.accounts,
            fleet=self.devices,
            ids=self.ids,
            clock=self.clock,
            code_life_s=settings.devices.code_life_s,
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
        self.message_events = MessageEvents(
            writer=self.storage.writer, ids=self.ids, clock=self.clock, metrics=self.metrics
        )
        self.feed = Feed(self.metrics)
        self.loader = MessageLoader(self.storage, self.live)
        self.delivery = Delivery(
            live=self.live,
            writer=self.storage.writer,
            ids=self.ids,
            clock=self.clock,
            metrics=self.metrics,
            policies=self.policies,
            announce=self._announce,
            feed=self.feed,
        )
        self.delivery.find_events = self.webhooks.about_message
        self.backlog = Backlog(
            storage=self.storage,
            queue=self.queue,
            live=self.live,
            loader=self.loader,
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
        self.device_routes = DeviceRoutes(self.router, self.devices)
        self.message_maker = MessageMaker(
            router=self.router,
            prices=self.prices,
            opt_outs=self.opt_outs,
            delivery=self.delivery,
            premium=self.premium,
            device_routes=self.device_routes,
            ids=self.ids,
        )
        self.submission = SubmissionService(
            writer=self.storage.writer,
            queue=self.queue,
            backlog=self.backlog,
            accounts=self.accounts,
            attachments=self.attachments,
            maker=self.message_maker,
            delivery=self.delivery,
            ids=self.ids,
            clock=self.clock,
            metrics=self.metrics,
            audiences=self.audiences,
            premium=self.premium,
            device_routes=self.device_routes,
            inline_recipients=settings.limits.inline_recipients,
            max_parts=settings.limits.max_parts,
            max_recipients=settings.limits.max_recipients,
            find_payments=self.credits.payments,
        )
        self.bundles = Bundles(submission=self.submission, writer=self.storage.writer)
        self.batches = Batches(
            storage=self.storage,
            live=self.live,
            backlog=self.backlog,
            delivery=self.delivery,
            maker=self.message_maker,
            metrics=self.metrics,
            audiences=self.audiences,
            accounts=self.accounts,
            ids=self.ids,
            clock=self.clock,
        )
        self.idempotency_keys = IdempotencyKeys(
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
            message_events=self.message_events,
        )
        self.message_actions = MessageActions(
            audit_log=self.audit_log,
            storage=self.storage,
            accounts=self.accounts,
            submission=self.submission,
            batches=self.batches,
            ids=self.ids,
        )
        self.correspondence = Correspondence(self.storage)
        self.refunds = Refunds(
            writer=self.storage.writer,
            find_message=self.queries.message,
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
            inbound_routing=self.inbound_routing,
            opt_outs=self.opt_outs,
            ids=self.ids,
            clock=self.clock,
            metrics=self.metrics,
            announce=self._announce,
            stop_words=stop_words,
            start_words=start_words,
        )
        self.inbound.find_events = self.webhooks.about_text
        self.inbox = Inbox(
            storage=self.storage,
            inbound_routing=self.inbound_routing,
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
            metrics=self.metrics,
            clock=self.clock,
            devices=self.devices,
            idempotency_keys=self.idempotency_keys,
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
        self.ids.continue_after(await self.storage.read(last_identifier))
        await self.inbound_routing.load()
        await self.opt_outs.load()
        await self.devices.restore()
        await self.phone_settings.restore()
        await self.webhooks.restore()

    async def close(self) -> None:
        await self.inbound_routing.settle()
        await self.downloader.close()
        await self.storage.stop()

    def context(self, machine: Machine) -> ConsoleContext:
        """What the console's views may use."""
        return ConsoleContext(
            accounts=self.accounts,
            account_tree=self.account_tree,
            sessions=self.console_sessions,
            one_time_links=self.one_time_links,
            credits=self.credits,
            queries=self.queries,
            timelines=self.timelines,
            message_actions=self.message_actions,
            traffic=Traffic(storage=self.storage, clock=self.clock),
            submission=self.submission,
            batches=self.batches,
            quotes=Quotes(submission=self.submission, router=self.router, opt_outs=self.opt_outs),
            repeats=Repeats(),
            opt_outs=self.opt_outs,
            machine=machine,
            audit_log=self.audit_log,
            senders=self.senders,
            devices=self.devices,
            device_registration=self.device_registration,
            carrier_switches=self.carrier_switches,
            keywords=self.keywords,
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


def check_unused(settings: Settings) -> None:
    """Raises `AlreadyInUse` where a process has the database open."""
    Storage(settings.database_url).close()


@contextlib.asynccontextmanager
async def opened_house(settings: Settings, *, migrate: bool = False) -> AsyncIterator[House]:
    """A house for as long as one command needs it."""
    house = House(settings)
    try:
        await house.open(migrate=migrate)
        yield house
    finally:
        await house.close()
