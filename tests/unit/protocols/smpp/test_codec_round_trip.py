"""Any PDU that can be written is read back as it was, and agrees with an independent codec."""

from typing import Any

import pytest
import smpp34
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.protocols.smpp.codec import decode, encode
from dragoman.protocols.smpp.fields import (
    ADDRESS,
    DL_NAME,
    Destinations,
    LastText,
    Number,
    ShortMessage,
    Text,
    UnsuccessSmes,
)
from dragoman.protocols.smpp.layouts import LAYOUTS, PDU_CLASSES
from dragoman.protocols.smpp.pdus import (
    BindTransceiver,
    DeliverSm,
    DistributionList,
    Pdu,
    SmeAddress,
    SubmitSm,
    UnknownPdu,
    UnsuccessSme,
)
from dragoman.protocols.smpp.tlvs import Tlv


def texts(limit: int, last: int = 0xFF) -> st.SearchStrategy[str]:
    """C-octet strings of fewer than `limit` characters."""
    return st.text(st.characters(min_codepoint=1, max_codepoint=last), max_size=min(limit - 1, 70))


octets = st.integers(0, 0xFF)
words = st.integers(0, 0xFFFFFFFF)
tlv_tuples = st.lists(
    st.builds(Tlv, st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=4
).map(tuple)
sme_addresses = st.builds(
    SmeAddress, dest_addr_ton=octets, dest_addr_npi=octets, destination_addr=texts(ADDRESS)
)
lists = st.builds(DistributionList, dl_name=texts(DL_NAME))
unsuccessful = st.builds(
    UnsuccessSme,
    dest_addr_ton=octets,
    dest_addr_npi=octets,
    destination_addr=texts(ADDRESS),
    error_status_code=words,
)


def values_of(field: object) -> st.SearchStrategy[Any]:
    match field:
        case Text(limit=limit) | LastText(limit=limit):
            return texts(limit)
        case Number():
            return octets
        case ShortMessage():
            return st.binary(max_size=254)
        case Destinations():
            return st.lists(sme_addresses | lists, max_size=5).map(tuple)
        case UnsuccessSmes():
            return st.lists(unsuccessful, max_size=5).map(tuple)
        case _:
            raise AssertionError(field)


def pdus_of(cls: type[Pdu]) -> st.SearchStrategy[Pdu]:
    return st.builds(
        cls,
        command_status=words,
        sequence_number=words,
        tlvs=tlv_tuples,
        **{field.name: values_of(field) for field in LAYOUTS[cls]},
    )


@pytest.mark.parametrize("cls", PDU_CLASSES.values(), ids=lambda cls: cls.__name__)
def test_every_pdu_comes_back_as_it_was(cls: type[Pdu]) -> None:
    @settings(max_examples=30, deadline=None)
    @given(pdus_of(cls))
    def comes_back(pdu: Pdu) -> None:
        frame = encode(pdu)
        assert int.from_bytes(frame[:4], "big") == len(frame)
        assert decode(frame) == pdu

    comes_back()


@given(
    st.integers(0, 0xFFFFFFFF).filter(lambda number: number not in PDU_CLASSES),
    words,
    words,
    st.binary(max_size=60),
)
@settings(max_examples=50)
def test_unknown_pdu_comes_back_as_it_was(
    command_id: int, status: int, sequence: int, raw: bytes
) -> None:
    pdu = UnknownPdu(
        command_id=command_id, command_status=status, sequence_number=sequence, raw=raw
    )
    assert decode(encode(pdu)) == pdu


# The independent codec keeps strings as UTF-8, so the comparison stays within ASCII.
message_fields = {
    "service_type": texts(6, 0x7F),
    "source_addr_ton": octets,
    "source_addr_npi": octets,
    "source_addr": texts(21, 0x7F),
    "dest_addr_ton": octets,
    "dest_addr_npi": octets,
    "destination_addr": texts(21, 0x7F),
    "esm_class": octets,
    "protocol_id": octets,
    "priority_flag": octets,
    "schedule_delivery_time": texts(17, 0x7F),
    "validity_period": texts(17, 0x7F),
    "registered_delivery": octets,
    "replace_if_present_flag": octets,
    "data_coding": octets,
    "sm_default_msg_id": octets,
    "short_message": st.binary(max_size=254),
}
messages = st.fixed_dictionaries(message_fields)


@pytest.mark.parametrize(
    ("ours", "theirs"), [(SubmitSm, smpp34.SubmitSm), (DeliverSm, smpp34.DeliverSm)]
)
def test_message_agrees_with_independent_codec(ours: Any, theirs: Any) -> None:
    @settings(max_examples=100, deadline=None)
    @given(messages, tlv_tuples, st.integers(1, 0x7FFFFFFF))
    def agrees(fields: dict[str, Any], tlvs: tuple[Tlv, ...], sequence: int) -> None:
        pdu = ours(sequence_number=sequence, tlvs=tlvs, **fields)
        other = theirs(
            sequence_number=sequence,
            tlvs=[smpp34.Tlv(tlv.tag, tlv.value) for tlv in tlvs],
            **fields,
        )
        frame = encode(pdu)
        assert frame == other.encode()
        assert decode(other.encode()) == pdu
        read = smpp34.decode(frame)
        assert {name: getattr(read, name) for name in fields} == fields
        assert read.sequence_number == sequence
        assert [(tlv.tag, tlv.value) for tlv in read.tlvs] == [(tlv.tag, tlv.value) for tlv in tlvs]

    agrees()


def test_bind_header_agrees_with_independent_codec() -> None:
    frame = encode(BindTransceiver(sequence_number=9, system_id="me", password="secret"))
    read = smpp34.decode(frame)
    assert (read.command_length, read.command_id) == (len(frame), 9)
    assert (read.command_status, read.sequence_number) == (0, 9)
    assert read.body == b"me\0secret\0\0\x34\0\0\0"
