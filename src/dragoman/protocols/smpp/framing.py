"""Cut a byte stream into PDUs by their command_length, and refuse lengths before buffering them."""

import struct
from typing import Final

from dragoman.protocols.smpp.constants import HEADER_LENGTH
from dragoman.protocols.smpp.errors import FramingLost

DEFAULT_MAX_LENGTH: Final = 128 * 1024
"""Octets of the longest PDU accepted: 64 KiB and one message_payload of 65,535."""

_unpack_length: Final = struct.Struct(">I").unpack_from
_LENGTH_SIZE: Final = 4


class Framer:
    """Collects received data and gives back whole PDUs, header included (SMPP 3.4 s. 3.2)."""

    __slots__ = ("_lost", "_max_length", "_needed", "_rest")

    def __init__(self, max_length: int = DEFAULT_MAX_LENGTH) -> None:
        self._max_length = max_length
        self._rest = bytearray()
        self._needed = _LENGTH_SIZE
        self._lost: int | None = None

    @property
    def buffered(self) -> int:
        """Octets of an unfinished PDU held back; never more than the limit."""
        return len(self._rest)

    def feed(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        """Take data in pieces of any size and return the PDUs that are now whole.

        Raises FramingLost, now and at every later call, once a length is below 16 or over the
        limit; the PDUs before it travel in the exception.
        """
        if self._lost is not None:
            raise FramingLost(self._lost)
        rest = self._rest
        if rest:
            rest += data
            if len(rest) < self._needed:
                return []
            data = bytes(rest)
            rest.clear()
        elif type(data) is not bytes:
            data = bytes(data)
        return self._cut(data)

    def _cut(self, data: bytes) -> list[bytes]:
        frames: list[bytes] = []
        start, size, limit = 0, len(data), self._max_length
        unpack, append = _unpack_length, frames.append
        while size - start >= _LENGTH_SIZE:
            (length,) = unpack(data, start)
            if not HEADER_LENGTH <= length <= limit:
                self._lost = length
                raise FramingLost(length, frames)
            end = start + length
            if end > size:
                self._needed = length
                break
            append(data[start:end])
            start = end
        else:
            self._needed = _LENGTH_SIZE
        if start < size:
            self._rest += data[start:]
        return frames
