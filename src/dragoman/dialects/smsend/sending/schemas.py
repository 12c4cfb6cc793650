"""What the calls on orders take and answer, named and ordered as in the manual."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from dragoman.dialects.smsend.schemas import PageQuery, Switch, Value
from dragoman.web.operations import doc

Parameters = dict[str, str | int | float | bool | None]
"""A recipient of a parametric text, with the values for its places."""


class OrderFields(msgspec.Struct, frozen=True, kw_only=True):
    """What every order may say; fields that are not here have no effect."""

    message_type: Annotated[Value, doc("N, L, LL …, or another brand's name.")] = None
    message: Value = None
    sender: Annotated[Value, doc("An alias; empty for the preferred one.")] = None
    scheduled_delivery_time: Annotated[
        Value, doc("yyyyMMddHHmmss, yyyy-MM-dd HH:mm …; in the past, or none, is now.")
    ] = None
    scheduled_delivery_timezone: Annotated[Value, doc("An IANA zone.")] = None
    order_id: Annotated[Value, doc("At most 32 of A-Z a-z 0-9 _ . -, used once.")] = None
    returnCredits: Annotated[Switch, doc("Answer credits, not recipients.")] = None
    returnRemaining: Annotated[Switch, doc("Answer what is left.")] = None
    allowInvalidRecipients: Annotated[Switch, doc("Leave out who cannot be reached.")] = None
    encoding: Annotated[Value, doc("gsm or ucs2; what the text needs if left out.")] = None
    campaign_name: Value = None
    validity_period_min: Annotated[Value, doc("Minutes.")] = None
    validity_period: Annotated[Value, doc("Minutes.")] = None
    truncate: Annotated[Switch, doc("Cut a text that is too long.")] = None
    max_fragments: Annotated[Value, doc("Most parts of a text.")] = None
    delivery_notification_url: Annotated[Value, doc("Told how each text ends.")] = None
    statusnotificationURL: Annotated[Value, doc("Told of each text as TextAnywhere does.")] = None
    id_landing: Value = None
    short_link_url: Value = None
    richsms_url: Value = None


class Message(OrderFields, frozen=True, kw_only=True):
    """A text to numbers."""

    recipient: list[str | int] | str | int | None = None


class ParametricMessage(OrderFields, frozen=True, kw_only=True):
    """A text with places, which each recipient has values for."""

    recipients: dict[str, Parameters] | list[Parameters] | None = None


class GroupMessage(OrderFields, frozen=True, kw_only=True):
    """A text to the contacts of groups, by name or by identifier."""

    recipient: list[str | int] | str | int | None = None
    recipientsGroupdIds: list[str | int] | str | int | None = None


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """That an order is accepted."""

    result: str = "OK"
    order_id: str
    total_sent: int
    remaining_credits: int | UnsetType = UNSET
    internal_order_id: str | UnsetType = UNSET


class RecipientStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a text to a recipient."""

    status: str
    destination: str
    delivery_date: str


class OrderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an order."""

    recipient_number: int
    result: str = "OK"
    recipients: list[RecipientStatus]


class OrderHead(msgspec.Struct, frozen=True, kw_only=True):
    """What the history says of an order first."""

    order_id: str
    create_time: str
    schedule_time: str
    message_type: str
    sender: str


class HistoryEntry(OrderHead, frozen=True, kw_only=True):
    """An order in the history."""

    num_recipients: int


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of the history this is."""

    total: int
    pageNumber: int
    result: str = "OK"
    pageSize: int


class History(HistoryPage, frozen=True, kw_only=True):
    """A page of the history."""

    smshistory: list[HistoryEntry]


class RecipientHistoryEntry(OrderHead, frozen=True, kw_only=True):
    """A text to a recipient in the history."""

    recipient: str
    status: int
    delivery_date: str


class RecipientHistory(HistoryPage, frozen=True, kw_only=True):
    """A page of the texts to a recipient."""

    rcpthistory: list[RecipientHistoryEntry]


class HistoryQuery(PageQuery, frozen=True, kw_only=True):
    """Which orders are wanted."""

    from_: Annotated[str, doc("yyyyMMddHHmmss; made at that time or later.")] = msgspec.field(
        name="from"
    )
    to: Annotated[str, doc("yyyyMMddHHmmss; made up to that time.")] = "now"
    timezone: Annotated[str, doc("An IANA zone for all times.")] = ""


class RecipientHistoryQuery(HistoryQuery, frozen=True, kw_only=True):
    """Which texts to a recipient are wanted."""

    recipient: Annotated[str, doc("A number.")]
