"""The tables of the configuration that appear once: `[http]`, `[storage]`, `[callbacks]` …

Every default an operator can change stands here and in the modules beside this one, and nowhere
else: what a setting governs takes its value as an argument without a default.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from dragoman.config.values import (
    Address,
    DatabaseUrl,
    FilePath,
    FolderPath,
    HttpUrl,
    Issuer,
    Network,
    NetworkText,
    PublicUrl,
    Secret,
    TimeZone,
    parse_address,
    parse_network,
)

HOUR_S = 3600
DAY_S = 24 * HOUR_S
PHONE_API = "/api/mobile/v1"


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the configuration.

    The text below a field is what the reference and the example say about it; `examples` are shown
    where the default is empty.
    """


class Http(Section, frozen=True, kw_only=True):
    """The HTTP server that programs talk to."""

    listen: Address = "127.0.0.1:8080"
    """Host and port to listen on. Only this machine can call 127.0.0.1; put a proxy with TLS in
    front before you open it."""
    trusted_proxies: Annotated[
        tuple[NetworkText, ...], Meta(examples=[["127.0.0.1/32", "10.0.0.0/8"]])
    ] = ()
    """Proxies whose X-Forwarded-For header is believed. Without them, an account that is limited to
    certain addresses sees the proxy's."""
    max_body_bytes: Annotated[int, Meta(ge=1024, le=1 << 30)] = 16 * 1024 * 1024
    """A larger request is refused."""
    request_timeout_s: Annotated[float, Meta(gt=0, le=600)] = 30.0
    """Time a caller has to send a whole request."""
    shutdown_timeout_s: Annotated[float, Meta(gt=0, le=600)] = 30.0
    """Time to finish what is in flight when asked to stop; the process ends within it."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`."""
        return parse_address(self.listen)

    @property
    def proxy_networks(self) -> tuple[Network, ...]:
        """`trusted_proxies`, parsed."""
        return tuple(map(parse_network, self.trusted_proxies))


class Storage(Section, frozen=True, kw_only=True):
    """Where messages, accounts and credits are kept."""

    url: DatabaseUrl = Secret("sqlite:///dragoman.db")
    """sqlite:///<file>, relative to data_dir, or
    postgresql://<user>:<password>@<host>/<database>."""
    url_file: Annotated[FilePath | None, Meta(examples=["/run/secrets/dragoman-database"])] = None
    """File that holds the URL instead, so that its password is not in this one."""
    key_file: Annotated[FolderPath | None, Meta(examples=["/etc/dragoman/dragoman.key"])] = None
    """File of the key that seals the secrets that must stay readable, such as the auth tokens of
    the dialect twilio; dragoman.key in data_dir without it. It is made when the first secret is
    sealed. Back it up apart from the database: without it these secrets are lost."""
    min_free_mb: Annotated[int, Meta(ge=0, le=1 << 24)] = 256
    """Free space on the disk of an SQLite file below which nothing new is accepted, so that there
    is room to finish what was; 0 accepts until the disk is full."""


class Cluster(Section, frozen=True, kw_only=True):
    """Several nodes over one PostgreSQL database; docs/howto/run-a-cluster.md has more.

    All nodes have the same configuration, except for what is said here of one node, for [http],
    [log] and data_dir, and for where [smpp_server] and [mail] listen.
    """

    partitions: Annotated[int, Meta(ge=0, le=32)] = 0
    """Partitions that the accounts are divided into, chosen once; 0 for no cluster. More than you
    will ever have nodes, such as 16."""
    node: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_.-]{0,63}\Z", examples=["a"])] = ""
    """Name of this node, each its own; the machine's name where it is empty."""
    listen: Address = "127.0.0.1:8090"
    """Host and port where other nodes reach this one. Only they need to: keep it inside your
    network."""
    public_address: Annotated[Address | None, Meta(examples=["10.0.0.11:8090"])] = None
    """What other nodes call, where that is not `listen`."""
    secret: Secret = Secret("")
    """What nodes show each other: at least 16 characters, the same for all."""
    secret_file: Annotated[FilePath | None, Meta(examples=["/run/secrets/cluster-secret"])] = None
    """File that holds the secret instead."""
    nats: Annotated[Secret, Meta(examples=["nats://user:password@10.0.0.21:4222"])] = Secret("")
    """NATS servers with JetStream, version 2.14 or later, with commas between; set sync_interval to
    always there. Messages for carriers of other nodes go through them."""
    nats_file: Annotated[FilePath | None, Meta(examples=["/run/secrets/nats"])] = None
    """File that holds their addresses instead, where a password is in them."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`."""
        return parse_address(self.listen)


class SmppServer(Section, frozen=True, kw_only=True):
    """The SMPP server that customers' programs bind to; docs/dialects/smpp.md has more.

    `dragoman account smpp` gives an account what it binds with, and its own limits.
    """

    listen: Annotated[Address | None, Meta(examples=["0.0.0.0:2775"])] = None
    """Host and port to listen on without encryption; nothing listens where it is not set."""
    tls_certificate_file: Annotated[FilePath | None, Meta(examples=["smpp.pem"])] = None
    """PEM file of certificate and key; with it the server listens with TLS as well, or only."""
    tls_listen: Address = "127.0.0.1:3550"
    """Host and port to listen on with TLS."""
    trusted_proxies: Annotated[tuple[NetworkText, ...], Meta(examples=[["10.0.0.0/8"]])] = ()
    """TCP proxies, such as HAProxy or stunnel. Connections from them must begin with a PROXY
    protocol header (version 1 or 2), which says where the customer is; at `tls_listen` before
    TLS."""
    max_connections: Annotated[int, Meta(ge=1, le=100_000)] = 2_000
    """Connections at the same time, in all."""
    max_binds: Annotated[int, Meta(ge=1, le=1_000)] = 4
    """Binds of one account at the same time, of all kinds together."""
    rate_per_s: Annotated[float, Meta(ge=0, le=1_000_000)] = 0.0
    """Parts a second that one account may submit over all its binds; 0 for no limit. What comes
    faster is answered later, and refused with ESME_RTHROTTLED where that would take over 1.5 s."""
    window: Annotated[int, Meta(ge=1, le=1_000)] = 10
    """Receipts and texts that a bind may have without having answered them."""
    bind_timeout_s: Annotated[float, Meta(gt=0, le=600)] = 10.0
    """Time that whoever connects has to bind."""
    enquire_interval_s: Annotated[float, Meta(gt=0, le=3600)] = 60.0
    """Silence after which a bind is asked whether it is alive."""
    response_timeout_s: Annotated[float, Meta(gt=0, le=600)] = 60.0
    """Longest wait for an answer to that, or to a receipt or text."""
    keep_s: Annotated[float, Meta(gt=0, le=30 * DAY_S)] = 72.0 * HOUR_S
    """How long receipts and texts are kept for an account that nobody is bound for."""
    keep_most: Annotated[int, Meta(ge=1, le=100_000_000)] = 1_000_000
    """How many of one account are kept; the oldest are given up for newer ones."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`."""
        return parse_address(self.listen or "")

    @property
    def tls_address(self) -> tuple[str, int]:
        """Host and port of `tls_listen`."""
        return parse_address(self.tls_listen)

    @property
    def proxy_networks(self) -> tuple[Network, ...]:
        """`trusted_proxies`, parsed."""
        return tuple(map(parse_network, self.trusted_proxies))

    @property
    def enabled(self) -> bool:
        """Whether it listens anywhere."""
        return self.listen is not None or self.tls_certificate_file is not None


class Mail(Section, frozen=True, kw_only=True):
    """Mail that becomes messages, over SMTP; only the dialect linkmobility takes any.

    docs/howto/mail.md says how addresses and options are written. Nothing is ever relayed, and
    without a key nothing is accepted.
    """

    enabled: bool = False
    """Whether mail is accepted."""
    listen: Address = "127.0.0.1:2525"
    """Host and port to listen on. Only this machine can bring mail to 127.0.0.1; the usual port of
    mail servers is 25."""
    domains: Annotated[tuple[str, ...], Meta(examples=[["sms.example.net"]])] = ()
    """Domains of the addresses; mail to others is refused. Empty accepts any."""
    max_bytes: Annotated[int, Meta(ge=1024, le=1 << 24)] = 256 * 1024
    """Largest mail that is accepted."""
    max_recipients: Annotated[int, Meta(ge=1, le=10_000)] = 100
    """Recipients of one mail."""
    max_connections: Annotated[int, Meta(ge=1, le=10_000)] = 100
    """Connections at the same time, in all."""
    max_connections_per_client: Annotated[int, Meta(ge=1, le=10_000)] = 10
    """Connections at the same time from one address."""
    mails_per_minute_per_key: Annotated[int, Meta(ge=1, le=1_000_000)] = 60
    """Mails a minute of one account."""
    mails_per_minute_per_client: Annotated[int, Meta(ge=1, le=1_000_000)] = 120
    """Mails a minute from one address."""
    timeout_s: Annotated[float, Meta(gt=0, le=600)] = 60.0
    """Time for one command, and for a whole mail."""
    tls_certificate_file: Annotated[FilePath | None, Meta(examples=["mail.pem"])] = None
    """PEM file of certificate and key; with it STARTTLS is offered."""
    require_tls: bool = False
    """Whether mail is accepted only after STARTTLS."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`."""
        return parse_address(self.listen)


class Mailings(Section, frozen=True, kw_only=True):
    """E-mail campaigns of the dialect smsend: mail to subscribers of lists, through a relay.

    docs/howto/mailings.md says what the relay has to do, and what becomes of a mail.
    """

    enabled: bool = False
    """Whether campaigns are sent."""
    relay: Address = "127.0.0.1:25"
    """Host and port of the SMTP relay."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection to the relay is encrypted."""
    ca_file: Annotated[FilePath | None, Meta(examples=["relay-ca.pem"])] = None
    """PEM file of trusted authorities, if not the system's."""
    user: str = ""
    """User name at the relay; empty for no login."""
    password: Secret = Secret("")
    """Password at the relay."""
    password_file: Annotated[FilePath | None, Meta(examples=["relay.secret"])] = None
    """File that holds the password instead."""
    sender: Annotated[str, Meta(examples=["bounces@example.com"])] = ""
    """Address in the envelope, which bounces go to; its domain is also in the identifiers of
    mails."""
    sender_domains: Annotated[tuple[str, ...], Meta(examples=[["example.com"]])] = ()
    """Domains that lists may send as; empty for any."""
    base_url: Annotated[HttpUrl | None, Meta(examples=["https://sms.example.com"])] = None
    """Where subscribers reach this gateway, for the links in mails."""
    outbox: Annotated[FolderPath | None, Meta(examples=["outbox"])] = None
    """Folder that mails are written to instead of being sent."""
    rate_per_s: Annotated[float, Meta(gt=0, le=10_000)] = 10.0
    """Mails a second, of all accounts."""
    connections: Annotated[int, Meta(ge=1, le=100)] = 4
    """Connections to the relay at the same time."""
    timeout_s: Annotated[float, Meta(gt=0, le=600)] = 60.0
    """Longest wait for one answer of the relay."""
    first_retry_s: Annotated[float, Meta(gt=0, le=DAY_S)] = 300.0
    """Wait after the first temporary refusal. Each further wait is twice as long, up to
    max_retry_s; all vary by up to 20 %."""
    max_retry_s: Annotated[float, Meta(gt=0, le=DAY_S)] = 4.0 * HOUR_S
    """Longest wait between two attempts."""
    give_up_after_s: Annotated[float, Meta(gt=0, le=30 * DAY_S)] = 3.0 * DAY_S
    """Age at which a mail is given up."""
    max_hard_bounces: Annotated[int, Meta(ge=1, le=100)] = 3
    """This many hard bounces in a row end a subscription."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `relay`."""
        return parse_address(self.relay)


class Links(Section, frozen=True, kw_only=True):
    """Short links in campaigns by text message, which lead through this gateway and are counted.

    How often a link was followed is known, and not by whom: all recipients get the same.
    """

    public_url: Annotated[PublicUrl, Meta(examples=["https://sms.example.com"])] = ""
    """Where recipients reach this gateway, without a path; short links are below /l of it. Empty
    leaves links as they are."""


class Mms(Section, frozen=True, kw_only=True):
    """What a multimedia message may carry.

    Attachments are fetched from customers' URLs while the caller waits, under the rules of
    callbacks.
    """

    max_attachments: Annotated[int, Meta(ge=1, le=100)] = 10
    """Attachments of one message."""
    max_bytes: Annotated[int, Meta(ge=1024, le=16 << 20)] = 600 * 1024
    """Size of all attachments of a message."""
    timeout_s: Annotated[float, Meta(gt=0, le=120)] = 15.0
    """Longest wait for one attachment."""
    types: Annotated[tuple[str, ...], Meta(min_length=1)] = (
        "application/smil",
        "audio/aac",
        "audio/amr",
        "audio/mp4",
        "audio/mpeg",
        "image/gif",
        "image/jpeg",
        "image/png",
        "text/calendar",
        "text/plain",
        "text/vcard",
        "text/x-vcard",
        "video/3gpp",
        "video/mp4",
    )
    """Media types that are accepted."""


class Devices(Section, frozen=True, kw_only=True):
    """Phones that send: how they reach the gateway and what they are asked to do."""

    public_url: Annotated[PublicUrl, Meta(examples=["https://sms.example.com"])] = ""
    """Where phones reach the gateway, as users type it into them, without the path. Empty for the
    address that a phone called."""
    ping_interval_s: Annotated[int, Meta(ge=0, le=DAY_S)] = 300
    """How often a phone calls in and reports its health; 0 for never."""
    code_life_s: Annotated[float, Meta(gt=0, le=DAY_S)] = 600.0
    """How long a registration code is valid."""

    @property
    def api_url(self) -> str:
        """What users type into the app, without a slash at its end; empty where nothing is set."""
        return f"{self.public_url.rstrip('/')}{PHONE_API}" if self.public_url else ""


class Routing(Section, frozen=True, kw_only=True):
    """What all routes have in common."""

    time_zone: TimeZone = "UTC"
    """Time zone of the hours and days of routes, such as Europe/Copenhagen."""
    networks_file: Annotated[FilePath | None, Meta(examples=["networks.csv"])] = None
    """CSV with the columns prefix and network (MCC and MNC), for routes by network. Numbers that
    moved to another network keep the one of their range."""
    enforce_sender_rules: bool = False
    """Whether the countries' rules for names as senders are applied: such messages are refused, or
    get another sender. Else `dragoman route explain` only tells them."""


class Callbacks(Section, frozen=True, kw_only=True):
    """Calls to customers' URLs: states of messages, inbound texts, events."""

    timeout_s: Annotated[float, Meta(gt=0, le=120)] = 10.0
    """Longest wait for the answer to one call."""
    concurrency: Annotated[int, Meta(ge=1, le=10_000)] = 256
    """Calls at the same time, in all."""
    per_host: Annotated[int, Meta(ge=1, le=10_000)] = 16
    """Calls of one account at the same time to one host. However many hosts it has called, it never
    has more than half of all calls."""
    first_retry_s: Annotated[float, Meta(gt=0, le=HOUR_S)] = 5.0
    """Wait after the first failure. Each further wait is three times as long, up to max_retry_s;
    all vary by up to 20 %. A host that fails is tried with one callback at least every 10 s in its
    first hour, then every minute; once it answers, all that waited for it are sent."""
    max_retry_after_s: Annotated[float, Meta(gt=0, le=HOUR_S)] = 60.0
    """Longest wait that a customer's server can ask for (Retry-After). The host is left alone for
    that time; other accounts' callbacks to it are not affected."""
    max_retry_s: Annotated[float, Meta(gt=0, le=DAY_S)] = float(HOUR_S)
    """Longest wait between two attempts."""
    give_up_after_s: Annotated[float, Meta(gt=0, le=30 * DAY_S)] = 3.0 * DAY_S
    """Age at which a callback is given up."""
    allow_private: Annotated[tuple[NetworkText, ...], Meta(examples=[["10.20.0.0/16"]])] = ()
    """A customer could name a URL inside your network, so only public addresses are called. These
    networks may be called nevertheless."""

    @property
    def private_networks(self) -> tuple[Network, ...]:
        """`allow_private`, parsed."""
        return tuple(map(parse_network, self.allow_private))


class Limits(Section, frozen=True, kw_only=True):
    """Limits of one request to send; an account may have narrower ones."""

    max_parts: Annotated[int, Meta(ge=1, le=255)] = 10
    """Parts of one text; a longer one is refused, never cut."""
    max_recipients: Annotated[int, Meta(ge=1, le=1_000_000)] = 100_000
    """Recipients of one request."""
    inline_recipients: Annotated[int, Meta(ge=0, le=10_000)] = 100
    """Up to this many recipients become messages while the caller waits; a longer list is stored at
    once and becomes messages in the background."""


class Inbound(Section, frozen=True, kw_only=True):
    """Texts that phones send to us."""

    stop_words: tuple[str, ...] = ("STOP",)
    """Whoever sends a text that begins with one of these words gets nothing more from the owner of
    the number, or from the account of the keyword that follows. No account can have them as
    keywords."""
    start_words: tuple[str, ...] = ("START",)
    """One of these words alone, or before a keyword, takes the opt-out back."""
    help_words: tuple[str, ...] = ("HELP",)
    """One of these words alone gets the answer that an account has set for it, if it has."""


class Receipts(Section, frozen=True, kw_only=True):
    """Reports of carriers: how long they are waited for and kept."""

    horizon_s: Annotated[float, Meta(gt=0, le=30 * DAY_S)] = 48.0 * HOUR_S
    """Age at which a message without a report becomes unknown; a later report still counts."""
    park_s: Annotated[float, Meta(gt=0, le=30 * DAY_S)] = 72.0 * HOUR_S
    """How long a report is kept whose message is not known yet; and how long ago a message may have
    been sent that is found by its ID although the report names another recipient."""


Days = Annotated[int, Meta(ge=0, le=36_500)]


class Retention(Section, frozen=True, kw_only=True):
    """How long what grows with traffic is kept, in days; 0 is for ever.

    Opt-outs and movements of credits are always kept. docs/howto/privacy.md says what stays where.
    """

    texts_days: Days = 0
    """Texts of messages and received texts; their rows stay. `dragoman account set` can say
    otherwise for an account and those below it, as for the next two."""
    numbers_days: Days = 0
    """Numbers of recipients, and of those who sent a text; their rows stay."""
    messages_days: Days = 0
    """Messages and received texts themselves, whole days at a time; statistics stay."""
    attachments_days: Days = 30
    """Attachments, from when their messages can no longer be sent."""
    notes_days: Days = 180
    """Failed attempts and reports, as a message's page shows them."""
    callbacks_days: Days = 90
    """Calls to customers' URLs that are over, and their attempts."""
    deliveries_days: Days = 730
    """Mails of campaigns that are over; an issue that is sent once more after that reaches
    everybody again."""
    ingested_days: Days = 400
    """Which messages others have reported for the statistics; one that is reported again after that
    counts twice."""
    audit_days: Days = 730
    """Who changed what in the console."""


class Log(Section, frozen=True, kw_only=True):
    """What is written to standard error; never texts, keys or full numbers."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level that is written."""
    format: Literal["json", "console"] = "json"
    """JSON lines for programs, or text for people."""


class Console(Section, frozen=True, kw_only=True):
    """The web console for people, at /console of the HTTP server; docs/console.md has more."""

    enabled: bool = False
    """Whether there is a console."""
    time_zone: TimeZone = "UTC"
    """Time zone of its times, for accounts without their own."""
    idle_s: Annotated[float, Meta(ge=60, le=7 * DAY_S)] = 2.0 * HOUR_S
    """Time without a click that ends a session."""
    longest_s: Annotated[float, Meta(ge=60, le=90 * DAY_S)] = 12.0 * HOUR_S
    """Time that ends a session in any case."""
    public_url: Annotated[PublicUrl, Meta(examples=["https://sms.example.com"])] = ""
    """Where browsers reach the gateway, for links of invitations. Without it the console takes the
    address that is in the browser of whoever invites."""
    second_factor: Literal["optional", "administrators", "everyone"] = "optional"
    """Who has to have a second factor; an account can ask it of all its people besides."""


class OpenId(Section, frozen=True, kw_only=True):
    """Signing in to the console at an OpenID provider; docs/howto/people.md has more."""

    issuer: Annotated[Issuer, Meta(examples=["https://login.example.com"])] = ""
    """The provider, exactly as it calls itself; empty for none. What is registered there as
    redirect URI is <address of the gateway>/console/openid/callback."""
    client_id: Annotated[str, Meta(examples=["dragoman"])] = ""
    """How the gateway is registered there."""
    client_secret: Secret = Secret("")
    """The secret that goes with it."""
    client_secret_file: Annotated[FilePath | None, Meta(examples=["openid.secret"])] = None
    """File that holds the secret instead."""
    name: str = "your company account"
    """What the provider is called on the sign-in page."""
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    """Longest wait for an answer of the provider."""
    link_by_email: bool = True
    """Whether an invited person is known by an e-mail address that the provider has verified;
    otherwise only by `dragoman person set --subject`."""


class Admin(Section, frozen=True, kw_only=True):
    """The admin interface that `dragoman` on the command line uses."""

    remote: bool = False
    """Whether it is also at /admin of the HTTP server, for callers with a token of `dragoman admin
    token create`; otherwise it is on this machine only."""


class Metrics(Section, frozen=True, kw_only=True):
    """Metrics for Prometheus, at /metrics of the HTTP server."""

    public: bool = False
    """Whether callers other than this machine may read /metrics."""


class Traces(Section, frozen=True, kw_only=True):
    """Traces of messages for OpenTelemetry, sent as OTLP over HTTP; needs `dragoman[otel]`."""

    endpoint: Annotated[HttpUrl | None, Meta(examples=["http://127.0.0.1:4318/v1/traces"])] = None
    """The collector's address for traces; nothing is traced without it."""
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0
    """Share of the messages that is traced. A message is traced whole or not at all."""
