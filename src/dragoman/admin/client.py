"""Calls the admin interface over HTTP, from a program without an event loop."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from dragoman.admin.answers import Problem
from dragoman.admin.socket_path import UnsafeFolder, check_folder, socket_path

TIMEOUT_S: Final = 60.0
ANSWER_LIMIT_BYTES: Final = 64 << 20
LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class NotRunning(Exception):
    """No gateway answers for this data folder."""


class Failed(Exception):
    """The operation was not carried out; `code` is the refusal's, the text is for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Client:
    """Calls one gateway, each time over a connection of its own."""

    def __init__(
        self, connect: Callable[[], HTTPConnection], *, path: str = "", token: str = ""
    ) -> None:
        self._connect = connect
        self._path = path
        self._token = token

    def call(self, method: str, target: str, body: bytes | None = None) -> bytes:
        """The JSON that is answered; raises `NotRunning` and `Failed`."""
        with self._answer(method, target, body) as answer:
            return answer.read(ANSWER_LIMIT_BYTES)

    def stream(self, target: str) -> Iterator[bytes]:
        """The lines of JSON that are answered until the gateway stops; raises like `call`."""
        with self._answer("GET", target, None) as answer:
            yield from answer

    @contextmanager
    def _answer(self, method: str, target: str, body: bytes | None) -> Iterator[HTTPResponse]:
        headers = {"accept": "application/json"}
        if body is not None:
            headers["content-type"] = "application/json"
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        connection = self._connect()
        try:
            connection.request(method, self._path + target, body, headers)
            answer = connection.getresponse()
            if answer.status >= 300:
                raise failure_of(answer.status, answer.read(ANSWER_LIMIT_BYTES))
            yield answer
        except (OSError, HTTPException) as error:
            raise _unreachable(error) from None
        finally:
            connection.close()


def local_client(data_dir: Path, timeout_s: float = TIMEOUT_S) -> Client:
    """A client of the gateway of a data folder, over its socket."""

    def connect() -> HTTPConnection:
        path = socket_path(data_dir)
        connection = _UnixConnection(path, timeout_s)
        try:
            check_folder(path, data_dir)
            connection.connect()
        except (FileNotFoundError, ConnectionRefusedError):
            raise NotRunning(str(path)) from None
        except PermissionError:
            raise Failed("no_access", f"{path} belongs to another user") from None
        except UnsafeFolder as error:
            raise Failed("no_access", str(error)) from None
        except OSError as error:
            raise _unreachable(error) from None
        return connection

    return Client(connect)


def remote_client(url: str, token: str, timeout_s: float = TIMEOUT_S) -> Client:
    """A client of a gateway elsewhere; raises ValueError for a URL or a token that is none."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise ValueError("expected an address such as https://sms.example.org")
    if parts.scheme == "http" and host not in LOCAL_NAMES:
        raise ValueError("the token would cross the network in the clear: use https")
    if not token or not (token.isascii() and token.isprintable()):
        raise ValueError("no token: name one with --token, --token-file or DRAGOMAN_TOKEN")

    def connect() -> HTTPConnection:
        if parts.scheme == "http":
            return HTTPConnection(host, port, timeout=timeout_s)
        context = ssl.create_default_context()
        return HTTPSConnection(host, port, timeout=timeout_s, context=context)

    return Client(connect, path=parts.path.rstrip("/"), token=token)


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _unreachable(error: Exception) -> Failed:
    reason = str(error) or type(error).__name__
    return Failed("unavailable", f"the gateway does not answer: {reason}")


def failure_of(status: int, body: bytes) -> Failed:
    """What an answer says that is not a good one, whoever gave it."""
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except msgspec.DecodeError:
        hint = "; does its configuration say `[admin] remote = true`?" if status == 404 else ""
        return Failed("unavailable", f"no admin interface: HTTP status {status}{hint}")
    return Failed(problem.code, problem.detail)
