"""The services for campaigns and conversations, over those that send and receive messages."""

from __future__ import annotations

from dragoman.assembly.connecting import Connect
from dragoman.assembly.parts import Parts
from dragoman.config import Settings
from dragoman.core.alerts.alerts import Alerts
from dragoman.core.alerts.readings import Readings
from dragoman.core.campaigns.estimates import Estimates
from dragoman.core.campaigns.issues import Issues
from dragoman.core.campaigns.mailings import Mailings
from dragoman.core.campaigns.short_links import ShortLinks
from dragoman.core.campaigns.text_campaigns import TextCampaigns
from dragoman.core.campaigns.text_templates import TextTemplates
from dragoman.core.contacts.contact_addresses import ContactAddresses
from dragoman.core.contacts.uploads import Uploads
from dragoman.core.reporting.conversations import Conversations
from dragoman.core.reporting.correspondence import Correspondence
from dragoman.core.reporting.finder import Finder
from dragoman.core.reporting.message_search import MessageSearch
from dragoman.core.reporting.monthly import MonthlyReport
from dragoman.core.reporting.single_texts import SingleTexts
from dragoman.core.reporting.traffic import Traffic
from dragoman.core.submission.answering import Answering
from dragoman.kit.child_process import ChildProcess
from dragoman.kit.clock import Clock


class AllParts(Parts):
    """Every service."""

    def __init__(
        self, settings: Settings, clock: Clock, connect: Connect, writer: ChildProcess | None
    ) -> None:
        super().__init__(settings, clock, connect, writer)
        self._mailings()
        self._text_campaigns()
        self._lists_of_texts()
        self._alerts()

    def _alerts(self) -> None:
        self.alerts = Alerts(
            storage=self.storage,
            accounts=self.accounts,
            placement=self.placement,
            submission=self.submission,
            readings=Readings(storage=self.storage, accounts=self.accounts, clock=self.clock),
            ids=self.ids,
            clock=self.clock,
            configured=self.settings.rules_of_alerts(),
        )

    def _mailings(self) -> None:
        settings = self.settings
        self.mailings = Mailings(
            storage=self.storage,
            placement=self.placement,
            ids=self.ids,
            clock=self.clock,
            enabled=settings.mailings.enabled,
            sender_domains=settings.mailings.sender_domains,
            book=ContactAddresses(self.storage),
        )
        self.issues = Issues(
            storage=self.storage, mailings=self.mailings, ids=self.ids, clock=self.clock
        )

    def _lists_of_texts(self) -> None:
        self.finder = Finder(
            self.storage, self.short_ids, tuple(carrier.name for carrier in self.settings.carriers)
        )
        self.traffic = Traffic(storage=self.storage, clock=self.clock)
        self.message_search = MessageSearch(self.storage)
        self.monthly_report = MonthlyReport(self.storage, self.clock)
        self.correspondence = Correspondence(self.storage)
        self.single_texts = SingleTexts(self.storage)
        self.conversations = Conversations(storage=self.storage)

    def _text_campaigns(self) -> None:
        self.uploads = Uploads(
            folder=self.settings.data_path / "uploads" / self.placement.folder,
            imports=self.imports,
            accounts=self.accounts,
            clock=self.clock,
            copies=self.placement.file_copies(),
        )
        self.answering = Answering(accounts=self.accounts, idempotency_keys=self.idempotency_keys)
        self.text_templates = TextTemplates(storage=self.storage, clock=self.clock)
        self.short_links = ShortLinks(
            storage=self.storage,
            placement=self.placement,
            ids=self.ids,
            clock=self.clock,
            public_url=self.settings.links.public_url,
        )
        self.text_campaigns = TextCampaigns(
            storage=self.storage,
            accounts=self.accounts,
            submission=self.submission,
            batches=self.batches,
            estimates=Estimates(
                audiences=self.audiences,
                maker=self.message_maker,
                opt_outs=self.opt_outs,
                clock=self.clock,
            ),
            short_links=self.short_links,
            pacing=self.pacing,
            ids=self.ids,
            clock=self.clock,
        )
