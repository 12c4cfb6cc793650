"""Removes secrets, texts and full numbers from logs.

Code decides itself what it logs; this processor is the safety net.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

HIDDEN: Final = "***"
SHOWN_AT_START: Final = 4
SHOWN_AT_END: Final = 2
LEAST_HIDDEN: Final = 4
MAX_DEPTH: Final = 6

_QUERY = re.compile(r"\?[^\s\"'<>]*=[^\s\"'<>]*")
_USER_INFO = re.compile(r"(?<=://)[^\s/@\"'<>]+@")
_LONG_NUMBER = re.compile(r"(?<![0-9A-Za-z.])\+?[0-9]{8,15}(?![0-9A-Za-z.])")


def redact_number(number: str) -> str:
    """`4512****78`: the start and the end of a number, at least four characters hidden."""
    plus = "+" if number.startswith("+") else ""
    digits = number[len(plus) :]
    shown = min(SHOWN_AT_START + SHOWN_AT_END, max(0, len(digits) - LEAST_HIDDEN))
    at_end = min(SHOWN_AT_END, shown // 2)
    at_start = shown - at_end
    hidden = "*" * max(LEAST_HIDDEN, len(digits) - shown)
    return f"{plus}{digits[:at_start]}{hidden}{digits[len(digits) - at_end :]}"


def redact_url(url: str) -> str:
    """A URL without user name, password, query and fragment."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return HIDDEN
    scheme = f"{parts.scheme}://" if host else f"{parts.scheme}:" if parts.scheme else ""
    return f"{scheme}{host}{parts.path}"


def redact_text(text: str) -> str:
    """Free text, such as another library's log line, without query strings and full numbers."""
    text = _USER_INFO.sub("", _QUERY.sub("?" + HIDDEN, text))
    return _LONG_NUMBER.sub(lambda found: redact_number(found[0]), text)


def _hide(value: Any) -> Any:
    return HIDDEN if value not in (None, "") else value


def _measure(value: Any) -> Any:
    return f"<{len(value)}>" if isinstance(value, str | bytes) else _hide(value)


def _number(value: Any) -> Any:
    return redact_number(str(value)) if isinstance(value, str | int) else _hide(value)


def _url(value: Any) -> Any:
    return redact_url(value) if isinstance(value, str) else _hide(value)


def _text(value: Any) -> Any:
    return redact_text(value) if isinstance(value, str) else value


_BY_KEY: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        name: redact
        for redact, names in (
            (
                _hide,
                "apikey api_key auth authorization cookie credential credentials headers key md5"
                " new_key newapikey pass passwd password params query query_string secret"
                " set_cookie token access_token",
            ),
            (
                _measure,
                "body content data message msg payload raw return_data returndata short_message"
                " text udh",
            ),
            (
                _number,
                "destination destination_addr from msisdn number numbers phone phone_number"
                " recipient recipients source source_addr to",
            ),
            (_url, "callback_url statusurl target uri url"),
            (_text, "event error exception reason detail stack"),
        )
        for name in names.split()
    }
)
"""How a logged value is redacted, by the name it is logged under."""


def redact_event(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor: redacts values by the names they are logged under, nested ones too."""
    for name, value in event.items():
        event[name] = _redact(name, value, MAX_DEPTH)
    return event


def _redact(name: str, value: Any, depth: int) -> Any:
    redact = _BY_KEY.get(name) or _BY_KEY.get(name.lower().replace("-", "_"))
    if isinstance(value, list | tuple | set | frozenset):
        if redact is _hide or depth == 0:
            return _hide(value)
        return [_redact(name, item, depth - 1) for item in value]
    if isinstance(value, Mapping):
        if redact is _hide or depth == 0:
            return _hide(value)
        return {key: _redact(str(key), item, depth - 1) for key, item in value.items()}
    return redact(value) if redact is not None else value
