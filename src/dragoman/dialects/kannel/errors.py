"""The answers of `sendsms`: an HTTP status and one line of text, as smsbox gives them.

Kannel answers the one text `Authorization failed for sendsms` whatever of a login is wrong.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response

# What smsbox calls its plain lines.
_TYPE: Final = b"text/html"
_HEADERS: Final = ((b"pragma", b"no-cache"), (b"cache-control", b"no-cache"))


class Answer(NamedTuple):
    """A status and the line that goes with it."""

    status: int
    text: str


class Refusal(Refused):
    """A refusal with an answer of its own."""

    def __init__(self, answer: Answer, code: RefusalCode = RefusalCode.INVALID_FIELD) -> None:
        super().__init__(code)
        self.answer = answer


ACCEPTED: Final = Answer(202, "0: Accepted for delivery")
NO_LOGIN: Final = Answer(403, "Authorization failed for sendsms")
NO_RECIPIENT: Final = Answer(400, "Missing receiver number, rejected")
NO_RECIPIENTS: Final = Answer(400, "Missing receiver(s) number(s), rejected")
EMPTY_RECIPIENT: Final = Answer(400, "Empty receiver number not allowed, rejected")
DENIED: Final = Answer(400, "Number(s) has/have been denied by white- and/or black-lists.")
NO_SENDER: Final = Answer(400, "Sender missing and no global set, rejected")
UDH_TOO_LONG: Final = Answer(400, "UDH field is too long, rejected")
ACCOUNT: Final = Answer(400, "Account field misformed or too long, rejected")
CHARSET: Final = Answer(400, "Charset or body misformed, rejected")
CONTENT_TYPE: Final = Answer(400, "Invalid content-type")
MARKUP: Final = Answer(415, "Unsupported content-type, rejected")
NOT_ROUTABLE: Final = Answer(403, "Not routable. Do not try again.")
TEMPORARY: Final = Answer(503, "Temporal failure, try again later.")
UNKNOWN: Final = Answer(404, "Unknown request.")


def misformed(field: str) -> Answer:
    """The answer to a field that cannot be read or is out of its range."""
    return Answer(400, f"{field} field misformed, rejected")


ANSWERS: Final = MappingProxyType(
    {
        RefusalCode.AUTHENTICATION_FAILED: NO_LOGIN,
        RefusalCode.ADDRESS_NOT_ALLOWED: NO_LOGIN,
        RefusalCode.PERMISSION_DENIED: NO_LOGIN,
        RefusalCode.INSUFFICIENT_CREDIT: NOT_ROUTABLE,
        RefusalCode.MALFORMED_REQUEST: CHARSET,
        RefusalCode.MISSING_FIELD: NO_RECIPIENT,
        RefusalCode.INVALID_FIELD: CHARSET,
        RefusalCode.INVALID_RECIPIENT: DENIED,
        RefusalCode.TOO_MANY_RECIPIENTS: DENIED,
        RefusalCode.INVALID_SENDER: NOT_ROUTABLE,
        RefusalCode.SENDER_NOT_ALLOWED: NOT_ROUTABLE,
        RefusalCode.RECIPIENT_NOT_ALLOWED: DENIED,
        RefusalCode.NUMBER_NOT_ALLOWED: DENIED,
        RefusalCode.EMPTY_TEXT: CHARSET,
        RefusalCode.TEXT_TOO_LONG: CHARSET,
        RefusalCode.TEXT_NOT_ENCODABLE: CHARSET,
        RefusalCode.INVALID_VALIDITY: misformed("Validity"),
        RefusalCode.INVALID_SCHEDULE: misformed("Deferred"),
        RefusalCode.INVALID_CALLBACK_URL: misformed("DLR-URL"),
        RefusalCode.NO_ROUTE: NOT_ROUTABLE,
        RefusalCode.NOT_SUPPORTED: CONTENT_TYPE,
        RefusalCode.NOT_FOUND: UNKNOWN,
        RefusalCode.NOT_CANCELLABLE: NOT_ROUTABLE,
        RefusalCode.NOT_BILLABLE: NOT_ROUTABLE,
        RefusalCode.NOT_REFUNDABLE: NOT_ROUTABLE,
        RefusalCode.ALREADY_EXISTS: NOT_ROUTABLE,
        RefusalCode.UNAVAILABLE: TEMPORARY,
    }
)
"""The answer to every refusal."""


def answer_to(refused: Refused) -> Answer:
    """The answer to a refusal."""
    return refused.answer if isinstance(refused, Refusal) else ANSWERS[refused.code]


def respond(answer: Answer, *extra: tuple[bytes, bytes]) -> Response:
    """An answer as it goes out."""
    return Response(answer.status, answer.text.encode(), _TYPE, headers=(*_HEADERS, *extra))
