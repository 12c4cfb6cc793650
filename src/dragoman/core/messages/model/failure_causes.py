"""Why a message did not arrive, in plain words, and what can be done about it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.core.model.errors import FailureCode


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence on what happened, and one on what to do."""

    cause: str
    remedy: str


CAUSES: Final = MappingProxyType(
    {
        FailureCode.NONE: Cause(cause="Nothing went wrong.", remedy=""),
        FailureCode.UNKNOWN_SUBSCRIBER: Cause(
            cause="The number is not in use.",
            remedy="Ask the recipient for the right number, and take this one off your lists.",
        ),
        FailureCode.ABSENT_SUBSCRIBER: Cause(
            cause="The phone was off or out of reach.",
            remedy="Send it again later, or with a longer validity.",
        ),
        FailureCode.BARRED: Cause(
            cause="The phone or its operator does not take such messages.",
            remedy="Ask the recipient to have the block lifted by the operator, or send from a"
            " number in place of a name.",
        ),
        FailureCode.HANDSET: Cause(
            cause="The phone reported an error.",
            remedy="Send it again; if it fails again, the phone cannot show such a message.",
        ),
        FailureCode.HANDSET_MEMORY_FULL: Cause(
            cause="The phone has no room for messages.",
            remedy="The recipient has to delete messages; then send it again.",
        ),
        FailureCode.NETWORK: Cause(
            cause="The network reported an error.",
            remedy="Send it again; if many fail so, tell the carrier the error of the report.",
        ),
        FailureCode.NETWORK_TIMEOUT: Cause(
            cause="The network did not answer in time.",
            remedy="Send it again; if many fail so, tell the carrier.",
        ),
        FailureCode.CONGESTION: Cause(
            cause="The network was too busy.",
            remedy="Send it again later.",
        ),
        FailureCode.INVALID_DESTINATION: Cause(
            cause="The carrier does not take the number.",
            remedy="Check the number; if it is right, ask the carrier whether it reaches that"
            " network.",
        ),
        FailureCode.INVALID_SENDER: Cause(
            cause="The carrier does not take the sender.",
            remedy="Use a sender that is registered with the carrier for that country, or a"
            " number.",
        ),
        FailureCode.INVALID_CONTENT: Cause(
            cause="The carrier does not take the text or its coding.",
            remedy="Send a plain text; the operator can check the carrier's profile.",
        ),
        FailureCode.TEXT_TOO_LONG: Cause(
            cause="With its merge fields the text needs more parts than allowed.",
            remedy="Shorten the text or the contact's values, or have more parts allowed.",
        ),
        FailureCode.DUPLICATE: Cause(
            cause="The carrier had the message already.",
            remedy="Nothing: the first one counts.",
        ),
        FailureCode.EXPIRED: Cause(
            cause="The validity ran out first.",
            remedy="Send it again with a longer validity; if it never left, see whether its"
            " carrier was up.",
        ),
        FailureCode.CANCELLED: Cause(
            cause="The customer stopped it.",
            remedy="Send it again if it was stopped by mistake.",
        ),
        FailureCode.NO_ROUTE: Cause(
            cause="No carrier is left on its route.",
            remedy="The operator has to configure a route for the number; then send it again.",
        ),
        FailureCode.OPTED_OUT: Cause(
            cause="The recipient wants no messages from the account or sender.",
            remedy="Do not send; only the recipient can take an opt-out back.",
        ),
        FailureCode.NOT_ALLOWED: Cause(
            cause="The account may not send to numbers that begin so.",
            remedy="Ask whoever administers the account to allow the prefix.",
        ),
        FailureCode.NOT_BILLABLE: Cause(
            cause="The short code cannot charge the recipient.",
            remedy="Use a short code of the recipient's country, over a carrier that bills.",
        ),
        FailureCode.NO_REPORT: Cause(
            cause="No report came in time.",
            remedy="It may have arrived: ask the recipient before you send it again.",
        ),
        FailureCode.RESPONSE_LOST: Cause(
            cause="The carrier may have it: the answer was lost, and it must not be sent twice.",
            remedy="It may have arrived: ask the recipient before you send it again.",
        ),
        FailureCode.REFUSED_BY_CARRIER: Cause(
            cause="The carrier refused it.",
            remedy="Tell the carrier the status that it answered.",
        ),
        FailureCode.UNSPECIFIED: Cause(
            cause="No reason was given.",
            remedy="Send it again; if it fails again, ask the carrier, who has its id.",
        ),
    }
)
"""For each failure; a test sees that none is missing."""
