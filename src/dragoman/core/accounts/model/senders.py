"""Senders: what a phone may show as the origin of a message."""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.protocols.gsm.alphabet import unencodable

MAX_LETTERS = 11
MAX_DIGITS = 15
SHORT_CODE_DIGITS = 8

_NUMERIC = re.compile(r"\+?[0-9]{3,22}")


class SenderState(StrEnum):
    """The stage of a sender in its approval."""

    PENDING = "pending"
    APPROVED = "approved"
    APPROVED_BY_AUTHORITY = "approved_by_authority"
    REJECTED = "rejected"
    REJECTED_BY_AUTHORITY = "rejected_by_authority"
    PREAPPROVED = "preapproved"
    """Allowed until it is reviewed."""


APPROVED_STATES = frozenset(
    {SenderState.APPROVED, SenderState.APPROVED_BY_AUTHORITY, SenderState.PREAPPROVED}
)
"""States in which a sender may be sent from."""


class SenderDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The company or person that uses a sender."""

    company: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    tax_code: str | None = None
    vat_number: str | None = None
    address: str | None = None
    city: str | None = None
    postal_code: str | None = None
    contact_type: str | None = None
    """Of `contact`: a telephone number, a mail address …"""
    contact: str | None = None


def normalise_sender(sender: str) -> str:
    """A sender as it goes to carriers: `+` and digits, digits of a short code, or a name.

    Names hold at most 11 characters of the GSM alphabet (3GPP 23.040 s. 9.1.2.5), of which an SMPP
    address has room for those of Latin-1, not for the Greek letters and the euro sign. Raises
    `Refused(INVALID_SENDER)`.
    """
    if _NUMERIC.fullmatch(sender):
        if len(sender.lstrip("+")) > MAX_DIGITS:
            raise Refused(RefusalCode.INVALID_SENDER, sender[:32], "more than 15 digits")
        return sender
    if not sender.strip():
        raise Refused(RefusalCode.INVALID_SENDER, "", "empty")
    if len(sender) > MAX_LETTERS:
        raise Refused(RefusalCode.INVALID_SENDER, sender[:32], "more than 11 characters")
    if not sender.isprintable() or unencodable(sender):
        raise Refused(
            RefusalCode.INVALID_SENDER, sender[:32], "characters outside the GSM alphabet"
        )
    if max(sender) > "\xff":
        raise Refused(RefusalCode.INVALID_SENDER, sender[:32], "characters outside Latin-1")
    return sender


class StoredSender(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `senders`."""

    sender_id: int
    account_id: int
    sender: str
    state: SenderState
    created_ms: int
    details: SenderDetails = SenderDetails()
