"""The values a setting can have beyond numbers and plain text, and how each is checked.

A type here is `str` with a `Meta(extra={"check": …})`: `reading` runs the check, whose ValueError
becomes the mistake's text, and the section that holds the value offers it parsed.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, TypeAlias
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from msgspec import Meta

from dragoman.core.billing.model.pricing import parse_price

Network: TypeAlias = IPv4Network | IPv6Network

SQLITE = "sqlite:///"
MAX_PREFIX_DIGITS = 15


class Secret(str):
    """Text that does not show in a `repr`, and so not in logs and tracebacks either."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


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


def _check_time_zone(text: str) -> None:
    try:
        ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        raise ValueError(f"{text!r} is not an IANA time zone, such as Europe/Copenhagen") from None


def _check_prefix(text: str) -> None:
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_PREFIX_DIGITS):
        raise ValueError(f"{text!r} is not the first digits of a number, without +, such as 45")


def _check_any_prefix(text: str) -> None:
    if text:
        _check_prefix(text)


def _check_number(text: str) -> None:
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and 3 <= len(digits) <= MAX_PREFIX_DIGITS):
        raise ValueError(f"{text!r} is not a number or short code of 3 to 15 digits")


def _check_host(text: str) -> None:
    if not text or not text.isascii() or not text.isprintable() or set(text) & set("/:@ "):
        raise ValueError(f"{text!r} is not a host name, such as api.example.com")


def _checked(check: Callable[[str], Any], *examples: str) -> Meta:
    return Meta(extra={"check": check}, examples=list(examples))


Address = Annotated[str, _checked(parse_address, "127.0.0.1:8080")]
NetworkText = Annotated[str, _checked(parse_network, "10.0.0.0/8")]
DatabaseUrl = Annotated[Secret, _checked(_check_database_url, "sqlite:///dragoman.db")]
HttpUrl = Annotated[str, _checked(_check_http_url, "https://mmsc.example.net/mm7")]
TimeZone = Annotated[str, _checked(_check_time_zone, "Europe/Copenhagen")]
Prefix = Annotated[str, _checked(_check_prefix, "45")]
OptionalPrefix = Annotated[str, _checked(_check_any_prefix, "45")]
PhoneNumber = Annotated[str, _checked(_check_number, "4512345678", "1245")]
Amount = Annotated[str, _checked(parse_price, "0.05")]
HostName = Annotated[str, _checked(_check_host, "api.example.com")]
FilePath = Annotated[str, Meta(extra={"path": "file"})]
"""A file that has to be there; a relative one is taken from the configuration's folder."""
FolderPath = Annotated[str, Meta(extra={"path": "folder"})]
"""A folder that may have to be made; a relative one is taken from the configuration's folder."""
