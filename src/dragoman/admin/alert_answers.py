"""What the operations on alerts answer."""

from __future__ import annotations

import msgspec


class RuleView(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of alerts."""

    rule_id: int
    """0 for one of the configuration."""
    account: str
    name: str
    kind: str
    limit: float
    about: str
    enabled: bool
    mails: tuple[str, ...]
    webhooks: tuple[str, ...]
    numbers: tuple[str, ...]


class AlertView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a rule found."""

    rule: str
    subject: str
    detail: str
    since_ms: int
    ended_ms: int | None
    told: tuple[str, ...]
    """Channels, each with why it was not reached."""


class RuleList(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of an account, for an operator also those of the configuration."""

    rules: tuple[RuleView, ...]


class AlertList(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts, newest first."""

    alerts: tuple[AlertView, ...]


class TestTold(msgspec.Struct, frozen=True, kw_only=True):
    """Who was told of a test."""

    told: tuple[str, ...]
