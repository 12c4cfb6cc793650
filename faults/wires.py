"""What a node reaches a server over, which may be cut: with word of it, or without any."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
PIECE = 1 << 16
LOOK_AGAIN_S = 0.1


class Wire:
    """Listens on a port of its own, and carries each connection to the server."""

    def __init__(self, connect: Callable[[], Awaitable[Streams]]) -> None:
        self._connect = connect
        self._server: asyncio.Server | None = None
        self._carrying: set[asyncio.Task[None]] = set()
        self._is_cut = False
        self._is_deaf = False
        self.address = ""

    async def open(self) -> None:
        """Begins to listen."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.address = f"{host}:{port}"

    def cut(self, *, silently: bool) -> None:
        """Carries nothing any more; silently neither end hears why."""
        if silently:
            self._is_deaf = True
            return
        self._is_cut = True
        for task in self._carrying:
            task.cancel()

    def mend(self) -> None:
        """Carries again; what was under way in a silent cut is lost with its connection."""
        if self._is_deaf:
            for task in self._carrying:
                task.cancel()
        self._is_cut = self._is_deaf = False

    async def close(self) -> None:
        """Ends everything."""
        if self._server is not None:
            self._server.close()
        for task in [*self._carrying]:
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._between(reader, writer)
        finally:
            writer.transport.abort()
            self._carrying.discard(task)

    async def _between(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            return
        await self._hear()
        far_reader, far_writer = await self._connect()
        copying = [
            asyncio.create_task(self._copy(reader, far_writer)),
            asyncio.create_task(self._copy(far_reader, writer)),
        ]
        try:
            await asyncio.wait(copying, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in copying:
                task.cancel()
            await asyncio.gather(*copying, return_exceptions=True)
            # The far end must not take what was under way: it never arrived.
            far_writer.transport.abort() if self._is_cut or self._is_deaf else far_writer.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(PIECE):
            await self._hear()
            writer.write(data)
            await writer.drain()

    async def _hear(self) -> None:
        while self._is_deaf:  # noqa: ASYNC110 - it is cut and mended at any moment
            await asyncio.sleep(LOOK_AGAIN_S)
