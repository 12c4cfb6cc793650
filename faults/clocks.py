"""R6: the wall clock jumps a day either way."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from faults.customer import new_session
from faults.ledger import Row
from faults.library import DAY_S
from faults.scene import Bench, Scene, scene, until

SOON_S = 10


async def clock_jumps(bench: Bench, row: Row) -> None:
    """Ahead, back, and back over a restart, with traffic and scheduled messages."""
    rounds = bench.times(1, 8)
    row.times = f"{rounds} times a day ahead, back again, a day back, with a restart there"
    async with scene(bench, breakable=True) as stage:
        await stage.gateway.start()
        for number in range(rounds):
            name = f"r6 {number}"
            far = await _schedule(stage, f"{name} far", DAY_S + 3600)
            # A day ahead: what is due in a day and an hour still has an hour to go.
            stage.broken.move_clock(DAY_S)
            await _send(stage, row, f"{name} ahead")
            stage.broken.move_clock(0)
            await _send(stage, row, f"{name} back")
            soon = await _schedule(stage, f"{name} soon", SOON_S)
            # A day back: what was due in a moment is due in a day.
            stage.broken.move_clock(-DAY_S)
            await _send(stage, row, f"{name} past")
            await stage.gateway.stop()
            await stage.gateway.start()
            await _send(stage, row, f"{name} started")
            await asyncio.sleep(SOON_S)
            arrived = {submit.text for submit in stage.smsc.submits}
            early = len(arrived & {soon, far})
            row.check(not early, f"{early} scheduled messages went early")
            stage.broken.move_clock(0)
            arrives = await _arrives(stage, soon)
            row.check(arrives, "what was due did not go when the clock was right")
            row.check(not _has(stage, far), "a message went a day early")
            stage.ledger.accepted.discard(far)  # still to come
        batches = list(stage.customer.batches.values())
        row.check(len(set(batches)) == len(batches), "identifiers were given out twice")
        row.check(batches == sorted(batches), "identifiers are not in order")
        row.note(f"{len(batches)} identifiers, unique and in order")
        await until(lambda: not stage.smsc.owed)
        await asyncio.sleep(1)
        row.check_verdict(stage.verdict(), window=None)
        moving = stage.gateway.select("SELECT count(*) FROM messages WHERE state BETWEEN 10 AND 39")
        row.check(not moving[0][0], f"{moving[0][0]} messages do not end")


def _has(stage: Scene, text: str) -> bool:
    return any(submit.text == text for submit in stage.smsc.submits)


async def _arrives(stage: Scene, text: str) -> bool:
    return await until(lambda: _has(stage, text), 10)


async def _schedule(stage: Scene, name: str, in_s: int) -> str:
    """Sends a text for later, by a clock that is right."""
    due = datetime.now(UTC) + timedelta(seconds=in_s)
    text = stage.customer.next_text(name)
    async with new_session() as session:
        await stage.customer.send(session, text, sendtime=f"{due:%d-%m-%Y %H:%M:%S}")
    return text


async def _send(stage: Scene, row: Row, name: str) -> None:
    """Sends at once, one after the other, and sees it arrive."""
    before = len(stage.smsc.submits)
    statuses = await stage.customer.send_many(name, 20, at_once=1)
    row.check(set(statuses) == {201}, f"{name}: answered with {set(statuses)}")
    await until(lambda: len(stage.smsc.submits) >= before + 20, 10)
