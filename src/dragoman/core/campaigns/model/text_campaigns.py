"""Campaigns by text message: to whom and when, what they would cost, and how they went."""

from __future__ import annotations

from collections import Counter
from enum import IntEnum, StrEnum
from typing import Final

import msgspec

from dragoman.core.contacts.model.filters import Filter
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.submission.model.progress import BatchProgress

MAX_NAME: Final = 100
MAX_TEXT: Final = 3_000
"""Characters, placeholders included."""
MAX_LISTS: Final = 100
MAX_PACE: Final = 1_000_000
"""Messages a minute."""
DAY_MINUTES: Final = 24 * 60


class CampaignState(IntEnum):
    """How far a campaign is."""

    DRAFT = 10
    STARTING = 20
    """Its recipients are counted; then what it sends is stored."""
    RUNNING = 30
    """Also while it waits for its time."""
    PAUSED = 40
    STOPPED = 50
    """Somebody ended it before its end."""
    DONE = 60
    """Everybody it is for got a message, or was refused one."""


ACTIVE: Final = (CampaignState.STARTING, CampaignState.RUNNING, CampaignState.PAUSED)


class When(StrEnum):
    """When a campaign begins."""

    NOW = "now"
    AT = "at"
    """At one moment for all."""
    LOCAL = "local"
    """When it is that time where the recipient is."""


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """To whom a campaign goes, when and how fast."""

    lists: tuple[int, ...] = ()
    filter: Filter | None = None
    when: When = When.NOW
    due: str = ""
    """For `AT` and `LOCAL`, a local time such as `2026-12-24T09:00`; for `AT` in the zone of the
    account, for `LOCAL` in that of each recipient."""
    due_ms: int | None = None
    """For `AT`."""
    from_minute: int | None = None
    """It is sent only from this minute of the recipient's day on …"""
    to_minute: int | None = None
    """… to this one, not included."""
    per_minute: int = 0
    """Messages a minute at most; 0 for as fast as the carriers take them."""
    shorten: bool = False
    """Whether links in the text become short ones whose use is counted."""

    @property
    def is_by_zone(self) -> bool:
        """Whether the recipients' zones matter."""
        return self.when is When.LOCAL or self.from_minute is not None


class ZoneCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many recipients are in zones that have the same time now."""

    zones: tuple[str, ...]
    recipients: int


class Estimate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a campaign would be if it began now."""

    at_ms: int
    recipients: int = 0
    """Distinct numbers."""
    messages: int = 0
    """Those that would be sent: not to who opted out, nor where no route goes."""
    parts: int = 0
    credits: int = 0
    opted_out: int = 0
    unreachable: int = 0
    """Without a route, or not allowed to the account."""
    unsendable: int = 0
    """Whose own text would be empty or too long."""
    zones: tuple[ZoneCount, ...] = ()
    counted: int = 0
    """So far, while it is being counted."""
    is_complete: bool = True


class CauseCount(msgspec.Struct, frozen=True, kw_only=True):
    """Messages in one state for one reason."""

    state: int
    failure: str
    messages: int


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """The result by state and cause, as it was last counted."""

    at_ms: int
    causes: tuple[CauseCount, ...]


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `campaigns`."""

    campaign_id: int
    account_id: int
    name: str
    sender: str
    text: str
    plan: Plan
    state: CampaignState = CampaignState.DRAFT
    problem: str = ""
    """Why it ended, or could not begin."""
    changed_ms: int
    started_ms: int | None = None
    ended_ms: int | None = None
    estimate: Estimate | None = None
    tally: Tally | None = None


class CampaignBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch of a campaign, for the recipients of some zones."""

    zone: str
    """One of them; empty where zones do not matter."""
    progress: BatchProgress


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """A short link, and how often it was followed."""

    token: str
    url: str
    clicks: int
    clicked_ms: int | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign and how it goes."""

    campaign: Campaign
    batches: tuple[CampaignBatch, ...]
    links: tuple[LinkView, ...]
    recipients: int
    waiting: int
    sent: int
    """By a carrier, without a receipt yet."""
    delivered: int
    failed: int

    @property
    def is_counted(self) -> bool:
        """Whether the result by state and cause is not older than these figures."""
        if self.campaign.tally is None:
            return False
        found: Counter[int] = Counter()
        for one in self.campaign.tally.causes:
            found[one.state] += one.messages
        return (found[State.SENT], found[State.DELIVERED]) == (self.sent, self.delivered)


class TextTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A text that is used again, with placeholders such as `[Name]`."""

    template_id: int
    account_id: int
    name: str
    text: str
    changed_ms: int = 0


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """What one recipient would get."""

    number: str
    text: str
    parts: int
    problem: str = ""


def check_plan(plan: Plan) -> None:
    """Raises `Refused` for a plan that cannot be."""
    if len(plan.lists) > MAX_LISTS:
        raise Refused(RefusalCode.INVALID_FIELD, "lists", f"at most {MAX_LISTS} lists")
    if not 0 <= plan.per_minute <= MAX_PACE:
        raise Refused(RefusalCode.INVALID_FIELD, "per_minute", f"from 0 to {MAX_PACE}")
    begin, end = plan.from_minute, plan.to_minute
    if begin is None and end is None:
        return
    if begin is None or end is None:
        raise Refused(RefusalCode.INVALID_FIELD, "hours", "both ends are needed, or none")
    if not 0 <= begin < end <= DAY_MINUTES:
        raise Refused(RefusalCode.INVALID_FIELD, "hours", "the end must be after the beginning")
