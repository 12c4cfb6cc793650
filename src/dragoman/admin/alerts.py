"""Alerts, and the rules that find them."""

from __future__ import annotations

from typing import Final

from dragoman.admin.alert_answers import AlertList, AlertView, RuleList, RuleView, TestTold
from dragoman.admin.calls import Body, Call
from dragoman.admin.contact_answers import Removed
from dragoman.admin.context import Admin
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.alerts.model.rules import KINDS, AlertKind, AlertRule, StoredRule, Told
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.urls import hide_passwords
from dragoman.kit.ids import time_of

MAX_LISTED: Final = 1_000


class WhichAlerts(Body, frozen=True, kw_only=True):
    """Which alerts to list."""

    limit: int = 50


class NewRule(Body, frozen=True, kw_only=True):
    """A rule of alerts."""

    name: str
    kind: str
    """`delivery_rate`, `queue_age`, `carrier_down`, `credits`, `disk`, `callback_host` or
    `inbound_silence`."""
    limit: float | None = None
    """The usual one of its kind if left out."""
    about: str = ""
    over_h: int = 1
    fewest: int = 50
    for_s: int = 60
    mails: tuple[str, ...] = ()
    webhooks: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    quiet_from: int | None = None
    quiet_to: int | None = None
    repeat_s: int = 0


async def list_alerts(admin: Admin, username: str, query: WhichAlerts) -> AlertList:
    """List alerts of an account, for an operator also of the configuration, newest first."""
    if not 0 < query.limit <= MAX_LISTED:
        raise Refused(RefusalCode.INVALID_FIELD, "limit", f"from 1 to {MAX_LISTED}")
    alerts = admin.services.alerts
    account = await admin.services.accounts.find(username)
    names = {one.key: one.rule.name for one in alerts.of_account(account)}
    return AlertList(
        alerts=tuple(
            AlertView(
                rule=names.get(one.rule, one.rule.removeprefix("config:")),
                subject=one.subject,
                detail=one.detail,
                since_ms=time_of(one.alert_id),
                ended_ms=one.ended_ms,
                told=_told(one.told),
            )
            for one in await alerts.page(account, None, query.limit)
        )
    )


async def list_rules(admin: Admin, username: str) -> RuleList:
    """List the rules of an account, for an operator also those of the configuration."""
    services = admin.services
    account = await services.accounts.find(username)
    rules = [_view(account.username, one) for one in services.alerts.of_account(account)]
    if account.may(Permission.OPERATE):
        rules += [
            _view(name, StoredRule(rule_id=0, account_id=0, rule=rule))
            for name, rule in services.settings.rules_of_alerts()
        ]
    return RuleList(rules=tuple(rules))


async def add_rule(admin: Admin, username: str, body: NewRule) -> RuleView:
    """Add a rule of alerts."""
    account = await admin.services.accounts.find(username)
    try:
        kind = AlertKind(body.kind)
    except ValueError:
        detail = f"one of {', '.join(AlertKind)}"
        raise Refused(RefusalCode.INVALID_FIELD, "kind", detail) from None
    rule = AlertRule(
        name=body.name,
        kind=kind,
        limit=KINDS[kind].limit if body.limit is None else body.limit,
        about=body.about,
        over_h=body.over_h,
        fewest=body.fewest,
        for_s=body.for_s,
        mails=body.mails,
        webhooks=body.webhooks,
        numbers=body.numbers,
        quiet_from=body.quiet_from,
        quiet_to=body.quiet_to,
        time_zone=account.time_zone or "UTC",
        repeat_s=body.repeat_s,
    )
    stored = await admin.services.alerts.create(account, rule)
    await admin.note(account, "alert_rule", rule.name)
    return _view(account.username, stored)


async def remove_rule(admin: Admin, username: str, rule: str) -> Removed:
    """Delete a rule of alerts."""
    account = await admin.services.accounts.find(username)
    stored = admin.services.alerts.find(account, _read(rule))
    await admin.services.alerts.remove(account, stored.rule_id)
    await admin.note(account, "remove_alert_rule", stored.rule.name)
    return Removed(removed=stored.rule.name)


async def test_rule(admin: Admin, username: str, rule: str) -> TestTold:
    """Tell everybody of a rule that this is a test."""
    account = await admin.services.accounts.find(username)
    return TestTold(told=_told(await admin.services.alerts.test(account, _read(rule))))


def _read(rule: str) -> int:
    return int(rule) if rule.isascii() and rule.isdigit() and len(rule) < 12 else 0


def _told(told: tuple[Told, ...]) -> tuple[str, ...]:
    return tuple(
        f"{one.channel}: not reached, {one.problem}" if one.problem else one.channel for one in told
    )


def _view(username: str, stored: StoredRule) -> RuleView:
    rule = stored.rule
    return RuleView(
        rule_id=stored.rule_id,
        account=username,
        name=rule.name,
        kind=rule.kind.value,
        limit=rule.limit,
        about=rule.about,
        enabled=rule.enabled,
        mails=rule.mails,
        webhooks=tuple(map(hide_passwords, rule.webhooks)),
        numbers=rule.numbers,
    )


_RULES: Final = "/accounts/{username}/alert-rules"
CALLS: Final = (
    Call("GET", "/accounts/{username}/alerts", list_alerts),
    Call("GET", _RULES, list_rules),
    Call("POST", _RULES, add_rule),
    Call("DELETE", f"{_RULES}/{{rule}}", remove_rule),
    Call("POST", f"{_RULES}/{{rule}}/test", test_rule),
)
