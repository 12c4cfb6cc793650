"""Rules of alerts: what is looked at, from when on it is too bad, and who is told."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.mail_addresses import is_email_address
from dragoman.core.model.phone_numbers import normalise
from dragoman.core.model.texts import check_text
from dragoman.core.model.urls import is_http_address
from dragoman.kit.figures import group_thousands

MAX_TARGETS: Final = 10
"""Of one kind, of one rule."""
MAX_RULES: Final = 100
"""Of one account."""
DAY_MINUTES: Final = 24 * 60


class AlertKind(StrEnum):
    """What a rule looks at."""

    DELIVERY_RATE = "delivery_rate"
    QUEUE_AGE = "queue_age"
    CARRIER_DOWN = "carrier_down"
    CREDITS = "credits"
    DISK = "disk"
    CALLBACK_HOST = "callback_host"
    INBOUND_SILENCE = "inbound_silence"


class KindFacts(NamedTuple):
    """What a kind of rule is about."""

    bound: str
    """What its limit is: the least or the most that is well; empty where there is none."""
    unit: str
    limit: float
    """The usual one."""
    for_operators: bool
    """Whether it is about the whole gateway."""


KINDS: Final = MappingProxyType(
    {
        AlertKind.DELIVERY_RATE: KindFacts("at least", "% delivered", 80, False),
        AlertKind.QUEUE_AGE: KindFacts("at most", "s in the queue", 300, True),
        AlertKind.CARRIER_DOWN: KindFacts("", "", 0, True),
        AlertKind.CREDITS: KindFacts("at least", "credits", 1_000, False),
        AlertKind.DISK: KindFacts("at least", "MB free", 2_000, True),
        AlertKind.CALLBACK_HOST: KindFacts("", "", 0, False),
        AlertKind.INBOUND_SILENCE: KindFacts("at most", "h without a text", 24, False),
    }
)


class AlertRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule, as it is stored and configured."""

    name: str
    kind: AlertKind
    limit: float = 0.0
    """In the unit of its kind."""
    about: str = ""
    """Only this carrier, route or host; empty for each."""
    over_h: int = 1
    """Hours of messages that a delivery rate is taken of."""
    fewest: int = 50
    """Finished messages below which a delivery rate says nothing."""
    for_s: int = 60
    """How long it has to be so before anybody is told."""
    mails: tuple[str, ...] = ()
    webhooks: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    """Digits."""
    quiet_from: int | None = None
    """Minutes of the day between which nobody is told; what is still so is told after them."""
    quiet_to: int | None = None
    time_zone: str = "UTC"
    repeat_s: int = 0
    """How often it is said again while it is so; 0 for never."""
    enabled: bool = True


class StoredRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of an account; 0 as identifier is one of the configuration."""

    rule_id: int
    account_id: int
    rule: AlertRule
    changed_ms: int = 0

    @property
    def key(self) -> str:
        """What alerts know it by."""
        return str(self.rule_id) if self.rule_id else f"config:{self.rule.name}"


class Finding(NamedTuple):
    """Something that is too bad now."""

    subject: str
    """What it is about, among what the rule looks at."""
    detail: str
    """In a sentence, for people."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody was told, or could not be."""

    channel: str
    at_ms: int
    problem: str = ""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `alerts`."""

    alert_id: int
    account_id: int
    rule: str
    """The key of the rule."""
    subject: str
    detail: str
    told: tuple[Told, ...] = ()
    ended_ms: int | None = None


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of an alert; the body of a webhook."""

    alert_id: int
    rule: str
    kind: str
    state: str
    """`raised`, `lasting` or `ended`."""
    subject: str
    detail: str
    since_ms: int
    at_ms: int

    @property
    def sentence(self) -> str:
        """One line for people."""
        word = {"raised": "Alert", "lasting": "Still", "ended": "Over"}[self.state]
        return f"{word}: {self.rule}: {self.detail}"


def write_limit(limit: float) -> str:
    """A limit as people type it."""
    return str(int(limit)) if limit == int(limit) else f"{limit:g}"


def read_out_limit(limit: float) -> str:
    """A limit as people read it, with thousands apart."""
    return group_thousands(int(limit)) if limit == int(limit) else f"{limit:g}"


def check_rule(rule: AlertRule) -> AlertRule:
    """The rule with its numbers as digits; raises `Refused`."""
    if not rule.name.strip():
        raise Refused(RefusalCode.MISSING_FIELD, "name")
    check_text("name", rule.name, 100)
    check_text("about", rule.about, 200)
    for field in ("mails", "webhooks", "numbers"):
        if len(getattr(rule, field)) > MAX_TARGETS:
            raise Refused(RefusalCode.INVALID_FIELD, field, f"at most {MAX_TARGETS}")
    if not (rule.mails or rule.webhooks or rule.numbers):
        raise Refused(RefusalCode.MISSING_FIELD, "mails", "name somebody to tell")
    for mail in rule.mails:
        if not is_email_address(mail):
            raise Refused(RefusalCode.INVALID_FIELD, "mails", "not an e-mail address")
    for url in rule.webhooks:
        if not is_http_address(url):
            raise Refused(RefusalCode.INVALID_FIELD, "webhooks", "not an http or https address")
    if rule.limit < 0 or (rule.kind is AlertKind.DELIVERY_RATE and rule.limit > 100):
        raise Refused(RefusalCode.INVALID_FIELD, "limit", "out of range")
    if not 1 <= rule.over_h <= 24 * 7:
        raise Refused(RefusalCode.INVALID_FIELD, "over_h", "from 1 to 168 hours")
    if rule.for_s < 0 or rule.repeat_s < 0 or rule.fewest < 1:
        raise Refused(RefusalCode.INVALID_FIELD, "for_s", "not a length of time")
    begin, end = rule.quiet_from, rule.quiet_to
    if (begin is None) != (end is None):
        raise Refused(RefusalCode.INVALID_FIELD, "quiet", "both ends are needed, or none")
    for minute in (begin, end):
        if minute is not None and not 0 <= minute <= DAY_MINUTES:
            raise Refused(RefusalCode.INVALID_FIELD, "quiet", "not a time of day")
    try:
        numbers = tuple(normalise(number) for number in rule.numbers)
    except Refused:
        raise Refused(RefusalCode.INVALID_FIELD, "numbers", "not a phone number") from None
    return msgspec.structs.replace(rule, numbers=numbers)


def is_quiet(rule: AlertRule, minute: int) -> bool:
    """Whether nobody is told at a minute of the day; quiet times may span midnight."""
    begin, end = rule.quiet_from, rule.quiet_to
    if begin is None or end is None or begin == end:
        return False
    if begin < end:
        return begin <= minute < end
    return minute >= begin or minute < end
