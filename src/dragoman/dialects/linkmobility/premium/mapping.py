"""The manual's names of the states and kinds of charges."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dragoman.core.messages.model.premium import ContentKind, PremiumState

STATES: Final = MappingProxyType(
    {
        PremiumState.AUTHORIZE_FORWARDED: "authorize-forwarded",
        PremiumState.AUTHORIZE_REJECTED: "authorize-rejected",
        PremiumState.CAPTURE_FAILED: "capture-failed",
        PremiumState.CAPTURE_FORWARDED: "capture-forwarded",
        PremiumState.CAPTURE_REJECTED: "capture-rejected",
        PremiumState.REFUND_FAILED: "refund-failed",
        PremiumState.SMS_FORWARDED: "sms-forwarded",
        PremiumState.SMS_RECEIVED: "sms-received",
        PremiumState.SMS_REJECTED: "sms-rejected",
        PremiumState.TRANSACTION_AUTHORIZED: "transaction-authorized",
        PremiumState.TRANSACTION_CAPTURED: "transaction-captured",
        PremiumState.TRANSACTION_FAILED: "transaction-failed",
        PremiumState.TRANSACTION_FORWARDED: "transaction-forwarded",
        PremiumState.TRANSACTION_REFUNDED: "transaction-refunded",
        PremiumState.TRANSACTION_REJECTED: "transaction-rejected",
    }
)
"""The `state` of a premium message, in the order of the manual (LINK v2 s. 09)."""

KINDS: Final = MappingProxyType(
    {
        ContentKind.DIGITAL: "digital",
        ContentKind.DONATION: "donation",
        ContentKind.PHYSICAL: "physical",
    }
)
"""The `type` of a content type."""

FLAGS: Final = MappingProxyType({False: "off", True: "on"})
NEVER: Final = "0000-00-00"
"""The `expires` of a content type without an end."""
