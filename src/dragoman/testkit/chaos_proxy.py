"""A TCP proxy with faults on demand: cuts anywhere, stalls, forwards bytes in small pieces."""

from __future__ import annotations

import asyncio


class ChaosProxy:
    """Stands between a client and a server; its attributes may be changed while it runs."""

    def __init__(self, upstream_host: str, upstream_port: int, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = 0
        self.upstream_host = upstream_host
        self.upstream_port = upstream_port
        self.refusing = False
        """Whether new connections are closed at once."""
        self.piece_size: int | None = None
        """Octets passed on at a time, each in a write of its own."""
        self.delay_s = 0.0
        """How long each piece is held back."""
        self.cut_after: int | None = None
        """Octets, of both directions together, that still pass before every connection is cut."""
        self.passed = 0
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listens; `port` is the real one afterwards."""
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Closes the port and every connection."""
        self.cut()
        self.resume()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def cut(self) -> None:
        """Cuts every connection at once; bytes on their way are gone."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    def stall(self) -> None:
        """Passes nothing on until `resume`; connections stay open."""
        self._open.clear()

    def resume(self) -> None:
        """Passes bytes on again, those that waited first."""
        self._open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        try:
            onward_reader, onward_writer = await asyncio.open_connection(
                self.upstream_host, self.upstream_port
            )
        except OSError:
            writer.transport.abort()
            return
        both = {writer, onward_writer}
        self._writers |= both
        try:
            await asyncio.gather(
                self._pass_on(reader, onward_writer), self._pass_on(onward_reader, writer)
            )
        finally:
            self._writers -= both
            for one in both:
                one.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                for piece in self._pieces(data):
                    if self.delay_s:
                        await asyncio.sleep(self.delay_s)
                    await self._open.wait()
                    allowed = self._allowed(piece)
                    writer.write(allowed)
                    await writer.drain()
                    if len(allowed) < len(piece):
                        # The allowed bytes must be sent before the cut.
                        await asyncio.sleep(0.01)
                        self.cut_after = None
                        self.cut()
                        return
        except OSError:
            pass
        writer.close()

    def _pieces(self, data: bytes) -> list[bytes]:
        size = self.piece_size
        if size is None:
            return [data]
        return [data[start : start + size] for start in range(0, len(data), size)]

    def _allowed(self, piece: bytes) -> bytes:
        if self.cut_after is not None:
            piece = piece[: self.cut_after]
            self.cut_after -= len(piece)
        self.passed += len(piece)
        return piece
