"""What Jasmin answers a refusal with: an HTTP status and a text."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.wording import Wording

_CONTENT: Final = Wording("Value filter failed for user [{user}] (content filter mismatch).")
_RECIPIENT: Final = Wording(
    "Value filter failed for user [{user}] (destination_address filter mismatch)."
)
_SENDER: Final = Wording("Value filter failed for user [{user}] (source_address filter mismatch).")
_FAILED: Final = Wording(
    "Cannot send submit_sm, check SMPPClientManagerPB log file for details", 500
)
_LOGIN: Final = Wording("Authentication failure for username:{user}", 403)
_NO_SUCH_CALL: Final = Wording("No Such Resource", 404)
_UNREADABLE: Final = Wording(
    "Mandatory arguments not found, please refer to the HTTPAPI specifications."
)

REFUSALS: Final = MappingProxyType(
    {
        RefusalCode.AUTHENTICATION_FAILED: _LOGIN,
        RefusalCode.ADDRESS_NOT_ALLOWED: _LOGIN,
        RefusalCode.PERMISSION_DENIED: Wording(
            "Authorization failed for user [{user}] (Cannot send MT messages)."
        ),
        RefusalCode.INSUFFICIENT_CREDIT: Wording(
            "Cannot charge submit_sm, check RouterPB log file for details", 403
        ),
        RefusalCode.MALFORMED_REQUEST: _UNREADABLE,
        RefusalCode.MISSING_FIELD: _UNREADABLE,
        RefusalCode.INVALID_FIELD: _CONTENT,
        RefusalCode.INVALID_RECIPIENT: _RECIPIENT,
        RefusalCode.TOO_MANY_RECIPIENTS: _RECIPIENT,
        RefusalCode.INVALID_SENDER: _SENDER,
        RefusalCode.SENDER_NOT_ALLOWED: _SENDER,
        RefusalCode.RECIPIENT_NOT_ALLOWED: _RECIPIENT,
        RefusalCode.NUMBER_NOT_ALLOWED: _RECIPIENT,
        RefusalCode.EMPTY_TEXT: _CONTENT,
        RefusalCode.TEXT_TOO_LONG: Wording(
            "Authorization failed for user [{user}] (Long content not authorized)."
        ),
        RefusalCode.TEXT_NOT_ENCODABLE: _CONTENT,
        RefusalCode.INVALID_VALIDITY: Wording(
            "Value filter failed for user [{user}] (validity_period filter mismatch)."
        ),
        RefusalCode.INVALID_SCHEDULE: Wording(
            "Authorization failed for user [{user}] (Setting schedule delivery time not"
            " authorized)."
        ),
        RefusalCode.INVALID_CALLBACK_URL: _UNREADABLE,
        RefusalCode.NO_ROUTE: Wording("No route found", 412),
        RefusalCode.NOT_SUPPORTED: Wording("Method Not Allowed", 405),
        RefusalCode.NOT_FOUND: _NO_SUCH_CALL,
        RefusalCode.NOT_CANCELLABLE: _FAILED,
        RefusalCode.NOT_BILLABLE: _FAILED,
        RefusalCode.NOT_REFUNDABLE: _FAILED,
        RefusalCode.ALREADY_EXISTS: _FAILED,
        RefusalCode.UNAVAILABLE: _FAILED,
    }
)
"""The answer to every refusal; `{user}` is who the request says it is."""


class Invalid(Refused):
    """A refusal that names the argument."""

    def __init__(self, text: str) -> None:
        super().__init__(RefusalCode.MALFORMED_REQUEST)
        self.text = text


def word(refused: Refused, user: str) -> Wording:
    """The status and text of a refusal."""
    if isinstance(refused, Invalid):
        return Wording(refused.text)
    text, status = REFUSALS[refused.code]
    return Wording(text.replace("{user}", user), status)
