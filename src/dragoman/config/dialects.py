"""The tables of the configuration below `[dialects]`: what is told the providers' APIs apart."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from dragoman.config.sections import DAY_S, Section
from dragoman.config.values import HostName, Secret, TimeZone

LinkProfile = Literal["link", "zumosms"]


class LinkHost(Section, frozen=True, kw_only=True):
    """A host name, and the edition of the API that programs find there."""

    host: Annotated[HostName, Meta(description="The name that programs call, without a port.")]
    profile: Annotated[LinkProfile, Meta(description="The edition they are answered in.")]


class LinkMobility(Section, frozen=True, kw_only=True):
    """The dialect of LINK Mobility DK v2."""

    time_zone: Annotated[
        TimeZone, Meta(description="Zone of its times, for accounts without a zone of their own.")
    ] = "Europe/Copenhagen"
    advanced_key: Annotated[
        Secret,
        Meta(
            description="Opens what the manual calls advanced to whoever gives it as `advanced`;"
            " nobody where it is not set.",
        ),
    ] = Secret("")
    profile: Annotated[
        LinkProfile,
        Meta(
            description="Edition of the API: LINK Mobility's or the older one of Zumosms; an"
            " account's own comes before it, and so does that of the host name."
        ),
    ] = "link"
    hosts: Annotated[
        tuple[LinkHost, ...], Meta(description="Host names with an edition of their own.")
    ] = ()


class SubaccountProfile(Section, frozen=True, kw_only=True):
    """What subaccounts of a kind may do; a profile narrows and never widens."""

    id: Annotated[int, Meta(ge=1, le=1_000_000, description="Its `id-subaccount-profile`.")]
    name: Annotated[str, Meta(description="What people call it.")] = ""
    message_types: Annotated[
        tuple[str, ...], Meta(description="The only types it may send; empty for all.")
    ] = ()
    without: Annotated[
        tuple[Literal["send", "receive", "any_sender", "inbox"], ...],
        Meta(description="Permissions that it has not."),
    ] = ()


class SmSend(Section, frozen=True, kw_only=True):
    """The dialect of smSend REST v1.0 and its sister brands."""

    time_zone: Annotated[
        TimeZone, Meta(description="Zone of its times, for accounts without a zone of their own.")
    ] = "Europe/Rome"
    session_idle_s: Annotated[
        float, Meta(gt=0, le=DAY_S, description="Time without a call after which a session ends.")
    ] = 300.0
    public_url: Annotated[
        str,
        Meta(
            description="Address of this gateway as customers write it, for the link to the"
            " console; the host that was called where it is empty."
        ),
    ] = ""
    default_sender: Annotated[
        str,
        Meta(
            pattern=r"^(\+?[0-9]{3,15}|[ -~]{1,11})$",
            description="Sender of texts for accounts without a preferred alias, and of types whose"
            " sender customers do not choose.",
        ),
    ] = "SMS"
    mails_per_hour: Annotated[
        int, Meta(ge=1, le=10_000_000, description="Mails an hour that `status` tells of.")
    ] = 2_000
    subaccount_profiles: Annotated[
        tuple[SubaccountProfile, ...],
        Meta(description="What subaccounts may do, by the number a superaccount gives."),
    ] = ()


class SmsGate(Section, frozen=True, kw_only=True):
    """The client API of SMSGate."""

    sender: Annotated[
        str,
        Meta(
            description="Sender of messages that do not go over phones, for accounts without a"
            " default sender."
        ),
    ] = "SMSGate"
    plain_webhooks: Annotated[
        bool, Meta(description="Whether webhooks may have http addresses, not https alone.")
    ] = False
    token_life_s: Annotated[
        float, Meta(ge=60, le=30 * DAY_S, description="Longest life of an access token.")
    ] = 86_400.0
    refresh_life_s: Annotated[
        float, Meta(ge=60, le=366 * DAY_S, description="How long a token can be renewed.")
    ] = 2_592_000.0


class SmsGateway24(Section, frozen=True, kw_only=True):
    """The dialect of SMSGateway24."""

    time_zone: Annotated[
        TimeZone, Meta(description="Zone of its times, for accounts without a zone of their own.")
    ] = "UTC"
    token_life_s: Annotated[
        float,
        Meta(ge=0, le=10 * 366 * DAY_S, description="How long a token is good; 0 is for ever."),
    ] = 30.0 * DAY_S


class Dialects(Section, frozen=True, kw_only=True):
    """The providers' HTTP APIs that are answered."""

    enabled: Annotated[
        tuple[str, ...], Meta(min_length=1, description="Names of the dialects to answer.")
    ] = ("httpsms", "linkmobility", "smsend", "smsgateway24")
    linkmobility: Annotated[LinkMobility, Meta(description="Settings of linkmobility.")] = (
        LinkMobility()
    )
    smsend: Annotated[SmSend, Meta(description="Settings of smsend.")] = SmSend()
    smsgate: Annotated[SmsGate, Meta(description="Settings of smsgate.")] = SmsGate()
    smsgateway24: Annotated[SmsGateway24, Meta(description="Settings of smsgateway24.")] = (
        SmsGateway24()
    )
