"""Delivery reports to the URL of an account: a GET with the names of `dlr.php`, which it answers.

The API itself has no callbacks. A report says what the program would have been told had it asked.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from dragoman.core.messages.model.callbacks import CallbackCall, CallbackFacts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import CallbackRequest
from dragoman.core.model.errors import FailureCode
from dragoman.core.model.urls import add_query
from dragoman.dialects.httpsms.mapping import ANSWERS, make_report

ENDS: Final = frozenset({State.DELIVERED, State.UNDELIVERED, State.EXPIRED, State.REJECTED})
"""What is reported; of others `dlr.php` says that there is nothing to say yet."""


def request_reports(url: str, reference: str) -> CallbackRequest | None:
    """The request for reports on a message; None without a URL."""
    return CallbackRequest(url=url, return_data=reference, states=ENDS) if url else None


def render_callback(url: str, facts: CallbackFacts) -> CallbackCall:
    """Renders the request; the parameters follow those the URL has already."""
    state, failure = facts.state, FailureCode(facts.failure)
    report = make_report(str(ANSWERS[state]), state, failure, facts.price, sent=facts.sent)
    query = urlencode(
        {
            "full_number": facts.recipient,
            "ref": facts.return_data,
            "queue_status": report.queue_status,
            "queue_error": report.queue_error,
            "dlr_status": report.dlr_status,
            "dlr_error": report.dlr_error,
            "sms_cost": report.sms_cost,
        }
    )
    return CallbackCall(method="GET", url=add_query(url, query))
