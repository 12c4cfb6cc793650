"""The one list of all services: dialects, console, admin interface and gateway get it whole."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final

from dragoman.config import Settings
from dragoman.core.accounts.access_tokens import AccessTokens
from dragoman.core.accounts.account_tree import AccountTree
from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.admin_tokens import AdminTokens
from dragoman.core.accounts.api_keys import ApiKeys
from dragoman.core.accounts.audit_log import AuditLog
from dragoman.core.accounts.auth_tokens import AuthTokens
from dragoman.core.accounts.console_sessions import ConsoleSessions
from dragoman.core.accounts.credits import Credits
from dragoman.core.accounts.dialect_records import DialectRecords
from dragoman.core.accounts.key_pairs import KeyPairs
from dragoman.core.accounts.login_tokens import LoginTokens
from dragoman.core.accounts.one_time_links import OneTimeLinks
from dragoman.core.accounts.people import People
from dragoman.core.accounts.saved_searches import SavedSearches
from dragoman.core.accounts.scoped_tokens import ScopedTokens
from dragoman.core.accounts.second_factors import SecondFactors
from dragoman.core.accounts.senders import Senders
from dragoman.core.accounts.sessions import Sessions
from dragoman.core.accounts.sign_ins import SignIns
from dragoman.core.accounts.smpp_logins import SmppLogins
from dragoman.core.alerts.alerts import Alerts
from dragoman.core.callbacks.callback_lists import CallbackLists
from dragoman.core.callbacks.signing_secrets import SigningSecrets
from dragoman.core.callbacks.webhooks import Webhooks
from dragoman.core.campaigns.issues import Issues
from dragoman.core.campaigns.mailings import Mailings
from dragoman.core.campaigns.short_links import ShortLinks
from dragoman.core.campaigns.text_campaigns import TextCampaigns
from dragoman.core.campaigns.text_templates import TextTemplates
from dragoman.core.contacts.contact_profiles import ContactProfiles
from dragoman.core.contacts.contact_values import ContactValues
from dragoman.core.contacts.contacts import Contacts
from dragoman.core.contacts.groups import Groups
from dragoman.core.contacts.imports import Imports
from dragoman.core.contacts.uploads import Uploads
from dragoman.core.delivery.backlog import Backlog
from dragoman.core.delivery.carrier_switches import CarrierSwitches
from dragoman.core.delivery.deadlines import Deadlines
from dragoman.core.delivery.delivery import Delivery
from dragoman.core.delivery.device_routes import DeviceRoutes
from dragoman.core.delivery.dispatcher import Dispatcher
from dragoman.core.delivery.model.ports import Connector
from dragoman.core.delivery.price_lists import PriceLists
from dragoman.core.delivery.receipts import Receipts
from dragoman.core.delivery.rerouting import Rerouting
from dragoman.core.delivery.resources import Resources
from dragoman.core.delivery.selection import Selection
from dragoman.core.devices.assignments import Assignments
from dragoman.core.devices.device_registration import DeviceRegistration
from dragoman.core.devices.devices import Devices
from dragoman.core.devices.inbox_exports import InboxExports
from dragoman.core.devices.phone_settings import PhoneSettings
from dragoman.core.health import Health
from dragoman.core.identifiers import last_identifier
from dragoman.core.inbound.answers import AnswerLimits
from dragoman.core.inbound.auto_answers import AutoAnswers
from dragoman.core.inbound.inbound import Inbound
from dragoman.core.inbound.inbox import Inbox
from dragoman.core.inbound.keywords import Keywords
from dragoman.core.inbound.opt_outs import OptOuts
from dragoman.core.inbound.routing import InboundRouting
from dragoman.core.messages.attachments import Attachments
from dragoman.core.messages.events import MessageEvents
from dragoman.core.messages.feed import Feed
from dragoman.core.messages.live import LiveMessages
from dragoman.core.messages.loader import MessageLoader
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.messages.model.routing import Router
from dragoman.core.messages.premium import PremiumRules
from dragoman.core.metrics import Metrics
from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.placement.placement import Placement
from dragoman.core.reporting.conversations import Conversations
from dragoman.core.reporting.correspondence import Correspondence
from dragoman.core.reporting.finder import Finder
from dragoman.core.reporting.message_search import MessageSearch
from dragoman.core.reporting.monthly import MonthlyReport
from dragoman.core.reporting.queries import Queries
from dragoman.core.reporting.single_texts import SingleTexts
from dragoman.core.reporting.statistics import Statistics
from dragoman.core.reporting.timeline import Timelines
from dragoman.core.reporting.traffic import Traffic
from dragoman.core.retention.privacy import Privacy
from dragoman.core.retention.retention import Retention
from dragoman.core.submission.answering import Answering
from dragoman.core.submission.audiences import Audiences
from dragoman.core.submission.batches import Batches
from dragoman.core.submission.bundles import Bundles
from dragoman.core.submission.idempotency_keys import IdempotencyKeys
from dragoman.core.submission.message_actions import MessageActions
from dragoman.core.submission.message_maker import MessageMaker
from dragoman.core.submission.orders import Orders
from dragoman.core.submission.quotes import Quotes
from dragoman.core.submission.refunds import Refunds
from dragoman.core.submission.replacements import Replacements
from dragoman.core.submission.route_explanations import RouteExplanations
from dragoman.core.submission.scheduled import ScheduledBatches
from dragoman.core.submission.single_messages import SingleMessages
from dragoman.core.submission.submission import SubmissionService
from dragoman.core.submission.verifications import Verifications
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.kit.signal import Signal
from dragoman.storage.engine import Storage
from dragoman.storage.short_ids import ShortIds
from dragoman.web.downloads import Downloader
from dragoman.work_queue.local import LocalQueue

NOTE_S: Final = 0.5
"""What a stop gives to what is only good to know: a database that hangs must be left in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a gateway can do, over one database."""

    settings: Settings
    clock: Clock
    ids: IdSource
    metrics: Metrics
    storage: Storage
    short_ids: ShortIds
    placement: Placement
    health: Health
    live: LiveMessages
    queue: LocalQueue
    router: Router
    callback_stored: Signal[[NewCallback]]
    callback_lists: CallbackLists
    accounts: Accounts
    sessions: Sessions
    account_tree: AccountTree
    console_sessions: ConsoleSessions
    admin_tokens: AdminTokens
    access_tokens: AccessTokens
    api_keys: ApiKeys
    auth_tokens: AuthTokens
    dialect_records: DialectRecords
    key_pairs: KeyPairs
    login_tokens: LoginTokens
    scoped_tokens: ScopedTokens
    smpp_logins: SmppLogins
    one_time_links: OneTimeLinks
    people: People
    saved_searches: SavedSearches
    second_factors: SecondFactors
    sign_ins: SignIns
    credits: Credits
    senders: Senders
    audit_log: AuditLog
    contacts: Contacts
    contact_profiles: ContactProfiles
    groups: Groups
    contact_values: ContactValues
    imports: Imports
    uploads: Uploads
    inbound_routing: InboundRouting
    answer_limits: AnswerLimits
    keywords: Keywords
    opt_outs: OptOuts
    auto_answers: AutoAnswers
    answering: Answering
    conversations: Conversations
    devices: Devices
    assignments: Assignments
    device_registration: DeviceRegistration
    phone_settings: PhoneSettings
    inbox_exports: InboxExports
    webhooks: Webhooks
    signing_secrets: SigningSecrets
    device_routes: DeviceRoutes
    message_events: MessageEvents
    feed: Feed
    loader: MessageLoader
    delivery: Delivery
    backlog: Backlog
    receipts: Receipts
    deadlines: Deadlines
    inbound: Inbound
    inbox: Inbox
    dispatcher: Dispatcher
    carrier_switches: CarrierSwitches
    price_lists: PriceLists
    retention: Retention
    privacy: Privacy
    premium: PremiumRules
    downloader: Downloader
    attachments: Attachments
    audiences: Audiences
    message_maker: MessageMaker
    submission: SubmissionService
    bundles: Bundles
    batches: Batches
    idempotency_keys: IdempotencyKeys
    orders: Orders
    single_messages: SingleMessages
    queries: Queries
    message_search: MessageSearch
    finder: Finder
    monthly_report: MonthlyReport
    quotes: Quotes
    message_actions: MessageActions
    scheduled_batches: ScheduledBatches
    refunds: Refunds
    replacements: Replacements
    verifications: Verifications
    mailings: Mailings
    issues: Issues
    text_templates: TextTemplates
    text_campaigns: TextCampaigns
    short_links: ShortLinks
    alerts: Alerts
    timelines: Timelines
    correspondence: Correspondence
    single_texts: SingleTexts
    statistics: Statistics
    traffic: Traffic
    resources: Resources
    """What connectors are built from, besides their tables."""
    connectors: dict[str, Connector]
    """By name; it changes where the configuration does."""
    selection: Selection
    route_explanations: RouteExplanations
    rerouting: Rerouting

    async def open(self, *, migrate: bool = False) -> None:
        """Readies the database; raises `StorageUnavailable` where its tables are not current."""
        await self.storage.ready(migrate=migrate)
        self.storage.start()
        # At once: a partition that changes hands is away until they are done.
        with self.storage.reading_together():
            await asyncio.gather(
                self._continue_identifiers(),
                self.inbound_routing.load(),
                self.opt_outs.load(),
                self.auto_answers.load(),
                self.devices.restore(),
                self.phone_settings.restore(),
                self.webhooks.restore(),
                self.smpp_logins.restore(),
                self.text_campaigns.restore(),
                self.alerts.restore(),
            )

    async def _continue_identifiers(self) -> None:
        self.ids.continue_after(await self.storage.read(last_identifier))

    async def _note_key_uses(self) -> None:
        with contextlib.suppress(StorageUnavailable, TimeoutError):  # the next use is noted again
            async with asyncio.timeout(NOTE_S):
                await self.accounts.note_key_uses()

    async def close(self) -> None:
        """Lets go of the database and of what else is open."""
        await self.inbound_routing.settle()
        await self.downloader.close()
        await self._note_key_uses()
        await self.storage.stop()
