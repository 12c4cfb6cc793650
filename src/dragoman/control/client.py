"""Calls a running gateway over its control socket, from a program without an event loop."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from dragoman.control.answers import Failure, Reply
from dragoman.control.requests import Request
from dragoman.control.socket_path import UnsafeFolder, check_folder, socket_path

Answer = TypeVar("Answer")

TIMEOUT_S: Final = 60.0
ANSWER_LIMIT_BYTES: Final = 64 << 20


class NotRunning(Exception):
    """No gateway answers for this data folder."""


class CommandFailed(Exception):
    """The command was not carried out; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code, failure.message)
        self.failure = failure

    def __str__(self) -> str:
        return self.failure.message


def call(data_dir: Path, request: Request[Answer], *, timeout_s: float = TIMEOUT_S) -> Answer:
    """The answer of the gateway of a data folder; raises `NotRunning` and `CommandFailed`."""
    path = socket_path(data_dir)
    try:
        check_folder(path, data_dir)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            connection.sendall(msgspec.json.encode(request) + b"\n")
            line = _read_line(connection)
    except (FileNotFoundError, ConnectionRefusedError):
        raise NotRunning(str(path)) from None
    except PermissionError:
        raise _failed("no_access", f"{path} belongs to another user") from None
    except UnsafeFolder as error:
        raise _failed("no_access", str(error)) from None
    except OSError as error:
        raise _failed("unavailable", f"the gateway does not answer: {error}") from None
    reply = msgspec.json.decode(line, type=Reply)
    if reply.failure is not None:
        raise CommandFailed(reply.failure)
    answer: Answer = msgspec.json.decode(reply.answer, type=request.answer_type)
    return answer


def stream(data_dir: Path, request: Request[Answer]) -> Iterator[Answer]:
    """The answers of a gateway to a request that has many, until it stops; raises like `call`."""
    path = socket_path(data_dir)
    try:
        check_folder(path, data_dir)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(TIMEOUT_S)
            connection.connect(str(path))
            connection.sendall(msgspec.json.encode(request) + b"\n")
            with connection.makefile("rb") as lines:
                for line in lines:
                    reply = msgspec.json.decode(line, type=Reply)
                    if reply.failure is not None:
                        raise CommandFailed(reply.failure)
                    yield msgspec.json.decode(reply.answer, type=request.answer_type)
    except (FileNotFoundError, ConnectionRefusedError):
        raise NotRunning(str(path)) from None
    except ConnectionResetError:
        return
    except PermissionError:
        raise _failed("no_access", f"{path} belongs to another user") from None
    except UnsafeFolder as error:
        raise _failed("no_access", str(error)) from None
    except OSError as error:
        raise _failed("unavailable", f"the gateway does not answer: {error}") from None


def _read_line(connection: socket.socket) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n"):
        chunk = connection.recv(1 << 16)
        if not chunk:
            raise ConnectionResetError("it closed the connection")
        received += chunk
        if len(received) > ANSWER_LIMIT_BYTES:
            raise OSError("the answer is too large")
    return bytes(received)


def _failed(code: str, message: str) -> CommandFailed:
    return CommandFailed(Failure(code=code, message=message))
