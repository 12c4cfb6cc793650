"""Messages that their recipients pay for: the price, who may charge, and the stage of a charge.

A carrier over SMPP bills on delivery, so a charge follows its message, as `PREMIUM_STATES` says.
The states of two-step charging (authorise, then capture) are for carriers that report them.
"""

from __future__ import annotations

from datetime import date
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.core.messages.model.lifecycle import State

MIN_PRICE: Final = 100
HIGH_PRICE: Final = 1_200
"""Above it an account needs a permission of its own (LINK v2 s. 11)."""
MAX_PRICE: Final = 1_000_000
MAX_INVOICE_TEXT: Final = 40
MAX_REVENUE_TEXT: Final = 255
MAX_SERVICE_TYPE: Final = 5
"""Characters of an SMPP service_type (SMPP 3.4 s. 5.2.11)."""


class Premium(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The price of a message for its recipient, and what is sold."""

    price: int
    """In the smallest unit of the short code's currency."""
    content_type: int
    charity: bool = False
    invoice_text: str = ""
    """Shown on the recipient's phone bill."""
    revenue_text: str = ""
    """The customer's own name for a group of messages, in statistics and payouts."""


class PremiumState(IntEnum):
    """The stage of the charge of a message. The numbers are stored; they grow along its way."""

    AUTHORIZE_FORWARDED = 10
    TRANSACTION_FORWARDED = 12
    """Accepted by us; no carrier has been given it."""
    TRANSACTION_AUTHORIZED = 15
    SMS_FORWARDED = 20
    """A carrier has the message, or may have it; it has not said that it was delivered."""
    SMS_RECEIVED = 25
    """The phone has it, the charge is still to be confirmed."""
    CAPTURE_FORWARDED = 30
    TRANSACTION_CAPTURED = 40
    """The recipient has been charged."""
    AUTHORIZE_REJECTED = 41
    SMS_REJECTED = 42
    """The network gave up; nothing is charged."""
    CAPTURE_REJECTED = 43
    CAPTURE_FAILED = 44
    TRANSACTION_REJECTED = 45
    """The carrier refused the message."""
    TRANSACTION_FAILED = 46
    """It ended before it could be delivered."""
    REFUND_FAILED = 50
    TRANSACTION_REFUNDED = 51


PREMIUM_STATES: Final = MappingProxyType(
    {
        State.SCHEDULED: PremiumState.TRANSACTION_FORWARDED,
        State.QUEUED: PremiumState.TRANSACTION_FORWARDED,
        State.SENDING: PremiumState.TRANSACTION_FORWARDED,
        State.SENT: PremiumState.SMS_FORWARDED,
        State.UNKNOWN: PremiumState.SMS_FORWARDED,
        State.DELIVERED: PremiumState.TRANSACTION_CAPTURED,
        State.UNDELIVERED: PremiumState.SMS_REJECTED,
        State.EXPIRED: PremiumState.TRANSACTION_FAILED,
        State.REJECTED: PremiumState.TRANSACTION_REJECTED,
        State.CANCELLED: PremiumState.TRANSACTION_FAILED,
    }
)
"""Where the charge of a message is that is billed by its delivery."""

_S = PremiumState
_REFUNDS: Final = frozenset({_S.REFUND_FAILED, _S.TRANSACTION_REFUNDED})
_UNCHARGED: Final = frozenset({_S.SMS_REJECTED, _S.TRANSACTION_REJECTED, _S.TRANSACTION_FAILED})
_CAPTURES: Final = frozenset({_S.TRANSACTION_CAPTURED, _S.CAPTURE_REJECTED, _S.CAPTURE_FAILED})

PREMIUM_TRANSITIONS: Final = MappingProxyType(
    {
        _S.AUTHORIZE_FORWARDED: frozenset({_S.TRANSACTION_AUTHORIZED, _S.AUTHORIZE_REJECTED})
        | _UNCHARGED,
        _S.TRANSACTION_FORWARDED: frozenset(
            {_S.TRANSACTION_AUTHORIZED, _S.AUTHORIZE_REJECTED, _S.SMS_FORWARDED, _S.SMS_RECEIVED}
        )
        | _UNCHARGED
        | {_S.TRANSACTION_CAPTURED},
        _S.TRANSACTION_AUTHORIZED: frozenset(
            {_S.SMS_FORWARDED, _S.SMS_RECEIVED, _S.CAPTURE_FORWARDED}
        )
        | _UNCHARGED
        | _CAPTURES,
        _S.SMS_FORWARDED: frozenset({_S.SMS_RECEIVED, _S.CAPTURE_FORWARDED})
        | _UNCHARGED
        | _CAPTURES,
        _S.SMS_RECEIVED: frozenset({_S.CAPTURE_FORWARDED, _S.TRANSACTION_FAILED}) | _CAPTURES,
        _S.CAPTURE_FORWARDED: frozenset({_S.TRANSACTION_FAILED}) | _CAPTURES,
        _S.TRANSACTION_CAPTURED: _REFUNDS,
        _S.REFUND_FAILED: frozenset({_S.TRANSACTION_REFUNDED}),
        **{
            end: frozenset[PremiumState]()
            for end in _UNCHARGED
            | {
                _S.AUTHORIZE_REJECTED,
                _S.CAPTURE_REJECTED,
                _S.CAPTURE_FAILED,
                _S.TRANSACTION_REFUNDED,
            }
        },
    }
)
"""From each state of a charge, the states it may go to."""

REFUNDABLE: Final = frozenset(
    state
    for state, followers in PREMIUM_TRANSITIONS.items()
    if PremiumState.TRANSACTION_REFUNDED in followers
)
"""The states in which there is something to give back."""


class ContentKind(StrEnum):
    """The kind of content that is sold."""

    DIGITAL = "digital"
    DONATION = "donation"
    PHYSICAL = "physical"


class ContentType(msgspec.Struct, frozen=True, kw_only=True):
    """A purpose of premium messages, as the operators of a country agreed."""

    content_type_id: int
    description: str
    kind: ContentKind = ContentKind.DIGITAL
    vat_exempt: bool = False
    expires: date | None = None
    """The last day on which it may be used; None for no end."""

    def usable_on(self, day: date) -> bool:
        return self.expires is None or day <= self.expires


class ShortCode(msgspec.Struct, frozen=True, kw_only=True):
    """A number that operators of one country bill for, and the accounts that may use it."""

    number: str
    country_code: str
    """Digits of the country calling code; its recipients alone can be charged."""
    accounts: frozenset[str] = frozenset()
    """User names; empty for every account."""
    content_types: tuple[ContentType, ...]

    @property
    def international(self) -> str:
        """The code with its country code, such as `+472333`."""
        return f"+{self.country_code}{self.number}"

    def is_named(self, sender: str) -> bool:
        """Whether a sender is this code, with or without its country code."""
        return sender in (self.number, self.international, self.international[1:])

    def belongs_to(self, username: str) -> bool:
        return not self.accounts or username in self.accounts

    def content_type(self, content_type_id: int) -> ContentType | None:
        """The content type with an identifier; None if the code lacks it."""
        for content_type in self.content_types:
            if content_type.content_type_id == content_type_id:
                return content_type
        return None


class ValueForm(StrEnum):
    """How a carrier encodes the value of an optional parameter."""

    C_STRING = "c_string"
    """ASCII digits or Latin-1 text, with a final NUL."""
    OCTETS = "octets"
    """The same without a NUL."""
    INTEGER = "integer"
    """Four octets, the highest first; a text stays a C string."""


class BillingTerms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a carrier is given the price; the defaults mean that it does not bill."""

    price_tag: int = 0
    """Of the optional parameter that holds the price; 0 for none, as for the others."""
    content_type_tag: int = 0
    invoice_text_tag: int = 0
    form: ValueForm = ValueForm.C_STRING
    service_type: str = ""
    """With `{price}` and `{content_type}` replaced; empty for the service type of all messages."""

    def can_bill(self, premium: Premium) -> bool:
        """Whether the carrier can bill this charge."""
        return bool(self.price_tag or "{price}" in self.service_type) and (
            len(self.service_type_of(premium)) <= MAX_SERVICE_TYPE
        )

    def service_type_of(self, premium: Premium) -> str:
        """The service type of a message with this charge; empty for the default."""
        return self.service_type.replace("{price}", str(premium.price)).replace(
            "{content_type}", str(premium.content_type)
        )


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """The charge for a message, as a query returns it."""

    message_id: int
    state: PremiumState
    price: int
    content_type: int
