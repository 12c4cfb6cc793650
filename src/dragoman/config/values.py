"""The values a setting can have beyond numbers and plain text, and how each is checked.

A type here is `str` with a `Meta(extra={"check": …})`: `reading` runs the check, whose ValueError
becomes the mistake's text, and the section that holds the value offers it parsed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, TypeAlias
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from msgspec import Meta

from dragoman.core.billing.model.pricing import parse_price
from dragoman.core.model.countries import mcc_of_region

Network: TypeAlias = IPv4Network | IPv6Network

SQLITE = "sqlite:///"


class Secret(str):
    """Text that does not show in a `repr`, and so not in logs and tracebacks either."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


Secrets = Annotated[dict[str, Secret], Meta(extra={"secrets": True})]
"""Secrets by name; `<name>_file` in their place is the path of a file that holds one."""


def about(description: str, *examples: object) -> Meta:
    """What every setting of a type is for, where no text below a setting says it."""
    return Meta(description=description, examples=list(examples))


def parse_address(text: str) -> tuple[str, int]:
    """The host and port of `host:port`; an IPv6 host stands in brackets."""
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError(f"{text!r} is not host:port, such as 127.0.0.1:8080")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{text!r}: an IPv6 address stands in brackets, such as [::1]:8080")
    return host, int(port)


def parse_network(text: str) -> Network:
    """An address or a network in CIDR notation."""
    try:
        return ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a network such as 10.0.0.0/8 ({error})") from None


def _check_database_url(text: str) -> None:
    # The text of these mistakes leaves the URL out: it may hold a password.
    if text.startswith(SQLITE):
        if text[len(SQLITE) :] in ("", ":memory:"):
            raise ValueError("an SQLite database needs a file, such as sqlite:///dragoman.db")
        return
    try:
        parts = urlsplit(text)
        valid = parts.scheme == "postgresql" and "://" in text and len(parts.path) > 1
        _ = parts.port
    except ValueError:
        valid = False
    if not valid:
        raise ValueError("expected sqlite:///<file> or postgresql://<user>@<host>/<database>")


def _check_http_url(text: str) -> None:
    try:
        parts = urlsplit(text)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        fits = fits and parts.username is None and text.isascii() and text.isprintable()
    except ValueError:
        fits = False
    if not fits or " " in text:
        raise ValueError("expected http://<host>/<path> or https://…, without user and password")


def _check_public_url(text: str) -> None:
    parts = urlsplit(text)
    if text and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise ValueError("expected an address such as https://sms.example.org")
    if parts.query or parts.fragment or not text.isprintable() or " " in text:
        raise ValueError("expected an address without a query")


def _check_issuer(text: str) -> None:
    parts = urlsplit(text)
    local = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if (text and not (parts.scheme == "https" or local)) or (text and not parts.hostname):
        raise ValueError("expected https://<host>/<path>, as the provider calls itself")
    if parts.query or parts.fragment or not text.isprintable() or " " in text:
        raise ValueError("expected an address without a query")


def _check_time_zone(text: str) -> None:
    try:
        ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        raise ValueError(f"{text!r} is not an IANA time zone, such as Europe/Copenhagen") from None


def _check_country(text: str) -> None:
    if mcc_of_region(text) is None:
        raise ValueError(f"{text!r} is not a country by ISO 3166-1, such as DK")


def _check_optional_country(text: str) -> None:
    if text:
        _check_country(text)


def checked(check: Callable[[Any], Any]) -> Meta:
    """Marks a type whose values `check` refuses with a ValueError."""
    return Meta(extra={"check": check})


def matching(pattern: str, complaint: str) -> Meta:
    """Marks a type of text that matches a pattern as a whole."""

    def check(text: str) -> None:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(f"{text!r} {complaint}")

    return checked(check)


_NO_PREFIX = "is not the first digits of a number, without +, such as 45"

Address = Annotated[str, checked(parse_address)]
NetworkText = Annotated[str, checked(parse_network)]
DatabaseUrl = Annotated[Secret, checked(_check_database_url)]
HttpUrl = Annotated[str, checked(_check_http_url)]
PublicUrl = Annotated[str, checked(_check_public_url)]
"""An address to put a path behind, or nothing."""
Issuer = Annotated[str, checked(_check_issuer)]
"""An OpenID provider as it calls itself, or nothing."""
TimeZone = Annotated[str, checked(_check_time_zone)]
Country = Annotated[str, checked(_check_country)]
OptionalCountry = Annotated[str, checked(_check_optional_country)]
Prefix = Annotated[str, matching("[0-9]{1,15}", _NO_PREFIX)]
OptionalPrefix = Annotated[str, matching("[0-9]{0,15}", _NO_PREFIX)]
PhoneNumber = Annotated[
    str, matching("[+]?[0-9]{3,15}", "is not a number or short code of 3 to 15 digits")
]
Amount = Annotated[str, checked(parse_price)]
HostName = Annotated[
    str, matching("[!-.0-9;-?A-~]+", "is not a host name, such as api.example.com")
]
FilePath = Annotated[str, Meta(extra={"path": "file"})]
"""A file that has to be there; a relative one is taken from the configuration's folder."""
FolderPath = Annotated[str, Meta(extra={"path": "folder"})]
"""A folder that may have to be made; a relative one is taken from the configuration's folder."""
