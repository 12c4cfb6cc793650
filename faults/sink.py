"""A customer's server: notes every call, and answers as it is told."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

OK = "200 OK"


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was answered."""

    at: float
    path: str
    query: dict[str, str]
    status: str
    """What it was answered with."""


@dataclass
class Sink:
    """Listens on a port of its own; `answer` decides what a call is answered with."""

    answer: Callable[[], str] = lambda: OK
    """A status line, with header fields after a line break where there are any."""
    wait_s: float = 0.0
    tls: ssl.SSLContext | None = None
    port: int = 0
    calls: list[Call] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def open(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._server = await asyncio.start_server(self._serve, sock=listener, ssl=self.tls)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._open:
            writer.transport.abort()

    def url(self, path: str) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")
                fields = dict(line.lower().split(":", 1) for line in lines[1:] if ":" in line)
                await reader.readexactly(int(fields.get("content-length", "0")))
                await self._take(lines[0].split(" ")[1], reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _take(
        self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        at, status = time.monotonic(), self.answer()
        if self.wait_s:
            await asyncio.sleep(self.wait_s)
        if reader.at_eof():  # nobody waits for the answer any more
            return
        parts = urlsplit(target)
        self.calls.append(Call(at, parts.path, dict(parse_qsl(parts.query)), status))
        line, _, fields = status.partition("\n")
        extra = f"{fields}\r\n" if fields else ""
        writer.write(f"HTTP/1.1 {line}\r\n{extra}Content-Length: 0\r\n\r\n".encode())
        await writer.drain()
