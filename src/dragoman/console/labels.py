"""The console's texts for refusals, states, failures, permissions and audit log entries."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from dragoman.console.translation import gettext, lazy
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
        RefusalCode.AUTHENTICATION_FAILED: lazy("Incorrect username or password."),
        RefusalCode.ADDRESS_NOT_ALLOWED: lazy("This account cannot be used from your IP address."),
        RefusalCode.PERMISSION_DENIED: lazy("Your account does not have permission to do this."),
        RefusalCode.INSUFFICIENT_CREDIT: lazy("Not enough credits."),
        RefusalCode.MALFORMED_REQUEST: lazy("The form could not be read."),
        RefusalCode.MISSING_FIELD: lazy("This field is required."),
        RefusalCode.INVALID_FIELD: lazy("Invalid value"),
        RefusalCode.INVALID_RECIPIENT: lazy("Not a valid phone number"),
        RefusalCode.TOO_MANY_RECIPIENTS: lazy("Too many recipients for one message."),
        RefusalCode.INVALID_SENDER: lazy(
            "Invalid sender: use a number or up to 11 letters and digits."
        ),
        RefusalCode.SENDER_NOT_ALLOWED: lazy("This sender is not approved for your account."),
        RefusalCode.RECIPIENT_NOT_ALLOWED: lazy(
            "Your account is not allowed to send to this number."
        ),
        RefusalCode.NUMBER_NOT_ALLOWED: lazy("Your account is not allowed to use this number."),
        RefusalCode.EMPTY_TEXT: lazy("Enter a text."),
        RefusalCode.TEXT_TOO_LONG: lazy("The text needs more parts than your account may send."),
        RefusalCode.TEXT_NOT_ENCODABLE: lazy("The text contains characters that cannot be sent."),
        RefusalCode.INVALID_VALIDITY: lazy("Invalid validity period."),
        RefusalCode.INVALID_SCHEDULE: lazy("Messages cannot be scheduled for this time."),
        RefusalCode.INVALID_CALLBACK_URL: lazy("Invalid callback URL."),
        RefusalCode.NO_ROUTE: lazy("No route covers this number."),
        RefusalCode.NOT_SUPPORTED: lazy("No carrier supports this."),
        RefusalCode.NOT_FOUND: lazy("Not found."),
        RefusalCode.NOT_CANCELLABLE: lazy("Too late to cancel."),
        RefusalCode.NOT_BILLABLE: lazy("The recipient cannot be charged."),
        RefusalCode.NOT_REFUNDABLE: lazy("This cannot be refunded."),
        RefusalCode.ALREADY_EXISTS: lazy("This already exists."),
        RefusalCode.UNAVAILABLE: lazy(
            "The gateway cannot store this right now. Try again in a moment."
        ),
    }
)
_WITH_DETAIL: Final = frozenset({RefusalCode.INVALID_FIELD, RefusalCode.INVALID_RECIPIENT})

STATES: Final = MappingProxyType(
    {
        State.SCHEDULED: lazy("scheduled"),
        State.QUEUED: lazy("queued"),
        State.SENDING: lazy("sending"),
        State.SENT: lazy("sent"),
        State.UNKNOWN: lazy("unknown"),
        State.DELIVERED: lazy("delivered"),
        State.UNDELIVERED: lazy("undelivered"),
        State.EXPIRED: lazy("expired"),
        State.REJECTED: lazy("rejected"),
        State.CANCELLED: lazy("cancelled"),
    }
)


_STATE_LABELS: Final = MappingProxyType(
    {name: STATES[state] for name, state in STATES_BY_NAME.items()}
    | {"waiting": lazy("waiting"), "failed": lazy("failed")}
)
"""The states and the groups of them that a search can be for."""


def choose_state(chosen: str = "") -> list[tuple[str, str]]:
    """The states to choose from, and several of them where a link chose those."""
    names = ["", *GROUPS, *STATES_BY_NAME]
    if chosen not in names:
        names.append(chosen)
    return [(name, _describe_states(name)) for name in names]


def _describe_states(names: str) -> str:
    labels = [str(_STATE_LABELS.get(name, name)) for name in names.split(",") if name]
    return gettext(" or ").join(labels) or gettext("any")


FAILURES: Final = MappingProxyType(
    {
        FailureCode.NONE: lazy("no failure"),
        FailureCode.UNKNOWN_SUBSCRIBER: lazy("unknown number"),
        FailureCode.ABSENT_SUBSCRIBER: lazy("phone unreachable"),
        FailureCode.BARRED: lazy("barred"),
        FailureCode.HANDSET: lazy("handset error"),
        FailureCode.HANDSET_MEMORY_FULL: lazy("handset memory full"),
        FailureCode.NETWORK: lazy("network error"),
        FailureCode.NETWORK_TIMEOUT: lazy("network timeout"),
        FailureCode.CONGESTION: lazy("network congestion"),
        FailureCode.INVALID_DESTINATION: lazy("invalid number"),
        FailureCode.INVALID_SENDER: lazy("sender rejected"),
        FailureCode.INVALID_CONTENT: lazy("content rejected"),
        FailureCode.TEXT_TOO_LONG: lazy("text too long"),
        FailureCode.DUPLICATE: lazy("duplicate"),
        FailureCode.EXPIRED: lazy("expired"),
        FailureCode.CANCELLED: lazy("cancelled"),
        FailureCode.NO_ROUTE: lazy("no route"),
        FailureCode.OPTED_OUT: lazy("opted out"),
        FailureCode.NOT_ALLOWED: lazy("not allowed"),
        FailureCode.NOT_BILLABLE: lazy("not billable"),
        FailureCode.NO_REPORT: lazy("no delivery receipt"),
        FailureCode.RESPONSE_LOST: lazy("response lost"),
        FailureCode.REFUSED_BY_CARRIER: lazy("rejected by the carrier"),
        FailureCode.UNSPECIFIED: lazy("no reason given"),
    }
)
"""Why a message did not arrive, in a few words."""
EVENTS: Final = MappingProxyType(
    {
        EventKind.TAKEN: lazy("accepted"),
        EventKind.DEFERRED: lazy("deferred"),
        EventKind.UNANSWERED: lazy("no response"),
        EventKind.REFUSED: lazy("rejected"),
        EventKind.RECEIPT: "",
        EventKind.PARKED_RECEIPT: lazy("arrived before the carrier's response"),
        EventKind.LATE_RECEIPT: lazy("ignored, too late"),
    }
)
"""The outcome of an attempt, and what is unusual about a receipt."""

ROUTE_REASONS: Final = MappingProxyType(
    {
        RouteReason.DEVICE: lazy("the request named a phone"),
        RouteReason.MESSAGE_TYPE: lazy("this route is for its message type"),
        RouteReason.ACCOUNT: lazy("this route is for the account"),
        RouteReason.PREFIX: lazy("this route is for numbers starting with +{prefix}"),
        RouteReason.CONDITIONS: lazy("this route is for messages like it"),
        RouteReason.FALLBACK: lazy("no carrier of its route could send"),
        RouteReason.ANY: lazy("this route is for any number"),
        RouteReason.CHANGED: lazy("the routes have been reconfigured since it was accepted"),
        RouteReason.NONE: lazy("it was not sent to a carrier"),
    }
)
"""Why a route was chosen."""
ALPHABETS: Final = MappingProxyType(
    {
        Alphabet.GSM7.value: lazy("GSM 7-bit"),
        Alphabet.UCS2.value: lazy("Unicode (UCS-2)"),
        Alphabet.BINARY.value: lazy("binary"),
    }
)
"""The encoding of a text."""
LEDGER: Final = MappingProxyType(
    {
        "reserve": lazy("held for messages"),
        "commit": lazy("spent on messages"),
        "refund": lazy("refunded"),
        "top_up": lazy("top-up"),
        "transfer": lazy("transfer between accounts"),
    }
)
"""Why credits moved."""
PERMISSIONS: Final = MappingProxyType(
    {
        Permission.SEND: lazy("send messages"),
        Permission.RECEIVE: lazy("receive messages"),
        Permission.LEGACY_LOGIN: lazy("use the legacy login"),
        Permission.ANY_SENDER: lazy("use any sender"),
        Permission.ADMINISTER: lazy("manage subaccounts"),
        Permission.PREMIUM: lazy("send premium messages"),
        Permission.PREMIUM_HIGH: lazy("send premium messages above the price limit"),
        Permission.CHARITY: lazy("send premium messages for charities"),
        Permission.INBOX: lazy("read the inbox"),
        Permission.NUMBER_LOOKUP: lazy("look up numbers"),
        Permission.OPERATE: lazy("operate the gateway"),
    }
)
"""What an account is permitted to do."""
ROLES: Final = MappingProxyType(
    {
        Role.OPERATOR: lazy("runs the gateway"),
        Role.ADMINISTRATOR: lazy("manages people, API keys and subaccounts"),
        Role.MANAGER: lazy("manages keywords, opt-outs and callbacks"),
        Role.SENDER: lazy("sends and answers messages"),
        Role.VIEWER: lazy("reads"),
    }
)
"""What each role adds to those below it."""
ROLE_NAMES: Final = MappingProxyType(
    {
        Role.OPERATOR: lazy("operator"),
        Role.ADMINISTRATOR: lazy("administrator"),
        Role.MANAGER: lazy("manager"),
        Role.SENDER: lazy("sender"),
        Role.VIEWER: lazy("viewer"),
    }
)
_BY_NAME: Final = MappingProxyType({str(name): label for name, label in PERMISSIONS.items()})
_PERMISSION: Final = re.compile(r"(?<=may )(?!not )\w+|(?<=may not )\w+")
"""A permission in an audit log entry about a change of access."""
_ACTIONS: Final = MappingProxyType(
    {
        "access": lazy("changed access: {}"),
        "key": lazy("created a new API key and revoked the old ones"),
        "new_key": lazy("created the API key {}"),
        "rotate_key": lazy("rotated the API key {}"),
        "change_key": lazy("changed the API key {}"),
        "revoke_key": lazy("revoked the API key {}"),
        "open": lazy("enabled the account"),
        "shut": lazy("disabled the account"),
        "give": lazy("added {} credits"),
        "take": lazy("took {} credits back"),
        "create": lazy("created the account"),
        "approve": lazy("approved the sender {}"),
        "refuse": lazy("rejected the sender {}"),
        "time_zone": lazy("changed the time zone"),
        "country": lazy("changed the country of numbers without a code"),
        "password": lazy("changed the password"),
        "set_password": lazy("set a new password and ended all sessions and tokens"),
        "reload_configuration": lazy("took a changed configuration"),
        "drain_node": lazy("drained the node {}"),
        "resume_node": lazy("let the node {} take its share"),
        "kill_node": lazy("killed the node {}"),
        "move_partition": lazy("moved partition {}"),
        "import_prices": lazy("imported the prices of the carrier {}"),
        "remove_prices": lazy("removed the prices of the carrier {}"),
        "drain_carrier": lazy("disabled the carrier {}"),
        "enable_carrier": lazy("enabled the carrier {}"),
        "disable_device": lazy("disabled the phone {}"),
        "enable_device": lazy("enabled the phone {}"),
        "device_code": lazy("created a registration code for a phone"),
        "answer": lazy("changed the automatic answer to {}"),
        "alert_rule": lazy("changed the rule {} of alerts"),
        "remove_alert_rule": lazy("deleted the rule {} of alerts"),
        "start_campaign": lazy("started the campaign {}"),
        "pause_campaign": lazy("paused the campaign {}"),
        "resume_campaign": lazy("resumed the campaign {}"),
        "stop_campaign": lazy("stopped the campaign {}"),
        "delete_campaign": lazy("deleted the campaign {}"),
        "delete_list": lazy("deleted the list {}"),
        "delete_field": lazy("deleted the merge field {}"),
        "delete_contact": lazy("deleted the contact {}"),
        "cancel": lazy("cancelled the message {}"),
        "cancel_batch": lazy("cancelled the batch {}"),
        "move_batch": lazy("changed the time of the batch {}"),
        "resend": lazy("resent the message {}"),
        "smpp_login": lazy("changed the SMPP login {}"),
        "remove_smpp_login": lazy("removed the SMPP login {}"),
        "end_bind": lazy("unbound {}"),
        "log_bind": lazy("asked for the wire log of {}"),
        "retry_callbacks": lazy("retried callbacks to {} at once"),
        "replay_callbacks": lazy("made {} again"),
        "pause_host": lazy("paused callbacks to {}"),
        "resume_host": lazy("resumed callbacks to {}"),
        "test_callback": lazy("made a test call to {}"),
        "delete": lazy("deleted the account {}"),
        "opt_out": lazy("added an opt-out for {}"),
        "opt_in": lazy("removed the opt-out for {}"),
        "sign_out": lazy("signed out everywhere"),
        "set": lazy("changed the account: {}"),
        "auth_token": lazy("set the auth token"),
        "show_auth_token": lazy("looked at the auth token"),
        "key_pair": lazy("created the API key {}"),
        "remove_key_pair": lazy("revoked the API key {}"),
        "revoke_tokens": lazy("revoked all tokens and sessions"),
        "privacy_export": lazy("exported what is known of the number {}"),
        "privacy_erase": lazy("erased the number {}"),
        "add_number": lazy("assigned the number {} to the account"),
        "remove_number": lazy("removed the number {}"),
        "reserve_keyword": lazy("reserved the keyword {}"),
        "attach_keyword": lazy("changed the forwarding of {}"),
        "delete_keyword": lazy("released the keyword {}"),
        "add_service": lazy("added a forwarding URL at {}"),
        "change_service": lazy("changed a forwarding URL to {}"),
        "device_token": lazy("created a registration token for phones"),
        "add_device": lazy("added the phone {}"),
        "change_device": lazy("changed the phone {}"),
        "remove_device": lazy("removed the phone {}"),
        "export_inbox": lazy("requested the inbox of the phone {}"),
        "webhook": lazy("changed the webhook {}"),
        "invite": lazy("invited {}"),
        "accept_invitation": lazy("accepted the invitation of {}"),
        "new_link": lazy("created a sign-in link for {}"),
        "change_person": lazy("changed the role of {}"),
        "enable_person": lazy("enabled {}"),
        "disable_person": lazy("disabled {}"),
        "remove_person": lazy("removed {}"),
        "end_sessions": lazy("ended the sessions of {}"),
        "change_identity": lazy("changed the identity of {}"),
        "second_factor": lazy("set up a second factor"),
        "remove_second_factor": lazy("removed the second factor"),
        "reset_second_factor": lazy("took the second factor of {} away"),
        "recovery_codes": lazy("created new recovery codes"),
        "second_factor_policy": lazy("made a second factor {}"),
    }
)


def describe_change(action: str, subject: str) -> str:
    """What was done, as the end of a sentence that starts with a name."""
    if action == "access":
        subject = _PERMISSION.sub(lambda match: str(_BY_NAME.get(match[0], match[0])), subject)
    label = _ACTIONS.get(action)
    said = action.replace("_", " ") + " {}" if label is None else str(label)
    return said.replace("{}", subject).strip()


def describe_permissions(permissions: Iterable[str]) -> str:
    """What an account is permitted to do."""
    given = set(permissions)
    return ", ".join(str(label) for name, label in PERMISSIONS.items() if name in given) or gettext(
        "read only"
    )


def describe_route(route: RouteStep) -> str:
    """Why a message took its route, and which one the current configuration would choose."""
    reason = str(ROUTE_REASONS[route.reason]).format(prefix=route.prefix)
    if route.today:
        reason += gettext("; the current configuration would choose {today}").format(
            today=route.today
        )
    return reason


def describe_refusal(refused: Refused) -> str:
    """A refusal as a sentence."""
    sentence = str(REFUSALS[refused.code])
    if refused.code in _WITH_DETAIL:
        return f"{sentence}: {refused.detail}." if refused.detail else f"{sentence}."
    return sentence


def name_of(character: str) -> str:
    """A character, or its code where it shows nothing."""
    seen = unicodedata.category(character)[0] not in "CZM"
    return f"“{character}”" if seen else f"U+{ord(character):04X}"


def describe_replaced(replaced: Mapping[str, str]) -> str:
    """Characters and what is sent in their place."""
    said = gettext("{alike} for {character}")
    return ", ".join(
        said.format(
            alike=f"“{alike}”" if alike else gettext("nothing"), character=name_of(character)
        )
        for character, alike in replaced.items()
    )
