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
    Network,
    NetworkText,
    PublicUrl,
    Secret,
    TimeZone,
    about,
    parse_address,
    parse_network,
)

HOUR_S = 3600
DAY_S = 24 * HOUR_S
PHONE_API = "/api/mobile/v1"


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the configuration."""


class Http(Section, frozen=True, kw_only=True):
    """The HTTP server that programs talk to."""

    listen: Annotated[
        Address,
        about(
            "Host and port to listen on. Only this machine can call 127.0.0.1; put a proxy with TLS"
            " in front before you open it."
        ),
    ] = "127.0.0.1:8080"
    trusted_proxies: Annotated[
        tuple[NetworkText, ...],
        about(
            "Proxies whose X-Forwarded-For header is believed. Without them, an account that is"
            " limited to certain addresses sees the proxy's.",
            ["127.0.0.1/32", "10.0.0.0/8"],
        ),
    ] = ()
    max_body_bytes: Annotated[int, about("A larger request is refused.", ge=1024, le=1 << 30)] = (
        16 * 1024 * 1024
    )
    request_timeout_s: Annotated[
        float, about("Time a caller has to send a whole request.", gt=0, le=600)
    ] = 30.0
    shutdown_timeout_s: Annotated[
        float, about("Time to finish what is in flight when asked to stop.", gt=0, le=600)
    ] = 30.0

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

    url: Annotated[
        DatabaseUrl,
        about(
            "sqlite:///<file>, relative to data_dir, or"
            " postgresql://<user>:<password>@<host>/<database>."
        ),
    ] = Secret("sqlite:///dragoman.db")
    url_file: Annotated[
        FilePath | None,
        about(
            "File that holds the URL instead, so that its password is not in this one.",
            "/run/secrets/dragoman-database",
        ),
    ] = None


class Mail(Section, frozen=True, kw_only=True):
    """Mail that becomes messages, over SMTP; only the dialect linkmobility takes any.

    docs/howto/mail.md says how addresses and options are written. Nothing is ever relayed, and
    without a key nothing is accepted.
    """

    enabled: Annotated[bool, about("Whether mail is accepted.")] = False
    listen: Annotated[
        Address,
        about(
            "Host and port to listen on. Only this machine can bring mail to 127.0.0.1; the usual"
            " port of mail servers is 25."
        ),
    ] = "127.0.0.1:2525"
    domains: Annotated[
        tuple[str, ...],
        about(
            "Domains of the addresses; mail to others is refused. Empty accepts any.",
            ["sms.example.net"],
        ),
    ] = ()
    max_bytes: Annotated[int, about("Largest mail that is accepted.", ge=1024, le=1 << 24)] = (
        256 * 1024
    )
    max_recipients: Annotated[int, about("Recipients of one mail.", ge=1, le=10_000)] = 100
    max_connections: Annotated[
        int, about("Connections at the same time, in all.", ge=1, le=10_000)
    ] = 100
    max_connections_per_client: Annotated[
        int, about("Connections at the same time from one address.", ge=1, le=10_000)
    ] = 10
    mails_per_minute_per_key: Annotated[
        int, about("Mails a minute of one account.", ge=1, le=1_000_000)
    ] = 60
    mails_per_minute_per_client: Annotated[
        int, about("Mails a minute from one address.", ge=1, le=1_000_000)
    ] = 120
    timeout_s: Annotated[
        float, about("Time for one command, and for a whole mail.", gt=0, le=600)
    ] = 60.0
    tls_certificate_file: Annotated[
        FilePath | None,
        about("PEM file of certificate and key; with it STARTTLS is offered.", "mail.pem"),
    ] = None
    require_tls: Annotated[bool, about("Whether mail is accepted only after STARTTLS.")] = False

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`."""
        return parse_address(self.listen)


class Mailings(Section, frozen=True, kw_only=True):
    """E-mail campaigns of the dialect smsend: mail to subscribers of lists, through a relay.

    docs/howto/mailings.md says what the relay has to do, and what becomes of a mail.
    """

    enabled: Annotated[bool, about("Whether campaigns are sent.")] = False
    relay: Annotated[Address, about("Host and port of the SMTP relay.")] = "127.0.0.1:25"
    security: Annotated[
        Literal["starttls", "tls", "none"], about("How the connection to the relay is encrypted.")
    ] = "starttls"
    ca_file: Annotated[
        FilePath | None,
        about("PEM file of trusted authorities, if not the system's.", "relay-ca.pem"),
    ] = None
    user: Annotated[str, about("User name at the relay; empty for no login.")] = ""
    password: Annotated[Secret, about("Password at the relay.")] = Secret("")
    password_file: Annotated[
        FilePath | None, about("File that holds the password instead.", "relay.secret")
    ] = None
    sender: Annotated[
        str,
        about(
            "Address in the envelope, which bounces go to; its domain is also in the identifiers of"
            " mails.",
            "bounces@example.com",
        ),
    ] = ""
    sender_domains: Annotated[
        tuple[str, ...], about("Domains that lists may send as; empty for any.", ["example.com"])
    ] = ()
    base_url: Annotated[
        HttpUrl | None,
        about(
            "Where subscribers reach this gateway, for the links in mails.",
            "https://sms.example.com",
        ),
    ] = None
    outbox: Annotated[
        FolderPath | None,
        about("Folder that mails are written to instead of being sent.", "outbox"),
    ] = None
    rate_per_s: Annotated[float, about("Mails a second, of all accounts.", gt=0, le=10_000)] = 10.0
    connections: Annotated[
        int, about("Connections to the relay at the same time.", ge=1, le=100)
    ] = 4
    timeout_s: Annotated[
        float, about("Longest wait for one answer of the relay.", gt=0, le=600)
    ] = 60.0
    first_retry_s: Annotated[
        float,
        about(
            "Wait after the first temporary refusal. Each further wait is twice as long, up to"
            " max_retry_s; all vary by up to 20 %.",
            gt=0,
            le=DAY_S,
        ),
    ] = 300.0
    max_retry_s: Annotated[float, about("Longest wait between two attempts.", gt=0, le=DAY_S)] = (
        4.0 * HOUR_S
    )
    give_up_after_s: Annotated[
        float, about("Age at which a mail is given up.", gt=0, le=30 * DAY_S)
    ] = 3.0 * DAY_S
    max_hard_bounces: Annotated[
        int, about("This many hard bounces in a row end a subscription.", ge=1, le=100)
    ] = 3

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `relay`."""
        return parse_address(self.relay)


class Mms(Section, frozen=True, kw_only=True):
    """What a multimedia message may carry.

    Attachments are fetched from customers' URLs while the caller waits, under the rules of
    callbacks.
    """

    max_attachments: Annotated[int, about("Attachments of one message.", ge=1, le=100)] = 10
    max_bytes: Annotated[
        int, about("Size of all attachments of a message.", ge=1024, le=16 << 20)
    ] = 600 * 1024
    timeout_s: Annotated[float, about("Longest wait for one attachment.", gt=0, le=120)] = 15.0
    types: Annotated[tuple[str, ...], about("Media types that are accepted.", min_length=1)] = (
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


class Devices(Section, frozen=True, kw_only=True):
    """Phones that send: how they reach the gateway and what they are asked to do."""

    public_url: Annotated[
        PublicUrl,
        about(
            "Where phones reach the gateway, as users type it into them, without the path. Empty"
            " for the address that a phone called.",
            "https://sms.example.com",
        ),
    ] = ""
    ping_interval_s: Annotated[
        int,
        about("How often a phone calls in and reports its health; 0 for never.", ge=0, le=DAY_S),
    ] = 300
    code_life_s: Annotated[
        float, about("How long a registration code is valid.", gt=0, le=DAY_S)
    ] = 600.0

    @property
    def api_url(self) -> str:
        """What users type into the app, without a slash at its end; empty where nothing is set."""
        return f"{self.public_url.rstrip('/')}{PHONE_API}" if self.public_url else ""


class Callbacks(Section, frozen=True, kw_only=True):
    """Calls to customers' URLs: states of messages, inbound texts, events."""

    timeout_s: Annotated[float, about("Longest wait for the answer to one call.", gt=0, le=120)] = (
        10.0
    )
    concurrency: Annotated[int, about("Calls at the same time, in all.", ge=1, le=10_000)] = 256
    per_host: Annotated[
        int,
        about(
            "Calls at the same time to one host, so that a slow customer does not delay others.",
            ge=1,
            le=10_000,
        ),
    ] = 16
    first_retry_s: Annotated[
        float,
        about(
            "Wait after the first failure. Each further wait is three times as long, up to"
            " max_retry_s; all vary by up to 20 %. A customer's server that asks for a longer wait"
            " (Retry-After) gets it.",
            gt=0,
            le=HOUR_S,
        ),
    ] = 5.0
    max_retry_s: Annotated[float, about("Longest wait between two attempts.", gt=0, le=DAY_S)] = (
        float(HOUR_S)
    )
    give_up_after_s: Annotated[
        float, about("Age at which a callback is given up.", gt=0, le=30 * DAY_S)
    ] = 3.0 * DAY_S
    allow_private: Annotated[
        tuple[NetworkText, ...],
        about(
            "A customer could name a URL inside your network, so only public addresses are called."
            " These networks may be called nevertheless.",
            ["10.20.0.0/16"],
        ),
    ] = ()

    @property
    def private_networks(self) -> tuple[Network, ...]:
        """`allow_private`, parsed."""
        return tuple(map(parse_network, self.allow_private))


class Limits(Section, frozen=True, kw_only=True):
    """Limits of one request to send; an account may have narrower ones."""

    max_parts: Annotated[
        int, about("Parts of one text; a longer one is refused, never cut.", ge=1, le=255)
    ] = 10
    max_recipients: Annotated[int, about("Recipients of one request.", ge=1, le=1_000_000)] = (
        100_000
    )
    inline_recipients: Annotated[
        int,
        about(
            "Up to this many recipients become messages while the caller waits; a longer list is"
            " stored at once and becomes messages in the background.",
            ge=0,
            le=10_000,
        ),
    ] = 100


class Inbound(Section, frozen=True, kw_only=True):
    """Texts that phones send to us."""

    stop_words: Annotated[
        tuple[str, ...],
        about(
            "Whoever sends a text that begins with one of these words gets nothing more from the"
            " owner of the number, or from the account of the keyword that follows. No account can"
            " have them as keywords."
        ),
    ] = ("STOP",)
    start_words: Annotated[
        tuple[str, ...],
        about("One of these words alone, or before a keyword, takes the opt-out back."),
    ] = ("START",)


class Receipts(Section, frozen=True, kw_only=True):
    """Reports of carriers: how long they are waited for and kept."""

    horizon_s: Annotated[
        float,
        about(
            "Age at which a message without a report becomes unknown; a later report still counts.",
            gt=0,
            le=30 * DAY_S,
        ),
    ] = 48.0 * HOUR_S
    park_s: Annotated[
        float,
        about("How long a report is kept whose message is not known yet.", gt=0, le=30 * DAY_S),
    ] = 72.0 * HOUR_S


Days = Annotated[int, Meta(ge=0, le=36_500)]


class Retention(Section, frozen=True, kw_only=True):
    """How long what grows with traffic is kept, in days; 0 is for ever.

    Messages, texts, opt-outs and movements of credits are always kept.
    """

    attachments_days: Annotated[
        Days, about("Attachments, from when their messages can no longer be sent.")
    ] = 30
    notes_days: Annotated[
        Days, about("Failed attempts and reports, as a message's page shows them.")
    ] = 180
    callbacks_days: Annotated[
        Days, about("Calls to customers' URLs that are over, and their attempts.")
    ] = 90
    deliveries_days: Annotated[
        Days,
        about(
            "Mails of campaigns that are over; an issue that is sent once more after that reaches"
            " everybody again."
        ),
    ] = 730
    ingested_days: Annotated[
        Days,
        about(
            "Which messages others have reported for the statistics; one that is reported again"
            " after that counts twice."
        ),
    ] = 400
    audit_days: Annotated[Days, about("Who changed what in the console.")] = 730


class Log(Section, frozen=True, kw_only=True):
    """What is written to standard error; never texts, keys or full numbers."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], about("Lowest level that is written.")
    ] = "info"
    format: Annotated[
        Literal["json", "console"], about("JSON lines for programs, or text for people.")
    ] = "json"


class Console(Section, frozen=True, kw_only=True):
    """The web console for people, at /console of the HTTP server; docs/console.md has more."""

    enabled: Annotated[bool, about("Whether there is a console.")] = False
    time_zone: Annotated[
        TimeZone, about("Time zone of its times, for accounts without their own.")
    ] = "UTC"
    idle_s: Annotated[
        float, about("Time without a click that ends a session.", ge=60, le=7 * DAY_S)
    ] = 2.0 * HOUR_S
    longest_s: Annotated[
        float, about("Time that ends a session in any case.", ge=60, le=90 * DAY_S)
    ] = 12.0 * HOUR_S


class Admin(Section, frozen=True, kw_only=True):
    """The admin interface that `dragoman` on the command line uses."""

    remote: Annotated[
        bool,
        about(
            "Whether it is also at /admin of the HTTP server, for callers with a token of"
            " `dragoman admin token create`; otherwise it is on this machine only."
        ),
    ] = False


class Metrics(Section, frozen=True, kw_only=True):
    """Metrics for Prometheus, at /metrics of the HTTP server."""

    public: Annotated[bool, about("Whether callers other than this machine may read /metrics.")] = (
        False
    )
