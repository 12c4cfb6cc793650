"""A campaign over HTTP and SMTP as users see it, with restarts in between."""

from __future__ import annotations

import asyncio
import email
import socket
from collections.abc import AsyncIterator
from email.policy import default
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiosmtpd.smtp import SMTP, Envelope
from tests.passing_time import PATIENCE_S

from dragoman.config import Settings
from dragoman.config.sections import Mailings
from dragoman.gateway import Gateway

PASSWORD = "a password"
ANN = "ann@one.example"
LIST = {
    "title": "MyNewList",
    "id_language": "eng",
    "email_sender": "ema@il.com",
    "reply_to": "ema@il.com",
    "company_name": "MyCompany",
    "company_address": "My Company Address",
    "company_url": "www.mycompany.com",
    "company_phone": "+34123456789",
    "company_fax": "+341234567810",
}
ISSUE = {
    "title": "New title",
    "subject": "Hello world!",
    "share_social": True,
    "text_content": "Test email",
    "html_content": "<body>Hello world!</body>",
    "attachments": [],
}


class World:
    """The gateway, the relay behind it, and a program that speaks smSend."""

    def __init__(self, folder: Path) -> None:
        self.mails: asyncio.Queue[Any] = asyncio.Queue()
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.http: int = server.getsockname()[1]
        self.headers: dict[str, str] = {}

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.put_nowait(email.message_from_bytes(content, policy=default))
        return "250 OK"

    async def mail(self) -> Any:
        return await asyncio.wait_for(self.mails.get(), PATIENCE_S)

    async def begin(self) -> None:
        self.relay = await asyncio.get_running_loop().create_server(
            lambda: SMTP(self, hostname="relay.test"), "127.0.0.1", 0
        )
        await self.start()
        account = await self.gateway.services.accounts.create("demo", password=PASSWORD)
        _, _, keys = await self.call("GET", "token", params=f"username=demo&password={PASSWORD}")
        self.headers = dict(
            zip(("user_key", "Access_token"), keys.decode().split(";"), strict=True)
        )
        assert account is not None

    async def start(self) -> None:
        settings = Settings.development(
            self.folder, http=f"127.0.0.1:{self.http}", smsc="127.0.0.1:1"
        )
        mailings = Mailings(
            enabled=True,
            relay=f"127.0.0.1:{self.relay.sockets[0].getsockname()[1]}",
            security="none",
            sender="bounces@relay.example",
            base_url=f"http://127.0.0.1:{self.http}",
            rate_per_s=1000,
        )
        dialects = msgspec.structs.replace(settings.dialects, enabled=("smsend",))
        self.gateway = Gateway(
            msgspec.structs.replace(settings, carriers=(), mailings=mailings, dialects=dialects)
        )
        await self.gateway.start(migrate=True)

    async def call(
        self, method: str, target: str, body: object = None, *, params: str = ""
    ) -> tuple[int, str, bytes]:
        url = f"http://127.0.0.1:{self.http}/API/v1.0/REST/{target}"
        async with aiohttp.request(
            method, url, json=body, params=params or None, headers=self.headers
        ) as answer:
            return answer.status, answer.headers.get("Location", ""), await answer.read()

    async def make(self, target: str, body: object) -> str:
        status, location, answer = await self.call("POST", target, body)
        assert (status, answer) == (201, b'""')
        return location.removeprefix("/")

    async def press(self, link: str) -> str:
        async with aiohttp.request("POST", link, data="List-Unsubscribe=One-Click") as answer:
            assert answer.status == 200
            return await answer.text()

    async def end(self) -> None:
        await self.gateway.stop()
        self.relay.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.begin()
    yield world
    await world.end()


async def test_subscriber_confirms_reads_and_leaves(world: World) -> None:
    path = await world.make("list", LIST)
    contact = await world.make(f"{path}/contact?SendOptIn=true", {"email": ANN})
    asked = await world.mail()
    text = asked.get_body(("plain",)).get_content()
    assert "demo" not in await world.press(
        next(word for word in text.split() if "/confirm/" in word)
    )
    issue = await world.make(f"{path}/issue", ISSUE)
    sending = {
        "contactIds": [contact.removeprefix("contact/")],
        "scheduleTime": "2017-08-17 12:30:00",
    }
    await world.make(issue, sending)
    mail = await world.mail()
    assert (mail["To"], mail["From"]) == (ANN, "MyCompany <ema@il.com>")

    # What is scheduled outlives the process, and so do the links.
    await world.gateway.stop()
    await world.start()
    second = await world.make(f"{path}/issue", ISSUE)
    await world.make(second, sending)
    await world.mail()
    await world.press(str(mail["List-Unsubscribe"]).strip("<>"))
    third = await world.make(f"{path}/issue", ISSUE)
    await world.make(third, sending)
    other = await world.make(f"{path}/contact", {"email": "bob@two.example"})
    await world.make(third, sending | {"contactIds": [other.removeprefix("contact/")]})
    assert (await world.mail())["To"] == "bob@two.example"
    assert world.mails.empty()
