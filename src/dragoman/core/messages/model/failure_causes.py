"""Why a message was not delivered, and what to do about it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.core.model.errors import FailureCode


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, and what to do about it: a sentence each."""

    cause: str
    remedy: str


CAUSES: Final = MappingProxyType(
    {
        FailureCode.NONE: Cause(cause="No failure.", remedy=""),
        FailureCode.UNKNOWN_SUBSCRIBER: Cause(
            cause="The number is not in use.",
            remedy="Ask the recipient for the correct number and remove this one from your lists.",
        ),
        FailureCode.ABSENT_SUBSCRIBER: Cause(
            cause="The phone was switched off or out of coverage.",
            remedy="Resend it later, or with a longer validity period.",
        ),
        FailureCode.BARRED: Cause(
            cause="The phone or its network does not accept this kind of message.",
            remedy="Ask the recipient to have the network operator lift the block, or send from"
            " a number instead of a name.",
        ),
        FailureCode.HANDSET: Cause(
            cause="The phone reported an error.",
            remedy="Resend it. If it fails again, the phone does not support this kind of message.",
        ),
        FailureCode.HANDSET_MEMORY_FULL: Cause(
            cause="The message storage of the phone is full.",
            remedy="Resend it after the recipient has deleted some messages.",
        ),
        FailureCode.NETWORK: Cause(
            cause="The network reported an error.",
            remedy="Resend it. If many messages fail this way, report the error code of the receipt"
            " to the carrier.",
        ),
        FailureCode.NETWORK_TIMEOUT: Cause(
            cause="The network did not answer in time.",
            remedy="Resend it. If many messages fail this way, report it to the carrier.",
        ),
        FailureCode.CONGESTION: Cause(
            cause="The network was congested.",
            remedy="Resend it later.",
        ),
        FailureCode.INVALID_DESTINATION: Cause(
            cause="The carrier rejected the number.",
            remedy="Check the number. If it is correct, ask the carrier whether it covers that"
            " network.",
        ),
        FailureCode.INVALID_SENDER: Cause(
            cause="The carrier rejected the sender.",
            remedy="Use a sender that is registered with the carrier for that country, or a"
            " number.",
        ),
        FailureCode.INVALID_CONTENT: Cause(
            cause="The carrier rejected the text or its encoding.",
            remedy="Send plain text, or ask the operator to check the carrier's profile.",
        ),
        FailureCode.TEXT_TOO_LONG: Cause(
            cause="With its merge fields filled in, the text needs more parts than allowed.",
            remedy="Shorten the text or the contact's values, or have the limit raised.",
        ),
        FailureCode.DUPLICATE: Cause(
            cause="The carrier already had the message.",
            remedy="None needed: the first one counts.",
        ),
        FailureCode.EXPIRED: Cause(
            cause="The validity period ended before it was delivered.",
            remedy="Resend it with a longer validity period. If it was never sent, check whether"
            " its carrier was up.",
        ),
        FailureCode.CANCELLED: Cause(
            cause="The customer cancelled it.",
            remedy="Resend it if it was cancelled by mistake.",
        ),
        FailureCode.NO_ROUTE: Cause(
            cause="Its route has no carrier left.",
            remedy="Resend it after the operator has configured a route for the number.",
        ),
        FailureCode.OPTED_OUT: Cause(
            cause="The recipient has opted out of messages from the account or sender.",
            remedy="Do not resend. Only the recipient can withdraw an opt-out.",
        ),
        FailureCode.NOT_ALLOWED: Cause(
            cause="The account is not allowed to send to numbers with this prefix.",
            remedy="Ask the administrator of the account to allow the prefix.",
        ),
        FailureCode.NOT_BILLABLE: Cause(
            cause="The short code cannot charge the recipient.",
            remedy="Use a short code of the recipient's country, on a carrier with billing.",
        ),
        FailureCode.NO_REPORT: Cause(
            cause="No delivery receipt arrived in time.",
            remedy="It may have been delivered: ask the recipient before you resend it.",
        ),
        FailureCode.RESPONSE_LOST: Cause(
            cause="The carrier's response was lost. The message may have been accepted, so it was"
            " not sent again.",
            remedy="It may have been delivered: ask the recipient before you resend it.",
        ),
        FailureCode.REFUSED_BY_CARRIER: Cause(
            cause="The carrier rejected it.",
            remedy="Ask the carrier about the status it returned.",
        ),
        FailureCode.UNSPECIFIED: Cause(
            cause="No reason was given.",
            remedy="Resend it. If it fails again, ask the carrier, quoting its message ID.",
        ),
    }
)
"""One for each failure code; a test checks that none is missing."""
