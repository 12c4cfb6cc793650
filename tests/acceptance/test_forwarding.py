"""A text from a phone to a customer's server: SMPP in, HTTP out, with a whole gateway between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dragoman.config import Settings
from dragoman.config.sections import Callbacks, Http
from dragoman.config.tables import SmppTable
from dragoman.core.callbacks import worker as worker_module
from dragoman.core.inbound.model.inbound import InboxFilter
from dragoman.gateway import Gateway

ALICE = "4511111111"


class Customer:
    """A server that keeps each request as its octets."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        self.requests.append(head + await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()


@pytest.fixture
async def customer() -> AsyncIterator[Customer]:
    customer = Customer()
    await customer.start()
    yield customer
    await customer.stop()


@pytest.fixture
async def make_gateway(
    tmp_path: Path, simulator: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Any]:
    monkeypatch.setattr(worker_module, "FIRST_PAUSE_S", 0.05)
    settings = Settings(
        data_dir=str(tmp_path),
        http=Http(listen="127.0.0.1:0"),
        carriers=(
            SmppTable(name="smsc", host="127.0.0.1", port=simulator.port, system_id="dragoman"),
        ),
        callbacks=Callbacks(allow_private=("127.0.0.0/8",), first_retry_s=0.05, max_retry_s=0.1),
    )
    made: list[Gateway] = []

    async def make() -> Gateway:
        gateway = Gateway(settings)
        made.append(gateway)
        await gateway.start(migrate=True)
        await until(lambda: gateway.connectors["smsc"].up)
        return gateway

    yield make
    for gateway in made:
        if gateway.ready:
            await gateway.stop()


async def reserve(gateway: Gateway, customer: Customer, charset: str = "") -> Any:
    created = await gateway.services.accounts.create("shop", password="secret")
    await gateway.services.keywords.add_number(created.account, "1272", shared=False)
    service = await gateway.services.keywords.add_forwarding(
        created.account,
        dialect="linkmobility",
        url=f"http://127.0.0.1:{customer.port}/in?a=1#x",
        charset=charset,
        continuous=False,
    )
    await gateway.services.keywords.reserve(
        created.account, "1272", "pizza", forwarding_id=service.forwarding_id
    )
    return created.account


async def test_a_text_is_acknowledged_kept_and_posted(
    make_gateway: Any, simulator: Any, customer: Customer, until: Any
) -> None:
    gateway = await make_gateway()
    account = await reserve(gateway, customer)
    await simulator.send_text(ALICE, "1272", "Pizza 50% af æ\r\nX-Evil: 1 ")
    page = await gateway.services.queries.inbox(InboxFilter(account_id=account.account_id), 0, 1)
    assert page.texts[0].handling == "forwarded"
    await until(lambda: customer.requests)
    [request] = customer.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert body == b"SMS=Pizza+50%25+af+%C3%A6%0D%0AX-Evil%3A+1+&FROM=4511111111&NUMBER=1272"
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /in?a=1 HTTP/1.1"
    assert [line for line in lines[1:] if line.split(b":")[0] not in OURS] == [
        b"SMS: Pizza 50%25 af %C3%A6%0D%0AX-Evil: 1%20",
        b"FROM: 4511111111",
        b"NUMBER: 1272",
        b"Content-Type: application/x-www-form-urlencoded; charset=utf-8",
        b"Content-Length: %d" % len(body),
    ]


OURS = {b"Host", b"User-Agent", b"Accept", b"Accept-Encoding"}


async def test_a_server_that_is_down_gets_every_text_when_it_is_back(
    make_gateway: Any, simulator: Any, customer: Customer, until: Any
) -> None:
    gateway = await make_gateway()
    await reserve(gateway, customer, charset="windows-1252")
    await customer.stop()
    for n in range(3):
        await simulator.send_text(ALICE, "1272", f"pizza € {n}")
    await until(lambda: gateway.metrics.callbacks["retry"] > 0)
    await customer.start()
    await until(lambda: len(customer.requests) >= 3)
    bodies = sorted(request.rpartition(b"\r\n\r\n")[2] for request in customer.requests)
    assert [body.split(b"&")[0] for body in bodies] == [b"SMS=pizza+%%80+%d" % n for n in range(3)]


async def test_what_was_not_posted_before_a_restart_is_after_it(
    make_gateway: Any, simulator: Any, customer: Customer, until: Any
) -> None:
    first = await make_gateway()
    await reserve(first, customer)
    await customer.stop()
    await simulator.send_text(ALICE, "1272", "pizza")
    await until(lambda: first.metrics.callbacks["retry"] > 0)
    await first.stop()
    await customer.start()
    second = await make_gateway()
    await until(lambda: customer.requests)
    await until(lambda: second.callbacks_waiting() == 0)
    assert len(customer.requests) == 1
