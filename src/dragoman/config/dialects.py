"""The tables of the configuration below `[dialects]`: settings of one provider's API each."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from dragoman.config.kannel import Kannel
from dragoman.config.sections import DAY_S, Section
from dragoman.config.values import (
    HostName,
    PhoneNumber,
    PublicUrl,
    Secret,
    TimeZone,
    about,
    matching,
)

LinkProfile = Literal["link", "zumosms"]
PathPrefix = Annotated[
    str, matching("(/[A-Za-z0-9_-]+){1,8}", "is not the beginning of a path, such as /api/laml")
]
Currency = Annotated[str, matching("[A-Z]{3}", "is not a currency of three letters, such as USD")]
DialectZone = Annotated[TimeZone, about("Time zone of its times, for accounts without their own.")]


class LinkHost(Section, frozen=True, kw_only=True):
    """A host name, and the edition of the API that programs find there."""

    host: HostName
    """The name that programs call, without a port."""
    profile: LinkProfile
    """The edition they are answered in."""


class LinkMobility(Section, frozen=True, kw_only=True):
    """The dialect of LINK Mobility DK v2."""

    time_zone: DialectZone = "Europe/Copenhagen"
    advanced_key: Annotated[Secret, Meta(examples=["a long random text"])] = Secret("")
    """Opens what the manual calls advanced to whoever sends it as `advanced`; empty for nobody."""
    profile: LinkProfile = "link"
    """Edition of the API: "link", or "zumosms" for programs of the older manual. An account's own
    (`dragoman account set --profile`) comes first, then that of the host name, then this."""
    hosts: tuple[LinkHost, ...] = ()
    """Host names with their own edition."""
    refuse_other_characters: bool = False
    """Whether a text in format GSM is refused for characters that the GSM alphabet lacks; otherwise
    look-alikes are sent in their place, such as - for –, or the text goes as Unicode."""


class SubaccountProfile(Section, frozen=True, kw_only=True):
    """What subaccounts of a kind may do; a profile narrows and never widens."""

    id: Annotated[int, Meta(ge=1, le=1_000_000)]
    """Its `id-subaccount-profile`."""
    name: str = ""
    """What people call it."""
    message_types: tuple[str, ...] = ()
    """The only types it may send; empty for all."""
    without: tuple[Literal["send", "receive", "any_sender", "inbox"], ...] = ()
    """Permissions that it does not have."""


class SmSend(Section, frozen=True, kw_only=True):
    """The dialect of smSend REST v1.0 and its sister brands."""

    time_zone: DialectZone = "Europe/Rome"
    session_idle_s: Annotated[float, Meta(gt=0, le=DAY_S)] = 300.0
    """Time without a call that ends a session."""
    public_url: Annotated[str, Meta(examples=["https://sms.example.com"])] = ""
    """Where customers find this gateway, for the link to the console; empty for the host that they
    call."""
    default_sender: Annotated[str, Meta(pattern=r"^(\+?[0-9]{3,15}|[ -~]{1,11})$")] = "SMS"
    """Sender of texts for accounts without a preferred alias, and of message types whose sender
    customers do not choose."""
    refuse_other_characters: bool = False
    """Whether a text in encoding gsm is refused for characters that its alphabet lacks; otherwise
    look-alikes are sent in their place, such as - for –, or the text goes as Unicode."""
    refuse_sender: bool = False
    """Whether a sender is refused for a message type whose sender customers do not choose, or
    ignored."""
    mails_per_hour: Annotated[int, Meta(ge=1, le=10_000_000)] = 2_000
    """Mails an hour that `status` reports."""
    subaccount_profiles: tuple[SubaccountProfile, ...] = ()
    """What subaccounts may do, by the number a superaccount gives."""


class SmsGate(Section, frozen=True, kw_only=True):
    """The client API of SMSGate."""

    sender: str = "SMSGate"
    """Sender of messages that do not go over phones, for accounts without a default sender."""
    plain_webhooks: bool = False
    """Whether webhooks may have http addresses, not only https."""
    token_life_s: Annotated[float, Meta(ge=60, le=30 * DAY_S)] = 1.0 * DAY_S
    """Longest life of an access token."""
    refresh_life_s: Annotated[float, Meta(ge=60, le=366 * DAY_S)] = 30.0 * DAY_S
    """How long a token can be renewed."""


class SmsGateway24(Section, frozen=True, kw_only=True):
    """The dialect of SMSGateway24."""

    time_zone: DialectZone = "UTC"
    token_life_s: Annotated[float, Meta(ge=0, le=10 * 366 * DAY_S)] = 30.0 * DAY_S
    """How long a token is valid; 0 is for ever."""


class Twilio(Section, frozen=True, kw_only=True):
    """The dialect of Twilio's API."""

    path_prefixes: Annotated[
        tuple[PathPrefix, ...], Meta(examples=[["/api/laml"]], max_length=8)
    ] = ()
    """Paths in front of /2010-04-01, /v1 and /v2 below which the API answers too, as services with
    the same API have them."""
    public_url: Annotated[PublicUrl, Meta(examples=["https://sms.example.com"])] = ""
    """Where customers find this gateway, for the links in lists; empty for the host that they
    call, over http."""
    price_unit: Currency = "USD"
    """Currency of prices and of the balance."""
    available_numbers: Annotated[
        tuple[PhoneNumber, ...], Meta(examples=[["+4512720001"]], max_length=10_000)
    ] = ()
    """Numbers of yours that any account may take, and give back, through this API."""


class Jasmin(Section, frozen=True, kw_only=True):
    """The dialect of Jasmin."""

    text_method: Literal["GET", "POST"] = "POST"
    """How URLs of received texts are called; in Jasmin each HTTP connector has its own."""


WITH_KEYS: Final = frozenset({"httpsms", "linkmobility", "native"})
"""Dialects whose calls take an API key of the account; the others sign in otherwise."""


class Dialects(Section, frozen=True, kw_only=True):
    """The providers' HTTP APIs that are answered."""

    enabled: Annotated[tuple[str, ...], Meta(min_length=1)] = (
        "httpsms",
        "linkmobility",
        "native",
        "smsend",
        "smsgateway24",
    )
    """Dialects to answer, by name."""
    jasmin: Jasmin = Jasmin()
    """Settings of jasmin."""
    kannel: Kannel = Kannel()
    """Settings of kannel."""
    linkmobility: LinkMobility = LinkMobility()
    """Settings of linkmobility."""
    smsend: SmSend = SmSend()
    """Settings of smsend."""
    smsgate: SmsGate = SmsGate()
    """Settings of smsgate."""
    smsgateway24: SmsGateway24 = SmsGateway24()
    """Settings of smsgateway24."""
    twilio: Twilio = Twilio()
    """Settings of twilio."""
