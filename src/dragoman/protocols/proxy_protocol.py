"""The header that a TCP proxy puts before a connection to say whose it is (PROXY protocol 1 and 2).

Read from bytes cut anywhere. A connection that has to begin with a header and does not is an error:
whoever is behind a proxy must not be able to speak for it.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

_VERSION_2: Final = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED_2: Final = struct.Struct("!12sBBH")
_MAX_1: Final = 107
"""Octets of a header of version 1, its line end included (PROXY protocol s. 2.1)."""
_MAX_2: Final = 1024
"""Octets behind the fixed part that are read; the addresses are at its beginning."""
_LOCAL, _PROXIED = 0x20, 0x21
_IPV4, _IPV6 = 0x11, 0x21


class NoHeader(ValueError):
    """The connection does not begin with a header that can be read."""


class Read(NamedTuple):
    """A whole header, and what came behind it."""

    address: str
    """Of the client; empty where the proxy speaks for itself or does not know."""
    rest: bytes


class HeaderReader:
    """Collects the beginning of a connection until the header is whole."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> Read | None:
        """Takes data; the header once it is whole. Raises `NoHeader`."""
        self._data += data
        data = self._data
        if data[: len(_VERSION_2)] == _VERSION_2[: len(data)]:
            return _read_2(data)
        if data[:6] == b"PROXY "[: len(data)]:
            return _read_1(data)
        raise NoHeader("no PROXY header")


def _read_1(data: bytes) -> Read | None:
    line, end, rest = data.partition(b"\r\n")
    if not end:
        if len(data) > _MAX_1:
            raise NoHeader("a PROXY header without an end")
        return None
    words = line.decode("latin-1").split(" ")
    if len(line) + 2 > _MAX_1 or words[1:2] not in (["TCP4"], ["TCP6"], ["UNKNOWN"]):
        raise NoHeader("a malformed PROXY header")
    if words[1] == "UNKNOWN":
        return Read("", rest)
    try:
        address = ip_address(words[2])
    except (IndexError, ValueError):
        raise NoHeader("a malformed PROXY header") from None
    return Read(str(address), rest)


def _read_2(data: bytes) -> Read | None:
    if len(data) < _FIXED_2.size:
        return None
    _, command, family, length = _FIXED_2.unpack_from(data)
    if command not in (_LOCAL, _PROXIED) or length > _MAX_2:
        raise NoHeader("a malformed PROXY header")
    end = _FIXED_2.size + length
    if len(data) < end:
        return None
    body, rest = data[_FIXED_2.size : end], data[end:]
    if command == _LOCAL:
        return Read("", rest)
    if family == _IPV4 and length >= 12:
        return Read(str(IPv4Address(body[:4])), rest)
    if family == _IPV6 and length >= 36:
        return Read(str(IPv6Address(body[:16])), rest)
    return Read("", rest)
