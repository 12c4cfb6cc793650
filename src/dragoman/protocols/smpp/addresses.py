"""Choose type of number and numbering plan for a sender or a recipient (SMPP 3.4 s. 5.2.5, 5.2.6).

Peers disagree, so a carrier's profile may replace any of the choices; some expect 0/0 throughout.
"""

from typing import Final, NamedTuple

import msgspec

from dragoman.protocols.smpp.constants import Npi, Ton


class Numbering(NamedTuple):
    """Type of number and numbering plan indicator."""

    ton: int
    npi: int


class Address(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An address as a PDU carries it."""

    ton: int
    npi: int
    addr: str


class AddressProfile(msgspec.Struct, frozen=True, kw_only=True):
    """The type of number and numbering plan that one carrier expects for each kind of address."""

    international: Numbering = Numbering(Ton.INTERNATIONAL.value, Npi.ISDN.value)
    alphanumeric: Numbering = Numbering(Ton.ALPHANUMERIC.value, Npi.UNKNOWN.value)
    short_code: Numbering = Numbering(Ton.NETWORK_SPECIFIC.value, Npi.UNKNOWN.value)
    recipient: Numbering = Numbering(Ton.INTERNATIONAL.value, Npi.ISDN.value)
    short_code_digits: int = 6
    """Digits up to which a sender of digits only is a short code."""
    plus_sign: bool = False
    """Whether international numbers keep their `+`."""


STANDARD: Final = AddressProfile()


def address_sender(sender: str, profile: AddressProfile = STANDARD) -> Address:
    """Return the source address of a sender: `+4512345678`, `1234` or `Dragoman`; may be empty."""
    if not sender:
        return Address(ton=Ton.UNKNOWN.value, npi=Npi.UNKNOWN.value, addr="")
    digits = sender.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return _address(profile.alphanumeric, sender)
    if digits == sender and len(digits) <= profile.short_code_digits:
        return _address(profile.short_code, digits)
    return _address(profile.international, _number(digits, profile))


def address_recipient(number: str, profile: AddressProfile = STANDARD) -> Address:
    """Return the destination address of an international number, with or without its `+`."""
    return _address(profile.recipient, _number(number.removeprefix("+"), profile))


def _number(digits: str, profile: AddressProfile) -> str:
    return f"+{digits}" if profile.plus_sign else digits


def _address(numbering: Numbering, addr: str) -> Address:
    return Address(ton=numbering.ton, npi=numbering.npi, addr=addr)
