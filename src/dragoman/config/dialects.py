"""The tables of the configuration below `[dialects]`: settings of one provider's API each."""

from __future__ import annotations

from typing import Annotated, Literal

from dragoman.config.sections import DAY_S, Section
from dragoman.config.values import HostName, Secret, TimeZone, about

LinkProfile = Literal["link", "zumosms"]
DialectZone = Annotated[TimeZone, about("Time zone of its times, for accounts without their own.")]


class LinkHost(Section, frozen=True, kw_only=True):
    """A host name, and the edition of the API that programs find there."""

    host: Annotated[HostName, about("The name that programs call, without a port.")]
    profile: Annotated[LinkProfile, about("The edition they are answered in.")]


class LinkMobility(Section, frozen=True, kw_only=True):
    """The dialect of LINK Mobility DK v2."""

    time_zone: DialectZone = "Europe/Copenhagen"
    advanced_key: Annotated[
        Secret,
        about(
            "Opens what the manual calls advanced to whoever sends it as `advanced`; empty for"
            " nobody.",
            "a long random text",
        ),
    ] = Secret("")
    profile: Annotated[
        LinkProfile,
        about(
            'Edition of the API: "link", or "zumosms" for programs of the older manual. An'
            " account's own (`dragoman account set --profile`) comes first, then that of the host"
            " name, then this."
        ),
    ] = "link"
    hosts: Annotated[tuple[LinkHost, ...], about("Host names with their own edition.")] = ()


class SubaccountProfile(Section, frozen=True, kw_only=True):
    """What subaccounts of a kind may do; a profile narrows and never widens."""

    id: Annotated[int, about("Its `id-subaccount-profile`.", ge=1, le=1_000_000)]
    name: Annotated[str, about("What people call it.")] = ""
    message_types: Annotated[
        tuple[str, ...], about("The only types it may send; empty for all.")
    ] = ()
    without: Annotated[
        tuple[Literal["send", "receive", "any_sender", "inbox"], ...],
        about("Permissions that it does not have."),
    ] = ()


class SmSend(Section, frozen=True, kw_only=True):
    """The dialect of smSend REST v1.0 and its sister brands."""

    time_zone: DialectZone = "Europe/Rome"
    session_idle_s: Annotated[
        float, about("Time without a call that ends a session.", gt=0, le=DAY_S)
    ] = 300.0
    public_url: Annotated[
        str,
        about(
            "Where customers find this gateway, for the link to the console; empty for the host"
            " that they call.",
            "https://sms.example.com",
        ),
    ] = ""
    default_sender: Annotated[
        str,
        about(
            "Sender of texts for accounts without a preferred alias, and of message types whose"
            " sender customers do not choose.",
            pattern=r"^(\+?[0-9]{3,15}|[ -~]{1,11})$",
        ),
    ] = "SMS"
    mails_per_hour: Annotated[
        int, about("Mails an hour that `status` reports.", ge=1, le=10_000_000)
    ] = 2_000
    subaccount_profiles: Annotated[
        tuple[SubaccountProfile, ...],
        about("What subaccounts may do, by the number a superaccount gives."),
    ] = ()


class SmsGate(Section, frozen=True, kw_only=True):
    """The client API of SMSGate."""

    sender: Annotated[
        str,
        about(
            "Sender of messages that do not go over phones, for accounts without a default sender."
        ),
    ] = "SMSGate"
    plain_webhooks: Annotated[
        bool, about("Whether webhooks may have http addresses, not only https.")
    ] = False
    token_life_s: Annotated[
        float, about("Longest life of an access token.", ge=60, le=30 * DAY_S)
    ] = 1.0 * DAY_S
    refresh_life_s: Annotated[
        float, about("How long a token can be renewed.", ge=60, le=366 * DAY_S)
    ] = 30.0 * DAY_S


class SmsGateway24(Section, frozen=True, kw_only=True):
    """The dialect of SMSGateway24."""

    time_zone: DialectZone = "UTC"
    token_life_s: Annotated[
        float, about("How long a token is valid; 0 is for ever.", ge=0, le=10 * 366 * DAY_S)
    ] = 30.0 * DAY_S


class Dialects(Section, frozen=True, kw_only=True):
    """The providers' HTTP APIs that are answered."""

    enabled: Annotated[tuple[str, ...], about("Dialects to answer, by name.", min_length=1)] = (
        "httpsms",
        "linkmobility",
        "smsend",
        "smsgateway24",
    )
    linkmobility: Annotated[LinkMobility, about("Settings of linkmobility.")] = LinkMobility()
    smsend: Annotated[SmSend, about("Settings of smsend.")] = SmSend()
    smsgate: Annotated[SmsGate, about("Settings of smsgate.")] = SmsGate()
    smsgateway24: Annotated[SmsGateway24, about("Settings of smsgateway24.")] = SmsGateway24()
