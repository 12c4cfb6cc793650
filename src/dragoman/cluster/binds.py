"""Customers' binds at any node: each connection goes to the partition of the account that binds.

A node reads the first request of a connection, which says who binds. If the account's partition is
in this process, that takes the connection over; else what it sends and gets is carried to and from
its owner as it is. So an account has all its binds in one place, where its limits are exact and its
receipts are, and its program binds to whichever node it reaches.

Where a partition gets another owner, the connections that were carried to the last one end: their
programs bind again.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, cast

import structlog

from dragoman.cluster.front import HOLD_S, LOOK_AGAIN_S, Front
from dragoman.cluster.tunnels import Tunnel, carry
from dragoman.config.sections import SmppServer as Section
from dragoman.core.model.errors import StorageUnavailable
from dragoman.protocols.proxy_protocol import HeaderReader, NoHeader
from dragoman.protocols.smpp.codec import decode
from dragoman.protocols.smpp.constants import HEADER_LENGTH
from dragoman.protocols.smpp.errors import DecodeError
from dragoman.protocols.smpp.pdus import Bind
from dragoman.smpp_server.listening import BindListeners
from dragoman.smpp_server.server import MAX_UNBOUND, MAX_UNBOUND_OF_ADDRESS

MAX_GREETING: Final = 1_024
"""Octets of a first request: one that is longer does not bind."""
STOP_S: Final = 1.0
"""For answers that are on their way when a node stops."""

log = structlog.get_logger(__name__)

FindPartition = Callable[[str, str], Awaitable[int | None]]


class BindFront:
    """Listens for customers' programs, for all partitions."""

    def __init__(
        self, settings: Section, front: Front, secret: str, find: FindPartition, partitions: int
    ) -> None:
        """`find` gives the partition that a key of a kind belongs to."""
        self.settings = settings
        self._front = front
        self._secret = secret.encode()
        self._find = find
        self._partitions = partitions
        self._listeners = BindListeners(settings, lambda tls, address: Greeting(self, tls, address))
        self._greeting: Counter[str] = Counter()
        """Connections that have not said who they are, by the address they come from."""
        self._placing: set[asyncio.Task[None]] = set()
        self._tunnels: set[Tunnel] = set()
        self._stopping = False

    async def start(self) -> None:
        """Begins to listen; OSError where it cannot."""
        await self._listeners.start()

    @property
    def ports(self) -> Sequence[int]:
        """The ports it listens on: plain, then TLS."""
        return self._listeners.ports

    def close(self) -> None:
        """Takes no more connections."""
        self._stopping = True
        self._listeners.close()
        for task in self._placing:
            task.cancel()

    async def stop(self) -> None:
        """Ends the connections that are carried elsewhere, once they have their answers."""
        for tunnel in self._tunnels:
            tunnel.take_no_more()
        if self._tunnels:
            await asyncio.sleep(STOP_S)
        for tunnel in [*self._tunnels]:
            tunnel.close()

    def look(self) -> None:
        """Ends what is carried to a node that does not own the partition any more."""
        for tunnel in [*self._tunnels]:
            if self._front.claim_of(tunnel.partition) != tunnel.claim:
                log.info("bind_cut", partition=tunnel.partition)
                tunnel.abort()

    # Connections that have not said who they are

    def is_proxy(self, address: str) -> bool:
        """Whether connections from an address begin with a PROXY header."""
        return self._listeners.is_proxy(address)

    def opened(self, address: str) -> bool:
        """Whether a new connection may stay; if so, it counts until `said`."""
        most = MAX_UNBOUND if self.is_proxy(address) else MAX_UNBOUND_OF_ADDRESS
        if (
            self._stopping
            or self._greeting.total() >= MAX_UNBOUND
            or self._greeting[address] >= most
            or len(self._tunnels) >= self.settings.max_connections
        ):
            return False
        self._greeting[address] += 1
        return True

    def said(self, address: str) -> None:
        """A connection has said who it is, or has ended."""
        self._greeting[address] -= 1
        if not self._greeting[address]:
            del self._greeting[address]

    def place(self, greeting: Greeting, system_id: str) -> None:
        """Brings a connection to the partition that it is for."""
        task = asyncio.get_running_loop().create_task(self._place(greeting, system_id))
        self._placing.add(task)
        task.add_done_callback(self._placing.discard)

    async def _place(self, greeting: Greeting, system_id: str) -> None:
        try:
            partition = await self._find("system_id", system_id) if system_id else None
        except StorageUnavailable:
            greeting.close()  # programs try again
            return
        if partition is None:
            # Nobody's: refused by the same partition each time, which slows down who guesses.
            partition = zlib.crc32(system_id.encode("utf-8", "replace")) % self._partitions
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + min(HOLD_S, self.settings.bind_timeout_s)
        while not await self._try_place(greeting, partition):
            if greeting.is_gone or loop.time() > give_up_at:
                break
            await asyncio.sleep(LOOK_AGAIN_S)
        greeting.close()

    async def _try_place(self, greeting: Greeting, partition: int) -> bool:
        """Whether a partition has the connection now."""
        if greeting.is_gone:
            return False
        place = self._front.places.get(partition)
        if place is not None and place.binds is not None:
            transport, data = greeting.give_away()
            place.binds.adopt(transport, data, tls=greeting.tls, address=greeting.address)
            return True
        address = self._front.address_of(partition)
        claim = self._front.claim_of(partition)
        if address is None:
            return False
        tunnel = await carry(
            address,
            self._secret,
            partition,
            claim,
            tls=greeting.tls,
            client=greeting.address,
            ended=self._tunnels.discard,
        )
        if tunnel is None:
            self._front.outdated.set()
            return False
        if greeting.is_gone:
            tunnel.abort()
            return False
        self._tunnels.add(tunnel)
        tunnel.connect(*greeting.give_away())
        return True


class Greeting(asyncio.Protocol):
    """A connection until it has said who it is."""

    def __init__(self, front: BindFront, tls: bool, address: str) -> None:
        self.tls = tls
        self.address = address
        self.is_gone = False
        self._front = front
        self._peer: str | None = None
        self._transport: asyncio.Transport | None = None
        self._header: HeaderReader | None = None
        self._data = b""
        self._has_said = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio.Transport.
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        if not self.address and peer:
            self.address = peer[0].removeprefix("::ffff:")
        if not self._front.opened(self.address):
            self._transport.abort()
            return
        self._peer = self.address
        if not self.tls and self._front.is_proxy(self.address):
            self._header = HeaderReader()
        timeout_s = self._front.settings.bind_timeout_s
        self._timer = asyncio.get_running_loop().call_later(timeout_s, self.close)

    def data_received(self, data: bytes) -> None:
        if self._header is not None:
            try:
                read = self._header.feed(data)
            except NoHeader:
                self.close()
                return
            if read is None:
                return
            self._header = None
            self.address = read.address or self.address
            data = read.rest
        self._data += data
        system_id = read_system_id(self._data)
        if system_id is not None and not self._has_said and self._transport is not None:
            self._has_said = True
            self._transport.pause_reading()
            self._front.place(self, system_id)

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_gone = True
        self._forget()

    def give_away(self) -> tuple[asyncio.Transport, bytes]:
        """The transport, which reads again, and what was read; it is somebody else's then."""
        transport = self._transport
        assert transport is not None
        self._transport, self.is_gone = None, True
        self._forget()
        transport.resume_reading()
        return transport, self._data

    def close(self) -> None:
        """Ends it, unless it was given away."""
        if self._transport is not None:
            self._transport.close()

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._peer is not None:
            self._front.said(self._peer)
            self._peer = None


def read_system_id(data: bytes) -> str | None:
    """Who binds, by the first request; None while it is not whole.

    Empty for what is no bind: any partition answers that alike.
    """
    if len(data) < HEADER_LENGTH:
        return None
    length = int.from_bytes(data[:4])
    if not HEADER_LENGTH <= length <= MAX_GREETING:
        return ""
    if len(data) < length:
        return None
    try:
        request = decode(data[:length])
    except DecodeError as error:
        readable = error.readable
        return readable.system_id if isinstance(readable, Bind) else ""
    return request.system_id if isinstance(request, Bind) else ""
