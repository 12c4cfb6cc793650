"""The services one by one, each with all that it needs."""

from __future__ import annotations

from dragoman import __version__
from dragoman.assembly.choosing import build_choice
from dragoman.assembly.connecting import Connect, connect_nothing
from dragoman.assembly.signing_in import build_sign_in
from dragoman.config import Settings
from dragoman.config.policies import held_routes, joining_routes, kept_routes, policies_of
from dragoman.core.accounts.access_tokens import AccessTokens
from dragoman.core.accounts.account_tree import AccountTree
from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.admin_tokens import AdminTokens
from dragoman.core.accounts.audit_log import AuditLog
from dragoman.core.accounts.auth_tokens import AuthTokens
from dragoman.core.accounts.credits import Credits
from dragoman.core.accounts.dialect_records import DialectRecords
from dragoman.core.accounts.key_pairs import KeyPairs
from dragoman.core.accounts.login_tokens import LoginTokens
from dragoman.core.accounts.one_time_links import OneTimeLinks
from dragoman.core.accounts.saved_searches import SavedSearches
from dragoman.core.accounts.scoped_tokens import ScopedTokens
from dragoman.core.accounts.senders import Senders
from dragoman.core.accounts.sessions import Sessions
from dragoman.core.accounts.smpp_logins import SmppLogins
from dragoman.core.billing.model.message_types import MessageTypes
from dragoman.core.billing.model.pricing import PriceList
from dragoman.core.callbacks.bind_texts import BindTexts
from dragoman.core.callbacks.callback_lists import CallbackLists
from dragoman.core.callbacks.signing_secrets import SigningSecrets
from dragoman.core.callbacks.webhooks import Webhooks
from dragoman.core.contacts.contact_profiles import ContactProfiles
from dragoman.core.contacts.contact_values import ContactValues
from dragoman.core.contacts.contacts import Contacts
from dragoman.core.contacts.groups import Groups
from dragoman.core.contacts.imports import Imports
from dragoman.core.delivery.backlog import Backlog
from dragoman.core.delivery.carrier_switches import CarrierSwitches
from dragoman.core.delivery.deadlines import Deadlines
from dragoman.core.delivery.delivery import Delivery
from dragoman.core.delivery.device_routes import DeviceRoutes
from dragoman.core.delivery.dispatcher import Dispatcher
from dragoman.core.delivery.model.ports import CallsBack, Connector
from dragoman.core.delivery.receipts import Receipts
from dragoman.core.delivery.rerouting import Rerouting
from dragoman.core.delivery.resources import Resources
from dragoman.core.delivery.series import SeriesCollector
from dragoman.core.delivery.unreported import UnreportedMessages
from dragoman.core.devices.assignments import Assignments
from dragoman.core.devices.device_registration import DeviceRegistration
from dragoman.core.devices.devices import Devices
from dragoman.core.devices.inbox_exports import InboxExports
from dragoman.core.devices.phone_settings import PhoneSettings
from dragoman.core.devices.presence import Presence
from dragoman.core.health import Health
from dragoman.core.inbound.answers import AnswerLimits
from dragoman.core.inbound.auto_answers import AutoAnswers
from dragoman.core.inbound.inbound import Inbound
from dragoman.core.inbound.inbox import Inbox
from dragoman.core.inbound.keywords import Keywords
from dragoman.core.inbound.model.inbound import StoredInbound
from dragoman.core.inbound.model.keywords import words_to_match
from dragoman.core.inbound.opt_outs import OptOuts
from dragoman.core.inbound.repeats import REPEATED_DAYS
from dragoman.core.inbound.routing import InboundRouting
from dragoman.core.inbound.services import TextServices
from dragoman.core.messages.attachments import AttachmentLimits, Attachments
from dragoman.core.messages.events import MessageEvents
from dragoman.core.messages.feed import Feed
from dragoman.core.messages.live import LiveMessages
from dragoman.core.messages.loader import MessageLoader
from dragoman.core.messages.model.messages import Holder, Outgoing
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.messages.premium import PremiumRules
from dragoman.core.metrics import Metrics
from dragoman.core.placement.placement import place_of
from dragoman.core.reporting.model.timeline import PduStep, Timeline
from dragoman.core.reporting.queries import Queries
from dragoman.core.reporting.statistics import Statistics
from dragoman.core.reporting.timeline import Reconstructs, Timelines
from dragoman.core.retention.model import Kept, Lifetimes
from dragoman.core.retention.privacy import Privacy
from dragoman.core.retention.retention import Retention
from dragoman.core.submission.audiences import Audiences
from dragoman.core.submission.batches import Batches
from dragoman.core.submission.bundles import Bundles
from dragoman.core.submission.idempotency_keys import IdempotencyKeys
from dragoman.core.submission.message_actions import MessageActions
from dragoman.core.submission.message_maker import MessageMaker
from dragoman.core.submission.orders import Orders
from dragoman.core.submission.pacing import Pacing
from dragoman.core.submission.quotes import Quotes
from dragoman.core.submission.refunds import Refunds
from dragoman.core.submission.replacements import Replacements
from dragoman.core.submission.route_explanations import RouteExplanations
from dragoman.core.submission.scheduled import ScheduledBatches
from dragoman.core.submission.single_messages import SingleMessages
from dragoman.core.submission.submission import SubmissionService
from dragoman.core.submission.verifications import Verifications
from dragoman.kit.child_process import ChildProcess
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.kit.sealing import Sealer
from dragoman.kit.signal import Signal
from dragoman.storage.engine import Storage
from dragoman.web.downloads import Downloader
from dragoman.work_queue.local import LocalQueue


class Parts:
    """Makes the services, room after room; each may use what those before it made."""

    def __init__(
        self, settings: Settings, clock: Clock, connect: Connect, writer: ChildProcess | None
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.metrics = Metrics()
        self.storage = Storage(settings.database_url, self.metrics, writer=writer)
        self.ids = IdSource(clock, partition=self.storage.partition)
        self.placement = place_of(self.storage, clock, settings.cluster.partitions)
        self.short_ids = self.storage.short_ids
        self._stop_words = words_to_match(settings.inbound.stop_words)
        self._start_words = words_to_match(settings.inbound.start_words)
        self._policies = policies_of(settings)
        self.live = LiveMessages()
        self.queue = LocalQueue()
        (
            self.router,
            self.costs,
            self.price_lists,
            self.quality,
            self.quotas,
            self.sender_rules,
            self.selection,
        ) = build_choice(
            settings=settings,
            storage=self.storage,
            clock=clock,
            reads_files=connect is not connect_nothing,
        )
        self.callback_stored: Signal[[NewCallback]] = Signal()
        self.callback_lists = CallbackLists(storage=self.storage, clock=self.clock)
        self.connectors: dict[str, Connector] = {}
        self._accounts()
        self._contacts()
        self._inbound_routing()
        self._devices()
        self._message_flow()
        self._submission()
        self._carriers(connect)
        self.health = Health(self.storage.writer, self.connectors)
        self._reporting()

    def _accounts(self) -> None:
        settings = self.settings
        self.accounts = Accounts(
            storage=self.storage, ids=self.ids, clock=self.clock, placement=self.placement
        )
        self.sessions = Sessions(clock=self.clock, idle_s=settings.dialects.smsend.session_idle_s)
        self.accounts.signed_out.subscribe(self.sessions.end_all)
        self.account_tree = AccountTree(
            accounts=self.accounts,
            storage=self.storage,
            ids=self.ids,
            clock=self.clock,
        )
        self.access_tokens = AccessTokens(storage=self.storage, accounts=self.accounts)
        sealer = Sealer(settings.key_path)
        self.auth_tokens = AuthTokens(
            storage=self.storage, accounts=self.accounts, sealer=sealer, clock=self.clock
        )
        self.dialect_records = DialectRecords(storage=self.storage, ids=self.ids)
        self.key_pairs = KeyPairs(records=self.dialect_records, clock=self.clock)
        self.signing_secrets = SigningSecrets(
            records=self.dialect_records, sealer=sealer, clock=self.clock
        )
        self.login_tokens = LoginTokens(
            storage=self.storage,
            accounts=self.accounts,
            clock=self.clock,
            life_s=settings.dialects.smsgateway24.token_life_s,
        )
        self.scoped_tokens = ScopedTokens(
            storage=self.storage,
            accounts=self.accounts,
            clock=self.clock,
            access_life_s=settings.dialects.smsgate.token_life_s,
            refresh_life_s=settings.dialects.smsgate.refresh_life_s,
        )
        self.smpp_logins = SmppLogins(
            storage=self.storage, accounts=self.accounts, clock=self.clock
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
        self.senders = Senders(storage=self.storage, accounts=self.accounts, clock=self.clock)
        self.audit_log = AuditLog(storage=self.storage, ids=self.ids, clock=self.clock)
        self.admin_tokens = AdminTokens(
            storage=self.storage, placement=self.placement, clock=self.clock
        )
        signing_in = build_sign_in(
            settings=settings,
            storage=self.storage,
            accounts=self.accounts,
            audit_log=self.audit_log,
            sealer=sealer,
            clock=self.clock,
        )
        self.console_sessions, self.people, self.second_factors = signing_in[:3]
        self.sign_ins, self.api_keys = signing_in[3:]
        self.saved_searches = SavedSearches(storage=self.storage, ids=self.ids)

    def _contacts(self) -> None:
        self.contacts = Contacts(storage=self.storage, ids=self.ids, clock=self.clock)
        self.contact_profiles = ContactProfiles(
            storage=self.storage, ids=self.ids, clock=self.clock
        )
        self.groups = Groups(storage=self.storage, clock=self.clock)
        self.contact_values = ContactValues(storage=self.storage)
        self.imports = Imports(storage=self.storage, ids=self.ids, clock=self.clock)

    def _inbound_routing(self) -> None:
        self.answer_limits = AnswerLimits(clock=self.clock)
        self.inbound_routing = InboundRouting(
            storage=self.storage,
            accounts=self.accounts,
            clock=self.clock,
            configured=self.settings.owners_of_numbers(),
        )
        self.keywords = Keywords(
            storage=self.storage,
            inbound_routing=self.inbound_routing,
            ids=self.ids,
            clock=self.clock,
            reserved_words=self._stop_words | self._start_words,
        )
        self.opt_outs = OptOuts(storage=self.storage, ids=self.ids)
        self.auto_answers = AutoAnswers(
            storage=self.storage,
            ids=self.ids,
            clock=self.clock,
            help_words=words_to_match(self.settings.inbound.help_words),
        )

    def _devices(self) -> None:
        settings = self.settings
        self.devices = Devices(
            storage=self.storage,
            presence=Presence(self.clock),
            placement=self.placement,
            clock=self.clock,
            carriers=settings.silence_of_phones(),
        )
        self.inbound_routing.accounts_loaded.subscribe(self.devices.accounts_changed)
        self.assignments = Assignments(self.storage)
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
            announce=self.callback_stored,
            by_event=frozenset({"smsgate"}),
            ensure_signing_key=self.phone_settings.ensure_signing_key,
        )
        self.bind_texts = BindTexts(logins=self.smpp_logins, ids=self.ids, clock=self.clock)
        self.device_routes = DeviceRoutes(self.router, self.devices)

    def _message_flow(self) -> None:
        """From acceptance to the last receipt."""
        settings = self.settings
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
            policies=self._policies,
            announce=self.callback_stored,
            find_events=self.webhooks.about_message,
            quality=self.quality,
            feed=self.feed,
        )
        self.series = SeriesCollector(
            queue=self.queue,
            live=self.live,
            loader=self.loader,
            clock=self.clock,
            joins=joining_routes(settings, self.router),
        )
        self.backlog = Backlog(
            storage=self.storage,
            queue=self.queue,
            live=self.live,
            loader=self.loader,
            delivery=self.delivery,
            opt_outs=self.opt_outs,
            routes=self.router.routes.keys(),
            held_routes=held_routes(settings, self.router),
            kept_routes=kept_routes(settings, self.router),
            series=self.series,
            feed=self.feed,
        )
        self.inbound = Inbound(
            storage=self.storage,
            inbound_routing=self.inbound_routing,
            opt_outs=self.opt_outs,
            ids=self.ids,
            clock=self.clock,
            metrics=self.metrics,
            announce=self.callback_stored,
            services=TextServices(
                services=settings.text_services(),
                account_id_of=self.inbound_routing.account_id_of,
                ids=self.ids,
                clock=self.clock,
            ),
            answers=self.auto_answers,
            find_events=self._about_text,
            stop_words=self._stop_words,
            start_words=self._start_words,
        )
        self.receipts = Receipts(
            storage=self.storage,
            live=self.live,
            loader=self.loader,
            delivery=self.delivery,
            texts=self.inbound,
            ids=self.ids,
            clock=self.clock,
            metrics=self.metrics,
            park_s=settings.receipts.park_s,
            is_part=self.series.is_part,
            message_events=self.message_events,
        )
        self.deadlines = Deadlines(
            storage=self.storage,
            live=self.live,
            loader=self.loader,
            delivery=self.delivery,
            clock=self.clock,
            horizon_s=settings.receipts.horizon_s,
            park_s=settings.receipts.park_s,
        )
        self.inbox = Inbox(
            storage=self.storage,
            inbound_routing=self.inbound_routing,
            stored_before=lambda: self.inbound.stored_before,
        )
        self.dispatcher = Dispatcher(
            queue=self.queue,
            live=self.live,
            writer=self.storage.writer,
            delivery=self.delivery,
            receipts=self.receipts,
            texts=self.inbound,
            clock=self.clock,
            metrics=self.metrics,
            selection=self.selection,
            message_events=self.message_events,
            feed=self.feed,
        )
        self.dispatcher.left_in_row.subscribe(self.backlog.read_later)
        self.carrier_switches = CarrierSwitches(storage=self.storage, clock=self.clock)
        self.carrier_switches.changed.subscribe(self.dispatcher.hold)
        self.retention = Retention(
            storage=self.storage,
            clock=self.clock,
            days={
                Kept.ATTACHMENTS: settings.retention.attachments_days,
                Kept.AUDIT_ENTRIES: settings.retention.audit_days,
                Kept.CALLBACKS: settings.retention.callbacks_days,
                Kept.CARRIER_TEXTS: REPEATED_DAYS,
                Kept.DELIVERIES: settings.retention.deliveries_days,
                Kept.INGESTED_ROWS: settings.retention.ingested_days,
                Kept.NOTES: settings.retention.notes_days,
            },
            lifetimes=Lifetimes(
                texts_days=settings.retention.texts_days,
                numbers_days=settings.retention.numbers_days,
                messages_days=settings.retention.messages_days,
            ),
        )
        self.privacy = Privacy(
            storage=self.storage,
            accounts=self.accounts,
            opt_outs=self.opt_outs,
            message_events=self.message_events,
            audit_log=self.audit_log,
            clock=self.clock,
        )

    def _submission(self) -> None:
        settings = self.settings
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
        self.message_maker = MessageMaker(
            router=self.router,
            prices=PriceList(settings.prices_for_price_list()),
            opt_outs=self.opt_outs,
            delivery=self.delivery,
            premium=self.premium,
            device_routes=self.device_routes,
            senders=self.sender_rules,
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
        self.rerouting = Rerouting(
            storage=self.storage,
            queue=self.queue,
            live=self.live,
            router=self.router,
            accounts=self.accounts,
            dispatcher=self.dispatcher,
            backlog=self.backlog,
            clock=self.clock,
        )
        self.bundles = Bundles(self.submission, self.short_ids)
        self.pacing = Pacing(self.clock)
        self.batches = Batches(
            storage=self.storage,
            live=self.live,
            loader=self.loader,
            backlog=self.backlog,
            delivery=self.delivery,
            maker=self.message_maker,
            metrics=self.metrics,
            audiences=self.audiences,
            accounts=self.accounts,
            ids=self.ids,
            clock=self.clock,
            pacing=self.pacing,
        )
        self.idempotency_keys = IdempotencyKeys(
            storage=self.storage,
            submission=self.submission,
            batches=self.batches,
            loader=self.loader,
            call_back=self._call_back,
        )
        self.single_messages = SingleMessages(
            submission=self.submission, idempotency_keys=self.idempotency_keys
        )
        self.orders = Orders(
            storage=self.storage,
            submission=self.submission,
            batches=self.batches,
            ids=self.ids,
            clock=self.clock,
        )
        self.queries = Queries(self.storage)
        self.quotes = Quotes(submission=self.submission, router=self.router, opt_outs=self.opt_outs)
        self.route_explanations = RouteExplanations(
            router=self.router,
            maker=self.message_maker,
            selection=self.selection,
            connectors=self.connectors,
            is_held=self.dispatcher.is_held,
            message_types={one.name: one for one in settings.types_of_messages()},
        )
        self.message_actions = MessageActions(
            audit_log=self.audit_log,
            storage=self.storage,
            accounts=self.accounts,
            submission=self.submission,
            batches=self.batches,
            ids=self.ids,
        )
        self.replacements = Replacements(
            storage=self.storage, submission=self.submission, batches=self.batches
        )
        self.scheduled_batches = ScheduledBatches(
            storage=self.storage,
            accounts=self.accounts,
            batches=self.batches,
            audit_log=self.audit_log,
            clock=self.clock,
        )
        self.refunds = Refunds(
            writer=self.storage.writer,
            find_message=self.queries.message,
            submission=self.submission,
            clock=self.clock,
        )
        self.verifications = Verifications(
            storage=self.storage,
            submission=self.submission,
            credits=self.credits,
            ids=self.ids,
            clock=self.clock,
        )

    def _carriers(self, connect: Connect) -> None:
        self.resources = Resources(
            assignments=self.assignments,
            ids=self.ids,
            devices=self.devices,
            attachments=self.attachments,
            unreported=UnreportedMessages(storage=self.storage, clock=self.clock),
        )
        self.connectors.update(connect(self.settings, self.dispatcher, self.clock, self.resources))

    def _reporting(self) -> None:
        self.timelines = Timelines(
            storage=self.storage,
            accounts=self.accounts,
            router=self.router,
            message_events=self.message_events,
            reconstruct=self._reconstruct,
        )
        self.statistics = Statistics(storage=self.storage, queries=self.queries, clock=self.clock)

    def _about_text(self, text: StoredInbound, holder: Holder | None) -> tuple[NewCallback, ...]:
        """What is called for an inbound text besides its forwarding."""
        of_binds = self.bind_texts.about_text(text, holder)
        return self.webhooks.about_text(text, holder) + of_binds

    async def _call_back(self, message_id: int) -> bool:
        """Asks whoever has a message not to send it; whether it may still be stopped."""
        for connector in self.connectors.values():
            if isinstance(connector, CallsBack) and await connector.call_back(message_id):
                return True
        return False

    def _reconstruct(self, story: Timeline, message: Outgoing, at_ms: int) -> tuple[PduStep, ...]:
        connector = self.connectors.get(story.carrier)
        if not isinstance(connector, Reconstructs):
            return ()
        message = self.sender_rules.apply(story.carrier, message)
        return connector.reconstruct(story, message, at_ms)
