"""The tables of the configuration that appear once: `[http]`, `[storage]`, `[callbacks]` …"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

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
    Secret,
    TimeZone,
    parse_address,
    parse_network,
)

DAY_S = 24 * 3600
HOUR_S = 3600
PHONE_API = "/api/mobile/v1"


def check_public_url(text: str) -> None:
    """Raises ValueError for text that is not a base URL."""
    parts = urlsplit(text)
    if text and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise ValueError("expected an address such as https://sms.example.org")
    if parts.query or parts.fragment or not text.isprintable() or " " in text:
        raise ValueError("expected an address without a query")


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the configuration."""


class Http(Section, frozen=True, kw_only=True):
    """The HTTP server that programs talk to."""

    listen: Annotated[Address, Meta(description="Host and port the server listens on.")] = (
        "127.0.0.1:8080"
    )
    trusted_proxies: Annotated[
        tuple[NetworkText, ...],
        Meta(description="Proxies whose X-Forwarded-For header is believed."),
    ] = ()
    max_body_bytes: Annotated[
        int, Meta(ge=1024, le=1 << 30, description="Largest request body that is read.")
    ] = 16 * 1024 * 1024
    request_timeout_s: Annotated[
        float, Meta(gt=0, le=600, description="Time a caller has to send a whole request.")
    ] = 30.0
    shutdown_timeout_s: Annotated[
        float, Meta(gt=0, le=600, description="Time to finish what is in flight when told to stop.")
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
        Meta(
            description="sqlite:///<file>, relative to data_dir, or"
            " postgresql://<user>:<password>@<host>/<database>."
        ),
    ] = Secret("sqlite:///dragoman.db")
    url_file: Annotated[
        FilePath | None, Meta(description="File that holds the url, to keep its password apart.")
    ] = None


class Mail(Section, frozen=True, kw_only=True):
    """Mail that becomes messages, over SMTP; only the dialect linkmobility takes any."""

    enabled: Annotated[bool, Meta(description="Whether mail is taken.")] = False
    listen: Annotated[Address, Meta(description="Host and port the SMTP server listens on.")] = (
        "127.0.0.1:2525"
    )
    domains: Annotated[
        tuple[str, ...],
        Meta(description="What stands behind the @ of addresses; empty takes anything."),
    ] = ()
    max_bytes: Annotated[
        int, Meta(ge=1024, le=1 << 24, description="Largest mail that is taken.")
    ] = 256 * 1024
    max_recipients: Annotated[
        int, Meta(ge=1, le=10_000, description="Recipients one mail may have.")
    ] = 100
    max_connections: Annotated[
        int, Meta(ge=1, le=10_000, description="Connections at the same time.")
    ] = 100
    max_connections_per_client: Annotated[
        int, Meta(ge=1, le=10_000, description="Connections of one address at the same time.")
    ] = 10
    mails_per_minute_per_key: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Mails an account may send in a minute.")
    ] = 60
    mails_per_minute_per_client: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Mails an address may bring in a minute.")
    ] = 120
    timeout_s: Annotated[
        float, Meta(gt=0, le=600, description="Time for one command, or for a whole mail.")
    ] = 60.0
    tls_certificate_file: Annotated[
        FilePath | None,
        Meta(description="PEM file of certificate and key; with it STARTTLS is offered."),
    ] = None
    require_tls: Annotated[bool, Meta(description="Whether mail is taken only after STARTTLS.")] = (
        False
    )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`."""
        return parse_address(self.listen)


class Mailings(Section, frozen=True, kw_only=True):
    """E-mail campaigns: mail to the subscribers of customers' lists, through a relay."""

    enabled: Annotated[bool, Meta(description="Whether campaigns are sent.")] = False
    relay: Annotated[Address, Meta(description="Host and port of the SMTP relay.")] = "127.0.0.1:25"
    security: Annotated[
        Literal["starttls", "tls", "none"],
        Meta(description="How the connection to the relay is encrypted."),
    ] = "starttls"
    ca_file: Annotated[
        FilePath | None,
        Meta(description="PEM file of who may vouch for the relay; else who the system trusts."),
    ] = None
    user: Annotated[str, Meta(description="User name at the relay; empty logs nobody in.")] = ""
    password: Annotated[Secret, Meta(description="Password at the relay.")] = Secret("")
    password_file: Annotated[
        FilePath | None, Meta(description="File that holds the password, to keep it apart.")
    ] = None
    sender: Annotated[
        str,
        Meta(
            description="Address in the envelope, which bounces go to; its domain is ours in"
            " identifiers of mails.",
            examples=["bounces@example.com"],
        ),
    ] = ""
    sender_domains: Annotated[
        tuple[str, ...],
        Meta(description="Domains that lists may send as; empty lets them send as any."),
    ] = ()
    base_url: Annotated[
        HttpUrl | None,
        Meta(description="Where subscribers reach this gateway, for the links in mails."),
    ] = None
    outbox: Annotated[
        FolderPath | None,
        Meta(description="Folder that mails are written to instead of being sent."),
    ] = None
    rate_per_s: Annotated[
        float, Meta(gt=0, le=10_000, description="Mails a second, of all accounts.")
    ] = 10.0
    connections: Annotated[
        int, Meta(ge=1, le=100, description="Connections to the relay at the same time.")
    ] = 4
    timeout_s: Annotated[
        float, Meta(gt=0, le=600, description="Longest wait for one answer of the relay.")
    ] = 60.0
    first_retry_s: Annotated[
        float, Meta(gt=0, le=DAY_S, description="Wait after the first failure; it then grows.")
    ] = 300.0
    max_retry_s: Annotated[
        float, Meta(gt=0, le=DAY_S, description="Longest wait between two tries.")
    ] = 4.0 * HOUR_S
    give_up_after_s: Annotated[
        float, Meta(gt=0, le=30 * DAY_S, description="Age at which a mail is given up.")
    ] = 3.0 * DAY_S
    max_hard_bounces: Annotated[
        int,
        Meta(ge=1, le=100, description="So many hard bounces in a row end a subscription."),
    ] = 3

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `relay`."""
        return parse_address(self.relay)


class Mms(Section, frozen=True, kw_only=True):
    """What a multimedia message may carry; files are fetched while the caller waits."""

    max_attachments: Annotated[
        int, Meta(ge=1, le=100, description="Attachments one message may have.")
    ] = 10
    max_bytes: Annotated[
        int, Meta(ge=1024, le=16 << 20, description="Size of all attachments of a message.")
    ] = 600 * 1024
    timeout_s: Annotated[
        float, Meta(gt=0, le=120, description="Longest wait for one attachment.")
    ] = 15.0
    types: Annotated[
        tuple[str, ...], Meta(min_length=1, description="Media types that are taken.")
    ] = (
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
    """Phones that send: how they reach the gateway and what they are told to do."""

    public_url: Annotated[
        str,
        Meta(
            extra={"check": check_public_url},
            description="Where phones reach the gateway, such as https://sms.example.org; the"
            " address they called it by where it is not set.",
        ),
    ] = ""
    ping_interval_s: Annotated[
        int,
        Meta(
            ge=0,
            le=DAY_S,
            description="How often a phone looks in and tells its health; 0 leaves it alone.",
        ),
    ] = 300
    code_life_s: Annotated[
        float, Meta(gt=0, le=DAY_S, description="How long a registration code is good.")
    ] = 600.0

    @property
    def api_url(self) -> str:
        """What a user types into the app, without a slash at its end; empty where nobody said."""
        return f"{self.public_url.rstrip('/')}{PHONE_API}" if self.public_url else ""


class Callbacks(Section, frozen=True, kw_only=True):
    """How customers' URLs are called when a message changes its state."""

    timeout_s: Annotated[
        float, Meta(gt=0, le=120, description="Longest wait for the answer of one call.")
    ] = 10.0
    concurrency: Annotated[
        int, Meta(ge=1, le=10_000, description="Calls under way at the same time.")
    ] = 256
    per_host: Annotated[
        int, Meta(ge=1, le=10_000, description="Calls under way to one host at the same time.")
    ] = 16
    first_retry_s: Annotated[
        float, Meta(gt=0, le=HOUR_S, description="Wait after the first failure; it then doubles.")
    ] = 5.0
    max_retry_s: Annotated[
        float, Meta(gt=0, le=DAY_S, description="Longest wait between two tries.")
    ] = float(HOUR_S)
    give_up_after_s: Annotated[
        float, Meta(gt=0, le=30 * DAY_S, description="Age at which a callback is given up.")
    ] = 3.0 * DAY_S
    allow_private: Annotated[
        tuple[NetworkText, ...],
        Meta(description="Networks customers' URLs may lead to although they are not public."),
    ] = ()

    @property
    def private_networks(self) -> tuple[Network, ...]:
        """`allow_private`, parsed."""
        return tuple(map(parse_network, self.allow_private))


class Limits(Section, frozen=True, kw_only=True):
    """Bounds of one request to send; an account may have narrower ones."""

    max_parts: Annotated[
        int, Meta(ge=1, le=255, description="Parts a text may take; longer ones are refused.")
    ] = 10
    max_recipients: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Recipients one request may name.")
    ] = 100_000
    inline_recipients: Annotated[
        int,
        Meta(
            ge=0,
            le=10_000,
            description="Up to so many recipients become messages in the request itself; a longer"
            " list is expanded in the background.",
        ),
    ] = 100


class Inbound(Section, frozen=True, kw_only=True):
    """Texts that phones send to us."""

    stop_words: Annotated[
        tuple[str, ...],
        Meta(description="First words of texts whose senders want no more messages."),
    ] = ("STOP",)
    start_words: Annotated[
        tuple[str, ...], Meta(description="Words that take an opt-out back, alone in a text.")
    ] = ("START",)


class Receipts(Section, frozen=True, kw_only=True):
    """How long reports of carriers are waited for and kept."""

    horizon_s: Annotated[
        float,
        Meta(gt=0, le=30 * DAY_S, description="Age at which a message without report is unknown."),
    ] = 48.0 * HOUR_S
    park_s: Annotated[
        float,
        Meta(gt=0, le=30 * DAY_S, description="How long a report that fits no message is kept."),
    ] = 72.0 * HOUR_S


Days = Annotated[int, Meta(ge=0, le=36_500)]


class Retention(Section, frozen=True, kw_only=True):
    """How long is kept what grows with traffic, in days; 0 is for ever, as messages always are."""

    attachments_days: Annotated[
        Days,
        Meta(description="Attachments, from when their messages can be sent no more."),
    ] = 30
    notes_days: Annotated[
        Days,
        Meta(description="Attempts that failed, and reports, as a message's page shows."),
    ] = 180
    callbacks_days: Annotated[
        Days, Meta(description="Calls to customers' URLs that are over, and their attempts.")
    ] = 90
    deliveries_days: Annotated[
        Days,
        Meta(
            description="Mails of campaigns that are over; an issue that is sent once more after"
            " that reaches everybody again."
        ),
    ] = 730
    ingested_days: Annotated[
        Days,
        Meta(
            description="Which messages others have told us for the statistics; one that is told"
            " again after that counts twice."
        ),
    ] = 400
    audit_days: Annotated[Days, Meta(description="Who changed what in the console.")] = 730


class Log(Section, frozen=True, kw_only=True):
    """What is written to standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least level written.")
    ] = "info"
    format: Annotated[
        Literal["json", "console"], Meta(description="JSON lines for programs or text for people.")
    ] = "json"


class Console(Section, frozen=True, kw_only=True):
    """The web console for people, at /console of the HTTP server."""

    enabled: Annotated[bool, Meta(description="Whether there is a console.")] = False
    time_zone: Annotated[
        TimeZone, Meta(description="Zone of its times, for accounts without a zone of their own.")
    ] = "UTC"
    idle_s: Annotated[
        float,
        Meta(ge=60, le=7 * DAY_S, description="Time without a click that ends a session."),
    ] = 2.0 * HOUR_S
    longest_s: Annotated[
        float, Meta(ge=60, le=90 * DAY_S, description="Time that ends a session in any case.")
    ] = 12.0 * HOUR_S


class Metrics(Section, frozen=True, kw_only=True):
    """Figures for Prometheus, at /metrics of the HTTP server."""

    public: Annotated[
        bool, Meta(description="Whether callers other than this machine may read /metrics.")
    ] = False
