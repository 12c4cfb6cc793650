"""Calls to customers: delivery reports, and texts that are forwarded to a service.

A report is a GET to the `statusurl` of a message for each change of its status.

A text is a POST with the text, its sender and its number, twice over: the manual asks for three
headers and the same three parameters (LINK v2 s. 13). The parameters are a form in the charset of
the service. A header can hold neither line breaks nor most letters, so there the text is
percent-encoded UTF-8 wherever it is not printable ASCII.
"""

from __future__ import annotations

from functools import cache
from typing import Final
from urllib.parse import quote, quote_plus, urlencode

from dragoman.core.messages.model.callbacks import CallbackCall, CallbackFacts, TextFacts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode
from dragoman.core.model.urls import add_query
from dragoman.dialects.linkmobility.mapping import STATUSES, status_code, status_reason
from dragoman.dialects.linkmobility.reading import render_log_date
from dragoman.kit.ids import render_hex

UNKNOWN_NETWORK = "0"
"""The `mnc` where the network of a number is not known."""
DEFAULT_CHARSET: Final = "utf-8"
MAX_HEADER: Final = 4_000
"""Octets of the text in the header, which servers bound; the parameter has it all."""

_PRINTABLE: Final = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


def render_callback(url: str, facts: CallbackFacts, *, zone: str) -> CallbackCall:
    """Renders the request; the parameters follow those the customer's URL has already."""
    status, reason, code = _outcome(facts.state, facts.failure)
    # Only the reason and this can hold what a URL cannot: the others are our own.
    return_data = quote_plus(facts.return_data) if facts.return_data else ""
    query = (
        f"status={status}&reason={reason}&receivetime={facts.at_ms // 1000}"
        f"&msgid={render_hex(facts.message_id)}&to={facts.recipient}"
        f"&statuscode={code}&returndata={return_data}"
        f"&logdate={render_log_date(facts.at_ms, zone)}&mcc={facts.mcc}&mnc={UNKNOWN_NETWORK}"
        f"&batchid={facts.batch_id}&push_price={facts.premium_price}"
    )
    return CallbackCall(method="GET", url=add_query(url, query))


@cache
def _outcome(state: State, reason: str) -> tuple[str, str, int]:
    """The status of a message, the text of its code as a URL has it, and the code."""
    failure = FailureCode(reason)
    code = status_code(state, failure)
    return STATUSES[state], quote_plus(status_reason(state, failure)), code


def render_text(url: str, facts: TextFacts) -> CallbackCall:
    """Renders the request; what the charset of the service does not have becomes `?`."""
    charset = facts.charset or DEFAULT_CHARSET
    parameters = {"SMS": facts.text, "FROM": facts.sender, "NUMBER": facts.recipient}
    form = urlencode(parameters, encoding=charset, errors="replace")
    return CallbackCall(
        method="POST",
        url=url,
        headers=(
            *((name, _header(value)) for name, value in parameters.items()),
            ("Content-Type", f"application/x-www-form-urlencoded; charset={charset}"),
        ),
        body=form.encode("ascii"),
    )


def _header(text: str) -> str:
    """A text as a header holds it; a program that decodes `%xx` has it back."""
    # Spaces around a value are not part of it (RFC 9110 s. 5.5).
    start, end = len(text) - len(text.lstrip(" ")), len(text.rstrip(" "))
    encoded, left = "", MAX_HEADER
    for at, character in enumerate(text):
        piece = quote(character, safe=_PRINTABLE if start <= at < end else "", errors="replace")
        left -= len(piece)
        if left < 0:
            break
        encoded += piece
    return encoded
