"""A message of the manual, read into the house's words.

Programs send flags as `true`, `"true"` or 1, numbers as text, a `statusurl` of 0 and recipients
as a list; all of these are understood. What is not is refused by name, never guessed.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final
from urllib.parse import quote_plus

from dragoman.dialects.linkmobility.attachments import read_attachments
from dragoman.dialects.linkmobility.errors import (
    WordedRefusal,
    missing_contact,
    missing_list,
    quoted,
)
from dragoman.dialects.linkmobility.mapping import DIALECT, FORMATS, PROTOCOL, REPORTED
from dragoman.dialects.linkmobility.schemas import Flag, Message, Number, Text
from dragoman.dialects.linkmobility.times import parse_time
from dragoman.domain.accounts import Account
from dragoman.domain.errors import RefusalCode, Refused
from dragoman.domain.lifecycle import State
from dragoman.domain.messages import CallbackRequest, Format, Submission
from dragoman.domain.premium import Premium

DEFAULT_SENDER: Final = "Service SMS"
DEFAULT_CLASS: Final = 1
MAX_CLASS: Final = 3
MAX_PROTOCOL_ID: Final = 255
MAX_VALIDITY_MIN: Final = 14 * 24 * 60
MAX_NUMBER: Final = 999_999_999
MAX_RETURN_DATA: Final = 5_000
"""Characters that `returndata` may take in the call of a `statusurl`, escapes included."""

_NOT_YET: Final = ("filter", "segmentation", "pushurl", "pushexpire")
_ADVANCED: Final = ("advanced", "protocol")
_FORMATS_NOT_YET: Final = frozenset({"WAPPUSH"})
_FLAGS: Final = MappingProxyType[bool | int | str | None, bool](
    {None: False, "": False, 0: False, "0": False, "false": False}
    | {1: True, "1": True, "true": True}  # False and True are 0 and 1 here
)
_NOTHING: Final[tuple[object, ...]] = ("", "0", 0, [], {})
_NO_STATES: Final[frozenset[State]] = frozenset()
_CONTACT: Final = re.compile(r"c[0-9]+", re.ASCII)
_LIST: Final = re.compile(r"[0-9]+", re.ASCII)
_INTEGER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


def read_message(message: Message, account: Account, zone: str) -> Submission:
    """Reads a message of an account whose times are in `zone`; raises `Refused`."""
    for field in _NOT_YET + _ADVANCED:
        value = getattr(message, field)
        if value is not None and value not in _NOTHING:
            _refuse_later(field, value)
    format_ = _read_format(message.format)
    message_class = _read_integer("class", message.class_, 0, MAX_CLASS)
    validity_min = _read_integer("validity", message.validity, 1, MAX_VALIDITY_MIN)
    return Submission(
        dialect=DIALECT,
        recipients=read_recipients(message.recipients),
        text=_read_text(message.message),
        sender=_read_text(message.sender).strip() or account.default_sender or DEFAULT_SENDER,
        format=format_,
        udh=_read_header(message.udh, format_),
        due_ms=_read_due_time(message.sendtime, zone),
        validity_s=None if validity_min is None else validity_min * 60,
        callback=_read_callback(message),
        # Class 1 is every phone's own choice, so it is not put on the wire.
        message_class=None if message_class == DEFAULT_CLASS else message_class,
        protocol_id=_read_integer("pid", message.pid, 0, MAX_PROTOCOL_ID) or 0,
        protocol=PROTOCOL,
        premium=_read_premium(message),
        attachment_urls=read_attachments(message.attachment, format_),
    )


def read_recipients(recipients: str | int | list[str | int] | None) -> tuple[str, ...]:
    """Reads the numbers of a message; raises `Refused` for lists and contacts, which are none."""
    if isinstance(recipients, str) and recipients.startswith("+") and "," not in recipients:
        return (recipients,)
    items = recipients if isinstance(recipients, list) else [_read_text(recipients)]
    named = [name.strip() for item in items for name in str(item).split(",")]
    numbers = tuple(filter(None, named))
    if not numbers:
        raise Refused(RefusalCode.MISSING_FIELD, "recipients")
    for number in numbers:
        if not number.startswith("+"):
            raise _not_a_number(number)
    return numbers


def _not_a_number(recipient: str) -> Refused:
    if _LIST.fullmatch(recipient):
        return missing_list(recipient)
    if _CONTACT.fullmatch(recipient):
        return missing_contact(recipient[1:])
    return Refused(RefusalCode.INVALID_RECIPIENT, recipient)


def _refuse_later(field: str, value: object) -> None:
    if field == "protocol" and value == PROTOCOL:
        return
    raise WordedRefusal(RefusalCode.NOT_SUPPORTED, f"Field [{field}] is not supported yet")


def _read_text(value: Text) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else str(value)


def _read_format(value: str | None) -> Format:
    if not value:
        return Format.AUTO  # GSM as the manual says, and UCS-2 for a text that would not survive it
    name = value.strip().upper()
    if name in _FORMATS_NOT_YET:
        raise WordedRefusal(RefusalCode.NOT_SUPPORTED, f"Format [{name}] is not supported yet")
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
        return parse_time(value, zone)
    except ValueError as error:
        raise Refused(RefusalCode.INVALID_SCHEDULE, detail=str(error)) from None


def _read_callback(message: Message) -> CallbackRequest | None:
    wanted = _read_flag("status", message.status)
    url = message.statusurl
    if not isinstance(url, str) or not (url := url.strip()) or url == "0":
        return None
    return_data = _read_text(message.returndata)
    if return_data and len(quote_plus(return_data, errors="replace")) > MAX_RETURN_DATA:
        raise Refused(RefusalCode.INVALID_FIELD, "returndata", "too long")
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
        charity=_read_flag("charity", message.charity),
        invoice_text=_read_text(message.invoicetext),
        revenue_text=_read_text(message.revenuetext),
    )


def _read_flag(field: str, value: Flag) -> bool:
    flag = _FLAGS.get(value.strip().lower() if isinstance(value, str) else value)
    if flag is None:
        raise Refused(RefusalCode.INVALID_FIELD, field, "use true or false")
    return flag
