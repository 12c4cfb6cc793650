"""How this API words refusals: HTTP 200, `error` 1 and a text; that of a wrong login is known.

A program reads the text to people, so each says what is wrong and with which parameter.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.submission.bundles import RefusedInBundle
from dragoman.dialects.smsgateway24.schemas import Problem
from dragoman.dialects.wording import CODES_OF_KIND
from dragoman.web.refusals import Refusal

MAX_QUOTED: Final = 64
"""Characters of a caller's input that an answer repeats."""

TEXTS: Final = MappingProxyType(
    {
        RefusalCode.AUTHENTICATION_FAILED: "Login or password incorrect",
        RefusalCode.ADDRESS_NOT_ALLOWED: "Access from this IP address is not allowed",
        RefusalCode.PERMISSION_DENIED: "Not allowed{because}",
        RefusalCode.INSUFFICIENT_CREDIT: "Not enough credits",
        RefusalCode.MALFORMED_REQUEST: "The request cannot be read{because}",
        RefusalCode.MISSING_FIELD: "Parameter {subject} is required",
        RefusalCode.INVALID_FIELD: "Parameter {subject} is not valid{because}",
        RefusalCode.INVALID_RECIPIENT: "Phone number {subject} is not valid{because}",
        RefusalCode.TOO_MANY_RECIPIENTS: "Too many messages{because}",
        RefusalCode.INVALID_SENDER: "Name a device, or give the account a default sender",
        RefusalCode.SENDER_NOT_ALLOWED: "Sender {subject} is not allowed",
        RefusalCode.RECIPIENT_NOT_ALLOWED: "Phone number {subject} is not allowed",
        RefusalCode.NUMBER_NOT_ALLOWED: "Phone number {subject} is not allowed",
        RefusalCode.EMPTY_TEXT: "Parameter body is required",
        RefusalCode.TEXT_TOO_LONG: "Parameter body is too long{because}",
        RefusalCode.TEXT_NOT_ENCODABLE: "Parameter body holds characters that cannot be sent",
        RefusalCode.INVALID_VALIDITY: "The validity is not valid{because}",
        RefusalCode.INVALID_SCHEDULE: "The time to send is not valid{because}",
        RefusalCode.INVALID_CALLBACK_URL: "The webhook is not valid{because}",
        RefusalCode.NO_ROUTE: "There is no way to send to {subject}",
        RefusalCode.NOT_SUPPORTED: "Not supported{because}",
        RefusalCode.NOT_FOUND: "Not found{because}",
        RefusalCode.NOT_CANCELLABLE: "It is being sent already",
        RefusalCode.NOT_BILLABLE: "The recipient cannot be charged",
        RefusalCode.NOT_REFUNDABLE: "It cannot be refunded",
        RefusalCode.ALREADY_EXISTS: "{subject} exists already",
        RefusalCode.UNAVAILABLE: "The service is not available now, try again later",
    }
)
"""One line for every refusal."""

_NAMES: Final = MappingProxyType(
    {"reference": "customerid", "recipients": "sendto", "text": "body", "name": "title"}
)
"""This API's names of our fields, where they differ."""
_NO_SIM: Final = "Parameter sim is not valid: the device has no such SIM"


class WordedRefusal(Refused):
    """A refusal that brings its own text."""

    def __init__(self, code: RefusalCode, text: str) -> None:
        super().__init__(code, detail=text)
        self.text = text


def missing(name: str) -> Refused:
    """A parameter that has to be there is not."""
    return Refused(RefusalCode.MISSING_FIELD, name)


def invalid(name: str, because: str) -> Refused:
    """A parameter holds what it cannot."""
    return Refused(RefusalCode.INVALID_FIELD, name, because)


def problem_of(refused: Refused) -> Problem:
    """The answer to a refused request."""
    return Problem(message=_text_of(refused))


def problem_of_refusal(refusal: Refusal) -> Problem:
    """The answer to a request that cannot be read."""
    code = CODES_OF_KIND[refusal.kind]
    if code is RefusalCode.UNAVAILABLE:
        return Problem(message=f"{TEXTS[code]} ({refusal.reference})")
    return Problem(message=_fill(code, "", refusal.reason))


def _text_of(refused: Refused) -> str:
    if isinstance(refused, WordedRefusal):
        return refused.text
    if isinstance(refused, RefusedInBundle) and refused.subject == "sim":
        return _NO_SIM
    subject = _NAMES.get(refused.subject, refused.subject)
    return _fill(refused.code, subject, refused.detail)


def _fill(code: RefusalCode, subject: str, because: str) -> str:
    reason = f": {because}" if because else ""
    return TEXTS[code].format(subject=subject[:MAX_QUOTED], because=reason)
