"""What Dragoman's codes mean, one sentence each, for the generated reference."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import RefusalCode
from dragoman.web.refusals import RefusalKind

REFUSALS: Final = MappingProxyType(
    {
        RefusalCode.AUTHENTICATION_FAILED: "The key, name or password is wrong, or the account is"
        " disabled.",
        RefusalCode.ADDRESS_NOT_ALLOWED: "The account may not be used from the caller's address.",
        RefusalCode.PERMISSION_DENIED: "The account may not do this.",
        RefusalCode.INSUFFICIENT_CREDIT: "The wallet holds fewer credits than all parts cost.",
        RefusalCode.MALFORMED_REQUEST: "The request cannot be read: not JSON, XML or a form, too"
        " large, or in the wrong shape.",
        RefusalCode.MISSING_FIELD: "Something needed was not given.",
        RefusalCode.INVALID_FIELD: "A value does not fit its field.",
        RefusalCode.INVALID_RECIPIENT: "A recipient is not an international number.",
        RefusalCode.TOO_MANY_RECIPIENTS: "More recipients than one request may name.",
        RefusalCode.INVALID_SENDER: "The sender is neither a number nor a name of at most 11"
        " characters.",
        RefusalCode.SENDER_NOT_ALLOWED: "The sender is not approved for the account.",
        RefusalCode.RECIPIENT_NOT_ALLOWED: "The account may not send to such numbers.",
        RefusalCode.NUMBER_NOT_ALLOWED: "The number is not the account's, nor shared.",
        RefusalCode.EMPTY_TEXT: "There is no text.",
        RefusalCode.TEXT_TOO_LONG: "The text takes more parts than are allowed; it is never cut.",
        RefusalCode.TEXT_NOT_ENCODABLE: "The text does not fit the alphabet that was asked for.",
        RefusalCode.INVALID_VALIDITY: "The validity is not between one minute and 14 days.",
        RefusalCode.INVALID_SCHEDULE: "The time to send at is malformed or too far away.",
        RefusalCode.INVALID_CALLBACK_URL: "The URL for reports is not an http or https address.",
        RefusalCode.NO_ROUTE: "No route leads to the recipient.",
        RefusalCode.NOT_SUPPORTED: "The call or option is known but not supported.",
        RefusalCode.NOT_FOUND: "There is no such thing, or it belongs to another account.",
        RefusalCode.NOT_CANCELLABLE: "It is being sent, or has been.",
        RefusalCode.NOT_BILLABLE: "The recipient cannot be charged: another country, or no carrier"
        " that bills.",
        RefusalCode.NOT_REFUNDABLE: "There is nothing to give back, or it has been given back.",
        RefusalCode.ALREADY_EXISTS: "The name is taken.",
        RefusalCode.UNAVAILABLE: "Nothing can be stored now; nothing was accepted.",
    }
)

UNREADABLE: Final = MappingProxyType(
    {
        RefusalKind.UNKNOWN_PATH: "No call has this path.",
        RefusalKind.WRONG_METHOD: "The call has another method.",
        RefusalKind.MALFORMED: "Body or query do not have the form they claim, or fields of"
        " another type.",
        RefusalKind.BAD_CHARSET: "The octets are not text of the charset.",
        RefusalKind.TOO_LARGE: "The body is larger than the call takes.",
        RefusalKind.TOO_DEEP: "JSON or XML are nested too deep.",
        RefusalKind.TOO_SLOW: "The body did not come within `http.request_timeout_s`.",
        RefusalKind.UNSUPPORTED_TYPE: "The call does not take this `Content-Type`.",
        RefusalKind.UNSUPPORTED_CODING: "The body is compressed.",
        RefusalKind.INTERNAL: "Our mistake; the reference stands in the log.",
    }
)

NEEDS: Final = MappingProxyType(
    {
        "httpsms": {r".*/send_sms\.php": Permission.SEND},
        "jasmin": {r".*/send(batch)?": Permission.SEND},
        "kannel": {r".*/sendsms": Permission.SEND},
        "linkmobility": {
            r"POST /v2/message\..*": Permission.SEND,
            r"(POST|PUT|DELETE) /v2/user[./].*": Permission.ADMINISTER,
            r".* /v2/(keywords|services)[./].*": Permission.RECEIVE,
        },
        "native": {
            r"(POST|PATCH) /api/v1/(messages|batches).*": Permission.SEND,
            r"GET /api/v1/inbound.*": Permission.RECEIVE,
        },
        "smsend": {
            r"POST .*/(sms|paramsms|smstogroups|2fa/request)": Permission.SEND,
            r".*/subaccounts?(/.*)?": Permission.ADMINISTER,
        },
        "smsgateway24": {r".*/(addsms|smstosend|addalotofsms|savepaket)": Permission.SEND},
        "twilio": {
            r"POST .*/(Messages\.json|Verifications)": Permission.SEND,
            r"POST .*/IncomingPhoneNumbers.*": Permission.RECEIVE,
        },
        "smsgate": {r"POST .*/\{path:messages\|message\}": Permission.SEND},
    }
)
"""Permissions that calls need, by dialect and a pattern of method and path."""

STATES: Final = MappingProxyType(
    {
        State.SCHEDULED: "Accepted, due later.",
        State.QUEUED: "Accepted and due; no carrier has been given it.",
        State.SENDING: "Handed to a link, or about to be.",
        State.SENT: "A carrier took it; its report is awaited.",
        State.UNKNOWN: "No report came in time; a late one still counts.",
        State.DELIVERED: "The phone has it.",
        State.UNDELIVERED: "The network gave up.",
        State.EXPIRED: "The validity ran out.",
        State.REJECTED: "Refused by the carrier.",
        State.CANCELLED: "Stopped before it was sent.",
    }
)

PERMISSIONS: Final = MappingProxyType(
    {
        Permission.SEND: "Every call that sends: messages, orders, codes, newsletters; the role"
        " *sender* of the console.",
        Permission.RECEIVE: "Received texts, and LINK's calls on keywords and services"
        " (`aclIncoming`).",
        Permission.LEGACY_LOGIN: "LINK's old login with the md5 of the password (`apikey=legacy`,"
        " `type=md5`).",
        Permission.ANY_SENDER: "Any well-formed sender; without it only approved ones (smSend's"
        " aliases).",
        Permission.ADMINISTER: "Accounts below its own: LINK's users (`aclAdmin`), smSend's"
        " subaccounts; the role *administrator* of the console.",
        Permission.PREMIUM: "LINK's messages with a `price` (`aclBilling`).",
        Permission.PREMIUM_HIGH: "The same above 1200 of the smallest unit (`aclBillingHigh`).",
        Permission.CHARITY: "The same with `charity` (`aclCharity`).",
        Permission.INBOX: "Received texts in the console (`aclSmsinbox`).",
        Permission.NUMBER_LOOKUP: "Shown to LINK's programs as `aclHlr`; decides nothing.",
        Permission.OPERATE: "In the console: carriers, phones, senders, queues; only ever given by"
        " name, from the command line.",
    }
)
