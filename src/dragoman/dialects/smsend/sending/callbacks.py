"""Delivery reports: the URL that an order names is called with a GET.

`delivery_notification_url`, and the URL of the account for orders that name none, are called as
Aruba's panel calls, `statusnotificationURL` as TextAnywhere does. What a call needs of its order
travels with the messages as `return_data`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from dragoman.core.messages.model.callbacks import CallbackCall, CallbackFacts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import CallbackRequest
from dragoman.core.model.errors import FailureCode
from dragoman.core.model.urls import add_query
from dragoman.dialects.smsend.mapping import render_time
from dragoman.dialects.smsend.sending.statuses import CALLBACK_CODES, SENT, status_of

ENDS: Final = frozenset(
    {State.DELIVERED, State.UNDELIVERED, State.EXPIRED, State.REJECTED, State.UNKNOWN}
)
OPTED_OUT: Final = 515


class Shape(StrEnum):
    """Whose format a call has."""

    REPORT = "report"
    STATUS = "status"


class Context(NamedTuple):
    """What a call reports about its order."""

    shape: Shape
    zone: str
    order_id: str


def request_callback(url: str, context: Context, *, receipts: bool) -> CallbackRequest:
    """The request for reports on an order; without receipts, `sent` is the last state."""
    states = ENDS
    if not receipts:
        states = (ENDS | {State.SENT}) - {State.UNKNOWN}
    elif context.shape is Shape.STATUS:
        states = ENDS | {State.SENT}
    return CallbackRequest(url=url, return_data=" ".join(context), states=states)


def render_callback(url: str, facts: CallbackFacts) -> CallbackCall:
    """Renders the request; the parameters follow those the customer's URL has already."""
    shape, zone, order_id = facts.return_data.split(" ", 2)
    context = Context(Shape(shape), zone, order_id)
    parameters = _PARAMETERS[context.shape](context, facts)
    return CallbackCall(method="GET", url=add_query(url, urlencode(parameters)))


def _report(context: Context, facts: CallbackFacts) -> Mapping[str, str]:
    delivered = facts.state is State.DELIVERED
    status = status_of(facts.state, FailureCode(facts.failure), wants_receipt=True)
    return {
        "delivery_date": render_time(facts.at_ms, ZoneInfo(context.zone)) if delivered else "",
        "order_id": context.order_id,
        "status": SENT if facts.state is State.SENT else status,
        "recipient": f"+{facts.recipient}",
    }


def _status(context: Context, facts: CallbackFacts) -> Mapping[str, str]:
    opted_out = facts.failure == FailureCode.OPTED_OUT
    return {
        "messagereference": context.order_id,
        "messagestatuscode": str(OPTED_OUT if opted_out else CALLBACK_CODES[facts.state]),
        "recipient": f"+{facts.recipient}",
    }


_PARAMETERS: Final = MappingProxyType({Shape.REPORT: _report, Shape.STATUS: _status})
