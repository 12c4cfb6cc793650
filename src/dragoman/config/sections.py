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
    Network,
    NetworkText,
    Secret,
    TimeZone,
    parse_address,
    parse_network,
)

DAY_S = 24 * 3600
HOUR_S = 3600


def check_public_url(text: str) -> None:
    """Raises ValueError for what is no address to put a path behind."""
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


class Dialects(Section, frozen=True, kw_only=True):
    """The providers' HTTP APIs that are answered."""

    enabled: Annotated[
        tuple[str, ...], Meta(min_length=1, description="Names of the dialects to answer.")
    ] = ("httpsms", "linkmobility")
    linkmobility: Annotated[LinkMobility, Meta(description="Settings of linkmobility.")] = (
        LinkMobility()
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


class Phones(Section, frozen=True, kw_only=True):
    """How a carrier of type `phones` shares out its work."""

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


class Log(Section, frozen=True, kw_only=True):
    """What is written to standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least level written.")
    ] = "info"
    format: Annotated[
        Literal["json", "console"], Meta(description="JSON lines for programs or text for people.")
    ] = "json"


class Metrics(Section, frozen=True, kw_only=True):
    """Figures for Prometheus, at /metrics of the HTTP server."""

    public: Annotated[
        bool, Meta(description="Whether callers other than this machine may read /metrics.")
    ] = False
