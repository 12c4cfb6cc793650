"""How this API words refusals: an HTTP status, and the reason in every field that programs read."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsend.schemas import Problem
from dragoman.dialects.wording import Wording, quoted
from dragoman.web.refusals import Refusal, RefusalKind
from dragoman.web.requests import Request

BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404

REFUSALS: Final = MappingProxyType(
    {
        RefusalCode.AUTHENTICATION_FAILED: Wording("Unauthorized", 401),
        RefusalCode.ADDRESS_NOT_ALLOWED: Wording(
            "Unauthorized: IP address [{subject}] not allowed", 401
        ),
        RefusalCode.PERMISSION_DENIED: Wording("Not allowed: [{name}]"),
        RefusalCode.INSUFFICIENT_CREDIT: Wording("Insufficient credit"),
        RefusalCode.MALFORMED_REQUEST: Wording("Bad Request{because}"),
        RefusalCode.MISSING_FIELD: Wording("Missing parameter [{name}]"),
        RefusalCode.INVALID_FIELD: Wording("Invalid value for parameter [{name}]{because}"),
        RefusalCode.INVALID_RECIPIENT: Wording("Invalid recipient [{subject}]"),
        RefusalCode.TOO_MANY_RECIPIENTS: Wording("Too many recipients [{subject}]{because}"),
        RefusalCode.INVALID_SENDER: Wording("Invalid sender [{subject}]{because}"),
        RefusalCode.SENDER_NOT_ALLOWED: Wording("Sender [{subject}] is not an approved alias"),
        RefusalCode.RECIPIENT_NOT_ALLOWED: Wording("Recipient [{subject}] is not allowed"),
        RefusalCode.NUMBER_NOT_ALLOWED: Wording("Number [{subject}] is not allowed"),
        RefusalCode.EMPTY_TEXT: Wording("Missing parameter [message]"),
        RefusalCode.TEXT_TOO_LONG: Wording("The message is too long{because}"),
        RefusalCode.TEXT_NOT_ENCODABLE: Wording(
            "The message has characters outside the gsm alphabet"
        ),
        RefusalCode.INVALID_VALIDITY: Wording(
            "Invalid value for parameter [validity_period]{because}"
        ),
        RefusalCode.INVALID_SCHEDULE: Wording(
            "Invalid value for parameter [scheduled_delivery_time]{because}"
        ),
        RefusalCode.INVALID_CALLBACK_URL: Wording(
            "Invalid value for parameter [delivery_notification_url]{because}"
        ),
        RefusalCode.NO_ROUTE: Wording("Recipient [{subject}] cannot be reached"),
        RefusalCode.NOT_SUPPORTED: Wording("[{name}] is not supported{because}"),
        RefusalCode.NOT_FOUND: Wording("Not found: {kind} [{subject}]", 404),
        RefusalCode.NOT_CANCELLABLE: Wording("[{subject}] is not SCHEDULED", 404),
        RefusalCode.NOT_BILLABLE: Wording("Recipient [{subject}] cannot be charged{because}"),
        RefusalCode.NOT_REFUNDABLE: Wording("[{subject}] cannot be refunded{because}"),
        RefusalCode.ALREADY_EXISTS: Wording("[{subject}] already exists"),
        RefusalCode.UNAVAILABLE: Wording("Service temporarily not available", 503),
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
"""The manual's names of our fields, where they differ."""

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


def problem_of(refused: Refused, unknown: int = NOT_FOUND) -> Problem:
    """The answer to a refused request; `error_code` is its HTTP status.

    `unknown` is that of a call for what the account does not have: most of the manual's tables
    keep 404 for the caller's own `user_key`.
    """
    if isinstance(refused, WordedRefusal):
        return _problem(refused.status, refused.text)
    wording = REFUSALS[refused.code]
    text = wording.text.format(
        subject=quoted(refused.subject),
        name=quoted(_NAMES.get(refused.subject, refused.subject)),
        kind=refused.detail or "resource",
        because=f": {refused.detail}" if refused.detail else "",
    )
    return _problem(unknown if wording.status == NOT_FOUND else wording.status, text)


def problem_of_kit(request: Request, refusal: Refusal) -> Problem:
    """The answer to a request that is turned away before a handler sees it."""
    text = _KIT_TEXTS.get(refusal.kind, _OTHER_KIT_TEXT).format(
        path=quoted(request.path),
        method=quoted(request.method),
        reference=refusal.reference,
        reason=refusal.reason,
    )
    return _problem(refusal.status, text)


def _problem(status: int, text: str) -> Problem:
    return Problem(result=text, error_code=status, error_message=text)
