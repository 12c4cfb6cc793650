"""What the operations on campaigns and templates answer."""

from __future__ import annotations

import msgspec


class CauseView(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages of a campaign ended alike."""

    state: str
    cause: str
    messages: int


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """A short link in a campaign's text, and how often it was followed."""

    link: str
    url: str
    clicks: int


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
    causes: tuple[CauseView, ...] = ()
    """As they were last counted."""
    links: tuple[LinkView, ...] = ()


class CampaignList(msgspec.Struct, frozen=True, kw_only=True):
    """Campaigns of an account, newest first."""

    campaigns: tuple[CampaignView, ...]
    next: int | None = None
    """Go on behind this one."""


class ZoneView(msgspec.Struct, frozen=True, kw_only=True):
    """Recipients of a campaign in one time zone."""

    zone: str
    recipients: int


class SampleView(msgspec.Struct, frozen=True, kw_only=True):
    """What one recipient would get; `problem` says why it would not be sent."""

    number: str
    text: str
    problem: str


class EstimateView(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign would be."""

    recipients: int
    messages: int
    parts: int
    credits: int
    opted_out: int
    unreachable: int
    unsendable: int
    zones: tuple[ZoneView, ...]
    samples: tuple[SampleView, ...]


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
