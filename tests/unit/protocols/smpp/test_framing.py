from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.protocols.smpp.codec import decode, encode
from dragoman.protocols.smpp.errors import FramingLost
from dragoman.protocols.smpp.framing import DEFAULT_MAX_LENGTH, Framer
from dragoman.protocols.smpp.pdus import BindTransceiverResp, DeliverSm, EnquireLink, SubmitSm
from dragoman.protocols.smpp.tlvs import Tlv

FRAMES = [
    encode(BindTransceiverResp(sequence_number=1, system_id="SMSC")),
    encode(DeliverSm(sequence_number=1, short_message=b"hello")),
    encode(EnquireLink(sequence_number=2)),
    encode(SubmitSm(sequence_number=3, tlvs=(Tlv(0x0424, b"x" * 65_535),))),
    encode(EnquireLink(sequence_number=4)),
]
STREAM = b"".join(FRAMES)


def test_bind_response_and_first_message_in_one_segment_are_two_frames() -> None:
    assert Framer().feed(FRAMES[0] + FRAMES[1]) == FRAMES[:2]


def test_one_octet_at_a_time_loses_nothing() -> None:
    framer = Framer()
    found = [frame for octet in STREAM for frame in framer.feed(bytes((octet,)))]
    assert found == FRAMES
    assert framer.buffered == 0


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
@settings(max_examples=50)
def test_any_cut_of_the_stream_gives_the_same_frames(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    framer = Framer()
    found: list[bytes] = []
    for start, end in pairwise(edges):
        found += framer.feed(memoryview(STREAM)[start:end])
    assert found == FRAMES


def test_frames_are_bytes_that_decode_for_any_input_type() -> None:
    for data in (FRAMES[1], bytearray(FRAMES[1]), memoryview(FRAMES[1])):
        (frame,) = Framer().feed(data)
        assert type(frame) is bytes
        assert decode(frame) == decode(FRAMES[1])


@pytest.mark.parametrize("length", [0, 1, 15, DEFAULT_MAX_LENGTH + 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_impossible_length_is_refused_before_anything_is_buffered(length: int) -> None:
    framer = Framer()
    with pytest.raises(FramingLost) as caught:
        framer.feed(length.to_bytes(4, "big"))
    assert caught.value.command_length == length
    assert framer.buffered == 0


def test_impossible_length_is_seen_with_its_fourth_octet() -> None:
    framer = Framer()
    assert framer.feed(b"\xff\xff\xff") == []
    with pytest.raises(FramingLost):
        framer.feed(b"\xff")


def test_frames_before_the_break_survive_and_the_break_stays() -> None:
    framer = Framer()
    with pytest.raises(FramingLost) as caught:
        framer.feed(FRAMES[0] + FRAMES[1] + b"HTTP/1.1 400 Bad Request")
    assert caught.value.frames == (FRAMES[0], FRAMES[1])
    with pytest.raises(FramingLost) as again:
        framer.feed(FRAMES[2])
    assert again.value.frames == ()


def test_limit_is_the_longest_pdu_accepted() -> None:
    frame = encode(SubmitSm(short_message=b"x" * 50))
    assert Framer(max_length=len(frame)).feed(frame) == [frame]
    with pytest.raises(FramingLost):
        Framer(max_length=len(frame) - 1).feed(frame)
