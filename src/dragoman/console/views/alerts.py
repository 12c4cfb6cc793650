"""Alerts: what is wrong now, what was, and the rules that find it."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from dragoman.console.forms import EDITED_SINCE
from dragoman.console.labels import describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.paging import PER_PAGE, address_of, read_before
from dragoman.console.reading import read_count
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.accounts.model.people import Role
from dragoman.core.alerts.model.rules import (
    KINDS,
    AlertKind,
    AlertRule,
    StoredRule,
    read_out_limit,
    write_limit,
)
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.urls import hide_passwords, unhide_password
from dragoman.kit.ids import time_of
from dragoman.web.responses import Response

ALERT_KINDS: Final = MappingProxyType(
    {
        AlertKind.DELIVERY_RATE: lazy("Delivery rate"),
        AlertKind.QUEUE_AGE: lazy("Queue age"),
        AlertKind.CARRIER_DOWN: lazy("Carrier down"),
        AlertKind.CREDITS: lazy("Credits"),
        AlertKind.DISK: lazy("Disk space"),
        AlertKind.CALLBACK_HOST: lazy("Callback host failing"),
        AlertKind.INBOUND_SILENCE: lazy("No texts received"),
    }
)
LIMITS: Final = MappingProxyType(
    {
        AlertKind.DELIVERY_RATE: lazy("at least {limit} % delivered"),
        AlertKind.QUEUE_AGE: lazy("at most {limit} s in the queue"),
        AlertKind.CREDITS: lazy("at least {limit} credits"),
        AlertKind.DISK: lazy("at least {limit} MB free"),
        AlertKind.INBOUND_SILENCE: lazy("at most {limit} h without a text"),
    }
)
"""What is well; kinds without a limit are not here."""
UNITS: Final = MappingProxyType(
    {
        AlertKind.DELIVERY_RATE: lazy("at least this % of messages delivered"),
        AlertKind.QUEUE_AGE: lazy("at most this many s in the queue"),
        AlertKind.CREDITS: lazy("at least this many credits"),
        AlertKind.DISK: lazy("at least this many MB free"),
        AlertKind.INBOUND_SILENCE: lazy("at most this many h without a text"),
    }
)
_FIELDS: Final = (
    *("name", "kind", "limit", "about", "over_h", "fewest", "for_s", "repeat_s"),
    *("mails", "webhooks", "numbers", "quiet_from", "quiet_to"),
)
_LABELS: Final = MappingProxyType(
    {
        "limit": lazy("Limit"),
        "mails": lazy("By mail"),
        "webhooks": lazy("By webhook"),
        "numbers": lazy("By text message"),
        "quiet": lazy("Quiet times"),
        "for_s": lazy("Only once it has lasted (seconds)"),
        "over_h": lazy("Over the last (hours)"),
    }
)
_AT: Final = "/alerts"


async def list_alerts(request: PageRequest) -> Response:
    """What is wrong now, what was, and the rules."""
    services, account = request.services, request.account
    before = read_before(request.query)
    found = await services.alerts.page(account, before, PER_PAGE + 1)
    shown = found[:PER_PAGE]
    rules = services.alerts.of_account(account)
    names = {one.key: one.rule.name for one in rules}
    operates = account.may(Permission.OPERATE)
    configured = services.settings.rules_of_alerts() if operates else ()
    return request.show(
        "alerts.html",
        alerts=shown,
        name_of=lambda key: names.get(key, key.removeprefix("config:")),
        rules=rules,
        configured=configured,
        kinds=ALERT_KINDS,
        limit_of=_describe_limit,
        time_of=time_of,
        may_change=account.may(Permission.SEND) and request.manages,
        further=address_of(request.query, before=shown[-1].alert_id)
        if len(found) > PER_PAGE
        else "",
        first=address_of(request.query) if before is not None else "",
    )


async def show_new(request: PageRequest) -> Response:
    """The form for a rule of the kind that the query names."""
    wanted = request.query.get("kind", "")
    kind = AlertKind(wanted) if wanted in list(AlertKind) else AlertKind.CREDITS
    rule = AlertRule(name=ALERT_KINDS[kind], kind=kind, limit=KINDS[kind].limit)
    return _show_form(request, None, _typed_of(rule))


async def create(request: PageRequest) -> Response:
    """Stores a rule."""
    typed = _typed(request)
    rule = _read(request, typed)
    if rule is None:
        return _show_form(request, None, typed, 400)
    alerts = request.services.alerts
    try:
        made = await request.context.repeats.once(
            request.account.account_id,
            f"alert {request.form.get('mark', '')}",
            lambda: alerts.create(request.account, rule),
        )
    except Refused as refused:
        return _refuse(request, refused, None, typed)
    await request.note("alert_rule", made.rule.name)
    return request.go(_AT, "saved")


async def show_rule(request: PageRequest) -> Response:
    """The form of a rule."""
    stored = request.services.alerts.find(request.account, request.identifier("rule_id"))
    return _show_form(request, stored, _typed_of(stored.rule))


async def change(request: PageRequest) -> Response:
    """Changes, tests, switches or deletes a rule, unless someone else changed it meanwhile."""
    alerts, form = request.services.alerts, request.form
    stored = alerts.find(request.account, request.identifier("rule_id"))
    if form.get("do") == "test":
        try:
            told = await alerts.test(request.account, stored.rule_id)
        except Refused as refused:
            return _refuse(request, refused, stored, _typed_of(stored.rule))
        return _show_form(request, stored, _typed_of(stored.rule), told=told)
    known = read_count(form.get("known", "")) or 0
    typed = _typed(request)
    if known != stored.changed_ms:
        request.problems[""] = EDITED_SINCE
        for name, value in _typed_of(stored.rule).items():
            # Each kind has a form of its own, and what that does not ask for is in nobody's way.
            if name in _FIELDS and form.get(name) is not None and value != typed[name]:
                field = "quiet" if name.startswith("quiet") else name
                request.problems[field] = gettext("Current value: {value}").format(
                    value=value or gettext("empty")
                )
        return _show_form(request, stored, typed, 409)
    if form.get("do") == "delete":
        await alerts.remove(request.account, stored.rule_id)
        await request.note("remove_alert_rule", stored.rule.name)
        return request.go(_AT, "rule-deleted")
    rule = _read(request, typed, stored)
    if rule is None:
        return _show_form(request, stored, typed, 400)
    try:
        await alerts.change(request.account, stored, rule)
    except Refused as refused:
        return _refuse(request, refused, stored, typed)
    await request.note("alert_rule", rule.name)
    return request.go(_AT, "saved")


def _describe_limit(rule: AlertRule) -> str:
    said = LIMITS.get(rule.kind)
    if said is None:
        return ""
    return str(said).format(limit=read_out_limit(rule.limit))


def _refuse(
    request: PageRequest, refused: Refused, stored: StoredRule | None, typed: dict[str, str]
) -> Response:
    if refused.code in (RefusalCode.UNAVAILABLE, RefusalCode.PERMISSION_DENIED):
        raise refused
    if refused.subject == "version":
        request.problems[""] = EDITED_SINCE
        return _show_form(request, stored, typed, 409)
    known = {*_FIELDS, "quiet"}
    field = refused.subject if refused.subject in known else ""
    request.problems[field] = (
        refused.detail.capitalize() + "." if refused.detail else (describe_refusal(refused))
    )
    return _show_form(request, stored, typed, 400)


def _show_form(
    request: PageRequest,
    stored: StoredRule | None,
    typed: dict[str, str],
    status: int = 200,
    told: object = (),
) -> Response:
    operates = request.account.may(Permission.OPERATE)
    kind = AlertKind(typed["kind"])
    return request.show(
        "alert-rule.html",
        status,
        stored=stored,
        typed=typed,
        kind=kind,
        unit=UNITS.get(kind, ""),
        kinds=[
            (one.value, label)
            for one, label in ALERT_KINDS.items()
            if operates or not KINDS[one].for_operators
        ],
        kind_names=ALERT_KINDS,
        mark=request.form.get("mark", "") or f"{request.services.ids.next()}",
        told=told,
        labels=_LABELS,
    )


def _typed(request: PageRequest) -> dict[str, str]:
    # Browsers send every line break as two characters.
    typed = {name: request.form.get(name, "").strip().replace("\r\n", "\n") for name in _FIELDS}
    typed["enabled"] = request.form.get("enabled", "")
    if typed["kind"] not in list(AlertKind):
        typed["kind"] = AlertKind.CREDITS.value
    return typed


def _typed_of(rule: AlertRule) -> dict[str, str]:
    """A rule as its form shows it."""
    return {
        "name": rule.name,
        "kind": rule.kind.value,
        "limit": write_limit(rule.limit),
        "about": rule.about,
        "over_h": str(rule.over_h),
        "fewest": str(rule.fewest),
        "for_s": str(rule.for_s),
        "repeat_s": str(rule.repeat_s or ""),
        "mails": ", ".join(rule.mails),
        "webhooks": "\n".join(map(hide_passwords, rule.webhooks)),
        "numbers": ", ".join(f"+{one}" for one in rule.numbers),
        "quiet_from": "" if rule.quiet_from is None else _clock(rule.quiet_from),
        "quiet_to": "" if rule.quiet_to is None else _clock(rule.quiet_to),
        "enabled": "1" if rule.enabled else "",
    }


def _read(
    request: PageRequest, typed: dict[str, str], stored: StoredRule | None = None
) -> AlertRule | None:
    """The rule of a form; what cannot be read is added to the problems of the request."""
    problems = request.problems
    numbers: dict[str, int] = {}
    for name, usual in (("over_h", 1), ("fewest", 50), ("for_s", 60), ("repeat_s", 0)):
        read = read_count(typed[name] or str(usual))
        if read is None or read > 10_000_000:
            problems[name] = gettext("Enter a number.")
        else:
            numbers[name] = read
    try:
        limit = float(typed["limit"].replace(",", ".") or "0")
        if not 0 <= limit < 1e15:
            raise ValueError
    except ValueError:
        limit = 0.0
        problems["limit"] = gettext("Enter a number.")
    quiet = [_read_clock(request, typed[name]) for name in ("quiet_from", "quiet_to")]
    if problems:
        return None
    return AlertRule(
        name=typed["name"],
        kind=AlertKind(typed["kind"]),
        limit=limit,
        about=typed["about"],
        mails=_pieces(typed["mails"]),
        webhooks=_webhooks(typed["webhooks"], stored),
        numbers=_pieces(typed["numbers"]),
        quiet_from=quiet[0],
        quiet_to=quiet[1],
        time_zone=_zone_name(request.zone),
        enabled=bool(typed["enabled"]),
        **numbers,
    )


def _webhooks(text: str, stored: StoredRule | None) -> tuple[str, ...]:
    """The URLs of a form; those whose passwords were not typed keep them."""
    known = stored.rule.webhooks if stored is not None else ()
    unedited = {hide_passwords(one): one for one in known}
    urls = [unedited.get(url, url) for url in text.split()]
    for one in known:
        urls = [unhide_password(url, one) for url in urls]
    return tuple(urls)


def _pieces(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (one.strip() for one in text.replace("\n", ",").split(","))))


def _read_clock(request: PageRequest, text: str) -> int | None:
    if not text:
        return None
    hour, _, minute = text.partition(":")
    if hour.isdigit() and minute.isdigit() and int(hour) < 24 and int(minute) < 60:
        return int(hour) * 60 + int(minute)
    request.problems["quiet"] = gettext("Use the form 22:00.")
    return None


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _zone_name(zone: ZoneInfo) -> str:
    return zone.key


_change: Final = partial(
    Page, section="Alerts", needs=Permission.SEND, least=Role.MANAGER, acts=Role.MANAGER
)
PAGES: Final = (
    Page(_AT, lazy("Alerts"), menu=lazy("Alerts"), show=list_alerts),
    _change(f"{_AT}/new", lazy("New rule"), show=show_new, act=create),
    _change(f"{_AT}/{{rule_id:int}}", lazy("Rule"), show=show_rule, act=change),
)
