"""User data headers: the information elements before a message's content.

Sections are those of 3GPP 23.040, mainly s. 9.2.3.24. Raw headers begin with their own
length octet, as they do on the wire.
"""

from typing import Literal

import msgspec

ReferenceBits = Literal[8, 16]

CONCATENATION_8 = 0x00
PORTS_8 = 0x04
PORTS_16 = 0x05
CONCATENATION_16 = 0x08

_REFERENCE_BITS: dict[int, ReferenceBits] = {CONCATENATION_8: 8, CONCATENATION_16: 16}
_PORT_WIDTHS = {PORTS_8: 1, PORTS_16: 2}

MAX_ELEMENTS_LENGTH = 139  # 140 octets of user data less the length octet


class InformationElement(msgspec.Struct, frozen=True, kw_only=True):
    """One element of a header: its identifier and its octets."""

    identifier: int
    data: bytes


class Concatenation(msgspec.Struct, frozen=True, kw_only=True):
    """A part's place in a long message; `number` counts from 1."""

    reference: int
    total: int
    number: int
    reference_bits: ReferenceBits


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """The application ports a message is for and from."""

    destination: int
    source: int


class UserDataHeader(msgspec.Struct, frozen=True, kw_only=True):
    """The elements of a header in the order they came."""

    elements: tuple[InformationElement, ...]

    @property
    def concatenation(self) -> Concatenation | None:
        """The last valid concatenation element, as s. 9.2.3.24 has it."""
        for element in reversed(self.elements):
            found = _read_concatenation(element)
            if found is not None:
                return found
        return None

    @property
    def ports(self) -> Ports | None:
        """The last port element of the right length."""
        for element in reversed(self.elements):
            width = _PORT_WIDTHS.get(element.identifier)
            if width is not None and len(element.data) == 2 * width:
                return Ports(
                    destination=int.from_bytes(element.data[:width]),
                    source=int.from_bytes(element.data[width:]),
                )
        return None


def parse_udh(header: bytes) -> UserDataHeader | None:
    """Read a whole header with its length octet.

    Never raises: a header whose lengths do not add up is None, to be ignored as a whole
    (s. 9.2.3.24).
    """
    if not header or len(header) != header[0] + 1:
        return None
    elements = []
    position, end = 1, len(header)
    while position < end:
        data_start = position + 2
        if data_start > end:
            return None
        data_end = data_start + header[position + 1]
        if data_end > end:
            return None
        elements.append(
            InformationElement(identifier=header[position], data=header[data_start:data_end])
        )
        position = data_end
    return UserDataHeader(elements=tuple(elements))


def split_udh(user_data: bytes) -> tuple[bytes, bytes]:
    """Split user data into the raw header and the rest.

    Where the length octet promises more than there is, the header is empty and the rest is
    everything.
    """
    if not user_data or user_data[0] >= len(user_data):
        return b"", user_data
    end = user_data[0] + 1
    return user_data[:end], user_data[end:]


def build_udh(*elements: InformationElement) -> bytes:
    """Render a header with its length octet; no elements give no header."""
    header = b""
    for element in elements:
        header = append_element(header, element)
    return header


def without_place(header: bytes) -> bytes:
    """A raw header without what says which part of a long message it is of; empty if unreadable."""
    parsed = parse_udh(header)
    if parsed is None:
        return b""
    return build_udh(*(e for e in parsed.elements if e.identifier not in _REFERENCE_BITS))


def append_element(header: bytes, element: InformationElement) -> bytes:
    """Add an element behind those of a raw, perhaps empty header; raises ValueError if too long."""
    body = header[1:] + bytes([element.identifier, len(element.data)]) + element.data
    if len(body) > MAX_ELEMENTS_LENGTH:
        raise ValueError(f"a user data header holds {MAX_ELEMENTS_LENGTH} octets, not {len(body)}")
    return bytes([len(body)]) + body


def concatenation_element(
    reference: int, total: int, number: int, *, reference_bits: ReferenceBits = 8
) -> InformationElement:
    """Make the element of part `number` of `total`; any counter will do as the reference."""
    if reference_bits == 8:
        return InformationElement(
            identifier=CONCATENATION_8, data=bytes([reference & 0xFF, total, number])
        )
    data = (reference & 0xFFFF).to_bytes(2) + bytes([total, number])
    return InformationElement(identifier=CONCATENATION_16, data=data)


def ports_element(destination: int, source: int) -> InformationElement:
    """Make the element of 16-bit application ports."""
    return InformationElement(
        identifier=PORTS_16, data=destination.to_bytes(2) + source.to_bytes(2)
    )


def fill_bits_after(header: bytes) -> int:
    """Count the zero bits that align packed septets behind a raw header (s. 9.2.3.24)."""
    return -8 * len(header) % 7


def _read_concatenation(element: InformationElement) -> Concatenation | None:
    bits = _REFERENCE_BITS.get(element.identifier)
    if bits is None or len(element.data) != bits // 8 + 2:
        return None
    *reference, total, number = element.data
    if not 1 <= number <= total:
        return None
    return Concatenation(
        reference=int.from_bytes(reference), total=total, number=number, reference_bits=bits
    )
