"""A message of the manual, read into a submission.

Programs send flags as `true`, `"true"` or 1, numbers as text, a `statusurl` of 0 and recipients
as a list; all of these are understood. What is not is refused by name, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus

from dragoman.config.dialects import LinkMobility
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import CallbackRequest, Format, Push, Submission
from dragoman.core.messages.model.premium import Premium
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility import reading
from dragoman.dialects.linkmobility.audiences import read_audience
from dragoman.dialects.linkmobility.errors import WordedRefusal, missing_contact, missing_list
from dragoman.dialects.linkmobility.mapping import DIALECT, FORMATS, PROTOCOL, REPORTED
from dragoman.dialects.linkmobility.schemas import Message, Number, Text
from dragoman.dialects.wording import quoted

MAX_URL: Final = 2_000
MAX_URLS: Final = 100
_NOTHING: Final[tuple[object, ...]] = (None, "", [], {})
DEFAULT_SENDER: Final = "Service SMS"
DEFAULT_CLASS: Final = 1
MAX_CLASS: Final = 3
MAX_PROTOCOL_ID: Final = 255
MAX_VALIDITY_MIN: Final = 14 * 24 * 60
MAX_NUMBER: Final = 999_999_999
MAX_RETURN_DATA: Final = 5_000
"""Characters that `returndata` may take in the call of a `statusurl`, escapes included."""

MAX_IDENTIFIER_DIGITS: Final = 16
MAX_PROTOCOL: Final = 32
MAX_PUSH_URL: Final = 500
LAST_EXPIRY_S: Final = 253_402_300_799  # the last second with a year of four digits

_NO_STATES: Final[frozenset[State]] = frozenset()
_WAP_PUSH: Final = Format.WAP_PUSH
_CONTACT: Final = re.compile(r"c[0-9]+", re.ASCII)
_LIST: Final = re.compile(r"[0-9]+", re.ASCII)
_INTEGER: Final = re.compile(r"[0-9]{1,12}", re.ASCII)

# Members that every message asks for: looking one up in its class costs more than the rest.
_AUTO = Format.AUTO
_GSM = Format.GSM
_GSM_ALIKE = Format.GSM_ALIKE


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


def read_message(
    message: Message, account: Account, zone: str, settings: LinkMobility, report_url: str
) -> Submission:
    """Reads a message of an account whose times are in `zone`; raises `Refused`.

    Reports go to `report_url`, if there is one, where the message has no `statusurl`.
    """
    format_ = _read_format(message.format)
    if format_ is _GSM and not settings.refuse_other_characters:
        format_ = _GSM_ALIKE
    message_class = _read_integer("class", message.class_, 0, MAX_CLASS)
    validity_min = _read_integer("validity", message.validity, 1, MAX_VALIDITY_MIN)
    named = read_recipients(message.recipients)
    return_data = _read_return_data(message.returndata)
    return Submission(
        dialect=DIALECT,
        recipients=named.numbers,
        audience=read_audience(named.lists, named.contacts, message.filter, message.segmentation),
        text=_read_text(message.message),
        sender=_read_text(message.sender).strip() or account.default_sender or DEFAULT_SENDER,
        format=format_,
        udh=_read_header(message.udh, format_),
        push=_read_push(message, format_),
        due_ms=_read_due_time(message.sendtime, zone),
        validity_s=None if validity_min is None else validity_min * 60,
        callback=_read_callback(message, return_data, report_url),
        return_data=return_data,
        # Class 1 is every phone's own choice, so it is not put on the wire.
        message_class=None if message_class == DEFAULT_CLASS else message_class,
        protocol_id=_read_integer("pid", message.pid, 0, MAX_PROTOCOL_ID) or 0,
        protocol=_read_protocol(message, settings.advanced_key),
        premium=_read_premium(message),
        attachment_urls=read_attachments(message.attachment, format_),
    )


class Named(NamedTuple):
    """What stands in `recipients`."""

    numbers: tuple[str, ...]
    lists: tuple[int, ...] = ()
    contacts: tuple[int, ...] = ()


def read_recipients(recipients: str | int | list[str | int] | None) -> Named:
    """Reads the numbers, lists and contacts of a message; raises `Refused`."""
    if isinstance(recipients, str) and recipients.startswith("+") and "," not in recipients:
        return Named((recipients,))
    items = recipients if isinstance(recipients, list) else [_read_text(recipients)]
    names = [name.strip() for item in items for name in str(item).split(",")]
    numbers, lists, contacts = [], [], []
    for name in filter(None, names):
        if name.startswith("+"):
            numbers.append(name)
        elif _LIST.fullmatch(name):
            lists.append(_read_identifier(name, missing_list))
        elif _CONTACT.fullmatch(name):
            contacts.append(_read_identifier(name[1:], missing_contact))
        else:
            raise Refused(RefusalCode.INVALID_RECIPIENT, name)
    if not (numbers or lists or contacts):
        raise Refused(RefusalCode.MISSING_FIELD, "recipients")
    return Named(tuple(numbers), tuple(dict.fromkeys(lists)), tuple(dict.fromkeys(contacts)))


def _read_identifier(name: str, missing: Callable[[str], Refused]) -> int:
    if len(name) > MAX_IDENTIFIER_DIGITS or int(name) > reading.MAX_IDENTIFIER:
        raise missing(name)  # there cannot be one
    return int(name)


def _read_text(value: Text) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else str(value)


def _read_format(value: str | None) -> Format:
    if not value:
        return _AUTO  # GSM as the manual says, and UCS-2 for a text that would not survive it
    name = value.strip().upper()
    format_ = FORMATS.get(name)
    if format_ is None:
        raise WordedRefusal(RefusalCode.INVALID_FIELD, f"Format [{quoted(value)}] is not valid")
    return format_


def _read_integer(field: str, value: Number, lowest: int, highest: int) -> int | None:
    """Reads a number; None where none is given."""
    if value is None or value == "":
        return None
    written = str(value).strip()
    if _INTEGER.fullmatch(written) and lowest <= int(written) <= highest:
        return int(written)
    raise Refused(RefusalCode.INVALID_FIELD, field, f"use a number between {lowest} and {highest}")


def _read_header(value: str | None, format_: Format) -> bytes:
    if not value:
        return b""
    if format_ is not Format.BINARY:
        raise Refused(RefusalCode.INVALID_FIELD, "udh", "use format BINARY")
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise Refused(RefusalCode.INVALID_FIELD, "udh", "not hexadecimal octets") from None


def _read_due_time(value: str | None, zone: str) -> int | None:
    if not value:
        return None
    try:
        return reading.parse_time(value, zone)
    except ValueError as error:
        raise Refused(RefusalCode.INVALID_SCHEDULE, detail=str(error)) from None


def _read_push(message: Message, format_: Format) -> Push | None:
    if format_ is not _WAP_PUSH and message.pushurl is None and message.pushexpire is None:
        return None
    url = _read_text(message.pushurl).strip()
    expires_s = _read_integer("pushexpire", message.pushexpire, 0, LAST_EXPIRY_S)
    if format_ is not _WAP_PUSH:
        if url or expires_s:
            field = "pushurl" if url else "pushexpire"
            raise Refused(RefusalCode.INVALID_FIELD, field, "use format WAPPUSH")
        return None
    if not url:
        raise Refused(RefusalCode.MISSING_FIELD, "pushurl")
    if len(url) > MAX_PUSH_URL or not url.isprintable() or " " in url:
        detail = f"at most {MAX_PUSH_URL} printable characters without space"
        raise Refused(RefusalCode.INVALID_FIELD, "pushurl", detail)
    return Push(url=url, expires_ms=expires_s * 1000 if expires_s else None)


def _read_protocol(message: Message, advanced_key: str) -> str:
    protocol = _read_text(message.protocol).strip()
    if not protocol or protocol == PROTOCOL:
        return PROTOCOL
    reading.check_advanced(advanced_key, _read_text(message.advanced), "protocol")
    if len(protocol) > MAX_PROTOCOL or not protocol.isprintable():
        detail = f"at most {MAX_PROTOCOL} printable characters"
        raise Refused(RefusalCode.INVALID_FIELD, "protocol", detail)
    return protocol


def _read_return_data(value: Text) -> str:
    return_data = _read_text(value)
    if return_data and len(quote_plus(return_data, errors="replace")) > MAX_RETURN_DATA:
        raise Refused(RefusalCode.INVALID_FIELD, "returndata", "too long")
    return return_data


def _read_callback(message: Message, return_data: str, report_url: str) -> CallbackRequest | None:
    wanted = reading.read_flag("status", message.status)
    url = message.statusurl
    if not isinstance(url, str) or not (url := url.strip()) or url == "0":
        url, wanted = report_url, True
    if not url:
        return None
    # Without a wish for reports the URL is only remembered, for the lookup to show.
    states = REPORTED if wanted else _NO_STATES
    return CallbackRequest(url=url, return_data=return_data, states=states)


def _read_premium(message: Message) -> Premium | None:
    """What the recipients pay; without a price, what belongs to one has no effect."""
    price = _read_integer("price", message.price, 0, MAX_NUMBER)
    if not price:
        return None
    content_type = _read_integer("contenttype", message.contenttype, 0, MAX_NUMBER)
    if not content_type:
        raise Refused(RefusalCode.MISSING_FIELD, "contenttype")
    return Premium(
        price=price,
        content_type=content_type,
        charity=bool(reading.read_flag("charity", message.charity)),
        invoice_text=_read_text(message.invoicetext),
        revenue_text=_read_text(message.revenuetext),
    )
