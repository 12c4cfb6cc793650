"""RapidSMS with its Kannel backend, unmodified: texts out, reports and texts in, answers back."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.passing_time import PATIENCE_S, until

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import InboundPartReport
from dragoman.protocols.gsm.alphabet import Alphabet

from .conftest import PASSWORD, USERNAME, Running

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.process]

PROGRAM = Path(__file__).parent / "rapidsms_program.py"
NUMBER = "4512345678"
OUR_NUMBER = "1272"


class Site:
    """The site in its own process."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{port}"

    async def ask(self, *wanted: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(wanted) + b"\n")
        async with asyncio.timeout(PATIENCE_S):
            return msgspec.json.decode(await self._process.stdout.readline())

    async def until(self, what: str, count: int) -> list[Any]:
        """Reports or texts, once there are so many."""
        found: list[Any] = []

        async def are_there() -> bool:
            found[:] = await self.ask(what)
            return len(found) >= count

        await until(are_there, f"{count} {what}")
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(running: Running, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    database = tmp_path_factory.mktemp("rapidsms") / "site.db"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROGRAM), str(database), f"{running.url}/cgi-bin/sendsms"),
        *(USERNAME, PASSWORD),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    async with asyncio.timeout(PATIENCE_S):
        port = int(await process.stdout.readline())
    yield Site(process, port)
    process.stdin.close()
    async with asyncio.timeout(PATIENCE_S):
        assert await process.wait() == 0


async def test_it_sends_and_hears_what_became_of_it(site: Site, running: Running) -> None:
    assert await site.ask("send", "Hej på dig, Ж", NUMBER, "4512345679") == ""
    message = await running.until(State.DELIVERED)
    assert (message.sender, message.text) == (OUR_NUMBER, "Hej på dig, Ж")
    reports = await site.until("reports", 4)
    of_one = [report for report in reports if report["identity"] == NUMBER]
    assert [report["status"] for report in of_one] == [8, 1]
    assert {(report["message_id"], report["smsc"]) for report in reports} == {("id-7", "dragoman")}
    assert of_one[0]["status_text"] == "ACK/"
    assert "stat:DELIVRD" in of_one[1]["status_text"]


async def test_its_mistakes_are_answered(site: Site) -> None:
    assert "400" in await site.ask("send", "Hello", "12")


async def test_it_takes_texts_and_answers_them(site: Site, running: Running) -> None:
    services = running.gateway.services
    account = await services.accounts.find(USERNAME)
    await services.keywords.add_number(account, OUR_NUMBER, shared=False)
    template = f"{site.url}/backend/kannel/?id=%p&text=%a&charset=%C&coding=%c"
    await services.webhooks.put_text_url(account, "kannel", template)
    stored = asyncio.get_running_loop().create_future()
    report = InboundPartReport(
        carrier="simulator",
        source=NUMBER,
        destination=OUR_NUMBER,
        alphabet=Alphabet.UCS2,
        text="echo Привет & co",
    )
    services.inbound.receive(report, stored.set_result)
    assert await stored
    texts = await site.until("texts", 2)
    assert texts == [
        {"direction": "I", "text": "echo Привет & co"},
        {"direction": "O", "text": "Привет & co"},
    ]

    # It sends its answer as a message of its own and answers the call with nothing.
    async def answers() -> list[str]:
        sent = await running.messages()
        return [one.recipient for one in sent if one.text == "Привет & co"]

    await until(answers)
    assert await answers() == [NUMBER]
