"""The URLs in `attachment`: an array, or a single one (Zumosms v2, "MMS")."""

from __future__ import annotations

from typing import Any, Final

from dragoman.core.messages.model.messages import Format
from dragoman.core.model.errors import RefusalCode, Refused

MAX_URL: Final = 2_000
MAX_URLS: Final = 100
_NOTHING: Final[tuple[object, ...]] = (None, "", [], {})


def read_attachments(
    value: list[Any] | dict[str, Any] | str | None, format_: Format
) -> tuple[str, ...]:
    """Reads the URLs of a message; raises `Refused`.

    XML writes an array as repeated elements, or as elements named `item` in one.
    """
    if value in _NOTHING:
        return ()
    if format_ is not Format.MMS:
        raise Refused(RefusalCode.INVALID_FIELD, "attachment", "use format MMS")
    if isinstance(value, dict):
        value = value.get("item") if value.keys() == {"item"} else [value]
    urls = value if isinstance(value, list) else [value]
    if len(urls) > MAX_URLS:
        raise Refused(RefusalCode.INVALID_FIELD, "attachment", "too many")
    return tuple(map(_read_url, urls))


def _read_url(url: object) -> str:
    if not isinstance(url, str) or len(url) > MAX_URL or not url.strip():
        raise Refused(RefusalCode.INVALID_FIELD, "attachment", "expected an array of URLs")
    return url.strip()
