"""The socket: who may open it, where it is, and what happens to calls that go wrong on it."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import tempfile
from pathlib import Path

import msgspec
import pytest

from dragoman.admin.client import Failed, NotRunning, local_client
from dragoman.admin.message_answers import FeedLines
from dragoman.admin.operations import BODY_LIMIT_BYTES
from dragoman.admin.server import AdminServer, build_admin_app
from dragoman.admin.socket_path import (
    MAX_BYTES,
    UnsafeFolder,
    check_folder,
    make_folder,
    socket_path,
)
from dragoman.container import Services
from dragoman.core.messages.model.messages import Submission

from .conftest import Caller

LIST = "/admin/v1/accounts"


async def exchange(services: Services, request: bytes, *, leaves: bool = False) -> bytes:
    path = os.fspath(socket_path(services.settings.data_path))
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(request)
    if leaves:
        writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


async def test_only_the_user_may_open_the_socket(services: Services) -> None:
    mode = socket_path(services.settings.data_path).stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert mode & 0o777 == 0o600


async def test_a_socket_that_was_left_behind_is_replaced(call: Caller) -> None:
    path = socket_path(call.services.settings.data_path)
    path.unlink()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(path))
    server = AdminServer(build_admin_app(call.admin), call.admin.services.settings.data_path)
    await server.start()
    assert (await call("GET", "accounts"))["accounts"] == []
    assert path.stat().st_mode & 0o777 == 0o600
    await server.stop()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"username":1}', b'{"username":"x","more":1}', b'{"credits":1}']
)
async def test_a_malformed_body_is_refused_and_the_next_call_served(
    call: Caller, body: bytes
) -> None:
    with pytest.raises(Failed) as caught:
        await asyncio.to_thread(call.client.call, "POST", LIST, body)
    assert caught.value.code == "malformed_request"
    assert (await call("GET", "accounts"))["accounts"] == []


async def test_a_problem_is_told_as_one(services: Services) -> None:
    answer = await exchange(
        services, b"DELETE /admin/v1/numbers/1272 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    )
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    assert b"content-type: application/problem+json" in head.lower()
    assert b'"code":"not_found"' in body


async def test_a_body_over_the_limit_is_refused(call: Caller) -> None:
    with pytest.raises(Failed) as caught:
        await asyncio.to_thread(call.client.call, "POST", LIST, b"x" * (BODY_LIMIT_BYTES + 1))
    assert caught.value.code == "too_large"


async def test_nothing_is_answered_beside_the_operations(call: Caller) -> None:
    with pytest.raises(Failed, match="HTTP status 404"):
        await asyncio.to_thread(call.client.call, "GET", "/metrics")


async def test_a_caller_that_leaves_in_the_middle_disturbs_no_other(
    call: Caller, services: Services
) -> None:
    begun = b"POST /admin/v1/accounts HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{"
    assert await exchange(services, begun, leaves=True) == b""
    assert (await call("GET", "accounts"))["accounts"] == []


async def test_the_feed_is_followed_until_the_server_stops(
    call: Caller, services: Services
) -> None:
    await services.accounts.create("shop", default_sender="Shop")
    server = AdminServer(build_admin_app(call.admin), call.admin.services.settings.data_path)
    await server.start()
    lines = call.client.stream("/admin/v1/events?account=shop&states=queued,sent")
    assert (await asyncio.to_thread(next, lines)).startswith(b'{"lines":[]')
    await services.submission.submit(
        await services.accounts.find("shop"),
        Submission(dialect="cli", recipients=("4512345678",), text="x", sender=""),
    )
    page = FeedLines(lines=())
    while not page.lines:
        page = msgspec.json.decode(await asyncio.to_thread(next, lines), type=FeedLines)
    [line] = page.lines
    assert (line.account, line.recipient, line.state) == ("shop", "4512345678", "queued")
    stopping = asyncio.create_task(server.stop())
    rest = await asyncio.to_thread(list, lines)
    await stopping
    assert all(one.startswith(b'{"lines":[]') for one in rest)


@pytest.mark.parametrize("query", ["account=nobody", "states=flying"])
async def test_a_feed_that_cannot_be_is_refused_before_it_begins(call: Caller, query: str) -> None:
    with pytest.raises(Failed) as caught:
        await asyncio.to_thread(next, call.client.stream(f"/admin/v1/events?{query}"))
    assert caught.value.code in {"not_found", "invalid_field"}


def test_no_socket_and_a_dead_one_mean_that_nothing_runs(tmp_path: Path) -> None:
    with pytest.raises(NotRunning):
        local_client(tmp_path).call("GET", LIST)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(socket_path(tmp_path)))
    with pytest.raises(NotRunning):
        local_client(tmp_path).call("GET", LIST)


def test_a_silent_gateway_is_a_failure_not_a_wait(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(os.fspath(socket_path(tmp_path)))
        silent.listen()
        with pytest.raises(Failed) as caught:
            local_client(tmp_path, timeout_s=0.05).call("GET", LIST)
    assert caught.value.code == "unavailable"


@pytest.fixture
def deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder whose path is too long for a socket."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / ("d" * MAX_BYTES)
    folder.mkdir()
    return folder


def test_a_long_path_gets_a_short_socket_in_a_private_folder(deep: Path, tmp_path: Path) -> None:
    path = socket_path(deep)
    assert path.parent.parent == tmp_path
    assert path == socket_path(deep / "x" / "..")
    make_folder(path, deep)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    check_folder(path, deep)


def test_a_folder_that_others_may_enter_is_not_trusted(deep: Path) -> None:
    path = socket_path(deep)
    path.parent.mkdir()
    path.parent.chmod(0o755)
    with pytest.raises(UnsafeFolder):
        make_folder(path, deep)
    with pytest.raises(Failed) as caught:
        local_client(deep).call("GET", LIST)
    assert caught.value.code == "no_access"
