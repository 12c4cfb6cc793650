"""Orders as programs write them, read into submissions; what cannot be read is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from dragoman.config.dialects import SmSend
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.billing.model.message_types import MessageType, MessageTypes
from dragoman.core.messages.model.messages import CallbackRequest
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsend.errors import WordedRefusal
from dragoman.dialects.smsend.mapping import read_switch, read_text
from dragoman.dialects.smsend.schemas import Value
from dragoman.dialects.smsend.sending.callbacks import Context, Shape, request_callback
from dragoman.dialects.smsend.sending.schemas import OrderFields, Parameters
from dragoman.dialects.smsend.sending.texts import TextLimit, limit_of
from dragoman.dialects.smsend.times import parse_time, read_zone
from dragoman.dialects.wording import quoted

MAX_RECIPIENTS: Final = 10_000
MAX_CAMPAIGN_NAME: Final = 255
MAX_FRAGMENTS: Final = 255
MAX_VALIDITY_MIN: Final = 14 * 24 * 60
BULK: Final = "bulk"
"""No order may be called so: `DELETE sms/bulk` is another call."""

_ORDER_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,32}", re.ASCII)
_INTEGER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


class OrderTerms(NamedTuple):
    """What an order says besides its text and its recipients."""

    message_type: MessageType
    called: str
    """What the customer calls the type."""
    order_id: str
    """Empty where the customer leaves it to us."""
    sender: str
    has_default_sender: bool
    ignored_sender: str
    due_ms: int | None
    validity_s: int | None
    limit: TextLimit
    answers_credits: bool
    answers_remaining: bool
    allows_invalid: bool
    shape: Shape | None
    url: str

    def callback(self, order_id: str, zone: ZoneInfo, account_url: str) -> CallbackRequest | None:
        """The request for reports on its texts, to the URL of the account if it names none."""
        url = self.url or account_url
        if not url:
            return None
        context = Context(self.shape or Shape.REPORT, zone.key, order_id)
        return request_callback(url, context, receipts=self.message_type.receipts)


def read_terms(
    fields: OrderFields, account: Account, types: MessageTypes, zone: ZoneInfo, settings: SmSend
) -> OrderTerms:
    """Reads what all orders may say; raises `Refused`."""
    _check_supported(fields)
    called = read_text(fields.message_type)
    message_type = _read_type(called, account, types)
    given = read_sender(fields.sender, message_type, refuse=settings.refuse_sender)
    sender = given if message_type.custom_sender else ""
    if message_type.custom_sender:
        sender = sender or account.default_sender
    if fields.campaign_name and len(str(fields.campaign_name)) > MAX_CAMPAIGN_NAME:
        detail = f"at most {MAX_CAMPAIGN_NAME} characters"
        raise Refused(RefusalCode.INVALID_FIELD, "campaign_name", detail)
    shape, url = _read_callback(fields)
    return OrderTerms(
        message_type=message_type,
        called=called,
        order_id=_read_order_id(fields.order_id),
        sender=sender or settings.default_sender,
        has_default_sender=not sender,
        ignored_sender="" if message_type.custom_sender else given,
        due_ms=_read_due_time(fields, zone),
        validity_s=_read_validity(fields),
        limit=limit_of(
            message_type,
            fields.encoding,
            _read_integer("max_fragments", fields.max_fragments, MAX_FRAGMENTS),
            truncates=read_switch("truncate", fields.truncate),
            only_gsm=settings.refuse_other_characters,
        ),
        answers_credits=read_switch("returnCredits", fields.returnCredits),
        answers_remaining=read_switch("returnRemaining", fields.returnRemaining),
        allows_invalid=read_switch("allowInvalidRecipients", fields.allowInvalidRecipients),
        shape=shape,
        url=url,
    )


def read_message(value: Value) -> str:
    """The text of an order as it is written; raises `Refused` where there is none."""
    text = "" if value is None else str(value)
    if not text:
        raise Refused(RefusalCode.MISSING_FIELD, "message")
    return text


def read_list(value: list[str | int] | str | int | None, name: str) -> list[str]:
    """A list, or one of them alone; raises `Refused` where there is none."""
    items = value if isinstance(value, list) else [] if value is None or value == "" else [value]
    if not items:
        raise Refused(RefusalCode.MISSING_FIELD, name)
    if len(items) > MAX_RECIPIENTS:
        raise too_many(len(items))
    return [str(item).strip() for item in items]


def read_parametric(
    recipients: dict[str, Parameters] | list[Parameters] | None,
) -> list[tuple[str, Parameters]]:
    """The number and the values of each recipient, in their order; raises `Refused`."""
    values: Iterable[Parameters]
    values = recipients.values() if isinstance(recipients, dict) else recipients or ()
    found = [(_number(one), one) for one in values]
    if not found:
        raise WordedRefusal(RefusalCode.MISSING_FIELD, "Missing parameter [recipients]")
    if len(found) > MAX_RECIPIENTS:
        raise too_many(len(found))
    return found


def too_many(count: int) -> Refused:
    """The refusal of an order to too many recipients."""
    return Refused(RefusalCode.TOO_MANY_RECIPIENTS, str(count), f"at most {MAX_RECIPIENTS}")


def _check_supported(fields: OrderFields) -> None:
    """Refuses what would send another text than the customer wrote."""
    for name, value in (
        ("id_landing", fields.id_landing),
        ("short_link_url", fields.short_link_url),
        ("richsms_url", fields.richsms_url),
    ):
        if value is not None and read_text(value):
            raise Refused(RefusalCode.NOT_SUPPORTED, name)


def _number(values: Parameters) -> str:
    number = values.get("recipient")
    return "" if number is None else str(number).strip()


def _read_type(called: str, account: Account, types: MessageTypes) -> MessageType:
    if not called:
        raise Refused(RefusalCode.MISSING_FIELD, "message_type")
    message_type = types.find(called)
    if message_type is None:
        raise Refused(RefusalCode.INVALID_FIELD, "message_type", "there is no such type")
    if not account.may_send_type(message_type.name):
        raise Refused(RefusalCode.PERMISSION_DENIED, "message_type")
    return message_type


def read_sender(value: Value, message_type: MessageType, *, refuse: bool) -> str:
    """The sender that is given; that of a type without its own is only shown, or refused."""
    sender = read_text(value)
    if not sender or message_type.custom_sender:
        return sender
    if refuse:
        detail = f"messages of type {message_type.name} have no sender of their own"
        raise Refused(RefusalCode.INVALID_SENDER, sender, detail)
    return quoted(sender)


def _read_order_id(value: Value) -> str:
    order_id = read_text(value)
    if order_id and (order_id == BULK or not _ORDER_ID.fullmatch(order_id)):
        detail = "at most 32 letters, digits, _ . and -"
        raise Refused(RefusalCode.INVALID_FIELD, "order_id", detail)
    return order_id


def _read_due_time(fields: OrderFields, zone: ZoneInfo) -> int | None:
    own = fields.scheduled_delivery_timezone
    if own is not None:
        zone = read_zone(read_text(own), "scheduled_delivery_timezone") or zone
    written = read_text(fields.scheduled_delivery_time)
    if not written:
        return None
    try:
        return parse_time(written, zone)
    except ValueError as error:
        raise Refused(RefusalCode.INVALID_SCHEDULE, detail=str(error)) from None


def _read_validity(fields: OrderFields) -> int | None:
    minutes = _read_integer("validity_period_min", fields.validity_period_min, MAX_VALIDITY_MIN)
    if minutes is None:
        minutes = _read_integer("validity_period", fields.validity_period, MAX_VALIDITY_MIN)
    return None if minutes is None else minutes * 60


def _read_integer(name: str, value: Value, most: int) -> int | None:
    """A number from 1 on; None where none is given."""
    if value is None or value == "":
        return None
    written = read_text(value)
    if _INTEGER.fullmatch(written) and 1 <= int(written) <= most:
        return int(written)
    raise Refused(RefusalCode.INVALID_FIELD, name, f"1 to {most}")


def _read_callback(fields: OrderFields) -> tuple[Shape | None, str]:
    report = read_text(fields.delivery_notification_url)
    status = read_text(fields.statusnotificationURL)
    if report and status:
        detail = "there is a delivery_notification_url"
        raise Refused(RefusalCode.INVALID_FIELD, "statusnotificationURL", detail)
    if report:
        return Shape.REPORT, report
    return (Shape.STATUS, status) if status else (None, "")
