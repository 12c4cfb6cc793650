"""The control socket of a running gateway: JSON lines over a UNIX socket, for its own user."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncGenerator
from typing import Any, Final

import msgspec
import structlog

from dragoman.container import Services
from dragoman.control.answers import Failure, Reply
from dragoman.control.commands import run_command
from dragoman.control.failures import failure_of
from dragoman.control.house import Controlled, RunningGateway
from dragoman.control.messages import STREAMS
from dragoman.control.requests import AnyRequest
from dragoman.control.socket_path import make_folder, socket_path

REQUEST_LIMIT_BYTES: Final = 4 << 20
IDLE_S: Final = 60.0
BACKLOG: Final = 16

_STREAM_TAGS: Final = tuple(
    msgspec.json.encode(request.__struct_config__.tag) for request in STREAMS
)
_DECODER: Final = msgspec.json.Decoder[AnyRequest](AnyRequest)

log = structlog.get_logger(__name__)


class ControlServer:
    """Answers commands until it is stopped."""

    def __init__(self, services: Services, gateway: RunningGateway) -> None:
        self.path = socket_path(services.settings.data_path)
        self._data_dir = services.settings.data_path
        self._controlled = Controlled(
            services=services, gateway=gateway, started_ms=services.clock.now_ms()
        )
        self._server: asyncio.Server | None = None
        self._conversations: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listens; a socket that an earlier process left behind is replaced.

        Only the process that holds the database may call this.
        """
        make_folder(self.path, self._data_dir)
        self.path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)  # nobody else may open it, not even for a moment
        try:
            listener.bind(os.fspath(self.path))
        finally:
            os.umask(before)
        self._server = await asyncio.start_unix_server(
            self._converse, sock=listener, limit=REQUEST_LIMIT_BYTES, backlog=BACKLOG
        )

    async def stop(self) -> None:
        """Closes the socket and every conversation."""
        if self._server is None:
            return
        self._server.close()
        self.path.unlink(missing_ok=True)
        for conversation in self._conversations:
            conversation.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)
        self._server = None

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._conversations.add(task)
        try:
            while (line := await _read_line(reader)) is not None:
                stream = self._stream(line)
                if stream is not None:
                    await _send_stream(stream, reader, writer)
                    break
                writer.write(msgspec.json.encode(await self._answer(line)) + b"\n")
                await writer.drain()
        except (ConnectionError, TimeoutError):
            return  # the caller left, or sits there without a word
        except asyncio.CancelledError:
            return  # asyncio reports a cancelled conversation as an error of its own
        finally:
            self._conversations.discard(task)
            writer.close()

    def _stream(self, line: bytes) -> AsyncGenerator[Any, None] | None:
        """The answers to a request that has many; None for any other line."""
        if not any(tag in line for tag in _STREAM_TAGS):
            return None
        try:
            request = _DECODER.decode(line)
        except msgspec.DecodeError:
            return None
        open_stream = STREAMS.get(type(request))
        return open_stream(self._controlled, request) if open_stream is not None else None

    async def _answer(self, line: bytes) -> Reply:
        try:
            answer = await run_command(self._controlled, _DECODER.decode(line))
        except msgspec.DecodeError as error:
            return _fail("malformed_request", str(error))
        except Exception as error:
            return _failed(error)
        return Reply(answer=msgspec.Raw(msgspec.json.encode(answer)))


async def _send_stream(
    stream: AsyncGenerator[Any, None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Sends answers until there are no more or the caller leaves."""
    gone = asyncio.ensure_future(reader.read(1))
    try:
        async with contextlib.aclosing(stream) as answers:
            async for answer in answers:
                reply = Reply(answer=msgspec.Raw(msgspec.json.encode(answer)))
                writer.write(msgspec.json.encode(reply) + b"\n")
                await writer.drain()
                if gone.done():
                    return
    except (ConnectionError, TimeoutError):
        raise
    except Exception as error:
        writer.write(msgspec.json.encode(_failed(error)) + b"\n")
        await writer.drain()
    finally:
        gone.cancel()


def _failed(error: Exception) -> Reply:
    failure = failure_of(error)
    if failure is not None:
        return Reply(failure=failure)
    log.error("command_failed", reason=type(error).__name__, exc_info=error)
    return _fail("internal", f"{type(error).__name__}; the gateway's log has more")


async def _read_line(reader: asyncio.StreamReader) -> bytes | None:
    """The next line; None at the end, and for a line over the limit."""
    async with asyncio.timeout(IDLE_S):
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return await reader.readuntil(b"\n")
    return None


def _fail(code: str, message: str) -> Reply:
    return Reply(failure=Failure(code=code, message=message))
