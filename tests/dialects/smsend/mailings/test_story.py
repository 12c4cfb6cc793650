"""A campaign from the list to the button that leaves it: HTTP, mails as files, pages."""

from __future__ import annotations

import asyncio
import email
from collections.abc import AsyncIterator
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from tests.passing_time import PATIENCE_S

from dragoman.campaigns.build import build_relay_share
from dragoman.campaigns.pages import build_mailing_pages
from dragoman.campaigns.relay import Outbox
from dragoman.core.campaigns.worker import MailWorker
from dragoman.kit.clock import SystemClock
from dragoman.web.router import DialectApp


class Reader:
    """Somebody who reads mail and presses buttons."""

    def __init__(self, smsend: Any, outbox: Path) -> None:
        self.outbox = outbox
        self.services = smsend.services
        self.app = DialectApp(
            [build_mailing_pages(smsend.services.mailings)], _nowhere, body_timeout_s=30
        )

    async def mails(self, count: int) -> list[Any]:
        """The mails in the outbox, in the order they were made."""
        async with asyncio.timeout(PATIENCE_S):
            while len(found := sorted(self.outbox.glob("*.eml"), key=_age)) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert len(found) == count
        return [email.message_from_bytes(path.read_bytes(), policy=default) for path in found]

    async def ask(
        self, method: str, url: str, body: bytes = b"", language: bytes = b""
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        path = "/mailings" + url.partition("/mailings")[2]
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [
                (b"content-length", b"%d" % len(body)),
                (b"content-type", b"application/x-www-form-urlencoded"),
                (b"accept-language", language),
            ],
            "client": ("192.0.2.9", 40000),
        }
        await self.app(scope, receive, send)
        start, finish = sent
        return start["status"], dict(start["headers"]), finish["body"]


async def _nowhere(_scope: Any, _receive: Any, _send: Any) -> None:
    raise AssertionError("outside of the pages")


def _age(path: Path) -> int:
    return path.stat().st_mtime_ns


@pytest.fixture
async def reader(smsend: Any, tmp_path: Path) -> AsyncIterator[Reader]:
    services, outbox = smsend.services, tmp_path / "outbox"
    clock = _Ahead(smsend.clock)
    worker = MailWorker(
        storage=services.storage,
        settings=services.settings.mailings,
        pages_url="https://example.com/mailings",
        new_transport=lambda: Outbox(outbox),
        clock=clock,
        metrics=services.metrics,
        relay=build_relay_share(services.settings.mailings, clock),
        new_token=services.mailings.new_token,
    )
    await worker.restore()
    services.mailings.mail_due.subscribe(worker.announce)
    task = asyncio.create_task(worker.run())
    yield Reader(smsend, outbox)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class _Ahead(SystemClock):
    """Tells the house's time of day, while waiting takes real time."""

    def __init__(self, wall: Any) -> None:
        self._wall = wall

    def now_ms(self) -> int:
        return int(self._wall.now_ms())


def _link(mail: Any, page: str) -> str:
    text = str(mail.get_body(("plain",)).get_content())
    return next(word for word in text.split() if f"/{page}/" in word)


async def test_campaign_from_opt_in_to_unsubscribe(smsend: Any, desk: Any, reader: Reader) -> None:
    path = await desk.list()
    target = f"{path}/contact?SendOptIn=true"
    answer = await smsend.post(target, {"email": "ann@one.example"})
    contact_id = answer.location.removeprefix("/contact/")
    [asked] = await reader.mails(1)
    assert asked["Subject"] == "Conferma l’iscrizione: MyNewList"

    confirm = _link(asked, "confirm")
    status, headers, page = await reader.ask("GET", confirm, language=b"it-IT,it;q=0.9")
    assert status == 200
    assert headers[b"content-type"] == b"text/html; charset=utf-8"
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"referrer-policy"] == b"no-referrer"
    assert b"default-src 'none'" in headers[b"content-security-policy"]
    assert '<form method="post"><button type="submit">Sì, mi iscrivo</button></form>' in (
        page.decode()
    )
    assert b"<script" not in page
    status, _, page = await reader.ask("POST", confirm)
    assert status == 200
    assert b"You are subscribed." in page

    issue = await desk.issue(path)
    body = {"contactIds": [contact_id], "scheduleTime": "2017-08-17 12:30:00"}
    assert (await smsend.post(issue, body)).status == 201
    await smsend.services.issues.expand_due()
    _, mail = await reader.mails(2)
    assert (mail["To"], mail["Subject"]) == ("ann@one.example", "Hello world!")
    assert [part.get_filename() for part in mail.iter_attachments()] == [
        "attach1.pdf",
        "attach2.pdf",
    ]

    leave = str(mail["List-Unsubscribe"]).strip("<>")
    assert leave == _link(mail, "unsubscribe")
    # Looking at the page, as scanners do, leaves nothing.
    status, _, page = await reader.ask("GET", leave)
    assert status == 200
    assert b"Do you want to unsubscribe from this list?" in page
    another = await desk.issue(path)
    assert (await smsend.post(another, body)).status == 201
    await smsend.services.issues.expand_due()
    await reader.mails(3)
    for press in (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=One-Click", b""):
        status, _, page = await reader.ask("POST", leave, press)
        assert (status, b"You have been unsubscribed" in page) == (200, True)
    third = await desk.issue(path)
    assert (await smsend.post(third, body)).status == 201
    await smsend.services.issues.expand_due()
    await reader.mails(3)


@pytest.mark.parametrize("page", ["unsubscribe", "confirm"])
@pytest.mark.parametrize("token", ["x", "a" * 32, "a" * 5000, "%00", "%ff%fe", "<b>"])
async def test_token_that_leads_nowhere_tells_nothing(
    smsend: Any, reader: Reader, page: str, token: str
) -> None:
    before = await smsend.rows()
    asked = await reader.ask("GET", f"/mailings/{page}/{token}")
    valid = await reader.ask("GET", f"/mailings/{page}/{'b' * 32}")
    assert asked == valid
    status, _, body = await reader.ask("POST", f"/mailings/{page}/{token}")
    assert status == 404
    assert b"This link is invalid." in body
    assert token.encode() not in body
    assert await smsend.rows() == before
