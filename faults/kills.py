"""R1, R12, R13: the process is killed at random moments."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import random
from dataclasses import dataclass
from typing import Any

import aiohttp

from faults.customer import RECIPIENT, new_session
from faults.gateway import NUMBER, PASSWORD, USERNAME, WINDOW
from faults.ledger import Row
from faults.scene import Bench, Scene, scene, until
from faults.smsc import DELIVERED, Manners

CLIENTS = 16
AT_ONCE = 200
RETRY_S = 0.05


async def killed_under_load(bench: Bench, row: Row) -> None:
    """R1."""
    kills, chance = bench.times(6, 200), bench.chance("R1")
    row.times = f"{kills} kills"
    async with scene(bench, manners=Manners(answer_after_s=0.01, receipt_after_s=0.05)) as stage:
        for number in range(kills):
            await stage.gateway.start()
            async with stage.customer.load(f"r1 {number}", CLIENTS):
                await stage.until_accepted(chance.randrange(11, 12 * CLIENTS))
                await asyncio.sleep(chance.uniform(0, 0.1))
                victim = chance.choice(("both", "gateway", "gateway", "writer"))
                if victim == "writer":
                    await stage.gateway.kill_writer()
                    await asyncio.sleep(0.2)
                await stage.kill(writer=victim == "both")
        await stage.gateway.start()
        await stage.finish(row)


@dataclass
class Repeatable:
    """An API that accepts the same request once."""

    url: str
    headers: dict[str, str]
    body: dict[str, Any]
    accepted: int
    """Status that says yes."""
    known: int
    """Status that says that it was accepted before."""


def _smsgate(url: str, text: str) -> Repeatable:
    secret = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    return Repeatable(
        url=f"{url}/api/3rdparty/v1/messages",
        headers={"Authorization": f"Basic {secret}"},
        body={
            "id": text.replace(" ", "-"),
            "textMessage": {"text": text},
            "phoneNumbers": [RECIPIENT],
        },
        accepted=202,
        known=409,
    )


async def smsend_request(url: str, text: str, session: aiohttp.ClientSession) -> Repeatable:
    query = {"username": USERNAME, "password": PASSWORD}
    async with session.get(f"{url}/API/v1.0/REST/token", params=query) as answer:
        user, _, token = (await answer.text()).partition(";")
    return Repeatable(
        url=f"{url}/API/v1.0/REST/sms",
        headers={"user_key": user, "Access_token": token},
        body={
            "message_type": "N",
            "message": text,
            "recipient": [RECIPIENT],
            "order_id": text.replace(" ", "-"),
        },
        accepted=201,
        known=400,
    )


async def repeated_at_once(bench: Bench, row: Row) -> None:
    """R12."""
    rounds, chance = bench.times(2, 20), bench.chance("R12")
    row.times = f"{2 * rounds} requests, {AT_ONCE} times each, half of them with a kill"
    odd: list[str] = []
    async with scene(bench) as stage:
        await stage.gateway.start()
        for number in range(rounds):
            for api in ("smsend", "smsgate"):
                text = f"r12 {api} {number:04d}"
                async with new_session() as session:
                    request = (
                        await smsend_request(stage.gateway.url, text, session)
                        if api == "smsend"
                        else _smsgate(stage.gateway.url, text)
                    )
                    kills = number % 2 == 0
                    said_yes = await _ask_together(session, request, stage, chance, kills=kills)
                    # A program that got no answer asks again, until it has one.
                    if kills:
                        await stage.gateway.start()
                        status = await _ask(session, request)
                        if status not in (request.accepted, request.known):
                            odd.append(f"{api} answered {status} to the repeat")
                    if said_yes > 1 or not (said_yes or kills):
                        odd.append(f"{api} accepted {said_yes} of the same request")
                    stage.ledger.accept(text)
        settled = await stage.settle()
        verdict = stage.verdict()
        row.check(settled, "messages do not end")
        row.check_verdict(verdict, WINDOW)
        rows = stage.gateway.rows()
        several = sum(len(found) > 1 for found in rows.values())
        row.check(not several, f"{several} requests became several messages")
        for flaw in odd:
            row.check(False, flaw)


async def _ask_together(
    session: aiohttp.ClientSession,
    request: Repeatable,
    stage: Scene,
    chance: random.Random,
    *,
    kills: bool,
) -> int:
    """Asks many times at once, with a kill in the midst of it; how many were accepted."""
    asking = [asyncio.create_task(_ask(session, request)) for _ in range(AT_ONCE)]
    if kills:
        done, _ = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(chance.uniform(0, 0.005) if done else 0)
        await stage.kill()
    statuses = await asyncio.gather(*asking)
    return statuses.count(request.accepted)


async def _ask(session: aiohttp.ClientSession, request: Repeatable) -> int:
    with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
        async with session.post(request.url, json=request.body, headers=request.headers) as answer:
            await answer.read()
            return answer.status
    return 0


async def killed_before_commit(bench: Bench, row: Row) -> None:
    """R13: what the SMSC was told is stored must be stored."""
    kills, chance = bench.times(4, 60), bench.chance("R13")
    row.times = f"{kills} power cuts"
    texts = 0
    async with scene(bench, manners=Manners(receipt_after_s=None), breakable=True) as stage:
        smsc = stage.smsc
        reported = 0

        def report() -> None:
            """Owes the receipts of what arrived since; the SMSC numbers it from 1 on."""
            nonlocal reported
            for number, submit in enumerate(smsc.submits[reported:], reported + 1):
                smsc.owe_receipt(submit, str(number), DELIVERED)
            reported = len(smsc.submits)

        for number in range(kills):
            await stage.gateway.start()
            await stage.customer.send_many(f"r13 {number}", 40)
            await until(lambda: len(smsc.submits) >= len(stage.ledger.accepted))
            report()
            for _ in range(40):
                texts += 1
                smsc.owe_text(f"4520{texts:06d}", NUMBER, f"inbound {texts:06d}")
            await asyncio.sleep(chance.uniform(0, 0.03))
            await stage.cut_power()
        smsc.manners.receipt_after_s = 0.02
        report()
        await stage.gateway.start()
        await stage.finish(row)
        kept = {text for (text,) in stage.gateway.select("SELECT text FROM inbound_texts")}
        missing = sum(f"inbound {number:06d}" not in kept for number in range(1, texts + 1))
        row.note(f"{texts} inbound texts, {missing} lost")
        row.note(f"{smsc.acknowledged} receipts and texts acknowledged")
        row.check(not missing, f"{missing} inbound texts lost")
