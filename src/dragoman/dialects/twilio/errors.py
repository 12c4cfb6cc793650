"""How this API words refusals: an HTTP status, a code, and a text with a page about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.twilio.schemas import Problem
from dragoman.dialects.wording import CODES_OF_KIND, quoted
from dragoman.web.refusals import Refusal, RefusalKind
from dragoman.web.requests import Request
from dragoman.web.responses import Response

PAGE: Final = "https://www.twilio.com/docs/errors/"
CHALLENGE: Final = (b"www-authenticate", b'Basic realm="Twilio API"')
NOT_FOUND: Final = 20404
MAX_PATH: Final = 300
"""Characters of a path that an answer repeats."""


class Wording(NamedTuple):
    """A text with places for what a refusal is about, and the HTTP status it goes with."""

    text: str
    status: int = 400


WORDINGS: Final = MappingProxyType(
    {
        20001: Wording("Invalid parameter{named}{because}"),
        20003: Wording("Authenticate", 401),
        20004: Wording("Method not allowed", 405),
        20005: Wording("Account not active", 403),
        20009: Wording("Cannot delete or change a resource that is not complete", 409),
        20403: Wording("Forbidden{because}", 403),
        20404: Wording("The requested resource {path} was not found", 404),
        20409: Wording("Conflict{because}", 409),
        20500: Wording("An internal server error has occurred", 500),
        20503: Wording("Service unavailable, nothing was stored; try again later", 503),
        21211: Wording("Invalid 'To' Phone Number: {masked}"),
        21212: Wording("Invalid From Number (caller ID): {subject}"),
        21266: Wording("'To' and 'From' number cannot be the same: {masked}"),
        21408: Wording(
            "Permission to send an SMS has not been enabled for the region indicated by the 'To'"
            " number: {masked}"
        ),
        21421: Wording("PhoneNumber is invalid"),
        21422: Wording("PhoneNumber is not available: {subject}. Ask the operator for it"),
        21602: Wording("Message body is required."),
        21603: Wording("A 'From' phone number is required."),
        21604: Wording("A 'To' phone number is required."),
        21606: Wording(
            "The 'From' phone number provided ({subject}) is not a valid message-capable phone"
            " number for this destination/account"
        ),
        21609: Wording("The StatusCallback URL {subject} is not a valid URL."),
        21610: Wording("Attempt to send to unsubscribed recipient"),
        21612: Wording(
            "The 'To' phone number: {masked}, is not currently reachable using the 'From' phone"
            " number via SMS."
        ),
        21617: Wording("The concatenated message body exceeds the 1600 character limit"),
        21619: Wording("A text message body or media urls must be specified."),
        21620: Wording("Invalid media URL(s){because}"),
        21623: Wording("Number of media files exceeds allowed limit"),
        21655: Wording("The ContentSid {subject} is invalid"),
        21701: Wording("The Messaging Service does not exist"),
        21703: Wording(
            "The Messaging Service does not have a phone number available to send a message"
        ),
        21710: Wording("Phone Number or Short Code is already in the Messaging Service.", 409),
        21712: Wording(
            "Phone Number or Short Code {subject} is not associated with the Messaging Service"
        ),
        30409: Wording("This message cannot be canceled"),
        35111: Wording("SendAt is required to schedule a message"),
        35114: Wording("SendAt must be between 900 seconds and 35 days (3024000 seconds) ahead"),
        35118: Wording("MessagingServiceSid is required to schedule a message"),
        60200: Wording("Invalid parameter{named}"),
        60202: Wording("Max check attempts reached", 429),
        60203: Wording("Max send attempts reached", 429),
    }
)
"""By code: what it says, and the HTTP status."""

REFUSALS: Final = MappingProxyType(
    {
        RefusalCode.AUTHENTICATION_FAILED: 20003,
        RefusalCode.ADDRESS_NOT_ALLOWED: 20003,
        RefusalCode.PERMISSION_DENIED: 20403,
        RefusalCode.INSUFFICIENT_CREDIT: 20005,
        RefusalCode.MALFORMED_REQUEST: 20001,
        RefusalCode.MISSING_FIELD: 20001,
        RefusalCode.INVALID_FIELD: 20001,
        RefusalCode.INVALID_RECIPIENT: 21211,
        RefusalCode.TOO_MANY_RECIPIENTS: 20001,
        RefusalCode.INVALID_SENDER: 21212,
        RefusalCode.SENDER_NOT_ALLOWED: 21606,
        RefusalCode.RECIPIENT_NOT_ALLOWED: 21408,
        RefusalCode.NUMBER_NOT_ALLOWED: 21606,
        RefusalCode.EMPTY_TEXT: 21602,
        RefusalCode.TEXT_TOO_LONG: 21617,
        RefusalCode.TEXT_NOT_ENCODABLE: 20001,
        RefusalCode.INVALID_VALIDITY: 20001,
        RefusalCode.INVALID_SCHEDULE: 35114,
        RefusalCode.INVALID_CALLBACK_URL: 21609,
        RefusalCode.NO_ROUTE: 21612,
        RefusalCode.NOT_SUPPORTED: 20001,
        RefusalCode.NOT_FOUND: NOT_FOUND,
        RefusalCode.NOT_CANCELLABLE: 30409,
        RefusalCode.NOT_BILLABLE: 20001,
        RefusalCode.NOT_REFUNDABLE: 20001,
        RefusalCode.ALREADY_EXISTS: 20409,
        RefusalCode.UNAVAILABLE: 20503,
    }
)
"""The code for each refusal of the core."""

UNREADABLE: Final = MappingProxyType({RefusalKind.WRONG_METHOD: 20004, RefusalKind.INTERNAL: 20500})
"""The codes of requests that cannot be read, where they are no refusals of the core."""


_NAMES: Final = MappingProxyType(
    {"text": "Body", "callback": "StatusCallback", "url": "SmsUrl", "starttime": "DateSent"}
)
"""This API's names of our fields, where they differ."""


class CodedRefusal(Refused):
    """A refusal that this API has a code of its own for."""

    def __init__(self, number: int, subject: str = "", detail: str = "") -> None:
        super().__init__(RefusalCode.INVALID_FIELD, subject, detail)
        self.number = number


def not_found() -> Refused:
    """The refusal of a resource that is not there, or is another account's."""
    return CodedRefusal(NOT_FOUND)


def number_of(refused: Refused) -> int:
    """The code of a refusal."""
    return refused.number if isinstance(refused, CodedRefusal) else REFUSALS[refused.code]


def respond(request: Request, refused: Refused) -> Response:
    """The answer to a refused request."""
    return _respond(request, number_of(refused), refused.subject, refused.detail)


def respond_unreadable(request: Request, refusal: Refusal) -> Response:
    """The answer to a request whose path, method or body cannot be read."""
    number = UNREADABLE.get(refusal.kind) or REFUSALS[CODES_OF_KIND[refusal.kind]]
    return _respond(request, number, refusal.field, refusal.reason)


def _respond(request: Request, number: int, subject: str, detail: str) -> Response:
    wording = WORDINGS[number]
    text = wording.text.format(
        path=_printable(request.path[:MAX_PATH]),
        subject=quoted(subject),
        masked=mask(quoted(subject)),
        named=f" {quoted(_NAMES.get(subject, subject))}" if subject else "",
        because=f": {quoted(detail)}" if detail else "",
    )
    problem = Problem(code=number, message=text, more_info=f"{PAGE}{number}", status=wording.status)
    headers = (CHALLENGE,) if wording.status == 401 else ()
    return Response(wording.status, msgspec.json.encode(problem), headers=headers)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def mask(number: str) -> str:
    """A number without its last four digits, as answers repeat it."""
    shown = number if number.startswith("+") or not number.isdigit() else f"+{number}"
    return f"{shown[:-4]}XXXX" if len(shown) > 8 and shown[1:].isdigit() else shown


@contextmanager
def as_code(code: RefusalCode, number: int) -> Iterator[None]:
    """Raises this API's own refusal where the block is refused with `code`."""
    try:
        yield
    except Refused as refused:
        if refused.code is not code or isinstance(refused, CodedRefusal):
            raise
        raise CodedRefusal(number, refused.subject, refused.detail) from None
