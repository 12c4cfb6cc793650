"""How refusals are told: problem details (RFC 9457), one type for each cause.

Types are `urn:dragoman:problem:` and a word; `docs/dialects/native.md` has them all.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.native.schemas import Problem
from dragoman.dialects.wording import quoted
from dragoman.web.refusals import Refusal, RefusalKind
from dragoman.web.requests import Request
from dragoman.web.responses import Header, Response

PROBLEM_JSON: Final = b"application/problem+json"
URN: Final = "urn:dragoman:problem:"
PREFIX: Final = "/api/v1"

_WHO: Final[tuple[Header, ...]] = ((b"www-authenticate", b"Bearer"),)


class Kind(NamedTuple):
    """A type of problem: its word, its title and the HTTP status."""

    word: str
    title: str
    status: int = 400


KINDS: Final = MappingProxyType(
    {
        RefusalCode.AUTHENTICATION_FAILED: Kind("unauthorized", "The key is not valid", 401),
        RefusalCode.ADDRESS_NOT_ALLOWED: Kind(
            "address-not-allowed", "The key may not be used from this address", 403
        ),
        RefusalCode.PERMISSION_DENIED: Kind(
            "permission-denied", "The account may not do this", 403
        ),
        RefusalCode.INSUFFICIENT_CREDIT: Kind(
            "insufficient-credit", "The account has not enough credits", 402
        ),
        RefusalCode.MALFORMED_REQUEST: Kind("malformed-request", "The request cannot be read"),
        RefusalCode.MISSING_FIELD: Kind("missing-field", "A field is missing"),
        RefusalCode.INVALID_FIELD: Kind("invalid-field", "A field has no valid value"),
        RefusalCode.INVALID_RECIPIENT: Kind("invalid-recipient", "The number is not valid"),
        RefusalCode.TOO_MANY_RECIPIENTS: Kind("too-many-recipients", "Too many recipients"),
        RefusalCode.INVALID_SENDER: Kind("invalid-sender", "The sender is not valid"),
        RefusalCode.SENDER_NOT_ALLOWED: Kind(
            "sender-not-allowed", "The account may not use this sender", 403
        ),
        RefusalCode.RECIPIENT_NOT_ALLOWED: Kind(
            "recipient-not-allowed", "The account may not send to this number", 403
        ),
        RefusalCode.NUMBER_NOT_ALLOWED: Kind(
            "number-not-allowed", "The account does not receive on this number", 403
        ),
        RefusalCode.EMPTY_TEXT: Kind("empty-text", "The text is empty"),
        RefusalCode.TEXT_TOO_LONG: Kind("text-too-long", "The text has too many parts"),
        RefusalCode.TEXT_NOT_ENCODABLE: Kind(
            "text-not-encodable", "The text has characters that its encoding lacks"
        ),
        RefusalCode.INVALID_VALIDITY: Kind("invalid-validity", "The validity is not possible"),
        RefusalCode.INVALID_SCHEDULE: Kind("invalid-schedule", "The time is not possible"),
        RefusalCode.INVALID_CALLBACK_URL: Kind(
            "invalid-url", "The URL is not one that can be called"
        ),
        RefusalCode.NO_ROUTE: Kind("no-route", "No carrier reaches this number"),
        RefusalCode.NOT_SUPPORTED: Kind("not-supported", "This gateway does not do that"),
        RefusalCode.NOT_FOUND: Kind("not-found", "There is nothing with this identifier", 404),
        RefusalCode.NOT_CANCELLABLE: Kind("not-cancellable", "It is on its way, or has ended", 409),
        RefusalCode.NOT_BILLABLE: Kind("not-billable", "The recipient cannot be charged"),
        RefusalCode.NOT_REFUNDABLE: Kind("not-refundable", "The charge cannot be refunded"),
        RefusalCode.ALREADY_EXISTS: Kind("already-exists", "It is there already", 409),
        RefusalCode.UNAVAILABLE: Kind("unavailable", "Nothing can be stored now; repeat it", 503),
    }
)
"""One for every refusal."""

KEY_REUSED: Final = Kind(
    "idempotency-key-reused", "The idempotency key was used with another request", 409
)
UNKNOWN_VERSION: Final = Kind("unknown-version", "There is no such version of this API", 404)
UNKNOWN_PATH: Final = Kind("unknown-path", "There is no such call", 404)
INVALID_CURSOR: Final = Kind("invalid-cursor", "The cursor is not one of this list")
OF_KIT: Final = MappingProxyType(
    {
        RefusalKind.UNKNOWN_PATH: UNKNOWN_PATH,
        RefusalKind.WRONG_METHOD: Kind("wrong-method", "The call has another method", 405),
        RefusalKind.TOO_LARGE: Kind("too-large", "The body is too large", 413),
        RefusalKind.TOO_SLOW: Kind("too-slow", "The body took too long", 408),
        RefusalKind.UNSUPPORTED_TYPE: Kind("unsupported-type", "The body is not JSON", 415),
        RefusalKind.UNSUPPORTED_CODING: Kind(
            "unsupported-coding", "The body is compressed in a way that is not read", 415
        ),
        RefusalKind.INTERNAL: Kind("internal", "Something went wrong here", 500),
    }
)
"""What is refused before a call is known; all others are malformed requests."""


class KindRefused(Refused):
    """A refusal with a type of its own."""

    def __init__(self, code: RefusalCode, kind: Kind, field: str = "", detail: str = "") -> None:
        super().__init__(code, field, detail)
        self.kind = kind


def key_reused() -> Refused:
    """The refusal of an idempotency key that another request had."""
    return KindRefused(RefusalCode.ALREADY_EXISTS, KEY_REUSED, "Idempotency-Key")


def invalid_cursor() -> Refused:
    """The refusal of a cursor that was made up, or for another account or list."""
    detail = "take next_cursor from an answer to the same question"
    return KindRefused(RefusalCode.INVALID_FIELD, INVALID_CURSOR, "cursor", detail)


def respond(refused: Refused) -> Response:
    """The answer to a refused request."""
    kind = refused.kind if isinstance(refused, KindRefused) else KINDS[refused.code]
    is_field = refused.code in _ABOUT_FIELDS
    detail = ": ".join(
        part for part in ("" if is_field else quoted(refused.subject), refused.detail) if part
    )
    field = _NAMES.get(refused.subject, refused.subject) if is_field else ""
    return _render(kind, detail, field)


def respond_unreadable(request: Request, refusal: Refusal) -> Response:
    """The answer to a request whose path, method or body cannot be read."""
    kind = OF_KIT.get(refusal.kind, KINDS[RefusalCode.MALFORMED_REQUEST])
    detail = refusal.reason
    if kind is UNKNOWN_PATH:
        path = "/" + "/".join(filter(None, request.path.split("/")))
        detail = quoted(path)
        if path != PREFIX and not path.startswith(f"{PREFIX}/"):
            kind, detail = UNKNOWN_VERSION, f"this gateway has {PREFIX}"
    elif refusal.reference:
        detail = f"reference {refusal.reference}"
    return _render(kind, detail, refusal.field)


def _render(kind: Kind, detail: str, field: str) -> Response:
    problem = Problem(
        type=URN + kind.word,
        title=kind.title,
        status=kind.status,
        # What a caller sent can hold half a character, which no answer can.
        detail=detail.encode("utf-8", "replace").decode(),
        field=quoted(field).encode("utf-8", "replace").decode(),
    )
    headers = _WHO if kind.status == 401 else ()
    return Response(kind.status, msgspec.json.encode(problem), PROBLEM_JSON, headers)


_ABOUT_FIELDS: Final = frozenset(
    {RefusalCode.MISSING_FIELD, RefusalCode.INVALID_FIELD, RefusalCode.NOT_SUPPORTED}
)
_NAMES: Final = MappingProxyType({"sender": "from", "recipients": "to", "expires": "expires_at"})
"""Our names of fields, where this API has others."""
