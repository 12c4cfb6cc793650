"""The calls on orders and on what was sent."""

from __future__ import annotations

from typing import Final

from dragoman.container import Services
from dragoman.dialects.smsend.calls import Calls
from dragoman.dialects.smsend.schemas import Done
from dragoman.dialects.smsend.sending import schemas
from dragoman.dialects.smsend.sending.history import HistoryCalls
from dragoman.dialects.smsend.sending.orders import OrderCalls
from dragoman.web.operations import Operation

SENDING: Final = "smSend v1.0, SMS Send API"
HISTORY: Final = "smSend v1.0, SMS History API"
NEWER: Final = "newer than smSend v1.0"
LIMIT_BYTES: Final = 8 << 20
"""Room for 10,000 recipients with several values each."""


def sending_calls(calls: Calls, services: Services) -> tuple[Operation, ...]:
    """Declares the calls."""
    orders, history = OrderCalls(services), HistoryCalls(services)
    return (
        calls.post(
            "sms",
            orders.send,
            schemas.Message,
            schemas.Sent,
            "Send a text to numbers",
            SENDING,
            body_limit_bytes=LIMIT_BYTES,
        ),
        calls.post(
            "paramsms",
            orders.send_parametric,
            schemas.ParametricMessage,
            schemas.Sent,
            "Send a text with places to numbers",
            SENDING,
            body_limit_bytes=LIMIT_BYTES,
        ),
        calls.post(
            "smstogroups",
            orders.send_to_groups,
            schemas.GroupMessage,
            schemas.Sent,
            "Send a text to the contacts of groups",
            SENDING,
        ),
        calls.get(
            "sms/{order_id}",
            orders.status,
            schemas.OrderStatus,
            "What became of an order",
            SENDING,
        ),
        calls.delete(
            "sms/{order_id}", orders.cancel, Done, "Take back an order that is due later", SENDING
        ),
        calls.delete(
            "sms/bulk", orders.cancel_all, Done, "Take back all orders that are due later", NEWER
        ),
        calls.get(
            "smshistory",
            history.orders,
            schemas.History,
            "The orders of some time",
            HISTORY,
            schemas.HistoryQuery,
        ),
        calls.get(
            "rcptHistory",
            history.recipient,
            schemas.RecipientHistory,
            "The texts to a number in some time",
            NEWER,
            schemas.RecipientHistoryQuery,
        ),
    )
