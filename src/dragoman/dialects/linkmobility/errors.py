"""How this API words refusals: an HTTP status, and a text in the style of the manual."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility.schemas import Problem
from dragoman.dialects.wording import Wording, quoted
from dragoman.web.refusals import Refusal, RefusalKind
from dragoman.web.requests import Request

REFUSALS: Final = MappingProxyType(
    {
        RefusalCode.AUTHENTICATION_FAILED: Wording(
            "Access denied [{subject}] authentication failed", 401
        ),
        RefusalCode.ADDRESS_NOT_ALLOWED: Wording(
            "Access denied [{subject}] IP address not allowed", 401
        ),
        RefusalCode.PERMISSION_DENIED: Wording(
            "Message not created, [{subject}] access is denied for user", 403
        ),
        RefusalCode.INSUFFICIENT_CREDIT: Wording("Message not created, not enough credits", 403),
        RefusalCode.MALFORMED_REQUEST: Wording("Request is not valid{because}"),
        RefusalCode.MISSING_FIELD: Wording("{name} cannot be empty"),
        RefusalCode.INVALID_FIELD: Wording("{name} is not valid{because}"),
        RefusalCode.INVALID_RECIPIENT: Wording(
            "Recipient [{subject}] is not valid! Remember a valid number must contain a countrycode"
            " like +4512345678"
        ),
        RefusalCode.TOO_MANY_RECIPIENTS: Wording("Recipients [{subject}] too many{because}"),
        RefusalCode.INVALID_SENDER: Wording("Sender [{subject}] is not valid{because}"),
        RefusalCode.SENDER_NOT_ALLOWED: Wording("User cannot access sender [{subject}]", 403),
        RefusalCode.RECIPIENT_NOT_ALLOWED: Wording("User cannot send to [{subject}]", 403),
        RefusalCode.NUMBER_NOT_ALLOWED: Wording("User cannot access number [{subject}]", 401),
        RefusalCode.EMPTY_TEXT: Wording("Message cannot be empty"),
        RefusalCode.TEXT_TOO_LONG: Wording(
            "Message is too long, [{subject}] message parts{because}"
        ),
        RefusalCode.TEXT_NOT_ENCODABLE: Wording(
            "Message contains characters not in format [GSM], use format UNICODE"
        ),
        RefusalCode.INVALID_VALIDITY: Wording("Validity is not valid{because}"),
        RefusalCode.INVALID_SCHEDULE: Wording("Sendtime is not valid{because}"),
        RefusalCode.INVALID_CALLBACK_URL: Wording("Statusurl is not valid{because}"),
        RefusalCode.NO_ROUTE: Wording("Recipient [{subject}] cannot be reached"),
        RefusalCode.NOT_SUPPORTED: Wording("{name} is not supported yet{because}"),
        RefusalCode.NOT_FOUND: Wording("{kind} id [{subject}] not found", 404),
        RefusalCode.NOT_CANCELLABLE: Wording("Batch id [{subject}] is being sent"),
        RefusalCode.NOT_BILLABLE: Wording("Recipient [{subject}] cannot be charged{because}"),
        RefusalCode.NOT_REFUNDABLE: Wording("Lookup id [{subject}] cannot be refunded{because}"),
        RefusalCode.ALREADY_EXISTS: Wording("{name} is already taken"),
        RefusalCode.UNAVAILABLE: Wording("Service temporary not available", 503),
    }
)
"""`subject` is the value a refusal is about, `name` the field, `kind` what was looked for."""

_NAMES: Final = MappingProxyType(
    {
        "text": "message",
        "callback": "statusurl",
        "content_type": "contenttype",
        "invoice_text": "invoicetext",
        "revenue_text": "revenuetext",
    }
)
"""The manual's names of our fields, where they differ."""

_PERMISSIONS: Final = MappingProxyType[str, str](
    {
        Permission.PREMIUM: "aclBilling",
        Permission.PREMIUM_HIGH: "aclBillingHigh",
        Permission.CHARITY: "aclCharity",
    }
)
"""The manual's names of permissions, where it has any (LINK v2 s. 11)."""

_KIT_TEXTS: Final = MappingProxyType(
    {
        RefusalKind.UNKNOWN_PATH: "Resource [{path}] not found",
        RefusalKind.WRONG_METHOD: "Method [{method}] is not allowed on [{path}]",
        RefusalKind.INTERNAL: "Internal error [{reference}]",
    }
)
_OTHER_KIT_TEXT: Final = "Request is not valid, {reason}"


class WordedRefusal(Refused):
    """A refusal with the manual's own text, or one that the table is too general for."""

    def __init__(self, code: RefusalCode, text: str) -> None:
        super().__init__(code)
        self.text = text


def missing_list(list_id: str) -> Refused:
    """The refusal of a list that is not there (LINK v2 s. 08, "wrong list id")."""
    return WordedRefusal(RefusalCode.INVALID_RECIPIENT, f"List ID {quoted(list_id)} not found")


def missing_contact(contact_id: str) -> Refused:
    """The refusal of a contact that is not there."""
    text = f"Contact ID {quoted(contact_id)} not found"
    return WordedRefusal(RefusalCode.INVALID_RECIPIENT, text)


def problem_of(refused: Refused) -> Problem:
    """The answer to a refused request."""
    wording = REFUSALS[refused.code]
    if isinstance(refused, WordedRefusal):
        return Problem(status=wording.status, message=refused.text)
    subject = refused.subject
    if refused.code is RefusalCode.PERMISSION_DENIED:
        subject = _PERMISSIONS.get(subject, subject)
    text = wording.text.format(
        subject=quoted(subject),
        name=quoted(_NAMES.get(refused.subject, refused.subject)).capitalize(),
        kind=refused.detail.capitalize(),
        because=f", {refused.detail}" if refused.detail else "",
    )
    return Problem(status=wording.status, message=text)


def problem_of_kit(request: Request, refusal: Refusal) -> Problem:
    """The answer to a request that is turned away before a handler sees it."""
    text = _KIT_TEXTS.get(refusal.kind, _OTHER_KIT_TEXT).format(
        path=quoted(request.path),
        method=quoted(request.method),
        reference=refusal.reference,
        reason=refusal.reason,
    )
    return Problem(status=refusal.status, message=text)
