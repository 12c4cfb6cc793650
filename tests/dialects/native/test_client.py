"""The typed client: current, and the same with and without asyncio."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import httpx
import pytest
from tests.dialects.in_process import nowhere
from tests.dialects.native.conftest import KEY, Gate

from dragoman.web.router import DialectApp

CLIENTS = Path(__file__).parents[3] / "clients/python"
sys.path.insert(0, str(CLIENTS / "src"))

from dragoman_client import AsyncClient, Client, Problem  # noqa: E402

pytestmark = pytest.mark.asyncio(loop_scope="module")
URL = "http://gateway.test"


async def test_it_is_what_the_document_says() -> None:
    generate = runpy.run_path(str(CLIENTS / "generate.py"))
    written = (CLIENTS / "src/dragoman_client/_api.py").read_text()
    assert generate["render"]() == written, "run python clients/python/generate.py"


async def test_calls_in_asyncio(gate: Gate) -> None:
    application = DialectApp([gate.dialect.web], nowhere, body_timeout_s=30)
    transport = httpx.ASGITransport(application)
    async with AsyncClient(URL, KEY, client=httpx.AsyncClient(transport=transport)) as client:
        message = await client.send_message(to="+4520000077", text="hi", from_="ACME")
        assert (await client.get_message(message["id"]))["from"] == "ACME"
        page = await client.list_messages(to="+4520000077")
        assert [one["id"] for one in page["data"]] == [message["id"]]
        with pytest.raises(Problem) as caught:
            await client.get_batch("12")
        assert (caught.value.status, caught.value.type) == (404, "urn:dragoman:problem:not-found")


async def test_nothing_is_not_the_same_as_not_given(gate: Gate) -> None:
    """Bug: None was left out, so that nothing could be taken away from a contact or a key."""
    application = DialectApp([gate.dialect.web], nowhere, body_timeout_s=30)
    transport = httpx.ASGITransport(application)
    async with AsyncClient(URL, KEY, client=httpx.AsyncClient(transport=transport)) as client:
        key = await client.create_key(name="till", expires_at="2036-01-01T00:00:00Z")
        named = await client.change_key(key["id"], name="shop")
        assert (named["name"], named["expires_at"]) == ("shop", key["expires_at"])
        assert (await client.change_key(key["id"], expires_at=None))["expires_at"] is None
        await client.revoke_key(key["id"])


async def test_what_sends_is_repeated_with_the_same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dragoman_client._transport.PAUSES_S", (0.0, 0.0))
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["idempotency-key"])
        if len(seen) == 1:
            raise httpx.ConnectError("gone", request=request)
        return httpx.Response(503 if len(seen) == 2 else 201, json={"id": "7"})

    client = httpx.Client(transport=httpx.MockTransport(answer))
    with Client(URL, KEY, client=client) as dragoman:
        assert dragoman.send_message(to="+4520000078", text="hi")["id"] == "7"
    assert len(seen) == 3
    assert len(set(seen)) == 1
