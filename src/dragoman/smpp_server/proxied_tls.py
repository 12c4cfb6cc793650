"""TLS behind a TCP proxy: its header comes before the handshake, in the clear.

asyncio begins the handshake with the first octet of a connection, so these are accepted here, and
handed to it once the header is read; that of TLS which came with it stays in the socket until then.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final

import structlog

from dragoman.protocols.proxy_protocol import HeaderReader, NoHeader

BACKLOG: Final = 100
MAX_OPENING: Final = 1_000
"""Connections whose header or handshake is not complete; further ones are cut."""
MAX_HEADER: Final = 2_048
ACCEPT_AGAIN_S: Final = 1.0

log = structlog.get_logger(__name__)

MakeProtocol = Callable[[str], asyncio.Protocol]
"""From the address of a client: the protocol of its connection."""


class ProxiedTlsListener:
    """Listens for TLS; connections from proxies begin with a header that says whose they are."""

    def __init__(
        self,
        make: MakeProtocol,
        address: tuple[str, int],
        context: ssl.SSLContext,
        *,
        is_proxy: Callable[[str], bool],
        timeout_s: float,
    ) -> None:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._socket = socket.create_server(address, family=family, backlog=BACKLOG)
        self._socket.setblocking(False)
        self._make = make
        self._context = context
        self._is_proxy = is_proxy
        self._timeout_s = timeout_s
        self._opening: set[asyncio.Task[None]] = set()
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """What it listens on."""
        return (self._socket,)

    def close(self) -> None:
        """Listens no more; connections that are being opened end."""
        for task in (self._accepting, *self._opening):
            task.cancel()
        self._socket.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(self._socket)
            except OSError as error:  # too many files are open
                log.warning("smpp_not_accepted", reason=type(error).__name__)
                await asyncio.sleep(ACCEPT_AGAIN_S)
                continue
            if len(self._opening) >= MAX_OPENING:
                connection.close()
                continue
            task = loop.create_task(self._open(connection, peer[0].removeprefix("::ffff:")))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, connection: socket.socket, address: str) -> None:
        """Reads the header, and lets the loop begin the handshake; closes what is neither."""
        try:
            if self._is_proxy(address):
                async with asyncio.timeout(self._timeout_s):
                    address = await self._read_header(connection) or address
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._make(address),
                connection,
                ssl=self._context,
                ssl_handshake_timeout=self._timeout_s,
            )
        except (NoHeader, OSError):  # a timeout and a failed handshake among them
            connection.close()
        except BaseException:
            connection.close()
            raise

    async def _read_header(self, connection: socket.socket) -> str:
        """The address in the header; takes nothing of what follows it."""
        reader = HeaderReader()
        while True:
            await _until_readable(connection)
            data = connection.recv(MAX_HEADER, socket.MSG_PEEK)
            if not data:
                raise NoHeader("it ended")
            read = reader.feed(data)
            connection.recv(len(data) - (len(read.rest) if read is not None else 0))
            if read is not None:
                return read.address


async def _until_readable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(connection, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)
