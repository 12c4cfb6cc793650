"""The console's words for refusals, states and failures: what happened, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.messages.model.events import EventKind
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.routing import RouteReason
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.core.reporting.model.timeline import RouteStep
from dragoman.protocols.gsm.alphabet import Alphabet

REFUSALS: Final = MappingProxyType(
    {
        RefusalCode.AUTHENTICATION_FAILED: "The name or the password is wrong.",
        RefusalCode.ADDRESS_NOT_ALLOWED: "This account may not be used from your address.",
        RefusalCode.PERMISSION_DENIED: "Your account is not permitted to do this.",
        RefusalCode.INSUFFICIENT_CREDIT: "There are too few credits.",
        RefusalCode.MALFORMED_REQUEST: "The form cannot be read.",
        RefusalCode.MISSING_FIELD: "This is needed.",
        RefusalCode.INVALID_FIELD: "This cannot be taken",
        RefusalCode.INVALID_RECIPIENT: "This is no phone number",
        RefusalCode.TOO_MANY_RECIPIENTS: "These are too many recipients for one message.",
        RefusalCode.INVALID_SENDER: "This is no sender: use a number or up to 11 letters.",
        RefusalCode.SENDER_NOT_ALLOWED: "This sender is not approved for your account.",
        RefusalCode.RECIPIENT_NOT_ALLOWED: "Your account may not send to this number.",
        RefusalCode.NUMBER_NOT_ALLOWED: "Your account may not use this number.",
        RefusalCode.EMPTY_TEXT: "Write a text first.",
        RefusalCode.TEXT_TOO_LONG: "The text needs more parts than your account may send.",
        RefusalCode.TEXT_NOT_ENCODABLE: "The text holds characters no phone can show.",
        RefusalCode.INVALID_VALIDITY: "The validity is not a time a message can wait.",
        RefusalCode.INVALID_SCHEDULE: "This time cannot be sent at.",
        RefusalCode.INVALID_CALLBACK_URL: "This address cannot be called.",
        RefusalCode.NO_ROUTE: "No route leads to this number.",
        RefusalCode.NOT_SUPPORTED: "No carrier can do this.",
        RefusalCode.NOT_FOUND: "There is no such thing.",
        RefusalCode.NOT_CANCELLABLE: "It is too late to cancel this.",
        RefusalCode.NOT_BILLABLE: "The recipient cannot be charged.",
        RefusalCode.NOT_REFUNDABLE: "This cannot be refunded.",
        RefusalCode.ALREADY_EXISTS: "This exists already.",
        RefusalCode.UNAVAILABLE: "The gateway cannot store this now. Try again in a moment.",
    }
)
_WITH_DETAIL: Final = frozenset({RefusalCode.INVALID_FIELD, RefusalCode.INVALID_RECIPIENT})

STATES: Final = MappingProxyType(
    {
        State.SCHEDULED: "scheduled",
        State.QUEUED: "queued",
        State.SENDING: "sending",
        State.SENT: "sent",
        State.UNKNOWN: "unknown",
        State.DELIVERED: "delivered",
        State.UNDELIVERED: "undelivered",
        State.EXPIRED: "expired",
        State.REJECTED: "rejected",
        State.CANCELLED: "cancelled",
    }
)
FAILURES: Final = MappingProxyType(
    {
        FailureCode.NONE: "no failure",
        FailureCode.UNKNOWN_SUBSCRIBER: "unknown number",
        FailureCode.ABSENT_SUBSCRIBER: "phone not reachable",
        FailureCode.BARRED: "barred",
        FailureCode.HANDSET: "refused by the phone",
        FailureCode.HANDSET_MEMORY_FULL: "phone full",
        FailureCode.NETWORK: "network error",
        FailureCode.NETWORK_TIMEOUT: "network did not answer",
        FailureCode.CONGESTION: "network congested",
        FailureCode.INVALID_DESTINATION: "no valid number",
        FailureCode.INVALID_SENDER: "sender refused",
        FailureCode.INVALID_CONTENT: "content refused",
        FailureCode.TEXT_TOO_LONG: "text too long",
        FailureCode.DUPLICATE: "taken for a double",
        FailureCode.EXPIRED: "expired",
        FailureCode.CANCELLED: "cancelled",
        FailureCode.NO_ROUTE: "no route",
        FailureCode.OPTED_OUT: "opted out",
        FailureCode.NOT_ALLOWED: "not allowed",
        FailureCode.NOT_BILLABLE: "not billable",
        FailureCode.NO_REPORT: "no report",
        FailureCode.RESPONSE_LOST: "answer lost",
        FailureCode.REFUSED_BY_CARRIER: "refused by the carrier",
        FailureCode.UNSPECIFIED: "no cause given",
    }
)
"""Why a message did not arrive, in a few words."""
EVENTS: Final = MappingProxyType(
    {
        EventKind.TAKEN: "taken",
        EventKind.DEFERRED: "not now",
        EventKind.UNANSWERED: "no answer",
        EventKind.REFUSED: "refused",
        EventKind.RECEIPT: "",
        EventKind.PARKED_RECEIPT: "came before the carrier's yes",
        EventKind.LATE_RECEIPT: "changed nothing",
    }
)
"""What an attempt came to, and what is odd about a report."""

ROUTE_REASONS: Final = MappingProxyType(
    {
        RouteReason.DEVICE: "the message named a phone",
        RouteReason.MESSAGE_TYPE: "its message type has this route",
        RouteReason.ACCOUNT: "this route is for the account",
        RouteReason.PREFIX: "this route is for numbers that begin with +{prefix}",
        RouteReason.ANY: "this route takes every number",
        RouteReason.CHANGED: "the routes were configured differently when it was accepted",
        RouteReason.NONE: "it was not to be sent",
    }
)
"""What decided on a route."""
ALPHABETS: Final = MappingProxyType(
    {
        Alphabet.GSM7.value: "GSM alphabet",
        Alphabet.UCS2.value: "Unicode (UCS-2)",
        Alphabet.BINARY.value: "binary",
    }
)
"""How a text is coded."""
LEDGER: Final = MappingProxyType(
    {
        "reserve": "held for messages",
        "commit": "spent on messages",
        "refund": "back from messages",
        "top_up": "topped up",
        "transfer": "moved between accounts",
    }
)
"""Why credits moved."""
PERMISSIONS: Final = MappingProxyType(
    {
        Permission.SEND: "send messages",
        Permission.RECEIVE: "receive texts",
        Permission.LEGACY_LOGIN: "use the old login",
        Permission.ANY_SENDER: "send under any sender",
        Permission.ADMINISTER: "administer accounts below it",
        Permission.PREMIUM: "send premium messages",
        Permission.PREMIUM_HIGH: "send premium messages above the bound",
        Permission.CHARITY: "send premium messages for charity",
        Permission.INBOX: "read received texts on pages of its own",
        Permission.NUMBER_LOOKUP: "ask networks about numbers",
        Permission.OPERATE: "own the machine",
    }
)
"""What an account may do, behind its name."""
_BY_NAME: Final = MappingProxyType({str(name): words for name, words in PERMISSIONS.items()})
_PERMISSION: Final = re.compile(r"(?<=may )(?!not )\w+|(?<=may not )\w+")
"""A permission in what the log says of a change of access."""
_ACTIONS: Final = MappingProxyType(
    {
        "access": "changed the access: {}",
        "key": "made a new API key and ended the older ones",
        "open": "opened the account",
        "shut": "shut the account",
        "give": "gave {} credits",
        "take": "took {} credits back",
        "create": "made the account",
        "approve": "approved the sender {}",
        "refuse": "refused the sender {}",
        "time_zone": "changed the time zone",
        "password": "changed the password",
        "set_password": "made a new password and ended the sessions",
        "drain_carrier": "took the carrier {} out of service",
        "enable_carrier": "put the carrier {} into service",
        "disable_device": "took the phone {} out of service",
        "enable_device": "put the phone {} into service",
        "device_code": "made a registration code for a phone",
        "cancel": "cancelled the message {}",
        "cancel_batch": "cancelled the batch {}",
        "resend": "sent the message {} again",
        "delete": "deleted the account {}",
        "opt_out": "entered the opt-out of {}",
        "opt_in": "took back the opt-out of {}",
        "sign_out": "signed out everywhere",
        "set": "changed the account: {}",
        "revoke_tokens": "ended every token and session",
        "add_number": "gave the number {} to the account",
        "remove_number": "removed the number {}",
        "reserve_keyword": "reserved the keyword {}",
        "attach_keyword": "changed where the texts of {} go",
        "delete_keyword": "gave up the keyword {}",
        "add_service": "entered a service at {}",
        "change_service": "changed a service to {}",
        "device_token": "made a registration token for phones",
        "add_device": "entered the phone {}",
        "change_device": "changed the phone {}",
        "remove_device": "removed the phone {}",
        "export_inbox": "asked the phone {} for its texts",
        "webhook": "changed the webhook {}",
    }
)


def say_change(action: str, subject: str) -> str:
    """What somebody did, behind their name."""
    if action == "access":
        subject = _PERMISSION.sub(lambda match: _BY_NAME.get(match[0], match[0]), subject)
    return _ACTIONS.get(action, action.replace("_", " ") + " {}").replace("{}", subject).strip()


def say_permissions(permissions: Iterable[str]) -> str:
    """What an account may do."""
    given = set(permissions)
    return ", ".join(words for name, words in PERMISSIONS.items() if name in given) or "read"


def say_route(route: RouteStep) -> str:
    """Why a message has its route, and where today's routes lead."""
    words = ROUTE_REASONS[route.reason].format(prefix=route.prefix)
    if route.today:
        words += f"; today's routes would choose {route.today}"
    return words


def say_refusal(refused: Refused) -> str:
    """A refusal as a sentence."""
    words = REFUSALS[refused.code]
    if refused.code in _WITH_DETAIL:
        return f"{words}: {refused.detail}." if refused.detail else f"{words}."
    return words
