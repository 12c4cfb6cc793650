"""What countries do to names as senders: data with its sources, and how rules are found.

Only names are meant here: senders of digits depend on what a carrier rents out. The rules say what
providers state of their own service; a carrier may differ, so each can be set per carrier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.core.model.countries import mcc_of_region


class Treatment(StrEnum):
    """What becomes of a name as sender."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    """Messages with it are not delivered."""
    REPLACED = "replaced"
    """Phones show something else: a number of ours, or what the carrier chooses."""
    REGISTERED = "registered"
    """Only names that were registered are delivered."""


class SenderRule(msgspec.Struct, frozen=True, kw_only=True):
    """What a country, perhaps over one carrier, does to names."""

    region: str
    """ISO 3166-1."""
    treatment: Treatment
    carrier: str = ""
    """Empty for every carrier."""
    replacement: str = ""
    """What is sent instead of a name."""
    registered: frozenset[str] = frozenset()
    note: str = ""
    source: str = ""
    """Where it says so; empty where the operator does."""


_TELNYX: Final = "https://developers.telnyx.com/docs/messaging/messages/alphanumeric-sender-id"
_TELNYX_COUNTRIES: Final = (
    "https://developers.telnyx.com/docs/messaging/messages/international-sms-compliance"
)
_AWS: Final = (
    "https://docs.aws.amazon.com/end-user-messaging/latest/userguide/nx-features-senders.html"
)
_AWS_FORMS: Final = (
    "https://docs.aws.amazon.com/sms-voice/latest/userguide/registrations-country.md"
)
_AWS_BLOG: Final = (
    "https://aws.amazon.com/blogs/messaging-and-targeting/"
    "how-to-register-a-sender-id-using-apis-with-aws-end-user-messaging"
)
_TWILIO_ITALY: Final = "https://www.twilio.com/en/guidelines/it/sms"
_INFOBIP_AUSTRALIA: Final = (
    "https://www.infobip.com/docs/essentials/australia-registration/"
    "australia-sms-alphanumeric-sender-id-registration.md"
)
_PUSHTECH: Final = (
    "https://help.pushtech.com/hc/en-us/articles/15407493751954-SMS-International-SMS-Sender-ID-"
    "regulations-and-requirements-list-of-countries"
)


def _rules(treatment: Treatment, note: str, source: str, regions: str) -> tuple[SenderRule, ...]:
    return tuple(
        SenderRule(region=region, treatment=treatment, note=note, source=source)
        for region in regions.split()
    )


COUNTRY_RULES: Final = (
    *_rules(Treatment.REFUSED, "names are not taken; a number is needed", _TELNYX, "US CA PR"),
    *_rules(Treatment.REPLACED, "names are not supported", _AWS, "CN"),
    *_rules(Treatment.REPLACED, "all networks show a short code", _PUSHTECH, "AR"),
    *_rules(
        Treatment.REGISTERED,
        "other names show as Unverified since 1 July 2026 (ACMA register)",
        _INFOBIP_AUSTRALIA,
        "AU",
    ),
    *_rules(Treatment.REGISTERED, "aliases by AGCOM 42/13/CIR", _TWILIO_ITALY, "IT"),
    *_rules(Treatment.REGISTERED, "DLT registration", _TELNYX_COUNTRIES, "IN"),
    *_rules(Treatment.REGISTERED, "registration is mandatory", _AWS_BLOG, "JO PH QA"),
    *_rules(
        Treatment.REGISTERED,
        "the provider asks for a registration",
        _AWS_FORMS,
        "BY EG ID KE KW KZ LK RU SA SG TH",
    ),
)
"""As found in November 2026."""


class RuleTable:
    """Finds the rule of a carrier and a country: the carrier's own, the operator's, the country's.

    The last one written wins among those alike.
    """

    def __init__(self, own: Iterable[SenderRule] = ()) -> None:
        rules: dict[tuple[str, str], SenderRule] = {}
        for rule in (*COUNTRY_RULES, *own):
            rules[rule.carrier, mcc_of_region(rule.region) or ""] = rule
        self._rules: Mapping[tuple[str, str], SenderRule] = MappingProxyType(rules)

    def find(self, carrier: str, country: str) -> SenderRule | None:
        """The rule for a carrier and a mobile country code; None where there is none."""
        return self._rules.get((carrier, country)) or self._rules.get(("", country))


def is_name(sender: str) -> bool:
    """Whether a sender is a name, not a number or a short code."""
    return not sender.removeprefix("+").isdigit()
