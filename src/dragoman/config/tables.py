"""The tables of the configuration that repeat: `[[carriers]]`, `[[routes]]`, `[[prices]]` …

The first field of each is its key: how the environment and mistakes address one of them.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
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
    about,
    checked,
    parse_network,
)
from dragoman.core.billing.model.message_types import MessageType
from dragoman.protocols.smpp import fields
from dragoman.protocols.smpp.message_ids import IdReading


def _check_password(password: str) -> None:
    if not password.isascii() or len(password) >= fields.CREDENTIAL:
        raise ValueError(f"expected at most {fields.CREDENTIAL - 1} ASCII characters")


Name = Annotated[
    str,
    about("What routes, logs and the command line call it."),
    Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$"),
]
TypeName = Annotated[str, Meta(pattern="^[A-Za-z0-9_]{1,16}$")]
Password = Annotated[Secret, checked(_check_password)]
PasswordFile = Annotated[
    FilePath | None,
    about("File that holds the password instead.", "/run/secrets/carrier-password"),
]
CaFile = Annotated[
    FilePath | None,
    about("PEM file of trusted authorities, if not the system's.", "carrier-ca.pem"),
]
CertificateFile = Annotated[
    FilePath | None,
    about(
        "PEM file of our own certificate and key, if the carrier asks for one.",
        "our-certificate-and-key.pem",
    ),
]
OnUnknown = Annotated[
    Literal["resend", "hold"],
    about(
        'A message left us and no answer came: did it arrive? "resend" sends it again, marked as'
        ' a possible duplicate; "hold" leaves it and calls its state unknown.'
    ),
]
TypeOfNumber = Annotated[int, Meta(ge=0, le=7)]
NumberingPlan = Annotated[int, Meta(ge=0, le=18)]


class SmppTable(Section, frozen=True, kw_only=True):
    """An account at an SMSC (`type = "smpp"`, and where no type is given).

    Your carrier gives you the host, port, system_id and password, and says how many links, messages
    a second and unanswered messages it allows.
    """

    name: Name
    type: Annotated[Literal["smpp"], about("How the carrier is spoken to.")] = "smpp"
    host: Annotated[str, about("Host name or address of the SMSC.", min_length=1)]
    port: Annotated[int, about("TCP port of the SMSC.", ge=1, le=65535)] = 2775
    system_id: Annotated[
        str, about("User name of the bind.", min_length=1, max_length=fields.CREDENTIAL - 1)
    ]
    password: Annotated[
        Password,
        about("Password of the bind; here, in a file, or in DRAGOMAN_CARRIERS__<NAME>__PASSWORD."),
    ] = Secret("")
    password_file: PasswordFile = None
    system_type: Annotated[
        str,
        about(
            "System type of the bind, where the carrier wants it.",
            max_length=fields.CREDENTIAL - 1,
        ),
    ] = ""
    bind: Annotated[
        Literal["transceiver", "transmitter", "receiver"],
        about(
            "A transceiver sends and receives. An SMSC that does not know it wants a transmitter"
            " and, for receipts and inbound texts, some receiver_links beside it."
        ),
    ] = "transceiver"
    links: Annotated[int, about("Connections held at the same time.", ge=1, le=32)] = 1
    receiver_links: Annotated[
        int, about("Further links bound as receivers, beside transmitters.", ge=0, le=32)
    ] = 0
    addr_ton: Annotated[
        TypeOfNumber,
        about(
            "Type of number (TON) of the addresses that the bind receives for; most carriers want"
            " nothing here."
        ),
    ] = 0
    addr_npi: Annotated[NumberingPlan, about("Their numbering plan (NPI).")] = 0
    address_range: Annotated[str, about("The addresses themselves.", max_length=40)] = ""
    window: Annotated[
        int,
        about(
            "Messages that each link may send before the first is answered. The window and the"
            " round trip limit the speed: 10 at 50 ms are 200 messages a second on a link. After a"
            " crash, up to this many messages a link may go out twice.",
            ge=1,
            le=10_000,
        ),
    ] = 10
    rate_per_s: Annotated[
        float, about("Messages a second over all links; 0 for no limit of ours.", ge=0)
    ] = 0.0
    tls: Annotated[bool, about("Whether the links are encrypted.")] = False
    tls_verify: Annotated[bool, about("Whether the SMSC's certificate is verified.")] = True
    tls_ca_file: CaFile = None
    tls_server_name: Annotated[
        str | None,
        about("Name that the certificate must have, if not the host's.", "smsc.example.net"),
    ] = None
    tls_certificate_file: CertificateFile = None
    connect_timeout_s: Annotated[float, about("Time to open a connection.", gt=0, le=300)] = 10.0
    bind_timeout_s: Annotated[
        float, about("Time for the SMSC to answer the bind.", gt=0, le=300)
    ] = 10.0
    response_timeout_s: Annotated[
        float, about("Time for the SMSC to answer a message.", gt=0, le=600)
    ] = 60.0
    enquire_interval_s: Annotated[
        float, about("A link that is silent this long is probed (enquire_link).", gt=0, le=3600)
    ] = 30.0
    enquire_timeout_s: Annotated[
        float, about("Time for the SMSC to answer the probe.", gt=0, le=300)
    ] = 10.0
    reconnect_min_s: Annotated[
        float,
        about(
            "Wait before a lost link is opened again; it doubles up to reconnect_max_s, and is up"
            " to half of it shorter by chance.",
            gt=0,
            le=3600,
        ),
    ] = 1.0
    reconnect_max_s: Annotated[float, about("Longest wait before a reconnect.", gt=0, le=3600)] = (
        60.0
    )
    profile: Annotated[
        str,
        about(
            'Habits of the SMSC: "default" fits most; "latin1", "packed", "payload", "sar" and'
            ' "untyped" are explained in docs/carriers.'
        ),
    ] = "default"
    id_reading: Annotated[
        IdReading | None,
        about(
            "How receipts spell the message ids that submits were answered with, if not as the"
            " profile says; `auto` tries all.",
            "auto",
        ),
    ] = None
    source_ton: Annotated[
        TypeOfNumber | None,
        about("Type of number (TON) of every sender, if not as the profile says.", 5),
    ] = None
    source_npi: Annotated[
        NumberingPlan | None,
        about("Numbering plan (NPI) of every sender, if not as the profile says.", 0),
    ] = None
    dest_ton: Annotated[
        TypeOfNumber | None, about("TON of recipients, if not as the profile says.", 1)
    ] = None
    dest_npi: Annotated[
        NumberingPlan | None, about("NPI of recipients, if not as the profile says.", 1)
    ] = None
    on_unknown: OnUnknown = "resend"
    premium: Annotated[
        BillingTable, about("How it is told what recipients of premium messages pay.")
    ] = BillingTable()


class Mm7Table(Section, frozen=True, kw_only=True):
    """An account at an MMSC, for multimedia messages over MM7 (`type = "mm7"`).

    docs/carriers/mm7.md has more. Multimedia messages go over these carriers and texts over the
    others, so a route has either only these or none of them.
    """

    name: Name
    type: Annotated[Literal["mm7"], about("How the carrier is spoken to.")] = "mm7"
    url: Annotated[HttpUrl, about("Where the MMSC takes messages.")]
    username: Annotated[
        str, about("User name for HTTP, where the MMSC wants one.", max_length=255)
    ] = ""
    password: Annotated[Secret, about("Password for HTTP.")] = Secret("")
    password_file: PasswordFile = None
    vasp_id: Annotated[str, about("VASPID of messages.", max_length=64)] = ""
    vas_id: Annotated[str, about("VASID of messages.", max_length=64)] = ""
    service_code: Annotated[str, about("ServiceCode of messages, for billing.", max_length=64)] = ""
    schema: Annotated[
        Literal["REL-5-MM7-1-0", "REL-5-MM7-1-3", "REL-6-MM7-1-4", "REL-6-MM7-1-5"],
        about("Edition of the MM7 schema that the MMSC speaks."),
    ] = "REL-6-MM7-1-4"
    version: Annotated[
        str, about("MM7Version of messages.", pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")
    ] = "6.8.0"
    window: Annotated[int, about("Messages that may be unanswered at a time.", ge=1, le=1_000)] = 8
    timeout_s: Annotated[
        float, about("Time for the MMSC to take and answer a message.", gt=0, le=600)
    ] = 60.0
    retry_s: Annotated[
        float,
        about("Wait after a failure of the MMSC; doubles up to 32 times that.", gt=0, le=3600),
    ] = 5.0
    tls_ca_file: CaFile = None
    tls_certificate_file: CertificateFile = None
    report_secret: Annotated[
        Secret, about("Last part of the path /mm7/<name>/<secret> that reports come to.")
    ] = Secret("")
    report_addresses: Annotated[
        tuple[NetworkText, ...], about("Where reports may come from; none for anywhere.")
    ] = ()
    on_unknown: OnUnknown = "resend"

    @property
    def report_networks(self) -> tuple[Network, ...]:
        """`report_addresses`, parsed."""
        return tuple(map(parse_network, self.report_addresses))


class PhonesTable(Section, frozen=True, kw_only=True):
    """Phones that send with their own SIMs (`type = "phones"`), and how they share the work.

    docs/carriers/smsgate.md says how they join.
    """

    name: Name
    type: Annotated[Literal["phones"], about("How the carrier is spoken to: it calls us.")] = (
        "phones"
    )
    choice: Annotated[
        Literal["least_loaded", "round_robin"],
        about("Which SIM is next of those that may send now."),
    ] = "least_loaded"
    shared: Annotated[
        bool, about("Whether a phone sends for every account, not only for its own.")
    ] = False
    in_flight: Annotated[
        int, about("Messages a SIM may hold that it has not begun to send.", ge=1, le=50)
    ] = 3
    present_s: Annotated[
        float,
        about("A phone without a stream is gone after this much silence.", gt=0, le=DAY_S),
    ] = 1200.0
    fetched_life_s: Annotated[
        float,
        about(
            "How long a phone may begin to send what it fetched; then it refuses to, and the"
            " message is ours again.",
            gt=0,
            le=DAY_S,
        ),
    ] = 900.0
    clock_margin_s: Annotated[
        float, about("How wrong the clock of a phone may be.", ge=0, le=DAY_S)
    ] = 300.0
    processed_life_s: Annotated[
        float,
        about(
            "How long a phone may take to report the result of a message it gave to its radio.",
            gt=0,
            le=7 * DAY_S,
        ),
    ] = 3600.0
    on_unknown: Annotated[
        Literal["resend", "hold"],
        about(
            'What to do when a phone does not say what became of a message: "resend" sends it'
            ' again, marked as a possible duplicate; "hold" leaves it and calls its state unknown.'
        ),
    ] = "resend"


CarrierTable = SmppTable | Mm7Table | PhonesTable


class RouteTable(Section, frozen=True, kw_only=True):
    """Which carriers take the messages of some numbers and accounts.

    With one carrier you need none. The account's own route comes first, then the longest prefix; of
    the carriers, the first that is up takes the message.
    """

    name: Annotated[Name, about("What logs and the command line call it.")]
    prefixes: Annotated[
        tuple[Prefix, ...], about("First digits of the numbers; none for all numbers.")
    ] = ()
    accounts: Annotated[
        tuple[str, ...], about("User names of the accounts; none for all accounts.")
    ] = ()
    carriers: Annotated[
        tuple[str, ...],
        about("Carriers, first choice first; the next one stands in.", min_length=1),
    ]


class PriceTable(Section, frozen=True, kw_only=True):
    """What a part to some numbers costs; the longest prefix decides."""

    prefix: Annotated[
        OptionalPrefix, about("First digits of the numbers; empty for all others.")
    ] = ""
    credits: Annotated[
        int, about("Credits taken from the account's wallet for each part.", ge=0, le=1_000_000)
    ] = 1
    price: Annotated[
        Amount,
        about(
            "Price of a part, as the customer is shown it: text with up to 4 decimals, such as"
            ' "0.05".'
        ),
    ] = "0.00"


class NumberTable(Section, frozen=True, kw_only=True):
    """Who owns a number or short code that texts arrive at.

    `dragoman number add` gives numbers to accounts while Dragoman runs; what it stored about a
    number wins over an entry here. A text to a number without an owner is kept and shown to nobody.
    """

    number: Annotated[PhoneNumber, about("The number, as the carrier delivers it.")]
    account: Annotated[str, about("User name of its owner.", min_length=1)]


class MessageTypeTable(Section, frozen=True, kw_only=True):
    """A quality of messages with credits of its own, for dialects such as smsend.

    Without any there are the four of the example: N, L, LL and EE.
    """

    name: Annotated[TypeName, about("What programs call it.")]
    aliases: Annotated[tuple[TypeName, ...], about("What programs of other brands call it.")] = ()
    credits: Annotated[int, about("Credits a part costs.", ge=0, le=10_000)] = 1
    receipts: Annotated[bool, about("Whether its deliveries are reported.")] = True
    custom_sender: Annotated[bool, about("Whether the customer chooses the sender.")] = True
    max_length: Annotated[
        int, about("Most characters of a text in the GSM alphabet.", ge=1, le=10_000)
    ] = 1_000
    route: Annotated[str, about("Route it takes; empty leaves it to the rules of the routes.")] = ""

    def value(self) -> MessageType:
        """The type itself."""
        return MessageType(**msgspec.structs.asdict(self))
