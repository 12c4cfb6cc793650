"""The tables of the configuration that repeat: `[[carriers]]`, `[[routes]]`, `[[prices]]` …

The first field of each is its key: how the environment and mistakes address one of them.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from dragoman.config.http import (
    AnswerTable,
    InboundTable,
    LoginTable,
    LookupTable,
    PollTable,
    RequestTable,
    SignatureTable,
    StatusTable,
)
from dragoman.config.premium import BillingTable
from dragoman.config.sections import DAY_S, Section
from dragoman.config.values import (
    Amount,
    Country,
    FilePath,
    HttpUrl,
    Network,
    NetworkText,
    OptionalCountry,
    OptionalPrefix,
    PhoneNumber,
    Prefix,
    PublicUrl,
    Secret,
    Secrets,
    about,
    checked,
    matching,
    parse_network,
)
from dragoman.core.billing.model.message_types import MessageType
from dragoman.core.delivery.model.sender_rules import Treatment
from dragoman.core.messages.model.conditions import parse_span
from dragoman.core.messages.model.routing import Preference
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.protocols.gsm.national import Language
from dragoman.protocols.gsm.segmentation import Repertoire
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
    FilePath | None, about("File that holds the password instead.", "/run/secrets/carrier-password")
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
NetworkCode = Annotated[str, matching("[0-9]{5,6}", "is not an MCC and MNC, such as 23801")]
Tag = Annotated[str, matching("[!-~]{1,64}", "is not a tag of up to 64 characters without spaces")]
Hours = Annotated[str, checked(parse_span)]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
LATIN_1 = "latin1"
"""The profile for SMSCs that take Latin-1 in place of the GSM alphabet."""
TypeOfNumber = Annotated[int, Meta(ge=0, le=7)]
NumberingPlan = Annotated[int, Meta(ge=0, le=18)]


class SmppTable(Section, frozen=True, kw_only=True):
    """An account at an SMSC (`type = "smpp"`, and where no type is given).

    Your carrier gives you the host, port, system_id and password, and says how many links, messages
    a second and unanswered messages it allows.
    """

    name: Name
    type: Literal["smpp"] = "smpp"
    """How the carrier is spoken to."""
    host: Annotated[str, Meta(min_length=1)]
    """Host name or address of the SMSC."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 2775
    """TCP port of the SMSC."""
    system_id: Annotated[str, Meta(min_length=1, max_length=fields.CREDENTIAL - 1)]
    """User name of the bind."""
    password: Password = Secret("")
    """Password of the bind; here, in a file, or in DRAGOMAN_CARRIERS__<NAME>__PASSWORD."""
    password_file: PasswordFile = None
    system_type: Annotated[str, Meta(max_length=fields.CREDENTIAL - 1)] = ""
    """System type of the bind, where the carrier wants it."""
    bind: Literal["transceiver", "transmitter", "receiver"] = "transceiver"
    """A transceiver sends and receives. An SMSC that does not know it wants a transmitter and, for
    receipts and inbound texts, some receiver_links beside it."""
    links: Annotated[int, Meta(ge=1, le=32)] = 1
    """Connections held at the same time."""
    receiver_links: Annotated[int, Meta(ge=0, le=32)] = 0
    """Further links bound as receivers, beside transmitters."""
    addr_ton: TypeOfNumber = 0
    """Type of number (TON) of the addresses that the bind receives for; most carriers want nothing
    here."""
    addr_npi: NumberingPlan = 0
    """Their numbering plan (NPI)."""
    address_range: Annotated[str, Meta(max_length=40)] = ""
    """The addresses themselves."""
    window: Annotated[int, Meta(ge=1, le=10_000)] = 10
    """Messages that each link may send before the first is answered. The window and the round trip
    limit the speed: 10 at 50 ms are 200 messages a second on a link. After a crash, up to this many
    messages a link may go out twice."""
    rate_per_s: Annotated[float, Meta(ge=0)] = 0.0
    """Messages a second over all links; 0 for no limit of ours."""
    tls: bool = False
    """Whether the links are encrypted."""
    tls_verify: bool = True
    """Whether the SMSC's certificate is verified."""
    tls_ca_file: CaFile = None
    tls_server_name: Annotated[str | None, Meta(examples=["smsc.example.net"])] = None
    """Name that the certificate must have, if not the host's."""
    tls_certificate_file: CertificateFile = None
    connect_timeout_s: Annotated[float, Meta(gt=0, le=300)] = 10.0
    """Time to open a connection."""
    bind_timeout_s: Annotated[float, Meta(gt=0, le=300)] = 10.0
    """Time for the SMSC to answer the bind."""
    response_timeout_s: Annotated[float, Meta(gt=0, le=600)] = 60.0
    """Time for the SMSC to answer a message."""
    enquire_interval_s: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    """A link that is silent this long is probed (enquire_link)."""
    enquire_timeout_s: Annotated[float, Meta(gt=0, le=300)] = 10.0
    """Time for the SMSC to answer the probe."""
    reconnect_min_s: Annotated[float, Meta(gt=0, le=3600)] = 1.0
    """Wait before a lost link is opened again; it doubles up to reconnect_max_s, and is up to half
    of it shorter by chance."""
    reconnect_max_s: Annotated[float, Meta(gt=0, le=3600)] = 60.0
    """Longest wait before a reconnect."""
    profile: str = "default"
    """Habits of the SMSC: "default" fits most; "latin1", "packed", "payload", "sar" and "untyped"
    are explained in docs/carriers."""
    id_reading: Annotated[IdReading | None, Meta(examples=["auto"])] = None
    """How receipts spell the message ids that submits were answered with, if not as the profile
    says; `auto` tries all."""
    source_ton: Annotated[TypeOfNumber | None, Meta(examples=[5])] = None
    """Type of number (TON) of every sender, if not as the profile says."""
    source_npi: Annotated[NumberingPlan | None, Meta(examples=[0])] = None
    """Numbering plan (NPI) of every sender, if not as the profile says."""
    dest_ton: Annotated[TypeOfNumber | None, Meta(examples=[1])] = None
    """TON of recipients, if not as the profile says."""
    dest_npi: Annotated[NumberingPlan | None, Meta(examples=[1])] = None
    """NPI of recipients, if not as the profile says."""
    national: tuple[Language, ...] = ()
    """Languages whose national tables (3GPP 23.038) texts may use, as ISO 639-1 codes: a Turkish
    text then has 155 characters in a part, not 70. Texts that the GSM alphabet covers stay as they
    are. Every carrier of a route must have a language for its texts to use it, and so should the
    phones."""
    inbound_0_is_ucs2: bool = False
    """Whether the SMSC delivers texts in UCS-2 under data_coding 0."""
    inbound_1_is_gsm: bool = False
    """Whether it delivers texts in the GSM alphabet under data_coding 1, not in ASCII."""
    on_unknown: OnUnknown = "resend"
    premium: BillingTable = BillingTable()
    """How it is told what recipients of premium messages pay."""

    def repertoire(self) -> Repertoire:
        """The characters that it takes in 7 bits."""
        return Repertoire(national=self.national, latin_1=self.profile == LATIN_1)


class Mm7Table(Section, frozen=True, kw_only=True):
    """An account at an MMSC, for multimedia messages over MM7 (`type = "mm7"`).

    docs/carriers/mm7.md has more. Multimedia messages go over these carriers and texts over the
    others, so a route has either only these or none of them.
    """

    name: Name
    type: Literal["mm7"] = "mm7"
    """How the carrier is spoken to."""
    url: HttpUrl
    """Where the MMSC takes messages."""
    username: Annotated[str, Meta(max_length=255)] = ""
    """User name for HTTP, where the MMSC wants one."""
    password: Secret = Secret("")
    """Password for HTTP."""
    password_file: PasswordFile = None
    vasp_id: Annotated[str, Meta(max_length=64)] = ""
    """VASPID of messages."""
    vas_id: Annotated[str, Meta(max_length=64)] = ""
    """VASID of messages."""
    service_code: Annotated[str, Meta(max_length=64)] = ""
    """ServiceCode of messages, for billing."""
    schema: Literal["REL-5-MM7-1-0", "REL-5-MM7-1-3", "REL-6-MM7-1-4", "REL-6-MM7-1-5"] = (
        "REL-6-MM7-1-4"
    )
    """Edition of the MM7 schema that the MMSC speaks."""
    version: Annotated[str, Meta(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")] = "6.8.0"
    """MM7Version of messages."""
    window: Annotated[int, Meta(ge=1, le=1_000)] = 8
    """Messages that may be unanswered at a time."""
    timeout_s: Annotated[float, Meta(gt=0, le=600)] = 60.0
    """Time for the MMSC to take and answer a message."""
    retry_s: Annotated[float, Meta(gt=0, le=3600)] = 5.0
    """Wait after a failure of the MMSC; doubles up to 32 times that."""
    tls_ca_file: CaFile = None
    tls_certificate_file: CertificateFile = None
    report_secret: Secret = Secret("")
    """Last part of the path /mm7/<name>/<secret> that reports come to."""
    report_addresses: tuple[NetworkText, ...] = ()
    """Where reports may come from; none for anywhere."""
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
    type: Literal["phones"] = "phones"
    """How the carrier is spoken to: it calls us."""
    choice: Literal["least_loaded", "round_robin"] = "least_loaded"
    """Which SIM is next of those that may send now."""
    shared: bool = False
    """Whether a phone sends for every account, not only for its own."""
    in_flight: Annotated[int, Meta(ge=1, le=50)] = 3
    """Messages a SIM may hold that it has not begun to send."""
    present_s: Annotated[float, Meta(gt=0, le=DAY_S)] = 1200.0
    """A phone without a stream is gone after this much silence; it looks in every 15 minutes."""
    fetched_life_s: Annotated[float, Meta(gt=0, le=DAY_S)] = 900.0
    """How long a phone may begin to send what it fetched; then it refuses to, and the message is
    ours again."""
    clock_margin_s: Annotated[float, Meta(ge=0, le=DAY_S)] = 300.0
    """How wrong the clock of a phone may be."""
    processed_life_s: Annotated[float, Meta(gt=0, le=7 * DAY_S)] = 3600.0
    """How long a phone may take to report the result of a message it gave to its radio."""
    on_unknown: Literal["resend", "hold"] = "resend"
    """What to do when a phone does not say what became of a message: "resend" sends it again,
    marked as a possible duplicate; "hold" leaves it and calls its state unknown."""


class HttpTable(Section, frozen=True, kw_only=True):
    """An account at a provider with an HTTP API (`type = "http"`).

    docs/howto/send-over-your-providers-http-api.md has an example, docs/carriers a page on each
    preset. The tables below it are what the preset says; write what differs, or with `generic`,
    all of it.
    """

    name: Name
    type: Literal["http"] = "http"
    """How the carrier is spoken to."""
    preset: Annotated[str, Meta(min_length=1, max_length=32)]
    """The provider: `generic`, or one of docs/carriers."""
    base_url: PublicUrl = ""
    """Scheme and host of its API, if not as the preset says."""
    public_url: PublicUrl = ""
    """Address under which the provider reaches this gateway, for reports and inbound texts. Without
    it there are none, and messages stay `sent`."""
    callback_token: Secret = Secret("")
    """Last part of the path /carriers/<name>/<token> that the provider calls: any random text."""
    callback_token_file: Annotated[
        FilePath | None, Meta(examples=["/run/secrets/callback-token"])
    ] = None
    """File that holds it instead."""
    callback_addresses: tuple[NetworkText, ...] = ()
    """Where the provider calls from; none for anywhere."""
    verify_signatures: bool = True
    """Whether calls must be signed, where the provider signs."""
    credentials: Secrets = msgspec.field(default_factory=dict)
    """User names, keys and other values under the provider's own names; `<name>_file` reads one
    from a file."""
    window: Annotated[int, Meta(ge=1, le=1_000)] = 32
    """Messages that may be unanswered at a time, each on a connection of its own."""
    rate_per_s: Annotated[float, Meta(ge=0)] = 0.0
    """Messages a second; 0 for no limit of ours."""
    timeout_s: Annotated[float, Meta(gt=0, le=600)] = 30.0
    """Time for the provider to take and answer a message."""
    retry_s: Annotated[float, Meta(gt=0, le=3600)] = 5.0
    """Wait after a failure of the provider; doubles up to 32 times that."""
    credit_retry_s: Annotated[float, Meta(gt=0, le=DAY_S)] = 60.0
    """Wait before one message tries whether there is credit again; doubles up to 32 times that."""
    tls_ca_file: CaFile = None
    tls_certificate_file: CertificateFile = None
    on_unknown: OnUnknown = "resend"
    refusals: dict[str, str] = msgspec.field(default_factory=dict)
    """What codes and HTTP statuses of refusals mean, beside those of the preset."""
    request: RequestTable = RequestTable()
    """The request that sends a message."""
    answer: AnswerTable = AnswerTable()
    """How its answer is read."""
    status: StatusTable = StatusTable()
    """How delivery reports are read."""
    inbound: InboundTable = InboundTable()
    """How inbound texts are read."""
    signature: SignatureTable = SignatureTable()
    """How the provider signs its calls."""
    poll: PollTable = PollTable()
    """How states are asked for."""
    lookup: LookupTable = LookupTable()
    """How a message whose answer never came is looked for."""
    login: LoginTable = LoginTable()
    """How a session is opened."""

    @property
    def callback_networks(self) -> tuple[Network, ...]:
        """`callback_addresses`, parsed."""
        return tuple(map(parse_network, self.callback_addresses))


CarrierTable = SmppTable | Mm7Table | PhonesTable | HttpTable


class RouteTable(Section, frozen=True, kw_only=True):
    """Which carriers take which messages.

    With one carrier you need none. The account's own route comes first, then the longest prefix,
    then the route that asks for more, then the first one written; of the carriers, the first that
    is up takes the message. docs/howto/route-messages.md has more.
    """

    name: Name
    """What logs and the command line call it."""
    prefixes: tuple[Prefix, ...] = ()
    """First digits of the numbers; none for all numbers."""
    accounts: tuple[str, ...] = ()
    """User names of the accounts; none for all accounts."""
    carriers: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Carriers, first choice first; the next one stands in."""
    countries: Annotated[tuple[Country, ...], Meta(examples=[["DK", "SE"]])] = ()
    """Countries of the numbers, by ISO 3166-1."""
    networks: Annotated[tuple[NetworkCode, ...], Meta(examples=[["23801"]])] = ()
    """Networks of the numbers, MCC and MNC, as far as `networks_file` of [routing] knows them."""
    senders: Annotated[tuple[str, ...], Meta(examples=[["Shop"]])] = ()
    """Senders of the messages."""
    message_types: Annotated[tuple[TypeName, ...], Meta(examples=[["LL"]])] = ()
    """Their message types."""
    tags: Annotated[tuple[Tag, ...], Meta(examples=[["otp"]])] = ()
    """Tags that programs put on them, with the header `Dragoman-Tag` or the field `tags` of
    Jasmin's API."""
    alphabets: Annotated[tuple[Alphabet, ...], Meta(examples=[["ucs2"]])] = ()
    """Alphabets that their texts need."""
    min_parts: Annotated[int, Meta(ge=1, le=255)] = 1
    """Fewest parts of a text."""
    max_parts: Annotated[int, Meta(ge=1, le=255)] = 255
    """Most parts of a text."""
    hours: Annotated[tuple[Hours, ...], Meta(examples=[["08:00-20:00"]])] = ()
    """Times of the day, in `time_zone` of [routing]."""
    days: Annotated[tuple[Weekday, ...], Meta(examples=[["mon", "fri"]])] = ()
    """Days of the week."""
    priority: Annotated[int, Meta(ge=-1000, le=1000)] = 0
    """A route with a higher one comes first, whatever else decides."""
    choose: Preference = Preference.ORDER
    """Which carrier takes a message, of those that can: "order" takes the first, "weights" gives
    each its share, "least_cost" takes the cheapest by [[price_lists]], "quality" the one that
    delivered best to the country in the last hour."""
    weights: Annotated[
        tuple[Annotated[int, Meta(ge=0, le=10_000)], ...], Meta(examples=[[100]])
    ] = ()
    """The share of each carrier, in their order, such as 70 and 30; alike if none is given."""
    sticky_s: Annotated[float, Meta(ge=0, le=30 * DAY_S)] = 0.0
    """How long a recipient stays with the carrier that it was last sent to, or wrote over; 0 for
    not at all."""
    min_delivery_rate: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """A carrier that delivered a smaller share to a country in the last hour is left out there; a
    message goes to it every 30 s as a test, until it delivers again. 0 for no such floor."""
    fallback: str = ""
    """Route that takes over what waits, while all carriers of this one are down or held."""
    fallback_after_s: Annotated[float, Meta(ge=0, le=DAY_S)] = 30.0
    """How long they may be down before it does."""


class PriceListTable(Section, frozen=True, kw_only=True):
    """What a carrier charges for a part, by prefix; for routes that choose by cost, and margins.

    Instead of a file, a list can be imported with `dragoman prices import`.
    """

    carrier: str
    """Name of the carrier."""
    file: FilePath
    """CSV with the columns prefix and price, and perhaps from and until: the first and the last day
    (UTC) of a price. Other names of carriers for these columns are known too."""


class QuotaTable(Section, frozen=True, kw_only=True):
    """The most parts that a carrier is given in a day (UTC)."""

    carrier: str
    """Name of the carrier."""
    country: OptionalCountry = ""
    """Country of the numbers by ISO 3166-1; empty for all countries together."""
    parts_per_day: Annotated[int, Meta(ge=0, le=1_000_000_000)]
    """The most parts; what is above goes to the next carrier of its route, or waits."""


class SenderRuleTable(Section, frozen=True, kw_only=True):
    """What a country does to names as senders, in place of what Dragoman knows of it.

    `dragoman route explain` tells what is known. It counts with `enforce_sender_rules` of
    [routing].
    """

    country: Country
    """Country of the recipients by ISO 3166-1."""
    carrier: str = ""
    """Carrier that it is true of; empty for all."""
    names: Treatment
    """With "allowed" nothing happens; with "refused" the carrier gets no such message, with
    "registered" none but those with registered names, with "replaced" it gets the replacement."""
    replacement: Annotated[str, Meta(examples=["+12025550100"])] = ""
    """Sender in place of a name; empty leaves it to the carrier."""
    registered: Annotated[tuple[str, ...], Meta(examples=[["Shop"]])] = ()
    """Names that were registered."""


class PriceTable(Section, frozen=True, kw_only=True):
    """What a part to some numbers costs; the longest prefix decides."""

    prefix: OptionalPrefix = ""
    """First digits of the numbers; empty for all others."""
    credits: Annotated[int, Meta(ge=0, le=1_000_000)] = 1
    """Credits taken from the account's wallet for each part."""
    price: Amount = "0.00"
    """Price of a part, as the customer is shown it: text with up to 4 decimals, such as "0.05"."""


class NumberTable(Section, frozen=True, kw_only=True):
    """Who owns a number or short code that texts arrive at.

    `dragoman number add` gives numbers to accounts while Dragoman runs; what it stored about a
    number wins over an entry here. A text to a number without an owner is kept and shown to nobody.
    """

    number: PhoneNumber
    """The number, as the carrier delivers it."""
    account: Annotated[str, Meta(min_length=1)]
    """User name of its owner."""


class MessageTypeTable(Section, frozen=True, kw_only=True):
    """A quality of messages with credits of its own, for dialects such as smsend.

    Without any there are the four of the example: N, L, LL and EE.
    """

    name: TypeName
    """What programs call it."""
    aliases: tuple[TypeName, ...] = ()
    """What programs of other brands call it."""
    credits: Annotated[int, Meta(ge=0, le=10_000)] = 1
    """Credits a part costs."""
    receipts: bool = True
    """Whether its deliveries are reported."""
    custom_sender: bool = True
    """Whether the customer chooses the sender."""
    max_length: Annotated[int, Meta(ge=1, le=10_000)] = 1_000
    """Most characters of a text in the GSM alphabet."""
    route: str = ""
    """Route it takes; empty leaves it to the rules of the routes."""

    def value(self) -> MessageType:
        """The type itself."""
        return MessageType(**msgspec.structs.asdict(self))
