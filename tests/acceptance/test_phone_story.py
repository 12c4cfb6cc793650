"""A program of SMSGateway24 and its owner's phones; phones and gateway are killed meanwhile."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.passing_time import until
from tests.ports import free_port

from dragoman.testkit.fake_phone import FakePhone, SentText

from .command_line import run_beside

DRAGOMAN = str(Path(sys.executable).parent / "dragoman")
PASSWORD = "story password"
NUMBER = "+4915752982212"
TEXTS = 12
CONFIG = """
data_dir = "{folder}/data"

[http]
listen = "127.0.0.1:{http}"

[callbacks]
allow_private = ["127.0.0.0/8"]
first_retry_s = 0.1
max_retry_s = 0.3

[[carriers]]
name = "android"
type = "phones"
in_flight = 2
present_s = 0.5
fetched_life_s = 4.0
clock_margin_s = 0.2
processed_life_s = 6.0

[log]
level = "error"
"""


class Gateway:
    """A real `dragoman serve`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._config = folder / "dragoman.toml"
        self._config.write_text(CONFIG.format(folder=folder, http=port))
        self._process: asyncio.subprocess.Process | None = None

    async def command(self, *arguments: str) -> Any:
        """What a command answers, as JSON."""
        where = ("--config", str(self._config), "--json")
        return json.loads(await run_beside(self._config.parent, *arguments, *where))

    async def migrate(self) -> None:
        await run_beside(self._config.parent, "migrate", "--config", str(self._config))

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(DRAGOMAN, "serve", "--config", str(self._config))
        )
        # Without phones it is not ready to send, but it takes calls.
        async with aiohttp.ClientSession() as session:
            for _ in range(600):
                assert self._process.returncode is None, "the gateway ended by itself"
                with suppress(aiohttp.ClientError):
                    async with session.get(f"{self.url}/health/live") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.05)
        raise AssertionError("the gateway did not become ready")

    async def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(how)
            await self._process.wait()

    async def phone(self, name: str, *, sims: int) -> FakePhone:
        """A phone whose owner typed in a code, without limits."""
        code = await self.command("device", "code", "--account", "acme")
        phone = FakePhone(f"{self.url}/api/mobile/v1", name=name, sims=sims)
        answer = await phone.register(code=code["code"])
        assert answer.status == 201, answer
        await self.command(
            *("device", "change", phone.device_id, "--per-minute", "0", "--gap", "0")
        )
        return phone


class Program:
    """The customer's program: it posts forms, and listens for webhooks."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self.token = ""
        self.deliveries: list[dict[str, Any]] = []
        self.incoming: list[dict[str, Any]] = []
        self.port = 0

    async def call(self, name: str, **given: Any) -> Any:
        form = {"token": self.token, **given}
        async with self._session.post(f"{self._url}/getdata/{name}", data=form) as answer:
            assert answer.status == 200
            return json.loads(await answer.read())

    async def log_in(self) -> None:
        self.token = (await self.call("gettoken", email="acme", **{"pass": PASSWORD}))["token"]

    async def send(self, body: str, **given: Any) -> int:
        answer = await self.call("addsms", sendto=NUMBER, body=body, **given)
        assert answer["error"] == 0, answer
        return int(answer["sms_id"])

    async def all(self, **given: Any) -> dict[int, dict[str, Any]]:
        answer = await self.call("getallsms", **given)
        return {int(sms_id): sms for sms_id, sms in answer["smss"].items()}

    async def statuses(self, sms_ids: list[int]) -> Counter[int]:
        found = await self.all()
        return Counter(found[sms_id]["status"] for sms_id in sms_ids)

    def told(self, sms_id: int) -> list[int]:
        return [event["status_id"] for event in self.deliveries if event["sms_id"] == sms_id]

    async def listen(self) -> web.AppRunner:
        def take(events: list[dict[str, Any]]) -> Any:
            async def handle(request: web.Request) -> web.Response:
                events.append(await request.json())
                return web.Response(text="ok")

            return handle

        app = web.Application()
        app.router.add_post("/delivery", take(self.deliveries))
        app.router.add_post("/incoming", take(self.incoming))
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        return runner


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    gateway = Gateway(tmp_path, free_port())
    await gateway.migrate()
    await gateway.start()
    yield gateway
    await gateway.kill()


@pytest.fixture
async def program(gateway: Gateway) -> AsyncIterator[Program]:
    async with aiohttp.ClientSession() as session:
        program = Program(session, gateway.url)
        runner = await program.listen()
        await gateway.command(
            *("account", "create", "acme", "--password", PASSWORD, "--sender", "Acme")
        )
        for event in ("delivery", "incoming"):
            url = f"http://127.0.0.1:{program.port}/{event}"
            await gateway.command("webhook", "set", "acme", event, url)
        yield program
        await runner.cleanup()


@pytest.mark.slow
async def test_a_program_sends_and_receives_over_phones_that_come_and_go(
    gateway: Gateway, program: Program
) -> None:
    await program.log_in()
    first = await gateway.phone("First", sims=2)
    await first.start()
    await _dual_sim(program, first)
    await _incoming(program, first)
    second = await _replace_in_mid_work(gateway, program, first)
    await _restart_in_mid_work(gateway, program, second)
    await second.kill()


async def _dual_sim(program: Program, phone: FakePhone) -> None:
    """A text on each SIM, through every status to delivered, told once each by webhook."""
    phone.steps = lambda _: ("Processed",)
    ids = [await program.send(f"slot {sim}", device_id=phone.device_id, sim=sim) for sim in (0, 1)]

    async def both_processed() -> bool:
        return await program.statuses(ids) == {2: 2} and len(phone.sent) == 2

    await until(both_processed, "both texts are with the radio")
    assert sorted((text.sim, text.text) for text in phone.sent) == [(1, "slot 0"), (2, "slot 1")]
    for state, status in (("Sent", 6), ("Delivered", 7)):
        for text in phone.sent:
            local = phone._messages[text.message_id]
            local.state = state
            assert (await phone.report(local.snapshot())).status == 204
        assert await program.statuses(ids) == {status: 2}

    async def all_told() -> bool:
        return all(len(program.told(sms_id)) == 2 for sms_id in ids)

    await until(all_told, "the webhook was told of both")
    assert [program.told(sms_id) for sms_id in ids] == [[6, 7], [6, 7]]
    [event] = [e for e in program.deliveries if e["sms_id"] == ids[1] and e["status_id"] == 7]
    assert (event["sendto"], event["channel_id"], event["device_id"]) == (
        NUMBER,
        1,
        int(phone.device_id),
    )
    shown = await program.all(device_id=phone.device_id, sim=1)
    assert [sms["body"] for sms in shown.values()] == ["slot 1"]


async def _incoming(program: Program, phone: FakePhone) -> None:
    answer = await phone.receive("+4917642111111", "Hallo zurück", sim=2)
    assert answer.status == 200

    async def told() -> bool:
        return len(program.incoming) == 1

    await until(told, "the text was forwarded")
    [event] = program.incoming
    assert (event["address"], event["body"]) == ("+4917642111111", "Hallo zurück")
    assert (event["channel_id"], event["device_name"]) == (1, "First")
    [(sms_id, sms)] = (await program.all(status=5)).items()
    assert sms_id == event["sms_id"]
    assert (sms["sendto"], sms["body"], sms["sim"]) == ("+4917642111111", "Hallo zurück", 1)


async def _replace_in_mid_work(gateway: Gateway, program: Program, first: FakePhone) -> FakePhone:
    """The first phone dies with texts in its hands; another takes over what it never sent."""
    before = len(first.sent)

    def die_after_two(text: SentText) -> tuple[str, ...]:
        if len(first.sent) - before == 2:
            first.sending.clear()
            return ()
        return ("Processed", "Sent", "Delivered")

    first.steps = die_after_two
    ids = [await program.send(f"work {number}") for number in range(TEXTS)]

    async def stuck() -> bool:
        return not first.sending.is_set()

    await until(stuck, "the first phone has begun")
    await first.kill()
    second = await gateway.phone("Second", sims=1)
    await second.start()

    async def done() -> bool:
        return await program.statuses(ids) == {7: TEXTS}

    await until(done, "the second phone has taken over")
    sent = Counter(text.text for text in first.sent[before:] + second.sent)
    assert sent == {f"work {number}": 1 for number in range(TEXTS)}
    shown = await program.call("getdevicestatus", device_id=first.device_id)
    assert shown["title"] == "First"
    return second


async def _restart_in_mid_work(gateway: Gateway, program: Program, phone: FakePhone) -> None:
    """The gateway dies while texts wait, one of them urgent; it comes back and goes on."""
    before = len(phone.sent)
    phone.sending.clear()
    ids = [await program.send(f"wait {number}") for number in range(TEXTS)]
    ids.append(await program.send("urgent", urgent=1))
    await gateway.kill()
    await gateway.start()
    assert set(await program.all()) >= set(ids)
    phone.sending.set()

    async def done() -> bool:
        return await program.statuses(ids) == {7: TEXTS + 1}

    await until(done, "everything arrived after the restart")
    texts = [text.text for text in phone.sent[before:]]
    assert Counter(texts) == {**{f"wait {number}": 1 for number in range(TEXTS)}, "urgent": 1}
    assert texts.index("urgent") <= 4  # two were with the phone, two more were on their way

    async def told() -> bool:
        return all(program.told(sms_id)[-1:] == [7] for sms_id in ids)

    await until(told, "the webhook was told of all, over the restart")
