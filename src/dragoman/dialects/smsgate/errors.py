"""What each refusal is answered with: a status, and a body `{"message": "…"}`."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response

STATUSES: Final = MappingProxyType(
    {
        RefusalCode.AUTHENTICATION_FAILED: 401,
        RefusalCode.ADDRESS_NOT_ALLOWED: 403,
        RefusalCode.PERMISSION_DENIED: 403,
        RefusalCode.INSUFFICIENT_CREDIT: 402,
        RefusalCode.MALFORMED_REQUEST: 400,
        RefusalCode.MISSING_FIELD: 400,
        RefusalCode.INVALID_FIELD: 400,
        RefusalCode.INVALID_RECIPIENT: 400,
        RefusalCode.TOO_MANY_RECIPIENTS: 400,
        RefusalCode.INVALID_SENDER: 400,
        RefusalCode.SENDER_NOT_ALLOWED: 400,
        RefusalCode.RECIPIENT_NOT_ALLOWED: 400,
        RefusalCode.NUMBER_NOT_ALLOWED: 400,
        RefusalCode.EMPTY_TEXT: 400,
        RefusalCode.TEXT_TOO_LONG: 400,
        RefusalCode.TEXT_NOT_ENCODABLE: 400,
        RefusalCode.INVALID_VALIDITY: 400,
        RefusalCode.INVALID_SCHEDULE: 400,
        RefusalCode.INVALID_CALLBACK_URL: 400,
        RefusalCode.NO_ROUTE: 400,
        RefusalCode.NOT_SUPPORTED: 400,
        RefusalCode.NOT_FOUND: 404,
        RefusalCode.NOT_CANCELLABLE: 409,
        RefusalCode.NOT_BILLABLE: 400,
        RefusalCode.NOT_REFUNDABLE: 400,
        RefusalCode.ALREADY_EXISTS: 409,
        RefusalCode.UNAVAILABLE: 503,
    }
)
"""One line for every refusal."""

TEXTS: Final = MappingProxyType(
    {
        RefusalCode.AUTHENTICATION_FAILED: "Unauthorized",
        RefusalCode.ALREADY_EXISTS: "message with the same ID already exists",
        RefusalCode.NO_ROUTE: "no phone or other carrier for this number",
        RefusalCode.INSUFFICIENT_CREDIT: "not enough credit",
    }
)
"""Refusals with a fixed text; others name what they are about."""

NO_DATABASE: Final = "the database is away; try again"


class Problem(msgspec.Struct, kw_only=True):
    """The body of every refusal."""

    message: str


class WordedRefusal(Refused):
    """A refusal whose whole message is the dialect's own."""

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(code, "", message)


def render_problem(status: int, message: str) -> Response:
    """The body of a refusal."""
    return Response(status, msgspec.json.encode(Problem(message=message)))


def render_refused(refused: Refused) -> Response:
    """The answer to a refused request."""
    text = TEXTS.get(refused.code) if not isinstance(refused, WordedRefusal) else None
    if text is None:
        parts = (refused.subject, refused.detail)
        text = ": ".join(part for part in parts if part) or refused.code.replace("_", " ")
    # What a caller sent can hold half a character, which no answer can.
    return render_problem(STATUSES[refused.code], text.encode("utf-8", "replace").decode())
