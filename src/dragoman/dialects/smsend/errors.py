"""How this API says no: an HTTP status, and the reason in every field that programs read."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsend.schemas import Problem
from dragoman.web.refusals import Refusal, RefusalKind
from dragoman.web.requests import Request

MAX_QUOTED: Final = 100
"""Characters of a caller's own words that an answer repeats."""
BAD_REQUEST: Final = 400
UNAUTHORIZED: Final = 401
NOT_FOUND: Final = 404
UNAVAILABLE: Final = 503


class Wording(msgspec.Struct, frozen=True):
    """An HTTP status and a text, with places for what the refusal is about."""

    status: int
    text: str


REFUSALS: Final = MappingProxyType(
    {
        RefusalCode.AUTHENTICATION_FAILED: Wording(UNAUTHORIZED, "Unauthorized"),
        RefusalCode.ADDRESS_NOT_ALLOWED: Wording(
            UNAUTHORIZED, "Unauthorized: IP address [{subject}] not allowed"
        ),
        RefusalCode.PERMISSION_DENIED: Wording(BAD_REQUEST, "Not allowed: [{name}]"),
        RefusalCode.INSUFFICIENT_CREDIT: Wording(BAD_REQUEST, "Insufficient credit"),
        RefusalCode.MALFORMED_REQUEST: Wording(BAD_REQUEST, "Bad Request{because}"),
        RefusalCode.MISSING_FIELD: Wording(BAD_REQUEST, "Missing parameter [{name}]"),
        RefusalCode.INVALID_FIELD: Wording(
            BAD_REQUEST, "Invalid value for parameter [{name}]{because}"
        ),
        RefusalCode.INVALID_RECIPIENT: Wording(BAD_REQUEST, "Invalid recipient [{subject}]"),
        RefusalCode.TOO_MANY_RECIPIENTS: Wording(
            BAD_REQUEST, "Too many recipients [{subject}]{because}"
        ),
        RefusalCode.INVALID_SENDER: Wording(BAD_REQUEST, "Invalid sender [{subject}]{because}"),
        RefusalCode.SENDER_NOT_ALLOWED: Wording(
            BAD_REQUEST, "Sender [{subject}] is not an approved alias"
        ),
        RefusalCode.RECIPIENT_NOT_ALLOWED: Wording(
            BAD_REQUEST, "Recipient [{subject}] is not allowed"
        ),
        RefusalCode.NUMBER_NOT_ALLOWED: Wording(BAD_REQUEST, "Number [{subject}] is not allowed"),
        RefusalCode.EMPTY_TEXT: Wording(BAD_REQUEST, "Missing parameter [message]"),
        RefusalCode.TEXT_TOO_LONG: Wording(BAD_REQUEST, "The message is too long{because}"),
        RefusalCode.TEXT_NOT_ENCODABLE: Wording(
            BAD_REQUEST, "The message has characters outside the gsm alphabet"
        ),
        RefusalCode.INVALID_VALIDITY: Wording(
            BAD_REQUEST, "Invalid value for parameter [validity_period]{because}"
        ),
        RefusalCode.INVALID_SCHEDULE: Wording(
            BAD_REQUEST, "Invalid value for parameter [scheduled_delivery_time]{because}"
        ),
        RefusalCode.INVALID_CALLBACK_URL: Wording(
            BAD_REQUEST, "Invalid value for parameter [delivery_notification_url]{because}"
        ),
        RefusalCode.NO_ROUTE: Wording(BAD_REQUEST, "Recipient [{subject}] cannot be reached"),
        RefusalCode.NOT_SUPPORTED: Wording(BAD_REQUEST, "[{name}] is not supported{because}"),
        RefusalCode.NOT_FOUND: Wording(NOT_FOUND, "Not found: {kind} [{subject}]"),
        RefusalCode.NOT_CANCELLABLE: Wording(NOT_FOUND, "[{subject}] is not SCHEDULED"),
        RefusalCode.NOT_BILLABLE: Wording(
            BAD_REQUEST, "Recipient [{subject}] cannot be charged{because}"
        ),
        RefusalCode.NOT_REFUNDABLE: Wording(BAD_REQUEST, "[{subject}] cannot be refunded{because}"),
        RefusalCode.ALREADY_EXISTS: Wording(BAD_REQUEST, "[{subject}] already exists"),
        RefusalCode.UNAVAILABLE: Wording(UNAVAILABLE, "Service temporarily not available"),
    }
)
"""`subject` is the value a refusal is about, `name` the field, `kind` what was looked for."""

_NAMES: Final = MappingProxyType(
    {
        "text": "message",
        "recipients": "recipient",
        "reference": "order_id",
        "administer": "superaccount",
        "starttime": "from",
    }
)
"""The manual's names of the house's fields, where they differ."""

_KIT_TEXTS: Final = MappingProxyType(
    {
        RefusalKind.UNKNOWN_PATH: "Not found: resource [{path}]",
        RefusalKind.WRONG_METHOD: "Method [{method}] is not allowed on [{path}]",
        RefusalKind.INTERNAL: "Internal error [{reference}]",
    }
)
_OTHER_KIT_TEXT: Final = "Bad Request: {reason}"


class WordedRefusal(Refused):
    """A refusal with a text, or an HTTP status, that the table is too general for."""

    def __init__(self, code: RefusalCode, text: str, status: int | None = None) -> None:
        super().__init__(code)
        self.text = text
        self.status = status or REFUSALS[code].status


def problem_of(refused: Refused) -> Problem:
    """The answer to a request that the house turns away; `error_code` is its HTTP status."""
    if isinstance(refused, WordedRefusal):
        return _problem(refused.status, refused.text)
    wording = REFUSALS[refused.code]
    text = wording.text.format(
        subject=quoted(refused.subject),
        name=quoted(_NAMES.get(refused.subject, refused.subject)),
        kind=refused.detail or "resource",
        because=f": {refused.detail}" if refused.detail else "",
    )
    return _problem(wording.status, text)


def problem_of_kit(request: Request, refusal: Refusal) -> Problem:
    """The answer to a request that is turned away before a handler sees it."""
    text = _KIT_TEXTS.get(refusal.kind, _OTHER_KIT_TEXT).format(
        path=quoted(request.path),
        method=quoted(request.method),
        reference=refusal.reference,
        reason=refusal.reason,
    )
    return _problem(refusal.status, text)


def quoted(text: str) -> str:
    """A caller's own words as an answer repeats them: short, and without control characters."""
    return "".join(c if c.isprintable() else "?" for c in text[:MAX_QUOTED])


def _problem(status: int, text: str) -> Problem:
    return Problem(result=text, error_code=status, error_message=text)
