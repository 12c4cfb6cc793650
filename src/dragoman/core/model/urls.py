"""URLs that customers supply."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import lru_cache
from typing import Final
from urllib.parse import unquote, urlsplit

MAX_URL: Final = 2_000
_LOGIN: Final = re.compile(r'(://[^/?#\s":]*):[^/?#\s"]*@')
"""A user, whose name may be an address with `@`, and a password, in a URL or in JSON with some."""
_HIDDEN: Final = "***"


@lru_cache(maxsize=1_000)
def is_http_address(url: str) -> bool:
    """Whether a text is an http or https URL with a host, and no password that is hidden in it."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        fits = fits and '"' not in parts.netloc and f":{_HIDDEN}@" not in url
    except ValueError:
        return False
    return fits and len(url) <= MAX_URL and url.isprintable() and " " not in url


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


def hide_passwords(text: str) -> str:
    """A text, such as a URL, as it may be shown: `***` for the password in each of its URLs."""
    return _LOGIN.sub(rf"\1:{_HIDDEN}@", text) if "@" in text else text


def unhide_password(url: str, stored: str) -> str:
    """A URL that was shown with its password hidden, and edited, with the one that is stored.

    For the same user at the same origin alone: nobody can have it sent elsewhere. Any other stays
    hidden, which is no address.
    """
    if url == hide_passwords(stored):
        return stored
    login, known = _LOGIN.search(url), _LOGIN.search(stored)
    if login is None or known is None or login[0] != f"{known[1]}:{_HIDDEN}@":
        return url
    shown = url.replace(login[0], known[0], 1)
    return shown if is_http_address(shown) and origin_of(shown) == origin_of(stored) else url


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
