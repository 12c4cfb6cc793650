"""Frames on a stream: whole whatever the pieces it comes in."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.storage.frames import BlockingFrames, FrameReader, frame


@given(st.lists(st.binary(max_size=300), max_size=8), st.data())
def test_frames_are_read_whole_from_pieces_of_any_size(
    sent: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(map(frame, sent))
    reader, read = FrameReader(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        read.extend(reader.feed(stream[:size]))
        stream = stream[size:]
    assert read == sent


def test_a_stream_that_ends_inside_a_frame_is_told() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        BlockingFrames(theirs).send(b"whole")
        theirs.sendall(frame(b"half of it")[:7])
        theirs.shutdown(socket.SHUT_WR)
        frames = BlockingFrames(ours)
        assert frames.receive() == b"whole"
        with pytest.raises(EOFError):
            frames.receive()
