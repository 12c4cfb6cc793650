"""R5, R7, R8, R11: carriers that vanish, crawl, throttle, and lose responses."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from statistics import median, quantiles

from faults.customer import new_session
from faults.gateway import WINDOW, carrier
from faults.ledger import Row
from faults.scene import Bench, Scene, scene, until, until_true
from faults.smsc import QUEUE_FULL, THROTTLED, Manners, Smsc

NOTICED_WITHIN_S = 1.0 + 1.0 + 1.0
"""Probe interval, time for its answer, and a second for the look at it."""
HEALTHY, BROKEN = "+4520111111", "+46701234567"
RATE = 50.0
RESPONSE_S = 2.0

_ROUTES = """\
[[routes]]
name = "healthy"
prefixes = ["45"]
carriers = ["healthy"]

[[routes]]
name = "broken"
prefixes = ["46"]
carriers = ["broken"]
"""


@contextlib.asynccontextmanager
async def _two_carriers(bench: Bench) -> AsyncIterator[tuple[Scene, Smsc]]:
    """A scene whose SMSC is healthy, and a second one, for the route of `BROKEN`."""
    broken = Smsc(Manners())
    await broken.open()

    def both(port: int) -> str:
        second = carrier(broken.port, name="broken", response_timeout_s=RESPONSE_S)
        return carrier(port, name="healthy") + second

    try:
        async with scene(bench, carriers=both, further=_ROUTES) as stage:
            await stage.gateway.start()
            yield stage, broken
    finally:
        broken.close()


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A way in which a carrier can break, and how it is well again."""

    name: str
    begin: Callable[[Smsc], None]
    is_noticed: bool = True
    """Whether the link goes down for it."""


def _vanish(smsc: Smsc) -> None:
    smsc.close()


def _go_deaf(smsc: Smsc) -> None:
    smsc.manners.is_deaf = True
    smsc.faults += 1
    for link in smsc.links:
        link.go_deaf()


def _cut_in_pdu(smsc: Smsc) -> None:
    smsc.manners.cut_responses = 1


def _drip(smsc: Smsc) -> None:
    smsc.manners.by_octets = True


_TROUBLES = (
    _Trouble("unreachable", _vanish),
    _Trouble("half-open", _go_deaf),
    _Trouble("cut in mid-PDU", _cut_in_pdu),
    _Trouble("one octet at a time", _drip, is_noticed=False),
)


async def carrier_breaks(bench: Bench, row: Row) -> None:
    """R5."""
    rounds = bench.times(1, 8)
    row.times = f"{rounds * len(_TROUBLES)} breaks: " + ", ".join(t.name for t in _TROUBLES)
    async with _two_carriers(bench) as (stage, broken):
        for number in range(rounds):
            for trouble in _TROUBLES:
                await _break(stage, broken, row, trouble, f"r5 {number} {trouble.name[:4]}")
        await until(lambda: not broken.owed)
        stage.smsc.submits.extend(broken.submits)  # two SMSCs, one witness
        await stage.finish(row)


async def _break(stage: Scene, broken: Smsc, row: Row, trouble: _Trouble, name: str) -> None:
    window = 'carrier="broken"'
    healthy_before = len(stage.smsc.submits)
    began = time.monotonic()
    seconds = 5.0
    loads = [
        asyncio.create_task(
            stage.customer.send_paced(f"{name} h", RATE, seconds, recipient=HEALTHY)
        ),
        asyncio.create_task(
            stage.customer.send_paced(f"{name} b", RATE, seconds, recipient=BROKEN)
        ),
    ]
    await asyncio.sleep(0.5)
    trouble.begin(broken)

    async def is_down() -> bool:
        return await stage.gateway.metric("window_size", window) == 0

    if trouble.is_noticed:
        took_s = await until_true(is_down, 10)
        row.check(
            took_s is not None and took_s <= NOTICED_WITHIN_S,
            f"{trouble.name}: noticed after {took_s} s",
        )
        if took_s is not None:
            row.note(f"{trouble.name} noticed in {took_s:.1f} s")
    await asyncio.gather(*loads)
    elapsed = time.monotonic() - began
    share = (len(stage.smsc.submits) - healthy_before) / (RATE * elapsed)
    row.note(f"the other carrier kept {share:.0%} of its rate")
    row.check(share >= 0.95, f"{trouble.name}: the other carrier kept {share:.0%}")
    await _heal(broken)

    async def is_up() -> bool:
        return (await stage.gateway.metric("window_size", window) or 0) > 0

    row.check(await until_true(is_up, 15) is not None, f"{trouble.name}: not bound again")
    await stage.settle()


async def _heal(smsc: Smsc) -> None:
    manners = smsc.manners
    manners.is_deaf, manners.cut_responses, manners.by_octets = False, 0, False
    for link in list(smsc.links):
        link.hear_again()
    if not smsc.is_open:
        smsc.faults += 1
        await smsc.open()


async def waiting_beside(bench: Bench, row: Row) -> None:
    """R7: many messages wait for a silent carrier; another carrier's are as quick as before."""
    waiting = bench.times(50_000, 1_000_000)
    row.times = f"{waiting:,} messages for a silent SMSC"
    async with _two_carriers(bench) as (stage, silent):
        before_mb = stage.gateway.memory_mb()
        idle_ms = await _p99s_ms(stage, "r7 idle")
        silent.manners.is_silent = True
        await _fill_route(stage, waiting)
        most_mb = stage.gateway.memory_mb()
        busy_ms = await _p99s_ms(stage, "r7 busy")
        most_mb = max(most_mb, stage.gateway.memory_mb())
        row.note(f"memory {before_mb} MB before, {most_mb} MB with all of them waiting")
        row.note(f"p99 of a healthy route {idle_ms:.0f} ms, then {busy_ms:.0f} ms")
        row.check(most_mb - before_mb < 400, f"memory grew by {most_mb - before_mb} MB")
        row.check(busy_ms < idle_ms * 1.2, f"p99 rose from {idle_ms:.0f} to {busy_ms:.0f} ms")
        await until(lambda: not stage.smsc.owed)
        healthy = {text for text in stage.ledger.accepted if text.startswith("r7 ")}
        lost = len(healthy - {submit.text for submit in stage.smsc.submits})
        row.accepted += len(stage.ledger.accepted) + waiting
        row.lost += lost
        kept = stage.gateway.select("SELECT count(*) FROM messages WHERE recipient LIKE '46%'")
        row.check(not lost, f"{lost} of the healthy route lost")
        unexpanded = stage.gateway.select(
            "SELECT coalesce(sum(recipients - expanded), 0) FROM batches"
            " WHERE waiting_recipients IS NOT NULL"
        )
        held = kept[0][0] + unexpanded[0][0]
        row.lost += max(0, waiting - held)
        row.check(held >= waiting, f"{waiting - held} of those that wait are not stored")


async def _fill_route(stage: Scene, count: int) -> None:
    """Has batches accepted for the broken route, and waits until they have come to rest."""
    page = 50_000
    async with new_session() as session:
        for first in range(0, count, page):
            numbers = ",".join(f"+4670{n:07d}" for n in range(first, min(count, first + page)))
            status = await stage.customer.send(session, f"batch {first}", recipient=numbers)
            if status != 201:
                raise RuntimeError(f"a batch was answered with {status}")
    stage.ledger.accepted -= {text for text in stage.ledger.accepted if text.startswith("batch")}
    query = "SELECT coalesce(sum(expanded), 0) FROM batches"
    before = -1
    for _ in range(600):
        expanded = int(stage.gateway.select(query)[0][0])
        if expanded == before:
            return
        before = expanded
        await asyncio.sleep(2.0)


async def _p99s_ms(stage: Scene, name: str) -> float:
    """The time from asking to the arrival at the healthy SMSC: the median of three p99s."""
    found = []
    for turn in range(3):
        await stage.customer.send_paced(f"{name} {turn}", RATE * 2, 3.0, recipient=HEALTHY)
        await asyncio.sleep(0.3)
        sent = stage.customer.sent_at
        waits = [
            submit.at - sent[submit.text]
            for submit in stage.smsc.submits
            if submit.text.startswith(f"{name} {turn}")
        ]
        found.append(quantiles(waits, n=100)[98] * 1000)
    return median(found)


async def throttled(bench: Bench, row: Row) -> None:
    """R8."""
    cap, seconds = 20.0, bench.times(6, 60)
    row.times = f"{seconds} s with each status, {cap:.0f}/s allowed"
    for status in (THROTTLED, QUEUE_FULL):
        manners = Manners(allowed_per_s=cap, throttle_status=status)
        async with scene(bench, manners=manners) as stage:
            await stage.gateway.start()
            await stage.customer.send_many(f"r8 {status:02x}", round(cap * seconds))
            await stage.finish(row, window=None)
            arrived = [submit.at for submit in stage.smsc.submits]
            arrived = [at for at in arrived if at > arrived[0] + 1]  # the first second is granted
            rate = (len(arrived) - 1) / (arrived[-1] - arrived[0])
            row.note(f"status {status:#x}: {rate:.1f}/s of {cap:.0f}")
            row.check(rate >= 0.95 * cap, f"only {rate:.1f}/s went through")
            rows = [found for rows in stage.gateway.rows().values() for found in rows]
            counted = sum(found.attempts > 1 for found in rows)
            row.check(not counted, f"{counted} messages had an attempt counted")
            row.note(f"{stage.smsc.throttled} throttled")


async def response_lost(bench: Bench, row: Row) -> None:
    """R11."""
    losses, chance = bench.times(4, 60), bench.chance("R11")
    row.times = f"{losses} lost windows with each policy"
    for policy in ("hold", "resend"):

        def with_policy(port: int, policy: str = policy) -> str:
            return carrier(port, on_unknown=policy)

        manners = Manners(answer_after_s=0.005)
        async with scene(bench, manners=manners, carriers=with_policy) as stage:
            await stage.gateway.start()
            async with stage.customer.load(f"r11 {policy}", 16):
                for number in range(1, losses + 1):
                    await asyncio.sleep(chance.uniform(0.2, 0.5))
                    manners.lose_responses = chance.randrange(1, WINDOW // 2)
                    await _until_faults(stage, number)
            if policy == "resend":
                await stage.finish(row)
                continue
            # A held message ends by its receipt alone, and these never come.
            await until(lambda: not stage.smsc.owed)
            await until(lambda: not stage.gateway.select(_MOVING)[0][0])
            verdict = stage.verdict()
            row.check_verdict(verdict, window=None)
            held = stage.gateway.select("SELECT count(*) FROM messages WHERE state = 35")[0][0]
            row.note(f"hold: {held} held, {verdict.doubled} doubled")


async def _until_faults(stage: Scene, count: int) -> None:
    await until(lambda: stage.smsc.faults >= count, 20)


_MOVING = "SELECT count(*) FROM messages WHERE state < 35"
