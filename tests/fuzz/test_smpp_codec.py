"""Whatever arrives, the codec gives a PDU or its own errors, and memory stays bounded."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.protocols.smpp.codec import DecodeError, EncodeError, decode, encode
from dragoman.protocols.smpp.constants import RESPONSE_BIT
from dragoman.protocols.smpp.errors import FramingLost
from dragoman.protocols.smpp.framing import Framer
from dragoman.protocols.smpp.layouts import PDU_CLASSES
from dragoman.protocols.smpp.pdus import (
    BindTransceiver,
    DeliverSm,
    DistributionList,
    Pdu,
    SmeAddress,
    SubmitMulti,
    SubmitMultiResp,
    UnknownPdu,
    UnsuccessSme,
)
from dragoman.protocols.smpp.receipts import read_receipt
from dragoman.protocols.smpp.tlvs import Tlv

SEEDS: list[Pdu] = [
    BindTransceiver(system_id="me", password="secret", address_range="45.*"),
    DeliverSm(
        sequence_number=7,
        source_addr="4512345678",
        esm_class=4,
        short_message=b"id:7b stat:DELIVRD err:000 text:hi",
        tlvs=(Tlv(0x1E, b"7b\0"), Tlv(0x0427, b"\x02")),
    ),
    SubmitMulti(
        dest_address=(SmeAddress(destination_addr="45"), DistributionList(dl_name="staff")),
        short_message=b"hi",
    ),
    SubmitMultiResp(message_id="7b", unsuccess_sme=(UnsuccessSme(destination_addr="45"),)),
]

command_ids = st.sampled_from(sorted(PDU_CLASSES)) | st.integers(0, 0xFFFFFFFF)
words = st.integers(0, 0xFFFFFFFF)


def frame_of(command_id: int, status: int, sequence: int, body: bytes) -> bytes:
    header = (16 + len(body), command_id, status, sequence)
    return b"".join(word.to_bytes(4, "big") for word in header) + body


def check(frame: bytes) -> None:
    """Decode; a PDU that comes out and fits the limits must come back from its own bytes."""
    try:
        pdu = decode(frame)
    except DecodeError:
        return
    if isinstance(pdu, DeliverSm):
        read_receipt(pdu)
    try:
        again = encode(pdu)
    except EncodeError:
        return
    assert decode(again) == pdu


@given(st.binary(max_size=80))
@settings(max_examples=200)
def test_garbage_raises_only_decode_error(data: bytes) -> None:
    check(data)


@given(command_ids, words, words, st.binary(max_size=120))
@settings(max_examples=500)
def test_garbage_body_raises_only_decode_error(
    command_id: int, status: int, sequence: int, body: bytes
) -> None:
    check(frame_of(command_id, status, sequence, body))


@given(command_ids, words.filter(bool), words, st.binary(max_size=60))
@settings(max_examples=200)
def test_response_with_error_status_is_always_read(
    command_id: int, status: int, sequence: int, body: bytes
) -> None:
    pdu = decode(frame_of(command_id | RESPONSE_BIT, status, sequence, body))
    assert (pdu.command_status, pdu.sequence_number) == (status, sequence)


@given(st.sampled_from(SEEDS), st.data())
@settings(max_examples=300)
def test_changed_octets_raise_only_decode_error(seed: Pdu, data: st.DataObject) -> None:
    frame = bytearray(encode(seed))
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(4, len(frame) - 1))] = data.draw(st.integers(0, 255))
    check(bytes(frame))


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: type(seed).__name__)
def test_every_truncation_raises_only_decode_error(seed: Pdu) -> None:
    frame = encode(seed)
    for size in range(len(frame)):
        with pytest.raises(DecodeError):
            decode(frame[:size])
        if size >= 16:
            check(size.to_bytes(4, "big") + frame[4:size])


@given(st.lists(st.binary(max_size=60), max_size=12))
@settings(max_examples=200)
def test_garbage_stream_loses_framing_or_waits_within_the_limit(chunks: list[bytes]) -> None:
    framer = Framer(max_length=256)
    found: list[bytes] = []
    try:
        for chunk in chunks:
            found += framer.feed(chunk)
            assert framer.buffered < 256
    except FramingLost as lost:
        found += lost.frames
    assert b"".join(chunks).startswith(b"".join(found))
    for frame in found:
        check(frame)


@given(st.lists(st.sampled_from(SEEDS), min_size=1, max_size=6), st.binary(max_size=12))
@settings(max_examples=100)
def test_good_pdus_before_garbage_are_never_lost(pdus: list[Pdu], garbage: bytes) -> None:
    stream = b"".join(map(encode, pdus)) + b"\xff\xff\xff\xff" + garbage
    with pytest.raises(FramingLost) as lost:
        Framer().feed(stream)
    assert [decode(frame) for frame in lost.value.frames] == pdus


def test_unknown_command_is_a_pdu_and_not_an_error() -> None:
    pdu = decode(frame_of(0x0BAD, 0, 5, b"\xff" * 9))
    assert isinstance(pdu, UnknownPdu)
    assert (pdu.command_id, pdu.raw) == (0x0BAD, b"\xff" * 9)
