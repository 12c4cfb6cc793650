"""Turn PDUs into bytes and bytes into PDUs (SMPP 3.4 s. 3.2, 4).

`layouts` says how each body is made. The four PDUs that every message needs have a path of their
own here, written for speed; `submit_sm` and `deliver_sm` share theirs. What the fast paths cannot
write they leave to the layout, which names the field at fault.
"""

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import msgspec

from dragoman.protocols.smpp import fields, pdus
from dragoman.protocols.smpp.constants import (
    HEADER_LENGTH,
    MAX_SHORT_MESSAGE,
    RESPONSE_BIT,
    CommandStatus,
)
from dragoman.protocols.smpp.errors import DecodeError, EncodeError, FramingLost
from dragoman.protocols.smpp.fields import (
    CutMessageError,
    MalformedBodyError,
    StrayOctetsError,
    read_last_text,
    read_tlvs,
    write_number,
    write_tlvs,
)
from dragoman.protocols.smpp.framing import DEFAULT_MAX_LENGTH, Framer
from dragoman.protocols.smpp.layouts import LAYOUTS, PDU_CLASSES
from dragoman.protocols.smpp.pdus import Pdu

__all__ = [
    "DEFAULT_MAX_LENGTH",
    "DecodeError",
    "EncodeError",
    "Framer",
    "FramingLost",
    "decode",
    "encode",
]

_HEADER: Final = struct.Struct(">IIII")
_fields_of: Final = msgspec.structs.astuple
_unpack_header: Final = _HEADER.unpack_from
_unpack_without_times: Final = struct.Struct("10B").unpack_from
"""What follows the destination where both times are empty: esm_class to sm_length."""

_Decoder = Callable[[bytes, int, int], Pdu]

_WITHOUT_BODY_ON_ERROR: Final = frozenset(
    {pdus.BindTransmitterResp, pdus.BindReceiverResp, pdus.BindTransceiverResp, pdus.SubmitSmResp}
)
"""Responses whose body SMPP 3.4 leaves out beside an error status (s. 4.1.2, 4.4.2)."""


def decode(frame: bytes | bytearray | memoryview) -> Pdu:
    """Read one whole PDU, header included; an unknown command id gives an UnknownPdu.

    Raises DecodeError for a body that cannot be read, and for one with a cut or stray optional
    parameter at its end, or with less text than it says; then the error has what could be read. A
    response with an error status is
    always read, its fields empty where the peer left them out, because the status is the answer.
    """
    if type(frame) is not bytes:
        frame = bytes(frame)
    try:
        length, command_id, status, sequence = _unpack_header(frame)
    except struct.error:
        raise DecodeError(
            "shorter than a header",
            command_id=0,
            sequence_number=0,
            command_status=CommandStatus.ESME_RINVCMDLEN.value,
        ) from None
    if length != len(frame):
        raise DecodeError(
            f"{len(frame)} octets with command_length {length}",
            command_id=command_id,
            sequence_number=sequence,
            command_status=CommandStatus.ESME_RINVCMDLEN.value,
        )
    try:
        decoder = _DECODERS[command_id]
    except KeyError:
        return pdus.UnknownPdu(
            command_id=command_id,
            command_status=status,
            sequence_number=sequence,
            raw=frame[HEADER_LENGTH:],
        )
    try:
        return decoder(frame, status, sequence)
    except StrayOctetsError as error:
        readable = decoder(frame[: error.end], status, sequence)
        if status and command_id & RESPONSE_BIT:
            return readable
        raise DecodeError(
            str(error),
            command_id=command_id,
            sequence_number=sequence,
            command_status=error.command_status,
            readable=readable,
        ) from None
    except CutMessageError as error:
        there = len(frame) - error.at - 1
        whole = frame[: error.at] + bytes((there,)) + frame[error.at + 1 :]
        raise DecodeError(
            str(error),
            command_id=command_id,
            sequence_number=sequence,
            command_status=error.command_status,
            readable=decoder(whole, status, sequence),
        ) from None
    except (MalformedBodyError, ValueError, IndexError, struct.error) as error:
        if status and command_id & RESPONSE_BIT:
            return PDU_CLASSES[command_id](status, sequence)
        raise DecodeError(
            str(error),
            command_id=command_id,
            sequence_number=sequence,
            command_status=getattr(error, "command_status", CommandStatus.ESME_RINVCMDLEN.value),
        ) from None


def encode(pdu: Pdu, sequence: int | None = None) -> bytes:
    """Write one PDU, header included; EncodeError names the field that does not fit.

    `sequence` stands in for the PDU's own number, where it is given.
    """
    number = pdu.sequence_number if sequence is None else sequence
    return _ENCODERS.get(type(pdu), _encode_by_layout)(pdu, number)


def encode_acknowledgement(command_id: int, status: int, sequence: int) -> bytes:
    """Write the response to a deliver_sm or data_sm with this command id, without a message id."""
    return _HEADER.pack(HEADER_LENGTH + 1, command_id | RESPONSE_BIT, status, sequence) + b"\0"


def encode_acceptance(command_id: int, message_id: str, sequence: int) -> bytes:
    """Write the response to a submit_sm or data_sm with this command id that was accepted.

    The message id is one of ours: short, of ASCII and without a NUL.
    """
    length = HEADER_LENGTH + 1 + len(message_id)
    head = _HEADER.pack(length, command_id | RESPONSE_BIT, 0, sequence)
    return b"%b%b\0" % (head, message_id.encode())


def _message_decoder(cls: type[pdus.SubmitSm] | type[pdus.DeliverSm]) -> _Decoder:
    by_layout = _layout_decoder(cls)

    def decode_message(frame: bytes, status: int, sequence: int) -> Pdu:
        # A truncated body makes `index` raise ValueError, a subscript IndexError, and so on.
        text = frame.decode("latin-1")
        index = text.index
        service_end = index("\0", 16)
        source_end = index("\0", service_end + 3)
        destination_end = index("\0", source_end + 3)
        (
            esm_class,
            protocol_id,
            priority_flag,
            schedule,
            validity,
            registered_delivery,
            replace_if_present_flag,
            data_coding,
            sm_default_msg_id,
            sm_length,
        ) = _unpack_without_times(frame, destination_end + 1)
        if schedule or validity:  # nearly every peer leaves both empty
            return by_layout(frame, status, sequence)
        message = destination_end + 11
        end = message + sm_length
        size = len(frame)
        if end > size:
            raise CutMessageError(message - 1)
        return cls(
            status,
            sequence,
            read_tlvs(frame, end) if end < size else (),
            text[16:service_end],
            frame[service_end + 1],
            frame[service_end + 2],
            text[service_end + 3 : source_end],
            frame[source_end + 1],
            frame[source_end + 2],
            text[source_end + 3 : destination_end],
            esm_class,
            protocol_id,
            priority_flag,
            "",
            "",
            registered_delivery,
            replace_if_present_flag,
            data_coding,
            sm_default_msg_id,
            frame[message:end],
        )

    return decode_message


def _message_resp_decoder(cls: type[pdus.SubmitSmResp] | type[pdus.DeliverSmResp]) -> _Decoder:
    def decode_message_resp(frame: bytes, status: int, sequence: int) -> Pdu:
        message_id, end = read_last_text(frame.decode("latin-1"), HEADER_LENGTH)
        return cls(status, sequence, read_tlvs(frame, end) if end < len(frame) else (), message_id)

    return decode_message_resp


def _layout_decoder(cls: type[Pdu]) -> _Decoder:
    layout = LAYOUTS[cls]

    def decode_by_layout(frame: bytes, status: int, sequence: int) -> Pdu:
        text = frame.decode("latin-1")
        at = HEADER_LENGTH
        values: list[Any] = []
        for field in layout:
            value, at = field.read(frame, text, at)
            values.append(value)
        return cls(status, sequence, read_tlvs(frame, at), *values)

    return decode_by_layout


_DECODERS: Final[dict[int, _Decoder]] = {
    **{command_id: _layout_decoder(cls) for command_id, cls in PDU_CLASSES.items()},
    pdus.SubmitSm.command_id: _message_decoder(pdus.SubmitSm),
    pdus.SubmitSmResp.command_id: _message_resp_decoder(pdus.SubmitSmResp),
    pdus.DeliverSm.command_id: _message_decoder(pdus.DeliverSm),
    pdus.DeliverSmResp.command_id: _message_resp_decoder(pdus.DeliverSmResp),
}


@lru_cache(maxsize=4096)
def _message_packer(
    service: int, source: int, destination: int, schedule: int, validity: int
) -> tuple[Callable[..., bytes], int] | None:
    """Return how to pack a submit_sm up to its text, strings of these lengths, and its size.

    None if a string is too long. Traffic repeats a few shapes, so each is worked out once.
    """
    lengths = (service, source, destination, schedule, validity)
    limits = (fields.SERVICE_TYPE, fields.ADDRESS, fields.ADDRESS, fields.TIME, fields.TIME)
    if any(length >= limit for length, limit in zip(lengths, limits, strict=True)):
        return None
    layout = struct.Struct(
        f">IIII{service}sxBB{source}sxBB{destination}sxBBB{schedule}sx{validity}sxBBBBB"
    )
    return layout.pack, layout.size


def _encode_message(pdu: Any, sequence: int) -> bytes:
    (
        command_status,
        _,
        tlvs,
        service,
        source_ton,
        source_npi,
        source,
        destination_ton,
        destination_npi,
        destination,
        esm_class,
        protocol_id,
        priority_flag,
        schedule,
        validity,
        registered_delivery,
        replace_if_present_flag,
        data_coding,
        sm_default_msg_id,
        message,
    ) = _fields_of(pdu)
    shape = _message_packer(
        len(service), len(source), len(destination), len(schedule), len(validity)
    )
    if (
        shape is None
        or len(message) > MAX_SHORT_MESSAGE
        or "\0" in f"{service}{source}{destination}{schedule}{validity}"
    ):
        return _encode_by_layout(pdu, sequence)
    pack, size = shape
    tail: bytes = message + write_tlvs(tlvs) if tlvs else message
    try:
        packed: bytes = pack(
            size + len(tail),
            pdu.command_id,
            command_status,
            sequence,
            service.encode("latin-1"),
            source_ton,
            source_npi,
            source.encode("latin-1"),
            destination_ton,
            destination_npi,
            destination.encode("latin-1"),
            esm_class,
            protocol_id,
            priority_flag,
            schedule.encode("latin-1"),
            validity.encode("latin-1"),
            registered_delivery,
            replace_if_present_flag,
            data_coding,
            sm_default_msg_id,
            len(message),
        )
        return packed + tail
    except (struct.error, UnicodeEncodeError):
        return _encode_by_layout(pdu, sequence)


def _encode_deliver_sm_resp(pdu: pdus.DeliverSmResp, sequence: int) -> bytes:
    if pdu.tlvs or pdu.message_id:
        return _encode_by_layout(pdu, sequence)
    try:
        return encode_acknowledgement(pdu.command_id, pdu.command_status, sequence)
    except struct.error:
        return _encode_by_layout(pdu, sequence)


def _encode_submit_sm_resp(pdu: pdus.SubmitSmResp, sequence: int) -> bytes:
    message_id = pdu.message_id
    if (
        pdu.tlvs
        or pdu.command_status
        or not message_id.isascii()
        or len(message_id) >= fields.MESSAGE_ID
        or "\0" in message_id
    ):
        return _encode_by_layout(pdu, sequence)
    try:
        head = _HEADER.pack(HEADER_LENGTH + 1 + len(message_id), pdu.command_id, 0, sequence)
    except struct.error:
        return _encode_by_layout(pdu, sequence)
    return head + message_id.encode() + b"\0"


def _encode_by_layout(pdu: Pdu, sequence: int) -> bytes:
    if isinstance(pdu, pdus.UnknownPdu):
        body = pdu.raw
    else:
        body = b"".join([field.write(getattr(pdu, field.name)) for field in LAYOUTS[type(pdu)]])
    if pdu.tlvs:
        body += write_tlvs(pdu.tlvs)
    elif body == b"\0" and pdu.command_status and type(pdu) in _WITHOUT_BODY_ON_ERROR:
        body = b""
    try:
        header = _HEADER.pack(
            HEADER_LENGTH + len(body), pdu.command_id, pdu.command_status, sequence
        )
    except struct.error:
        for name in ("command_id", "command_status"):
            write_number(name, getattr(pdu, name), 4)
        write_number("sequence_number", sequence, 4)
        raise
    return header + body


_ENCODERS: Final[dict[type[Pdu], Callable[[Any, int], bytes]]] = {
    pdus.SubmitSm: _encode_message,
    pdus.DeliverSm: _encode_message,
    pdus.DeliverSmResp: _encode_deliver_sm_resp,
    pdus.SubmitSmResp: _encode_submit_sm_resp,
}
