"""The delivery report: a GET to the `statusurl` of a message for each change of its status."""

from __future__ import annotations

from urllib.parse import quote_plus

from dragoman.core.messages.model.callbacks import CallbackCall, CallbackFacts
from dragoman.core.model.errors import FailureCode
from dragoman.dialects.linkmobility.mapping import STATUSES, status_code, status_reason
from dragoman.dialects.linkmobility.times import render_log_date
from dragoman.kit.ids import render_hex

UNKNOWN_NETWORK = "0"
"""The `mnc` where the network of a number is not known."""


def render_callback(url: str, facts: CallbackFacts, *, zone: str) -> CallbackCall:
    """Renders the request; the parameters follow those the customer's URL has already."""
    failure = FailureCode(facts.failure)
    # Only these two can hold what a URL cannot: the others are our own.
    reason = quote_plus(status_reason(facts.state, failure))
    return_data = quote_plus(facts.return_data)
    query = (
        f"status={STATUSES[facts.state]}&reason={reason}&receivetime={facts.at_ms // 1000}"
        f"&msgid={render_hex(facts.message_id)}&to={facts.recipient}"
        f"&statuscode={status_code(facts.state, failure)}&returndata={return_data}"
        f"&logdate={render_log_date(facts.at_ms, zone)}&mcc={facts.mcc}&mnc={UNKNOWN_NETWORK}"
        f"&batchid={facts.batch_id}&push_price={facts.premium_price}"
    )
    address, _, _ = url.partition("#")
    return CallbackCall(method="GET", url=address + _joint(address) + query)


def _joint(address: str) -> str:
    if "?" not in address:
        return "?"
    return "" if address.endswith(("?", "&")) else "&"
