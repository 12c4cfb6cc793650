"""Calls the admin interface over HTTP, from a program without an event loop."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
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


class LocalClient:
    """Calls the gateway of a data folder over its socket."""

    def __init__(self, data_dir: Path, timeout_s: float = TIMEOUT_S) -> None:
        self._data_dir = data_dir
        self._timeout_s = timeout_s

    def call(self, method: str, target: str, body: bytes | None = None) -> bytes:
        """The JSON that is answered; raises `NotRunning` and `Failed`."""
        with self._connected() as connection:
            return _exchange(connection, method, target, body).read(ANSWER_LIMIT_BYTES)

    def stream(self, target: str) -> Iterator[bytes]:
        """The lines of JSON that are answered until the gateway stops; raises like `call`."""
        with self._connected() as connection:
            yield from _exchange(connection, "GET", target, None)

    @contextmanager
    def _connected(self) -> Iterator[HTTPConnection]:
        path = socket_path(self._data_dir)
        connection = _UnixConnection(path, self._timeout_s)
        try:
            check_folder(path, self._data_dir)
            connection.connect()
        except (FileNotFoundError, ConnectionRefusedError):
            raise NotRunning(str(path)) from None
        except PermissionError:
            raise Failed("no_access", f"{path} belongs to another user") from None
        except UnsafeFolder as error:
            raise Failed("no_access", str(error)) from None
        except OSError as error:
            raise Failed("unavailable", f"the gateway does not answer: {error}") from None
        with _answering(connection):
            yield connection


class RemoteClient:
    """Calls a gateway by its URL, with an operator's token; raises ValueError for a bad URL."""

    def __init__(self, url: str, token: str, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
            raise ValueError("expected an address such as https://sms.example.org")
        if parts.scheme == "http" and host not in LOCAL_NAMES:
            raise ValueError("the token would cross the network in the clear: use https")
        if not token or not (token.isascii() and token.isprintable()):
            raise ValueError("no token: name one with --token, --token-file or DRAGOMAN_TOKEN")
        self._parts, self._host, self._port = parts, host, parts.port
        self._path = parts.path.rstrip("/")
        self._token = token
        self._timeout_s = timeout_s

    def call(self, method: str, target: str, body: bytes | None = None) -> bytes:
        """The JSON that is answered; raises `Failed`."""
        with self._connected() as connection:
            answer = _exchange(connection, method, self._path + target, body, self._token)
            return answer.read(ANSWER_LIMIT_BYTES)

    def stream(self, target: str) -> Iterator[bytes]:
        """The lines of JSON that are answered until the gateway stops; raises like `call`."""
        with self._connected() as connection:
            yield from _exchange(connection, "GET", self._path + target, None, self._token)

    @contextmanager
    def _connected(self) -> Iterator[HTTPConnection]:
        if self._parts.scheme == "http":
            connection = HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        else:
            context = ssl.create_default_context()
            connection = HTTPSConnection(
                self._host, self._port, timeout=self._timeout_s, context=context
            )
        with _answering(connection):
            yield connection


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@contextmanager
def _answering(connection: HTTPConnection) -> Iterator[None]:
    """Closes a connection behind its answer; one that breaks off is a failure."""
    try:
        yield
    except (OSError, HTTPException) as error:
        reason = str(error) or type(error).__name__
        raise Failed("unavailable", f"the gateway does not answer: {reason}") from None
    finally:
        connection.close()


def _exchange(
    connection: HTTPConnection, method: str, target: str, body: bytes | None, token: str = ""
) -> HTTPResponse:
    headers = {"accept": "application/json"}
    if body is not None:
        headers["content-type"] = "application/json"
    if token:
        headers["authorization"] = f"Bearer {token}"
    connection.request(method, target, body, headers)
    answer = connection.getresponse()
    if answer.status >= 300:
        raise failure_of(answer.status, answer.read(ANSWER_LIMIT_BYTES))
    return answer


def failure_of(status: int, body: bytes) -> Failed:
    """What an answer says that is not a good one, whoever gave it."""
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except msgspec.DecodeError:
        hint = "; does its configuration say `[admin] remote = true`?" if status == 404 else ""
        return Failed("unavailable", f"no admin interface: HTTP status {status}{hint}")
    return Failed(problem.code, problem.detail)
