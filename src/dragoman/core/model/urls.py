"""URLs that customers supply."""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from typing import Final
from urllib.parse import unquote, urlsplit

MAX_URL: Final = 2_000


@lru_cache(maxsize=1_000)
def is_http_address(url: str) -> bool:
    """Whether a text is an http or https URL with a host."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return fits and len(url) <= MAX_URL and url.isprintable() and " " not in url


def names_user(url: str) -> bool:
    """Whether a URL contains a user name, which our own APIs do not take."""
    return "@" in urlsplit(url).netloc


def split_user(url: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A URL without its user name and password, and the header that says them (RFC 7617).

    One that cannot be read stays as it is.
    """
    try:
        netloc = urlsplit(url).netloc if "@" in url else ""
    except ValueError:
        netloc = ""
    user, at, host = netloc.rpartition("@")
    if not at:
        return url, ()
    name, _, password = user.partition(":")
    token = b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()
    return url.replace(netloc, host, 1), (("Authorization", f"Basic {token}"),)


def add_query(url: str, query: str) -> str:
    """A URL with further parameters behind those that it has; without its fragment."""
    address, _, _ = url.partition("#")
    if "?" not in address:
        return f"{address}?{query}"
    return f"{address}{'' if address.endswith(('?', '&')) else '&'}{query}"


@lru_cache(maxsize=1_000)
def origin_of(url: str) -> str:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()
