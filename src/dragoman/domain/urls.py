"""URLs that customers give us to call."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

MAX_URL: Final = 2_000


def may_be_called(url: str) -> bool:
    """Whether a text is an http or https address with a host; its network is checked at the call.

    A user name in it is not taken: it would be kept in plain text.
    """
    try:
        parts = urlsplit(url)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return fits and "@" not in parts.netloc and len(url) <= MAX_URL and _is_plain(url)


def _is_plain(url: str) -> bool:
    return url.isprintable() and " " not in url
