"""The admin interface over TCP: who gets in, who does not, and what clients refuse to do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from dragoman.admin.client import Failed, remote_client
from dragoman.admin.operations import build_admin
from dragoman.admin.remote import FAILURES_PER_MINUTE, TokenGuard
from dragoman.kit.clock import FixedClock
from dragoman.web.responses import Response
from dragoman.web.router import DialectApp
from dragoman.web.server import build_server

from .conftest import Caller

LIST = "/admin/v1/accounts"
HERE = "192.0.2.1"


async def nothing(*_of_asgi: Any) -> None:
    """Answers nothing beside the operations."""


class Remote:
    """The operations behind a guard, asked without a server between."""

    def __init__(self, call: Caller) -> None:
        self.clock = FixedClock()
        self.tokens = call.services.admin_tokens
        self.app = DialectApp(
            [build_admin(call.admin, TokenGuard(self.tokens, self.clock))],
            nothing,
            body_timeout_s=10,
        )

    async def get(self, authorization: str, path: str = LIST, client: str = HERE) -> Response:
        headers = [(b"authorization", authorization.encode("latin-1"))] if authorization else []
        opened = self.app.open(
            {
                "method": "GET",
                "path": path,
                "raw_path": path.encode(),
                "query_string": b"",
                "headers": headers,
                "client": (client, 1),
            }
        )
        assert opened is not None
        return opened.response or await opened.answer(b"")


@pytest.fixture
def remote(call: Caller) -> Remote:
    return Remote(call)


async def test_a_good_token_is_let_in_until_it_is_revoked(remote: Remote) -> None:
    token = await remote.tokens.create("ops")
    for spelling in ("Bearer", "bearer"):
        assert (await remote.get(f"{spelling} {token}")).status == 200
    await remote.tokens.revoke("ops")
    assert (await remote.get(f"Bearer {token}")).status == 401


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer x", "Basic b3BzOng=", "Bearer \xff"]
)
@pytest.mark.parametrize("path", [LIST, "/admin/v1/events", "/admin/v1/openapi.json"])
async def test_without_a_good_token_nothing_is_answered(
    remote: Remote, authorization: str, path: str
) -> None:
    await remote.tokens.create("ops")
    answer = await remote.get(authorization, path)
    assert answer.status == 401
    assert (b"www-authenticate", b"Bearer") in answer.headers
    assert msgspec.json.decode(answer.body)["code"] == "authentication_failed"


async def test_tokens_cannot_be_managed_from_elsewhere(remote: Remote) -> None:
    token = await remote.tokens.create("ops")
    assert (await remote.get(f"Bearer {token}", "/admin/v1/tokens")).status == 404


async def test_an_address_that_failed_often_has_to_wait_with_a_good_token(remote: Remote) -> None:
    token = await remote.tokens.create("ops")
    for _ in range(FAILURES_PER_MINUTE):
        assert (await remote.get("Bearer x")).status == 401
    refused = await remote.get(f"Bearer {token}")
    assert refused.status == 401
    assert b"wait a minute" in refused.body
    assert (await remote.get(f"Bearer {token}", client="192.0.2.2")).status == 200
    remote.clock.advance(60)
    assert (await remote.get(f"Bearer {token}")).status == 200


@pytest.fixture
async def url(remote: Remote) -> AsyncIterator[str]:
    """Where a server answers over TCP."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = build_server(remote.app, host="127.0.0.1", port=0)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await server.listening.wait()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    await serving


async def test_the_client_calls_by_url_and_token(remote: Remote, call: Caller, url: str) -> None:
    client = remote_client(f"{url}/", await remote.tokens.create("ops"))
    created = await asyncio.to_thread(client.call, "POST", LIST, b'{"username":"shop"}')
    assert msgspec.json.decode(created)["account"]["username"] == "shop"
    assert (await call.services.accounts.find("shop")).enabled
    with pytest.raises(Failed) as caught:
        await asyncio.to_thread(client.call, "POST", LIST, b'{"username":"shop"}')
    assert caught.value.code == "already_exists"
    lines = client.stream("/admin/v1/events")
    assert (await asyncio.to_thread(next, lines)).startswith(b'{"lines":[]')
    lines.close()


async def test_the_client_says_what_a_wrong_token_means(url: str) -> None:
    with pytest.raises(Failed) as caught:
        await asyncio.to_thread(remote_client(url, "wrong").call, "GET", LIST)
    assert caught.value.code == "authentication_failed"


def test_a_gateway_that_is_not_there_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Failed) as caught:
        remote_client(f"http://127.0.0.1:{port}", "token").call("GET", LIST)
    assert caught.value.code == "unavailable"


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("sms.example.org", "t"),
        ("ftp://sms.example.org", "t"),
        ("https://", "t"),
        ("https://sms.example.org/?x=1", "t"),
        ("http://sms.example.org", "t"),
        ("https://sms.example.org", ""),
        ("https://sms.example.org", "t\r\nx: y"),
    ],
)
def test_what_would_not_work_or_leak_the_token_is_refused(url: str, token: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        remote_client(url, token)
