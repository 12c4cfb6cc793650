"""The tables of the configuration that repeat: `[[carriers]]`, `[[routes]]`, `[[prices]]` …

The first field of each is its key: how the environment and mistakes address one of them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from dragoman.config.premium import BillingTable
from dragoman.config.sections import DAY_S, Section
from dragoman.config.values import (
    Amount,
    FilePath,
    HttpUrl,
    Network,
    NetworkText,
    OptionalPrefix,
    PhoneNumber,
    Prefix,
    Secret,
    parse_network,
)
from dragoman.core.billing.model.message_types import MessageType
from dragoman.protocols.smpp import fields
from dragoman.protocols.smpp.message_ids import IdReading


def check_password(password: str) -> None:
    """Raises ValueError for a password that a bind cannot carry (SMPP 3.4 s. 5.2.2)."""
    if not password.isascii() or len(password) >= fields.PASSWORD:
        raise ValueError(f"expected at most {fields.PASSWORD - 1} ASCII characters (SMPP 3.4)")


Name = Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$")]
Password = Annotated[Secret, Meta(extra={"check": check_password})]
TypeOfNumber = Annotated[int, Meta(ge=0, le=7)]
NumberingPlan = Annotated[int, Meta(ge=0, le=18)]


class SmppTable(Section, frozen=True, kw_only=True):
    """An account at an SMSC (`type = "smpp"`, and where no type is given)."""

    name: Annotated[Name, Meta(description="What routes, logs and the command line call it.")]
    type: Annotated[Literal["smpp"], Meta(description="How the carrier is spoken to.")] = "smpp"
    host: Annotated[str, Meta(min_length=1, description="Host name or address of the SMSC.")]
    port: Annotated[int, Meta(ge=1, le=65535, description="TCP port of the SMSC.")] = 2775
    system_id: Annotated[
        str,
        Meta(min_length=1, max_length=fields.SYSTEM_ID - 1, description="User name of the bind."),
    ]
    password: Annotated[Password, Meta(description="Password of the bind.")] = Secret("")
    password_file: Annotated[
        FilePath | None, Meta(description="File that holds the password instead.")
    ] = None
    system_type: Annotated[
        str,
        Meta(
            max_length=fields.SYSTEM_TYPE - 1,
            description="System type of the bind, where the carrier wants it.",
        ),
    ] = ""
    addr_ton: Annotated[TypeOfNumber, Meta(description="TON of the bind's address range.")] = 0
    addr_npi: Annotated[NumberingPlan, Meta(description="NPI of the bind's address range.")] = 0
    address_range: Annotated[
        str, Meta(max_length=40, description="Addresses the bind receives for.")
    ] = ""
    bind: Annotated[
        Literal["transceiver", "transmitter", "receiver"],
        Meta(description="Which way messages pass over the links."),
    ] = "transceiver"
    links: Annotated[int, Meta(ge=1, le=32, description="Connections held at the same time.")] = 1
    receiver_links: Annotated[
        int,
        Meta(ge=0, le=32, description="Further links bound as receivers, beside transmitters."),
    ] = 0
    window: Annotated[
        int, Meta(ge=1, le=10_000, description="Unanswered submits each link may have.")
    ] = 10
    rate_per_s: Annotated[
        float, Meta(ge=0, description="Submits a second over all links; 0 for no limit of ours.")
    ] = 0.0
    tls: Annotated[bool, Meta(description="Whether the links are encrypted.")] = False
    tls_verify: Annotated[bool, Meta(description="Whether the SMSC's certificate is verified.")] = (
        True
    )
    tls_ca_file: Annotated[
        FilePath | None, Meta(description="PEM file of trusted authorities, if not the system's.")
    ] = None
    tls_server_name: Annotated[
        str | None, Meta(description="Name the certificate must have, if not the host's.")
    ] = None
    tls_certificate_file: Annotated[
        FilePath | None, Meta(description="PEM file of our own certificate and key, if asked for.")
    ] = None
    connect_timeout_s: Annotated[
        float, Meta(gt=0, le=300, description="Time to open a connection.")
    ] = 10.0
    bind_timeout_s: Annotated[
        float, Meta(gt=0, le=300, description="Time for the SMSC to answer the bind.")
    ] = 10.0
    response_timeout_s: Annotated[
        float, Meta(gt=0, le=600, description="Time for the SMSC to answer a submit.")
    ] = 60.0
    enquire_interval_s: Annotated[
        float, Meta(gt=0, le=3600, description="Silence after which a link is probed.")
    ] = 30.0
    enquire_timeout_s: Annotated[
        float, Meta(gt=0, le=300, description="Time for the SMSC to answer a probe.")
    ] = 10.0
    reconnect_min_s: Annotated[
        float, Meta(gt=0, le=3600, description="Wait before the first reconnect; it then doubles.")
    ] = 1.0
    reconnect_max_s: Annotated[
        float, Meta(gt=0, le=3600, description="Longest wait before a reconnect.")
    ] = 60.0
    profile: Annotated[str, Meta(description="Habits of the SMSC, by the name of a profile.")] = (
        "default"
    )
    id_reading: Annotated[
        IdReading | None,
        Meta(description="How receipts spell message ids, if not as the profile says."),
    ] = None
    source_ton: Annotated[
        TypeOfNumber | None, Meta(description="TON of every sender, if not as the profile says.")
    ] = None
    source_npi: Annotated[
        NumberingPlan | None, Meta(description="NPI of every sender, if not as the profile says.")
    ] = None
    dest_ton: Annotated[
        TypeOfNumber | None, Meta(description="TON of recipients, if not as the profile says.")
    ] = None
    dest_npi: Annotated[
        NumberingPlan | None, Meta(description="NPI of recipients, if not as the profile says.")
    ] = None
    on_unknown: Annotated[
        Literal["resend", "hold"],
        Meta(
            description="What to do when a response is lost: send again, marked as a possible"
            " duplicate, or hold the message as unknown."
        ),
    ] = "resend"
    premium: Annotated[
        BillingTable, Meta(description="How it is told what recipients of premium messages pay.")
    ] = BillingTable()


class Mm7Table(Section, frozen=True, kw_only=True):
    """An account at an MMSC, for multimedia messages (`type = "mm7"`)."""

    name: Annotated[Name, Meta(description="What routes, logs and the command line call it.")]
    type: Annotated[Literal["mm7"], Meta(description="How the carrier is spoken to.")] = "mm7"
    url: Annotated[HttpUrl, Meta(description="Where the MMSC takes submits.")]
    username: Annotated[
        str, Meta(max_length=255, description="User name for HTTP, where the MMSC wants one.")
    ] = ""
    password: Annotated[Secret, Meta(description="Password for HTTP.")] = Secret("")
    password_file: Annotated[
        FilePath | None, Meta(description="File that holds the password instead.")
    ] = None
    vasp_id: Annotated[str, Meta(max_length=64, description="VASPID of submits.")] = ""
    vas_id: Annotated[str, Meta(max_length=64, description="VASID of submits.")] = ""
    service_code: Annotated[
        str, Meta(max_length=64, description="ServiceCode of submits, for billing.")
    ] = ""
    schema: Annotated[
        Literal["REL-5-MM7-1-0", "REL-5-MM7-1-3", "REL-6-MM7-1-4", "REL-6-MM7-1-5"],
        Meta(description="Edition of the MM7 schema the MMSC speaks."),
    ] = "REL-6-MM7-1-4"
    version: Annotated[
        str, Meta(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$", description="MM7Version of submits.")
    ] = "6.8.0"
    window: Annotated[
        int, Meta(ge=1, le=1_000, description="Submits that may be unanswered at a time.")
    ] = 8
    timeout_s: Annotated[
        float, Meta(gt=0, le=600, description="Time for the MMSC to take and answer a submit.")
    ] = 60.0
    retry_s: Annotated[
        float,
        Meta(
            gt=0, le=3600, description="Wait after a failure of the MMSC; doubles up to 32 times."
        ),
    ] = 5.0
    tls_ca_file: Annotated[
        FilePath | None, Meta(description="PEM file of trusted authorities, if not the system's.")
    ] = None
    tls_certificate_file: Annotated[
        FilePath | None, Meta(description="PEM file of our own certificate and key, if asked for.")
    ] = None
    report_secret: Annotated[
        Secret,
        Meta(description="Last part of the path /mm7/<name>/<secret> that takes reports."),
    ] = Secret("")
    report_addresses: Annotated[
        tuple[NetworkText, ...], Meta(description="Where reports may come from; none for anywhere.")
    ] = ()
    on_unknown: Annotated[
        Literal["resend", "hold"],
        Meta(
            description="What to do when a response is lost: send again, marked as a possible"
            " duplicate, or hold the message as unknown."
        ),
    ] = "resend"

    @property
    def report_networks(self) -> tuple[Network, ...]:
        """`report_addresses`, parsed."""
        return tuple(map(parse_network, self.report_addresses))


class PhonesTable(Section, frozen=True, kw_only=True):
    """Phones that send with their own SIMs (`type = "phones"`), and how they share the work."""

    name: Annotated[Name, Meta(description="What routes, logs and the command line call it.")]
    type: Annotated[
        Literal["phones"], Meta(description="How the carrier is spoken to: it is called.")
    ] = "phones"
    choice: Annotated[
        Literal["least_loaded", "round_robin"],
        Meta(description="Which SIM is next of those that may send now."),
    ] = "least_loaded"
    shared: Annotated[
        bool,
        Meta(description="Whether a phone sends for every account, not for its own only."),
    ] = False
    in_flight: Annotated[
        int, Meta(ge=1, le=50, description="Messages a SIM may hold that it has not begun to send.")
    ] = 3
    present_s: Annotated[
        float,
        Meta(gt=0, le=DAY_S, description="Silence after which a phone without a stream is gone."),
    ] = 1200.0
    fetched_life_s: Annotated[
        float,
        Meta(gt=0, le=DAY_S, description="How long a phone may begin to send what it fetched."),
    ] = 900.0
    clock_margin_s: Annotated[
        float, Meta(ge=0, le=DAY_S, description="How wrong the clock of a phone may be.")
    ] = 300.0
    processed_life_s: Annotated[
        float,
        Meta(gt=0, le=7 * DAY_S, description="How long a phone may take to tell a result."),
    ] = 3600.0
    on_unknown: Annotated[
        Literal["resend", "hold"],
        Meta(
            description="What to do when a phone does not say what became of a message: send again,"
            " marked as a possible duplicate, or hold the message as unknown."
        ),
    ] = "resend"


CarrierTable = SmppTable | Mm7Table | PhonesTable


class RouteTable(Section, frozen=True, kw_only=True):
    """Which carriers take the messages of some numbers and accounts."""

    name: Annotated[Name, Meta(description="What logs and the command line call it.")]
    prefixes: Annotated[
        tuple[Prefix, ...], Meta(description="First digits of the numbers; none for all numbers.")
    ] = ()
    accounts: Annotated[
        tuple[str, ...], Meta(description="User names of the accounts; none for all accounts.")
    ] = ()
    carriers: Annotated[
        tuple[str, ...],
        Meta(min_length=1, description="Carriers, first choice first; the next one stands in."),
    ]


class PriceTable(Section, frozen=True, kw_only=True):
    """What a part to some numbers costs."""

    prefix: Annotated[
        OptionalPrefix, Meta(description="First digits of the numbers; empty for all others.")
    ] = ""
    credits: Annotated[
        int, Meta(ge=0, le=1_000_000, description="Credits taken from the wallet for each part.")
    ] = 1
    price: Annotated[
        Amount,
        Meta(
            description='Price shown for each part, as text with up to 4 decimals, such as "0.05".'
        ),
    ] = "0.00"


class NumberTable(Section, frozen=True, kw_only=True):
    """Who owns a number or short code that texts arrive at."""

    number: Annotated[PhoneNumber, Meta(description="The number, as the carrier delivers it.")]
    account: Annotated[str, Meta(min_length=1, description="User name of its owner.")]


class MessageTypeTable(Section, frozen=True, kw_only=True):
    """A quality of messages with credits of its own, for dialects that know several."""

    name: Annotated[str, Meta(pattern="^[A-Za-z0-9_]{1,16}$", description="What programs call it.")]
    aliases: Annotated[
        tuple[Annotated[str, Meta(pattern="^[A-Za-z0-9_]{1,16}$")], ...],
        Meta(description="What programs of other brands call it."),
    ] = ()
    credits: Annotated[int, Meta(ge=0, le=10_000, description="Credits a part costs.")] = 1
    receipts: Annotated[bool, Meta(description="Whether its deliveries are reported.")] = True
    custom_sender: Annotated[bool, Meta(description="Whether the customer chooses the sender.")] = (
        True
    )
    max_length: Annotated[
        int, Meta(ge=1, le=10_000, description="Most characters of a text in the GSM alphabet.")
    ] = 1_000
    route: Annotated[
        str, Meta(description="Route it takes; empty leaves it to the rules of the routes.")
    ] = ""

    def value(self) -> MessageType:
        """The type itself."""
        return MessageType(
            name=self.name,
            aliases=self.aliases,
            credits=self.credits,
            receipts=self.receipts,
            custom_sender=self.custom_sender,
            max_length=self.max_length,
            route=self.route,
        )
