"""The console's texts for refusals, states, failures, permissions and audit log entries."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.accounts.model.people import Role
from dragoman.core.messages.model.events import EventKind
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.routing import RouteReason
from dragoman.core.messages.model.state_choices import GROUPS, STATES_BY_NAME
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.core.reporting.model.timeline import RouteStep
from dragoman.protocols.gsm.alphabet import Alphabet

REFUSALS: Final = MappingProxyType(
    {
        RefusalCode.AUTHENTICATION_FAILED: "Incorrect username or password.",
        RefusalCode.ADDRESS_NOT_ALLOWED: "This account cannot be used from your IP address.",
        RefusalCode.PERMISSION_DENIED: "Your account does not have permission to do this.",
        RefusalCode.INSUFFICIENT_CREDIT: "Not enough credits.",
        RefusalCode.MALFORMED_REQUEST: "The form could not be read.",
        RefusalCode.MISSING_FIELD: "This field is required.",
        RefusalCode.INVALID_FIELD: "Invalid value",
        RefusalCode.INVALID_RECIPIENT: "Not a valid phone number",
        RefusalCode.TOO_MANY_RECIPIENTS: "Too many recipients for one message.",
        RefusalCode.INVALID_SENDER: "Invalid sender: use a number or up to 11 letters and digits.",
        RefusalCode.SENDER_NOT_ALLOWED: "This sender is not approved for your account.",
        RefusalCode.RECIPIENT_NOT_ALLOWED: "Your account is not allowed to send to this number.",
        RefusalCode.NUMBER_NOT_ALLOWED: "Your account is not allowed to use this number.",
        RefusalCode.EMPTY_TEXT: "Enter a text.",
        RefusalCode.TEXT_TOO_LONG: "The text needs more parts than your account may send.",
        RefusalCode.TEXT_NOT_ENCODABLE: "The text contains characters that cannot be sent.",
        RefusalCode.INVALID_VALIDITY: "Invalid validity period.",
        RefusalCode.INVALID_SCHEDULE: "Messages cannot be scheduled for this time.",
        RefusalCode.INVALID_CALLBACK_URL: "Invalid callback URL.",
        RefusalCode.NO_ROUTE: "No route covers this number.",
        RefusalCode.NOT_SUPPORTED: "No carrier supports this.",
        RefusalCode.NOT_FOUND: "Not found.",
        RefusalCode.NOT_CANCELLABLE: "Too late to cancel.",
        RefusalCode.NOT_BILLABLE: "The recipient cannot be charged.",
        RefusalCode.NOT_REFUNDABLE: "This cannot be refunded.",
        RefusalCode.ALREADY_EXISTS: "This already exists.",
        RefusalCode.UNAVAILABLE: "The gateway cannot store this right now. Try again in a moment.",
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


def choose_state(chosen: str = "") -> list[tuple[str, str]]:
    """The states to choose from, and several of them where a link chose those."""
    names = ["", *GROUPS, *STATES_BY_NAME]
    if chosen not in names:
        names.append(chosen)
    return [(name, name.replace(",", " or ") or "any") for name in names]


FAILURES: Final = MappingProxyType(
    {
        FailureCode.NONE: "no failure",
        FailureCode.UNKNOWN_SUBSCRIBER: "unknown number",
        FailureCode.ABSENT_SUBSCRIBER: "phone unreachable",
        FailureCode.BARRED: "barred",
        FailureCode.HANDSET: "handset error",
        FailureCode.HANDSET_MEMORY_FULL: "handset memory full",
        FailureCode.NETWORK: "network error",
        FailureCode.NETWORK_TIMEOUT: "network timeout",
        FailureCode.CONGESTION: "network congestion",
        FailureCode.INVALID_DESTINATION: "invalid number",
        FailureCode.INVALID_SENDER: "sender rejected",
        FailureCode.INVALID_CONTENT: "content rejected",
        FailureCode.TEXT_TOO_LONG: "text too long",
        FailureCode.DUPLICATE: "duplicate",
        FailureCode.EXPIRED: "expired",
        FailureCode.CANCELLED: "cancelled",
        FailureCode.NO_ROUTE: "no route",
        FailureCode.OPTED_OUT: "opted out",
        FailureCode.NOT_ALLOWED: "not allowed",
        FailureCode.NOT_BILLABLE: "not billable",
        FailureCode.NO_REPORT: "no delivery receipt",
        FailureCode.RESPONSE_LOST: "response lost",
        FailureCode.REFUSED_BY_CARRIER: "rejected by the carrier",
        FailureCode.UNSPECIFIED: "no reason given",
    }
)
"""Why a message did not arrive, in a few words."""
EVENTS: Final = MappingProxyType(
    {
        EventKind.TAKEN: "accepted",
        EventKind.DEFERRED: "deferred",
        EventKind.UNANSWERED: "no response",
        EventKind.REFUSED: "rejected",
        EventKind.RECEIPT: "",
        EventKind.PARKED_RECEIPT: "arrived before the carrier's response",
        EventKind.LATE_RECEIPT: "ignored, too late",
    }
)
"""The outcome of an attempt, and what is unusual about a receipt."""

ROUTE_REASONS: Final = MappingProxyType(
    {
        RouteReason.DEVICE: "the request named a phone",
        RouteReason.MESSAGE_TYPE: "this route is for its message type",
        RouteReason.ACCOUNT: "this route is for the account",
        RouteReason.PREFIX: "this route is for numbers starting with +{prefix}",
        RouteReason.CONDITIONS: "this route is for messages like it",
        RouteReason.FALLBACK: "no carrier of its route could send",
        RouteReason.ANY: "this route is for any number",
        RouteReason.CHANGED: "the routes have been reconfigured since it was accepted",
        RouteReason.NONE: "it was not sent to a carrier",
    }
)
"""Why a route was chosen."""
ALPHABETS: Final = MappingProxyType(
    {
        Alphabet.GSM7.value: "GSM 7-bit",
        Alphabet.UCS2.value: "Unicode (UCS-2)",
        Alphabet.BINARY.value: "binary",
    }
)
"""The encoding of a text."""
LEDGER: Final = MappingProxyType(
    {
        "reserve": "held for messages",
        "commit": "spent on messages",
        "refund": "refunded",
        "top_up": "top-up",
        "transfer": "transfer between accounts",
    }
)
"""Why credits moved."""
PERMISSIONS: Final = MappingProxyType(
    {
        Permission.SEND: "send messages",
        Permission.RECEIVE: "receive messages",
        Permission.LEGACY_LOGIN: "use the legacy login",
        Permission.ANY_SENDER: "use any sender",
        Permission.ADMINISTER: "manage subaccounts",
        Permission.PREMIUM: "send premium messages",
        Permission.PREMIUM_HIGH: "send premium messages above the price limit",
        Permission.CHARITY: "send premium messages for charities",
        Permission.INBOX: "read the inbox",
        Permission.NUMBER_LOOKUP: "look up numbers",
        Permission.OPERATE: "operate the gateway",
    }
)
"""What an account is permitted to do."""
ROLES: Final = MappingProxyType(
    {
        Role.OPERATOR: "runs the gateway",
        Role.ADMINISTRATOR: "manages people, API keys and subaccounts",
        Role.MANAGER: "manages keywords, opt-outs and callbacks",
        Role.SENDER: "sends and answers messages",
        Role.VIEWER: "reads",
    }
)
"""What each role adds to those below it."""
_BY_NAME: Final = MappingProxyType({str(name): label for name, label in PERMISSIONS.items()})
_PERMISSION: Final = re.compile(r"(?<=may )(?!not )\w+|(?<=may not )\w+")
"""A permission in an audit log entry about a change of access."""
_ACTIONS: Final = MappingProxyType(
    {
        "access": "changed access: {}",
        "key": "created a new API key and revoked the old ones",
        "new_key": "created the API key {}",
        "rotate_key": "rotated the API key {}",
        "change_key": "changed the API key {}",
        "revoke_key": "revoked the API key {}",
        "open": "enabled the account",
        "shut": "disabled the account",
        "give": "added {} credits",
        "take": "took {} credits back",
        "create": "created the account",
        "approve": "approved the sender {}",
        "refuse": "rejected the sender {}",
        "time_zone": "changed the time zone",
        "password": "changed the password",
        "set_password": "set a new password and ended all sessions and tokens",
        "reload_configuration": "took a changed configuration",
        "drain_node": "drained the node {}",
        "resume_node": "let the node {} take its share",
        "kill_node": "killed the node {}",
        "move_partition": "moved partition {}",
        "import_prices": "imported the prices of the carrier {}",
        "remove_prices": "removed the prices of the carrier {}",
        "drain_carrier": "disabled the carrier {}",
        "enable_carrier": "enabled the carrier {}",
        "disable_device": "disabled the phone {}",
        "enable_device": "enabled the phone {}",
        "device_code": "created a registration code for a phone",
        "answer": "changed the automatic answer to {}",
        "alert_rule": "changed the rule {} of alerts",
        "remove_alert_rule": "deleted the rule {} of alerts",
        "start_campaign": "started the campaign {}",
        "pause_campaign": "paused the campaign {}",
        "resume_campaign": "resumed the campaign {}",
        "stop_campaign": "stopped the campaign {}",
        "delete_campaign": "deleted the campaign {}",
        "delete_list": "deleted the list {}",
        "delete_field": "deleted the merge field {}",
        "delete_contact": "deleted the contact {}",
        "cancel": "cancelled the message {}",
        "cancel_batch": "cancelled the batch {}",
        "move_batch": "changed the time of the batch {}",
        "resend": "resent the message {}",
        "smpp_login": "changed the SMPP login {}",
        "remove_smpp_login": "removed the SMPP login {}",
        "end_bind": "unbound {}",
        "log_bind": "asked for the wire log of {}",
        "retry_callbacks": "retried callbacks to {} at once",
        "replay_callbacks": "made {} again",
        "pause_host": "paused callbacks to {}",
        "resume_host": "resumed callbacks to {}",
        "test_callback": "made a test call to {}",
        "delete": "deleted the account {}",
        "opt_out": "added an opt-out for {}",
        "opt_in": "removed the opt-out for {}",
        "sign_out": "signed out everywhere",
        "set": "changed the account: {}",
        "auth_token": "set the auth token",
        "show_auth_token": "looked at the auth token",
        "key_pair": "created the API key {}",
        "remove_key_pair": "revoked the API key {}",
        "revoke_tokens": "revoked all tokens and sessions",
        "privacy_export": "exported what is known of the number {}",
        "privacy_erase": "erased the number {}",
        "add_number": "assigned the number {} to the account",
        "remove_number": "removed the number {}",
        "reserve_keyword": "reserved the keyword {}",
        "attach_keyword": "changed the forwarding of {}",
        "delete_keyword": "released the keyword {}",
        "add_service": "added a forwarding URL at {}",
        "change_service": "changed a forwarding URL to {}",
        "device_token": "created a registration token for phones",
        "add_device": "added the phone {}",
        "change_device": "changed the phone {}",
        "remove_device": "removed the phone {}",
        "export_inbox": "requested the inbox of the phone {}",
        "webhook": "changed the webhook {}",
        "invite": "invited {}",
        "accept_invitation": "accepted the invitation of {}",
        "new_link": "created a sign-in link for {}",
        "change_person": "changed the role of {}",
        "enable_person": "enabled {}",
        "disable_person": "disabled {}",
        "remove_person": "removed {}",
        "end_sessions": "ended the sessions of {}",
        "change_identity": "changed the identity of {}",
        "second_factor": "set up a second factor",
        "remove_second_factor": "removed the second factor",
        "reset_second_factor": "took the second factor of {} away",
        "recovery_codes": "created new recovery codes",
        "second_factor_policy": "made a second factor {}",
    }
)


def describe_change(action: str, subject: str) -> str:
    """What was done, as the end of a sentence that starts with a name."""
    if action == "access":
        subject = _PERMISSION.sub(lambda match: _BY_NAME.get(match[0], match[0]), subject)
    return _ACTIONS.get(action, action.replace("_", " ") + " {}").replace("{}", subject).strip()


def describe_permissions(permissions: Iterable[str]) -> str:
    """What an account is permitted to do."""
    given = set(permissions)
    return ", ".join(label for name, label in PERMISSIONS.items() if name in given) or "read only"


def describe_route(route: RouteStep) -> str:
    """Why a message took its route, and which one the current configuration would choose."""
    reason = ROUTE_REASONS[route.reason].format(prefix=route.prefix)
    if route.today:
        reason += f"; the current configuration would choose {route.today}"
    return reason


def describe_refusal(refused: Refused) -> str:
    """A refusal as a sentence."""
    sentence = REFUSALS[refused.code]
    if refused.code in _WITH_DETAIL:
        return f"{sentence}: {refused.detail}." if refused.detail else f"{sentence}."
    return sentence


def name_of(character: str) -> str:
    """A character, or its code where it shows nothing."""
    seen = unicodedata.category(character)[0] not in "CZM"
    return f"“{character}”" if seen else f"U+{ord(character):04X}"


def describe_replaced(replaced: Mapping[str, str]) -> str:
    """Characters and what is sent in their place."""
    pairs = replaced.items()
    return ", ".join(
        f"{f'“{alike}”' if alike else 'nothing'} for {name_of(one)}" for one, alike in pairs
    )
