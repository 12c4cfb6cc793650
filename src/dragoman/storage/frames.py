"""Frames in a byte stream: four bytes of length, then the data."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

_LENGTH = struct.Struct(">I")


def frame(data: bytes) -> bytes:
    """A frame with the data."""
    return _LENGTH.pack(len(data)) + data


class FrameReader:
    """Reads a stream in chunks of any size and returns the data of complete frames."""

    def __init__(self) -> None:
        self._unread = bytearray()

    def feed(self, received: bytes) -> Iterator[bytes]:
        unread = self._unread
        unread += received
        while len(unread) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(unread)[0]
            if len(unread) < end:
                break
            data = bytes(unread[_LENGTH.size : end])
            del unread[:end]
            yield data


class BlockingFrames:
    """Frames over a blocking socket."""

    def __init__(self, stream: socket.socket) -> None:
        self._socket = stream

    def send(self, data: bytes) -> None:
        self._socket.sendall(frame(data))

    def receive(self) -> bytes:
        """The data of the next frame; raises `EOFError` at the end of the stream."""
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        return self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        data = bytearray(count)
        view = memoryview(data)
        at = 0
        while at < count:
            received = self._socket.recv_into(view[at:])
            if not received:
                raise EOFError
            at += received
        return bytes(data)
