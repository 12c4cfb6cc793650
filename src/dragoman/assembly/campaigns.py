"""The services for campaigns by text message, over those that send messages."""

from __future__ import annotations

from dragoman.assembly.connecting import Connect
from dragoman.assembly.parts import Parts
from dragoman.config import Settings
from dragoman.core.campaigns.estimates import Estimates
from dragoman.core.campaigns.short_links import ShortLinks
from dragoman.core.campaigns.text_campaigns import TextCampaigns
from dragoman.core.campaigns.text_templates import TextTemplates
from dragoman.core.contacts.uploads import Uploads
from dragoman.kit.child_process import ChildProcess
from dragoman.kit.clock import Clock


class AllParts(Parts):
    """Every service."""

    def __init__(
        self, settings: Settings, clock: Clock, connect: Connect, writer: ChildProcess | None
    ) -> None:
        super().__init__(settings, clock, connect, writer)
        self._text_campaigns()

    def _text_campaigns(self) -> None:
        self.uploads = Uploads(
            folder=self.settings.data_path / "uploads",
            imports=self.imports,
            accounts=self.accounts,
            clock=self.clock,
        )
        self.text_templates = TextTemplates(storage=self.storage, clock=self.clock)
        self.short_links = ShortLinks(
            storage=self.storage,
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
