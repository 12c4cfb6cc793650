"""Connections that are carried between nodes as they are, octet by octet.

They come to the address that nodes call each other at. They begin with an octet that no HTTP
request begins with and a line: the secret of the cluster, the partition, whether the client came
with TLS, and its address. The owner of the partition answers `+`, any other node `-` and closes.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from typing import Any, Final, Protocol, cast

from dragoman.cluster.peers import CONNECT_TIMEOUT_S
from dragoman.web.direct import DirectHttpProtocol

BEGIN: Final = b"\0"
HERE, NOT_HERE = b"+", b"-"
MAX_LINE: Final = 4_096
LINE_S: Final = 5.0
"""For the first line to arrive, and to be answered."""

Claim = tuple[str | None, int]
"""The node that owned a partition when a connection was carried there, and its epoch."""


class Adopts(Protocol):
    """What serves the connections of a partition."""

    def adopt(self, transport: asyncio.Transport, data: bytes, *, tls: bool, address: str) -> None:
        """Takes over a connection that somebody else accepted, and what was read from it."""
        ...


FindAdopting = Callable[[int], Adopts | None]
"""From a partition to what serves its connections; None where it is not here."""


class _End(asyncio.Protocol):
    """One side of a tunnel: what it reads is written to the other."""

    def __init__(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, _error: Exception | None) -> None:
        self.transport = None
        self._tunnel.close()


class Tunnel:
    """A client's connection and the one to the node that serves it."""

    def __init__(
        self,
        transport: asyncio.Transport,
        partition: int,
        claim: Claim,
        ended: Callable[[Tunnel], None],
    ) -> None:
        self.partition = partition
        self.claim = claim
        self._ended = ended
        self._near, self._far = _End(self), _End(self)
        self._far.transport = transport
        self._near.other, self._far.other = self._far, self._near
        transport.set_protocol(self._far)

    def connect(self, transport: asyncio.Transport, data: bytes) -> None:
        """Carries a client's connection, of which some was read."""
        transport.set_protocol(self._near)
        self._near.transport = transport
        self._near.data_received(data)
        if self._far.transport is None:
            transport.close()

    def take_no_more(self) -> None:
        """Reads no more from the client; what is answered still reaches it."""
        if self._near.transport is not None:
            self._near.transport.pause_reading()

    def close(self) -> None:
        """Ends both sides, after what is to be written."""
        for end in (self._near, self._far):
            if end.transport is not None:
                end.transport.close()
        self._ended(self)

    def abort(self) -> None:
        """Cuts both sides."""
        for end in (self._near, self._far):
            if end.transport is not None:
                end.transport.abort()
        self._ended(self)


async def carry(
    address: str,
    secret: bytes,
    partition: int,
    claim: Claim,
    *,
    tls: bool,
    client: str,
    ended: Callable[[Tunnel], None],
) -> Tunnel | None:
    """A way to the owner of a partition; None where the node is not reached, or owns it not."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            transport, _ = await loop.create_connection(
                lambda: _Asking(answer), host.strip("[]"), int(port)
            )
    except (OSError, TimeoutError):
        return None
    words = (secret.hex(), str(partition), str(int(tls)), client.replace(" ", ""))
    transport.write(BEGIN + " ".join(words).encode("ascii", "replace") + b"\n")
    try:
        async with asyncio.timeout(LINE_S):
            if await answer == HERE:
                return Tunnel(transport, partition, claim, ended)
    except (OSError, TimeoutError):
        pass
    transport.abort()
    return None


class _Asking(asyncio.Protocol):
    """Hears the answer of the node that is to serve a connection."""

    def __init__(self, answer: asyncio.Future[bytes]) -> None:
        self._answer = answer

    def data_received(self, data: bytes) -> None:
        if not self._answer.done():
            self._answer.set_result(data[:1])

    def connection_lost(self, error: Exception | None) -> None:
        if not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError())


class Arriving(asyncio.Protocol):
    """A connection that another node carries here, until its first line is read."""

    def __init__(self, secret: bytes, find: FindAdopting) -> None:
        self._secret = secret
        self._find = find
        self._data = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._timer = asyncio.get_running_loop().call_later(LINE_S, transport.close)

    def data_received(self, data: bytes) -> None:
        self._data += data
        line, end, rest = self._data.partition(b"\n")
        if not end:
            if len(self._data) > MAX_LINE and self._transport is not None:
                self._transport.abort()
            return
        self._stop_timer()
        transport = self._transport
        assert transport is not None
        words = line.removeprefix(BEGIN).decode("ascii", "replace").split(" ")
        if (
            len(words) != 4
            or not self._secret
            or not hmac.compare_digest(words[0].encode(), self._secret.hex().encode())
            or not words[1].isdecimal()
        ):
            transport.abort()
            return
        adopting = self._find(int(words[1]))
        if adopting is None:
            transport.write(NOT_HERE)
            transport.close()
            return
        transport.write(HERE)
        adopting.adopt(transport, rest, tls=words[2] == "1", address=words[3])

    def connection_lost(self, _error: Exception | None) -> None:
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class PeerProtocol(DirectHttpProtocol):
    """HTTP between nodes, and connections that are carried."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_first = True

    def data_received(self, data: bytes) -> None:
        is_first, self._is_first = self._is_first, False
        if not is_first or not data.startswith(BEGIN):
            super().data_received(data)
            return
        self._stop_head_timer()
        self.connections.discard(self)
        arriving = self.app.arriving()
        self.transport.set_protocol(arriving)
        arriving.connection_made(self.transport)
        arriving.data_received(data)
