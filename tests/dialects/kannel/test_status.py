"""The status page of the admin port: who may see it, its forms, and where its figures come from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from tests.dialects.in_process import Answer, ask, nowhere
from tests.passing_time import MovableClock

from dragoman import __version__
from dragoman.assembly import build_services
from dragoman.config import Settings
from dragoman.config.dialects import Dialects
from dragoman.config.kannel import Kannel
from dragoman.config.values import Secret
from dragoman.connectors import connect_carriers
from dragoman.container import Services
from dragoman.dialects.kannel import build_kannel
from dragoman.dialects.kannel.status import PATHS, StatusPage
from dragoman.web.router import DialectApp

PASSWORD = "foobar"
HERE = "127.0.0.1"


class Still(MovableClock):
    """A clock that goes only where a test puts it."""

    def monotonic(self) -> float:
        return 1_000 + self.ahead_s


class Page:
    def __init__(self, services: Services, clock: MovableClock) -> None:
        self.services = services
        self.clock = clock
        self._app = DialectApp([build_kannel(services).web], nowhere, body_timeout_s=30)

    async def get(self, target: str, accept: str = "*/*", client: str = HERE) -> Answer:
        headers = [(b"accept", accept.encode())]
        return await ask(self._app, "GET", target, b"", headers, client=client)

    async def read(self, path: str) -> str:
        """The text of an element of `status.xml`."""
        answer = await self.get(f"/status.xml?password={PASSWORD}")
        found = ElementTree.fromstring(answer.body).findtext(path)
        assert found is not None
        return found


@pytest.fixture
async def page(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Page]:
    clock = Still()
    base = Settings.development(tmp_path, http="127.0.0.1:0", smsc="127.0.0.1:1")
    kannel = Kannel(status_password=Secret(PASSWORD))
    settings = msgspec.structs.replace(base, dialects=Dialects(enabled=("kannel",), kannel=kannel))
    assert settings.database_url == sqlite_url  # its tables are there already
    services = build_services(settings, clock, connect=connect_carriers)
    await services.open()
    yield Page(services, clock)
    await services.close()


FORMS = {
    "/status": b"text/vnd.wap.wml",
    "/status.txt": b"text/plain",
    "/status.html": b"text/html",
    "/status.xml": b"text/xml",
    "/status.wml": b"text/vnd.wap.wml",
    "/cgi-bin/status.xml": b"text/xml",
}


@pytest.mark.parametrize("path", FORMS)
async def test_every_form(page: Page, path: str) -> None:
    answer = await page.get(f"{path}?password={PASSWORD}")
    assert (answer.status, answer.headers[b"content-type"]) == (200, FORMS[path])
    assert b"simulator" in answer.body
    assert b"uptime 0d 0h 0m 0s" in answer.body


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html,application/xhtml+xml", b"text/html"),
        ("text/xml", b"text/xml"),
        ("application/json", b"text/plain"),
    ],
)
async def test_a_caller_gets_what_it_takes(page: Page, accept: str, kind: bytes) -> None:
    answer = await page.get(f"/status?password={PASSWORD}", accept)
    assert answer.headers[b"content-type"] == kind


@pytest.mark.parametrize(
    ("query", "client"),
    [
        ("", HERE),
        ("?password=x", HERE),
        (f"?password={PASSWORD}", "192.0.2.1"),
        ("?password=ø", HERE),
    ],
)
async def test_strangers_see_nothing(page: Page, query: str, client: str) -> None:
    answer = await page.get(f"/status.txt{query}", client=client)
    assert (answer.status, answer.body) == (200, b"Denied")


async def test_guesses_are_limited(page: Page) -> None:
    for _ in range(20):
        await page.get("/status.txt?password=x")
    target = f"/status.txt?password={PASSWORD}"
    assert (await page.get(target)).body == b"Denied"
    page.clock.advance(10)
    assert (await page.get(target)).body != b"Denied"


async def test_there_is_no_page_without_a_password(tmp_path: Path) -> None:
    base = Settings.development(tmp_path, http="127.0.0.1:0", smsc="127.0.0.1:1")
    services = build_services(base)
    app = DialectApp([build_kannel(services).web], nowhere, body_timeout_s=30)
    for path in PATHS:
        assert (await ask(app, "GET", f"{path}?password=", client=HERE)).status == 418
    services.storage.close()


async def test_figures_are_those_of_the_gateway(page: Page) -> None:
    metrics = page.services.metrics
    assert await page.read("sms/sent/total") == "0"
    metrics.inbound["simulator"] += 7
    metrics.outcomes["simulator", "accepted"] += 60
    metrics.outcomes["simulator", "rejected"] += 2
    metrics.receipts["simulator", "matched"] += 20
    metrics.finals["simulator", "delivered"] += 15
    page.clock.advance(60)
    expected = {
        "version": f"Dragoman version `{__version__}'.",
        "sms/received/total": "7",
        "sms/sent/total": "60",
        "sms/outbound": "1.00,1.00,1.00",
        "sms/storesize": "0",
        "dlr/received/total": "20",
        "dlr/inbound": "0.33,0.33,0.33",
        "dlr/queued": "45",
        "smscs/count": "1",
        "smscs/smsc/id": "simulator",
        "smscs/smsc/status": "re-connecting",
        "smscs/smsc/failed": "2",
        "smscs/smsc/sms/received": "7",
        "smscs/smsc/sms/sent": "60",
        "smscs/smsc/dlr/received": "20",
        "boxes/box/type": "smsbox",
    }
    assert {path: await page.read(path) for path in expected} == expected
    page.clock.advance(60)
    assert await page.read("sms/outbound") == "0.00,0.50,0.50"
    assert "uptime 0d 0h 2m 0s" in await page.read("status")


async def test_the_samples_are_bounded(page: Page) -> None:
    status = StatusPage(page.services)
    for _ in range(1_000):
        page.clock.advance(1)
        status.read()
    assert len(status._samples) < 200
