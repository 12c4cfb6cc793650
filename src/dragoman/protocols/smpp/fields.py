"""The field kinds of a PDU body: each reads itself from a body and writes itself into one.

A reader gets the whole frame twice, as bytes and as Latin-1 text, because slicing text out of a
frame decoded once is faster than decoding every string. Lengths are limited on writing only:
peers send longer strings than SMPP 3.4 allows, and losing them would lose the message.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol

from dragoman.protocols.smpp.constants import (
    DEST_FLAG_DISTRIBUTION_LIST,
    DEST_FLAG_SME_ADDRESS,
    MAX_SHORT_MESSAGE,
    CommandStatus,
)
from dragoman.protocols.smpp.errors import EncodeError
from dragoman.protocols.smpp.pdus import DistributionList, SmeAddress, UnsuccessSme
from dragoman.protocols.smpp.tlvs import Tlv

# Octets with the final NUL, as the tables of SMPP 3.4 s. 4 count them.
ADDRESS: Final = 21
ADDRESS_RANGE: Final = 41
CREDENTIAL: Final = 256
"""What a bind may carry of system_id, password and system_type: operators hand out longer ones
than the 16, 9 and 13 octets of SMPP 3.4, and their servers take nothing else."""
DATA_SM_ADDRESS: Final = 65
DL_NAME: Final = 21
MESSAGE_ID: Final = 256
"""SMPP 3.4 says 65; servers issue longer ids, and query_sm has to repeat them."""
PASSWORD: Final = 9
SERVICE_TYPE: Final = 6
SYSTEM_ID: Final = 16
SYSTEM_TYPE: Final = 13
TIME: Final = 17

MOST_DESTINATIONS: Final = 254
MOST_UNSUCCESS: Final = 255

_TLV_HEADER: Final = struct.Struct(">HH")
_TLV_HEADER_SIZE: Final = 4
_unpack_tlv_header: Final = _TLV_HEADER.unpack_from
_STATUS: Final = struct.Struct(">I")


class MalformedBodyError(Exception):
    """A body that cannot be read, with the status to answer; the codec adds whose PDU it was."""

    def __init__(self, reason: str, command_status: int = CommandStatus.ESME_RINVCMDLEN) -> None:
        super().__init__(reason)
        self.command_status = int(command_status)


class StrayOctetsError(MalformedBodyError):
    """Octets behind the last field that are no optional parameter; `end` is where they begin."""

    def __init__(self, reason: str, command_status: int, end: int) -> None:
        super().__init__(reason, command_status)
        self.end = end


class CutMessageError(MalformedBodyError):
    """A short_message of fewer octets than its sm_length, which is at `at`, says."""

    def __init__(self, at: int) -> None:
        super().__init__("sm_length runs past the end", CommandStatus.ESME_RINVMSGLEN)
        self.at = at


class Field(Protocol):
    """One mandatory parameter of a body."""

    @property
    def name(self) -> str: ...

    def read(self, frame: bytes, text: str, at: int) -> tuple[Any, int]:
        """Return the value that starts at this offset and the offset behind it."""

    def write(self, value: Any) -> bytes:
        """Return the octets of the value; EncodeError if it does not fit."""


def read_text(text: str, at: int) -> tuple[str, int]:
    """Read a C-octet string (SMPP 3.4 s. 3.1)."""
    end = text.find("\0", at)
    if end < 0:
        raise MalformedBodyError("a C-octet string has no end")
    return text[at:end], end + 1


def read_last_text(text: str, at: int) -> tuple[str, int]:
    """Read the one string of a response, whose NUL, or all of which, some peers leave out."""
    end = text.find("\0", at)
    if end < 0:
        return text[at:], len(text)
    return text[at:end], end + 1


def write_text(name: str, value: str, limit: int) -> bytes:
    """Write a C-octet string of at most `limit` octets, its NUL included."""
    if len(value) >= limit:
        raise EncodeError(name, f"{len(value)} characters where {limit - 1} fit")
    if "\0" in value:
        raise EncodeError(name, "a NUL ends the string early")
    try:
        return value.encode("latin-1") + b"\0"
    except UnicodeEncodeError:
        raise EncodeError(name, "not Latin-1") from None


def write_number(name: str, value: int, size: int) -> bytes:
    """Write an unsigned integer of `size` octets."""
    try:
        return value.to_bytes(size, "big")
    except OverflowError:
        raise EncodeError(name, f"{value} does not fit {size} octets") from None


def read_tlvs(frame: bytes, at: int) -> tuple[Tlv, ...]:
    """Read the optional parameters from an offset to the end of the frame.

    Up to three stray NULs at the end are ignored: some peers end a body with one too many.
    """
    tlvs: tuple[Tlv, ...] = ()
    size = len(frame)
    last = size - _TLV_HEADER_SIZE
    while at <= last:
        tag, length = _unpack_tlv_header(frame, at)
        start = at + _TLV_HEADER_SIZE
        if start + length > size:
            raise StrayOctetsError(
                f"TLV 0x{tag:04x} of {length} octets runs past the end",
                CommandStatus.ESME_RINVPARLEN,
                at,
            )
        at = start + length
        tlvs += (Tlv(tag, frame[start:at]),)
    if at != size and any(frame[at:]):
        raise StrayOctetsError(
            "octets behind the last TLV", CommandStatus.ESME_RINVOPTPARSTREAM, at
        )
    return tlvs


def write_tlvs(tlvs: Sequence[Tlv]) -> bytes:
    """Write the optional parameters in the order given."""
    pieces: list[bytes] = []
    for tlv in tlvs:
        try:
            pieces.append(_TLV_HEADER.pack(tlv.tag, len(tlv.value)))
        except struct.error:
            raise EncodeError(f"TLV 0x{tlv.tag:04x}", "tag or value too large") from None
        pieces.append(tlv.value)
    return b"".join(pieces)


class Text(NamedTuple):
    """A C-octet string of at most `limit` octets, its NUL included."""

    name: str
    limit: int

    def read(self, frame: bytes, text: str, at: int) -> tuple[str, int]:
        return read_text(text, at)

    def write(self, value: str) -> bytes:
        return write_text(self.name, value, self.limit)


class LastText(NamedTuple):
    """The only string of a response; read even without its NUL."""

    name: str
    limit: int

    def read(self, frame: bytes, text: str, at: int) -> tuple[str, int]:
        return read_last_text(text, at)

    def write(self, value: str) -> bytes:
        return write_text(self.name, value, self.limit)


class Number(NamedTuple):
    """An unsigned integer of one octet."""

    name: str

    def read(self, frame: bytes, text: str, at: int) -> tuple[int, int]:
        return frame[at], at + 1

    def write(self, value: int) -> bytes:
        return write_number(self.name, value, 1)


class ShortMessage(NamedTuple):
    """sm_length and short_message (SMPP 3.4 s. 5.2.21, 5.2.22)."""

    name: str = "short_message"

    def read(self, frame: bytes, text: str, at: int) -> tuple[bytes, int]:
        end = at + 1 + frame[at]
        if end > len(frame):
            raise CutMessageError(at)
        return frame[at + 1 : end], end

    def write(self, value: bytes) -> bytes:
        if len(value) > MAX_SHORT_MESSAGE:
            raise EncodeError(self.name, f"{len(value)} octets where {MAX_SHORT_MESSAGE} fit")
        return bytes((len(value),)) + value


class Destinations(NamedTuple):
    """number_of_dests and dest_address(es) of submit_multi (SMPP 3.4 s. 4.5.1.1)."""

    name: str = "dest_address"

    def read(
        self, frame: bytes, text: str, at: int
    ) -> tuple[tuple[SmeAddress | DistributionList, ...], int]:
        count, at = frame[at], at + 1
        found: list[SmeAddress | DistributionList] = []
        for _ in range(count):
            read = _DESTINATION_READERS.get(frame[at])
            if read is None:
                raise MalformedBodyError("unknown dest_flag", CommandStatus.ESME_RINVDESTFLAG)
            destination, at = read(frame, text, at + 1)
            found.append(destination)
        return tuple(found), at

    def write(self, value: Sequence[SmeAddress | DistributionList]) -> bytes:
        if len(value) > MOST_DESTINATIONS:
            raise EncodeError(self.name, f"{len(value)} destinations where {MOST_DESTINATIONS} fit")
        return bytes((len(value),)) + b"".join(map(_write_destination, value))


def _read_sme_address(frame: bytes, text: str, at: int) -> tuple[SmeAddress, int]:
    ton, npi = frame[at], frame[at + 1]
    number, at = read_text(text, at + 2)
    return SmeAddress(dest_addr_ton=ton, dest_addr_npi=npi, destination_addr=number), at


def _read_distribution_list(frame: bytes, text: str, at: int) -> tuple[DistributionList, int]:
    name, at = read_text(text, at)
    return DistributionList(dl_name=name), at


_DESTINATION_READERS: Final[
    dict[int, Callable[[bytes, str, int], tuple[SmeAddress | DistributionList, int]]]
] = {DEST_FLAG_SME_ADDRESS: _read_sme_address, DEST_FLAG_DISTRIBUTION_LIST: _read_distribution_list}


def _write_destination(destination: SmeAddress | DistributionList) -> bytes:
    if isinstance(destination, DistributionList):
        name = write_text("dl_name", destination.dl_name, DL_NAME)
        return bytes((DEST_FLAG_DISTRIBUTION_LIST,)) + name
    return bytes((DEST_FLAG_SME_ADDRESS,)) + _write_address(destination)


def _write_address(address: SmeAddress | UnsuccessSme) -> bytes:
    return (
        write_number("dest_addr_ton", address.dest_addr_ton, 1)
        + write_number("dest_addr_npi", address.dest_addr_npi, 1)
        + write_text("destination_addr", address.destination_addr, ADDRESS)
    )


class UnsuccessSmes(NamedTuple):
    """no_unsuccess and unsuccess_sme(s) of submit_multi_resp (SMPP 3.4 s. 4.5.2.1)."""

    name: str = "unsuccess_sme"

    def read(self, frame: bytes, text: str, at: int) -> tuple[tuple[UnsuccessSme, ...], int]:
        count, at = frame[at], at + 1
        found: list[UnsuccessSme] = []
        for _ in range(count):
            ton, npi = frame[at], frame[at + 1]
            number, at = read_text(text, at + 2)
            (status,) = _STATUS.unpack_from(frame, at)
            at += _STATUS.size
            found.append(
                UnsuccessSme(
                    dest_addr_ton=ton,
                    dest_addr_npi=npi,
                    destination_addr=number,
                    error_status_code=status,
                )
            )
        return tuple(found), at

    def write(self, value: Sequence[UnsuccessSme]) -> bytes:
        if len(value) > MOST_UNSUCCESS:
            raise EncodeError(self.name, f"{len(value)} destinations where {MOST_UNSUCCESS} fit")
        return bytes((len(value),)) + b"".join(
            _write_address(sme) + write_number("error_status_code", sme.error_status_code, 4)
            for sme in value
        )
