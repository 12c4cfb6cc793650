"""What each refusal is answered with: a number, and a text for those who asked for JSON.

The manual lists 400, 405, 406 and 407; they are the body, and the HTTP status is 200. An outage,
of which it says nothing, is 503 in both: 400 stands for a message that will never be accepted.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

from dragoman.core.model.errors import RefusalCode, Refused


class Answer(NamedTuple):
    """A numeric answer and its JSON text."""

    number: int
    text: str


NOT_ACCEPTED: Final = Answer(400, "Message not accepted")
UNAVAILABLE: Final = Answer(503, "Service temporarily not available")

ANSWERS: Final = MappingProxyType(
    {
        RefusalCode.AUTHENTICATION_FAILED: Answer(407, "Invalid API Key"),
        RefusalCode.ADDRESS_NOT_ALLOWED: Answer(405, "Remote IP not allowed"),
        RefusalCode.PERMISSION_DENIED: NOT_ACCEPTED,
        RefusalCode.INSUFFICIENT_CREDIT: Answer(406, "Not Enough Credit"),
        RefusalCode.MALFORMED_REQUEST: NOT_ACCEPTED,
        RefusalCode.MISSING_FIELD: NOT_ACCEPTED,
        RefusalCode.INVALID_FIELD: NOT_ACCEPTED,
        RefusalCode.INVALID_RECIPIENT: NOT_ACCEPTED,
        RefusalCode.TOO_MANY_RECIPIENTS: NOT_ACCEPTED,
        RefusalCode.INVALID_SENDER: NOT_ACCEPTED,
        RefusalCode.SENDER_NOT_ALLOWED: NOT_ACCEPTED,
        RefusalCode.RECIPIENT_NOT_ALLOWED: NOT_ACCEPTED,
        RefusalCode.NUMBER_NOT_ALLOWED: NOT_ACCEPTED,
        RefusalCode.EMPTY_TEXT: NOT_ACCEPTED,
        RefusalCode.TEXT_TOO_LONG: NOT_ACCEPTED,
        RefusalCode.TEXT_NOT_ENCODABLE: NOT_ACCEPTED,
        RefusalCode.INVALID_VALIDITY: NOT_ACCEPTED,
        RefusalCode.INVALID_SCHEDULE: NOT_ACCEPTED,
        RefusalCode.INVALID_CALLBACK_URL: NOT_ACCEPTED,
        RefusalCode.NO_ROUTE: NOT_ACCEPTED,
        RefusalCode.NOT_SUPPORTED: NOT_ACCEPTED,
        RefusalCode.NOT_FOUND: NOT_ACCEPTED,
        RefusalCode.NOT_CANCELLABLE: NOT_ACCEPTED,
        RefusalCode.NOT_BILLABLE: NOT_ACCEPTED,
        RefusalCode.NOT_REFUNDABLE: NOT_ACCEPTED,
        RefusalCode.ALREADY_EXISTS: NOT_ACCEPTED,
        RefusalCode.UNAVAILABLE: UNAVAILABLE,
    }
)
"""The answer to every refusal."""


class MissingParameter(Refused):
    """The refusal of a request without one of its parameters."""

    def __init__(self, name: str) -> None:
        super().__init__(RefusalCode.MISSING_FIELD, name)


def answer_to(refused: Refused) -> Answer:
    """The answer to a refusal; a missing parameter is named: `Missing Mobile Parameter`."""
    if isinstance(refused, MissingParameter):
        return Answer(400, f"Missing {refused.subject.capitalize()} Parameter")
    return ANSWERS[refused.code]
