"""Optional parameters of a PDU: tag, length, value (SMPP 3.4 s. 3.2.4.1)."""

from collections.abc import Iterable

import msgspec


class Tlv(msgspec.Struct, frozen=True, gc=False):
    """One optional parameter; positional, because tag and value are always read in that order."""

    tag: int
    value: bytes


def find_tlv(tlvs: Iterable[Tlv], tag: int) -> bytes | None:
    """Return the value of the first parameter with this tag, or None."""
    for tlv in tlvs:
        if tlv.tag == tag:
            return tlv.value
    return None


def find_integer(tlvs: Iterable[Tlv], tag: int) -> int | None:
    """Return the value of the first parameter with this tag as a number, or None.

    Any length is read, because peers send one-octet parameters in two octets and the reverse;
    an empty value is None.
    """
    value = find_tlv(tlvs, tag)
    return int.from_bytes(value, "big") if value else None


def integer_tlv(tag: int, number: int, size: int) -> Tlv:
    """Build an integer parameter of `size` octets; OverflowError if the number does not fit."""
    return Tlv(tag, number.to_bytes(size, "big"))


def text_tlv(tag: int, text: str) -> Tlv:
    """Build a C-octet string parameter, its NUL included; the text is Latin-1."""
    return Tlv(tag, text.encode("latin-1") + b"\0")
