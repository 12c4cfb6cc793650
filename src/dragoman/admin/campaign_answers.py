"""What the operations on campaigns and templates answer."""

from __future__ import annotations

import msgspec


class CampaignView(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign, and how it goes."""

    campaign_id: int
    account: str
    name: str
    state: str
    sender: str
    text: str
    lists: tuple[str, ...]
    filter: str
    when: str
    due: str
    hours: str
    per_minute: int
    shorten: bool
    problem: str
    started_ms: int | None
    ended_ms: int | None
    recipients: int = 0
    waiting: int = 0
    sent: int = 0
    """By a carrier, without a receipt yet."""
    delivered: int = 0
    failed: int = 0
    causes: tuple[tuple[str, str, int], ...] = ()
    """State, cause and messages, as they were last counted."""
    links: tuple[tuple[str, str, int], ...] = ()
    """Short link, where it leads, and how often it was followed."""


class CampaignList(msgspec.Struct, frozen=True, kw_only=True):
    """Campaigns of an account, newest first."""

    campaigns: tuple[CampaignView, ...]
    next: int | None = None
    """Go on behind this one."""


class EstimateView(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign would be."""

    recipients: int
    messages: int
    parts: int
    credits: int
    opted_out: int
    unreachable: int
    unsendable: int
    zones: tuple[tuple[str, int], ...]
    samples: tuple[tuple[str, str, str], ...]
    """Number, text, and why it would not be sent."""


class TestSent(msgspec.Struct, frozen=True, kw_only=True):
    """A test message."""

    batch_id: int


class TemplateView(msgspec.Struct, frozen=True, kw_only=True):
    """A template."""

    template_id: int
    name: str
    text: str


class TemplateList(msgspec.Struct, frozen=True, kw_only=True):
    """The templates of an account by name."""

    templates: tuple[TemplateView, ...]
