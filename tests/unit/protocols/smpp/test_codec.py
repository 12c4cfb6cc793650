"""Every PDU against bytes written out by hand from the tables of SMPP 3.4 s. 4."""

import pytest

from dragoman.protocols.smpp.codec import DecodeError, EncodeError, decode, encode
from dragoman.protocols.smpp.constants import CommandStatus, Tag
from dragoman.protocols.smpp.layouts import LAYOUTS, PDU_CLASSES, RESPONSE_CLASSES
from dragoman.protocols.smpp.pdus import (
    AlertNotification,
    BindReceiver,
    BindReceiverResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    CancelSm,
    CancelSmResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    DistributionList,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Outbind,
    Pdu,
    QuerySm,
    QuerySmResp,
    ReplaceSm,
    ReplaceSmResp,
    SmeAddress,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
    UnknownPdu,
    UnsuccessSme,
)
from dragoman.protocols.smpp.tlvs import Tlv


def header(command_id: int, body: bytes, status: int = 0, sequence: int = 1) -> bytes:
    words = (16 + len(body), command_id, status, sequence)
    return b"".join(word.to_bytes(4, "big") for word in words) + body


BIND = {
    "system_id": "SMPP3TEST",
    "password": "secret08",
    "system_type": "SUBMIT1",
    "addr_ton": 1,
    "addr_npi": 1,
}
BIND_BODY = b"SMPP3TEST\0secret08\0SUBMIT1\0\x34\x01\x01\0"

MESSAGE = {
    "service_type": "CMT",
    "source_addr_ton": 5,
    "source_addr": "Dragoman",
    "dest_addr_ton": 1,
    "dest_addr_npi": 1,
    "destination_addr": "4512345678",
    "esm_class": 0x40,
    "protocol_id": 2,
    "priority_flag": 3,
    "schedule_delivery_time": "261121210000000+",
    "validity_period": "000002000000000R",
    "registered_delivery": 1,
    "replace_if_present_flag": 1,
    "data_coding": 8,
    "sm_default_msg_id": 9,
    "short_message": b"\0h\0i",
    "tlvs": (Tlv(Tag.SAR_MSG_REF_NUM, b"\x12\x34"), Tlv(0x1401, b""), Tlv(0x1401, b"x")),
}
MESSAGE_BODY = (
    b"CMT\0\x05\x00Dragoman\0\x01\x014512345678\0\x40\x02\x03261121210000000+\0"
    b"000002000000000R\0\x01\x01\x08\x09\x04\0h\0i"
    b"\x02\x0c\x00\x02\x12\x34\x14\x01\x00\x00\x14\x01\x00\x01x"
)
EMPTY_MESSAGE_BODY = b"\0" * 17

VECTORS: list[tuple[Pdu, bytes]] = [
    (BindReceiver(sequence_number=1, **BIND), header(0x00000001, BIND_BODY)),
    (BindTransmitter(sequence_number=1, **BIND), header(0x00000002, BIND_BODY)),
    (BindTransceiver(sequence_number=1, **BIND), header(0x00000009, BIND_BODY)),
    (
        BindTransceiver(sequence_number=1, interface_version=0x50, address_range="45.*"),
        header(0x00000009, b"\0\0\0\x50\0\x0045.*\0"),
    ),
    (
        BindReceiverResp(
            sequence_number=1, system_id="SMSC", tlvs=(Tlv(Tag.SC_INTERFACE_VERSION, b"\x34"),)
        ),
        header(0x80000001, b"SMSC\0\x02\x10\x00\x01\x34"),
    ),
    (BindTransmitterResp(sequence_number=1, system_id="SMSC"), header(0x80000002, b"SMSC\0")),
    (BindTransceiverResp(sequence_number=1, system_id="SMSC"), header(0x80000009, b"SMSC\0")),
    (
        BindTransceiverResp(sequence_number=1, command_status=0x0450),
        header(0x80000009, b"", status=0x0450),
    ),
    (
        Outbind(sequence_number=1, system_id="SMSC", password="pw"),
        header(0x0000000B, b"SMSC\0pw\0"),
    ),
    (Unbind(sequence_number=1), header(0x00000006, b"")),
    (UnbindResp(sequence_number=1), header(0x80000006, b"")),
    (
        GenericNack(sequence_number=0, command_status=3),
        header(0x80000000, b"", status=3, sequence=0),
    ),
    (SubmitSm(sequence_number=1, **MESSAGE), header(0x00000004, MESSAGE_BODY)),
    (SubmitSm(sequence_number=0x7FFFFFFF), header(4, EMPTY_MESSAGE_BODY, sequence=0x7FFFFFFF)),
    (
        SubmitSm(sequence_number=1, short_message=b"x" * 254),
        header(0x00000004, b"\0" * 16 + b"\xfe" + b"x" * 254),
    ),
    (SubmitSmResp(sequence_number=1, message_id="7b"), header(0x80000004, b"7b\0")),
    (SubmitSmResp(sequence_number=1), header(0x80000004, b"\0")),
    (
        SubmitSmResp(sequence_number=1, command_status=0x58),
        header(0x80000004, b"", status=0x58),
    ),
    (
        SubmitSmResp(sequence_number=1, command_status=0x58, tlvs=(Tlv(0x1D, b"slow\0"),)),
        header(0x80000004, b"\0\x00\x1d\x00\x05slow\0", status=0x58),
    ),
    (DeliverSm(sequence_number=1, **MESSAGE), header(0x00000005, MESSAGE_BODY)),
    (DeliverSmResp(sequence_number=1), header(0x80000005, b"\0")),
    (
        DeliverSmResp(sequence_number=1, command_status=0x64),
        header(0x80000005, b"\0", status=0x64),
    ),
    (
        SubmitMulti(
            sequence_number=1,
            source_addr="1234",
            source_addr_ton=3,
            dest_address=(
                SmeAddress(dest_addr_ton=1, dest_addr_npi=1, destination_addr="4511111111"),
                DistributionList(dl_name="staff"),
            ),
            short_message=b"hi",
            tlvs=(Tlv(Tag.USER_MESSAGE_REFERENCE, b"\0\x07"),),
        ),
        header(
            0x00000021,
            b"\0\x03\x001234\0\x02\x01\x01\x014511111111\0\x02staff\0"
            b"\0\0\0\0\0\0\0\0\0\x02hi\x02\x04\x00\x02\0\x07",
        ),
    ),
    (
        SubmitMultiResp(
            sequence_number=1,
            message_id="ab",
            unsuccess_sme=(
                UnsuccessSme(
                    dest_addr_ton=1,
                    dest_addr_npi=1,
                    destination_addr="45",
                    error_status_code=CommandStatus.ESME_RINVDSTADR,
                ),
            ),
        ),
        header(0x80000021, b"ab\0\x01\x01\x0145\0\0\0\0\x0b"),
    ),
    (
        DataSm(
            sequence_number=1,
            source_addr_ton=1,
            source_addr="4" * 64,
            dest_addr_npi=1,
            destination_addr="45",
            esm_class=4,
            registered_delivery=1,
            data_coding=3,
            tlvs=(Tlv(Tag.MESSAGE_PAYLOAD, b"\xe6" * 300),),
        ),
        header(
            0x00000103,
            b"\0\x01\x00" + b"4" * 64 + b"\0\x00\x0145\0\x04\x01\x03"
            b"\x04\x24\x01\x2c" + b"\xe6" * 300,
        ),
    ),
    (DataSmResp(sequence_number=1, message_id="7b"), header(0x80000103, b"7b\0")),
    (
        QuerySm(sequence_number=1, message_id="7b", source_addr_ton=1, source_addr="45"),
        header(0x00000003, b"7b\0\x01\x0045\0"),
    ),
    (
        QuerySmResp(
            sequence_number=1,
            message_id="7b",
            final_date="261121210000000+",
            message_state=2,
            error_code=5,
        ),
        header(0x80000003, b"7b\x00261121210000000+\0\x02\x05"),
    ),
    (
        CancelSm(
            sequence_number=1,
            service_type="CMT",
            message_id="7b",
            source_addr="1",
            dest_addr_ton=1,
            destination_addr="2",
        ),
        header(0x00000008, b"CMT\x007b\0\x00\x001\0\x01\x002\0"),
    ),
    (CancelSmResp(sequence_number=1), header(0x80000008, b"")),
    (
        ReplaceSm(
            sequence_number=1,
            message_id="7b",
            source_addr="1",
            validity_period="000002000000000R",
            registered_delivery=1,
            sm_default_msg_id=2,
            short_message=b"hi",
        ),
        header(0x00000007, b"7b\0\x00\x001\0\x00000002000000000R\0\x01\x02\x02hi"),
    ),
    (ReplaceSmResp(sequence_number=1), header(0x80000007, b"")),
    (EnquireLink(sequence_number=1), header(0x00000015, b"")),
    (EnquireLinkResp(sequence_number=1), header(0x80000015, b"")),
    (
        AlertNotification(
            sequence_number=1,
            source_addr_ton=1,
            source_addr_npi=1,
            source_addr="45",
            esme_addr="E",
            tlvs=(Tlv(Tag.MS_AVAILABILITY_STATUS, b"\0"),),
        ),
        header(0x00000102, b"\x01\x0145\0\x00\x00E\0\x04\x22\x00\x01\0"),
    ),
    (
        UnknownPdu(command_id=0x00010200, sequence_number=1, raw=b"vendor"),
        header(0x00010200, b"vendor"),
    ),
]


@pytest.mark.parametrize(("pdu", "frame"), VECTORS, ids=lambda value: type(value).__name__)
def test_pdu_is_these_bytes_both_ways(pdu: Pdu, frame: bytes) -> None:
    assert encode(pdu) == frame
    assert decode(frame) == pdu
    assert decode(memoryview(frame)) == pdu
    assert type(decode(frame)) is type(pdu)


def test_vectors_cover_every_pdu() -> None:
    assert {type(pdu) for pdu, _ in VECTORS} == {*PDU_CLASSES.values(), UnknownPdu}


def test_layout_names_the_fields_of_the_class_in_order() -> None:
    envelope = ("command_status", "sequence_number", "tlvs")
    for cls in PDU_CLASSES.values():
        names = tuple(field.name for field in LAYOUTS[cls])
        assert envelope + names == cls.__struct_fields__


def test_every_request_but_outbind_and_alert_has_a_response() -> None:
    requests = {cls for cls in PDU_CLASSES.values() if cls.command_id < 0x80000000}
    assert requests - RESPONSE_CLASSES.keys() == {Outbind, AlertNotification}
    assert all(
        response.command_id == request.command_id + 0x80000000
        for request, response in RESPONSE_CLASSES.items()
    )


TOLERATED: dict[str, tuple[bytes, Pdu]] = {
    "response_without_its_nul": (
        header(0x80000004, b"7b"),
        SubmitSmResp(sequence_number=1, message_id="7b"),
    ),
    "accepted_without_body": (header(0x80000004, b""), SubmitSmResp(sequence_number=1)),
    "deliver_sm_resp_without_body": (header(0x80000005, b""), DeliverSmResp(sequence_number=1)),
    "bind_resp_without_its_nul": (
        header(0x80000009, b"SMSC"),
        BindTransceiverResp(sequence_number=1, system_id="SMSC"),
    ),
    "message_id_of_65_characters": (
        header(0x80000004, b"f" * 65 + b"\0"),
        SubmitSmResp(sequence_number=1, message_id="f" * 65),
    ),
    "message_id_of_1000_characters": (
        header(0x80000004, b"f" * 1000 + b"\0"),
        SubmitSmResp(sequence_number=1, message_id="f" * 1000),
    ),
    "one_nul_too_many": (
        header(0x80000004, b"7b\0\0"),
        SubmitSmResp(sequence_number=1, message_id="7b"),
    ),
    "error_without_body_where_there_are_two_fields": (
        header(0x80000003, b"", status=0x67),
        QuerySmResp(sequence_number=1, command_status=0x67),
    ),
    "error_with_half_a_body": (
        header(0x80000021, b"7b\0\x02\x01", status=0x45),
        SubmitMultiResp(sequence_number=1, command_status=0x45),
    ),
    "vendor_status_with_a_body_of_its_own": (
        header(0x80000004, b"\0no credit", status=0x0400),
        SubmitSmResp(sequence_number=1, command_status=0x0400),
    ),
    "latin_1_message_id": (
        header(0x80000004, b"\xe6\xff\0"),
        SubmitSmResp(sequence_number=1, message_id="\xe6\xff"),
    ),
    "address_longer_than_allowed": (
        header(0x00000005, b"\0\0\0" + b"4" * 40 + b"\0" + b"\0" * 13),
        DeliverSm(sequence_number=1, source_addr="4" * 40),
    ),
    "short_message_of_255_octets": (
        header(0x00000005, b"\0" * 16 + b"\xff" + b"x" * 255),
        DeliverSm(sequence_number=1, short_message=b"x" * 255),
    ),
}


@pytest.mark.parametrize(("frame", "pdu"), TOLERATED.values(), ids=TOLERATED)
def test_field_spelling_is_tolerated(frame: bytes, pdu: Pdu) -> None:
    assert decode(frame) == pdu


BROKEN: dict[str, tuple[bytes, CommandStatus]] = {
    "no_body": (header(4, b""), CommandStatus.ESME_RINVCMDLEN),
    "bind_cut_in_a_string": (header(9, b"SMPP3TE"), CommandStatus.ESME_RINVCMDLEN),
    "bind_cut_before_its_version": (header(9, b"a\0b\0c\0"), CommandStatus.ESME_RINVCMDLEN),
    "sm_length_past_the_end": (
        header(5, b"\0" * 16 + b"\x05abcd"),
        CommandStatus.ESME_RINVMSGLEN,
    ),
    "replace_sm_length_past_the_end": (
        header(7, b"7b\0\0\0\0\0\0\0\0\x05abcd"),
        CommandStatus.ESME_RINVMSGLEN,
    ),
    "tlv_past_the_end": (
        header(5, EMPTY_MESSAGE_BODY + b"\x04\x24\x00\x09hi"),
        CommandStatus.ESME_RINVPARLEN,
    ),
    "half_a_tlv_header": (
        header(5, EMPTY_MESSAGE_BODY + b"\x04\x24\x00"),
        CommandStatus.ESME_RINVOPTPARSTREAM,
    ),
    "response_cut_short_without_error_status": (
        header(0x80000003, b"7b\0"),
        CommandStatus.ESME_RINVCMDLEN,
    ),
    "accepted_with_a_tlv_past_the_end": (
        header(0x80000004, b"7b\0\x00\x1d\x00\x09hi"),
        CommandStatus.ESME_RINVPARLEN,
    ),
    "unknown_dest_flag": (
        header(0x21, b"\0\0\0\0\x01\x03"),
        CommandStatus.ESME_RINVDESTFLAG,
    ),
    "fewer_destinations_than_promised": (
        header(0x21, b"\0\0\0\0\x02\x02list\0"),
        CommandStatus.ESME_RINVCMDLEN,
    ),
}


@pytest.mark.parametrize(("frame", "status"), BROKEN.values(), ids=BROKEN)
def test_broken_body_names_pdu_and_status(frame: bytes, status: CommandStatus) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(frame)
    assert caught.value.command_status == status
    assert caught.value.command_id == int.from_bytes(frame[4:8], "big")
    assert caught.value.sequence_number == 1


@pytest.mark.parametrize(
    "frame", [b"", b"\0" * 15, header(0x15, b"") + b"x", b"\0\0\0\x11" + header(0x15, b"")[4:]]
)
def test_length_that_is_not_the_frames_is_refused(frame: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(frame)
    assert caught.value.command_status == CommandStatus.ESME_RINVCMDLEN


UNFIT: list[tuple[str, Pdu]] = [
    ("short_message", SubmitSm(short_message=b"x" * 255)),
    ("short_message", ReplaceSm(short_message=b"x" * 255)),
    ("service_type", SubmitSm(service_type="SIXSIX")),
    ("source_addr", SubmitSm(source_addr="4" * 21)),
    ("destination_addr", DeliverSm(destination_addr="4" * 21)),
    ("schedule_delivery_time", SubmitSm(schedule_delivery_time="0" * 17)),
    ("validity_period", SubmitSm(validity_period="0" * 17)),
    ("source_addr", SubmitSm(source_addr="a\0b")),
    ("source_addr", SubmitSm(source_addr="Łódź")),
    ("data_coding", SubmitSm(data_coding=256)),
    ("esm_class", SubmitSm(esm_class=-1)),
    ("command_status", SubmitSm(command_status=1 << 32)),
    ("sequence_number", SubmitSm(sequence_number=-1)),
    ("sequence_number", EnquireLink(sequence_number=1 << 32)),
    ("command_id", UnknownPdu(command_id=1 << 32)),
    ("TLV 0x0424", SubmitSm(tlvs=(Tlv(Tag.MESSAGE_PAYLOAD, b"x" * 65_536),))),
    ("TLV 0x10000", EnquireLink(tlvs=(Tlv(0x10000, b""),))),
    ("system_id", BindTransceiver(system_id="s" * 256)),
    ("password", BindTransceiver(password="p" * 256)),
    ("message_id", SubmitSmResp(message_id="f" * 256)),
    ("dest_address", SubmitMulti(dest_address=(SmeAddress(),) * 255)),
    ("dl_name", SubmitMulti(dest_address=(DistributionList(dl_name="l" * 21),))),
    ("dest_addr_ton", SubmitMulti(dest_address=(SmeAddress(dest_addr_ton=256),))),
    ("unsuccess_sme", SubmitMultiResp(unsuccess_sme=(UnsuccessSme(),) * 256)),
    (
        "error_status_code",
        SubmitMultiResp(unsuccess_sme=(UnsuccessSme(error_status_code=-1),)),
    ),
]


@pytest.mark.parametrize(("field", "pdu"), UNFIT)
def test_value_that_does_not_fit_names_its_field(field: str, pdu: Pdu) -> None:
    with pytest.raises(EncodeError) as caught:
        encode(pdu)
    assert caught.value.field == field


@pytest.mark.parametrize("length", [20, 40, 255])
def test_longest_strings_fit(length: int) -> None:
    pdu = {
        20: SubmitSm(source_addr="4" * 20, service_type="FIVE5", validity_period="0" * 16),
        40: BindTransceiver(address_range="r" * 40),
        # Operators hand out longer ones than SMPP 3.4 has: their users could not bind.
        255: BindTransceiver(system_id="s" * 255, password="p" * 255, system_type="t" * 255),
    }[length]
    assert decode(encode(pdu)) == pdu
