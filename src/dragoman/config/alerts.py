"""`[[alerts]]`: who is told when something is wrong."""

from __future__ import annotations

import re
from typing import Annotated, Final

from msgspec import Meta

from dragoman.config.sections import Section
from dragoman.config.values import HttpUrl, PhoneNumber, TimeZone
from dragoman.core.alerts.model.rules import KINDS, AlertKind, AlertRule, check_rule
from dragoman.core.model.errors import Refused

_HOURS: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")


class AlertTable(Section, frozen=True, kw_only=True):
    """Who is told when something is wrong; rules of accounts are set in the console.

    Mail goes through the relay of [mailings], from its `sender`. Webhooks are called under the
    rules of callbacks.
    """

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    """What it is called where it is told."""
    kind: AlertKind
    """What is looked at."""
    account: str = ""
    """User name of the account that delivery_rate, credits, callback_host and inbound_silence are
    about, and that pays for text messages; the first operator if it is empty."""
    limit: Annotated[Annotated[float, Meta(ge=0)] | None, Meta(examples=[80.0])] = None
    """Per cent delivered, seconds in the queue, credits, MB free or hours of silence; the usual one
    of its kind if it is not set."""
    about: str = ""
    """Only this carrier, route or callback host; each if it is empty."""
    over_h: Annotated[int, Meta(ge=1, le=168)] = 1
    """Hours that a delivery rate is taken of."""
    fewest: Annotated[int, Meta(ge=1)] = 50
    """Finished messages below which a delivery rate says nothing."""
    for_s: Annotated[int, Meta(ge=0)] = 60
    """How long it has to be so before anybody is told."""
    mails: Annotated[tuple[str, ...], Meta(examples=[["ops@example.com"]])] = ()
    """Mail addresses that are told."""
    webhooks: Annotated[
        tuple[HttpUrl, ...], Meta(examples=[["https://chat.example.com/hooks/1"]])
    ] = ()
    """URLs that are told, by POST with JSON."""
    numbers: Annotated[tuple[PhoneNumber, ...], Meta(examples=[["+4530123456"]])] = ()
    """Numbers that get a text message."""
    quiet: Annotated[str, Meta(examples=["22:00-07:00"])] = ""
    """Hours in which nobody is told; what is still so is told after them."""
    time_zone: TimeZone = "UTC"
    """Time zone of `quiet`."""
    repeat_s: Annotated[int, Meta(ge=0)] = 0
    """How often it is told again while it is so; 0 for never."""

    def rule(self) -> AlertRule:
        """The rule itself; raises ValueError."""
        begin, end = _read_hours(self.quiet) if self.quiet else (None, None)
        usual = KINDS[self.kind].limit
        rule = AlertRule(
            name=self.name,
            kind=self.kind,
            limit=usual if self.limit is None else self.limit,
            about=self.about,
            over_h=self.over_h,
            fewest=self.fewest,
            for_s=self.for_s,
            mails=self.mails,
            webhooks=self.webhooks,
            numbers=self.numbers,
            quiet_from=begin,
            quiet_to=end,
            time_zone=self.time_zone,
            repeat_s=self.repeat_s,
        )
        try:
            return check_rule(rule)
        except Refused as refused:
            raise ValueError(f"{refused.subject}: {refused.detail}") from None


def _read_hours(text: str) -> tuple[int, int]:
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError("quiet: use the form 22:00-07:00")
    hours = [int(piece) for piece in found.groups()]
    return hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
