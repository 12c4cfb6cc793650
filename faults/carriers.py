"""R5, R7, R8, R11: carriers that vanish, crawl, throttle, and lose responses."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from statistics import median, quantiles

from faults.customer import new_session
from faults.gateway import WINDOW, carrier
from faults.ledger import Row, judge
from faults.scene import Bench, Scene, scene, until, until_true
from faults.smsc import QUEUE_FULL, THROTTLED, Manners, Smsc

NOTICED_WITHIN_S = 1.0 + 1.0 + 1.0
"""Probe interval, time for its answer, and a second for the look at it."""
HEALTHY, BROKEN = "+4520111111", "+46701234567"
RATE = 50.0
RESPONSE_S = 2.0
LOAD_S = 4.0
TURNS = 3
GROWS_AT_MOST_MB = 200

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
    smsc.faults += 1


def _drip(smsc: Smsc) -> None:
    smsc.manners.by_octets = True
    smsc.faults += 1  # on a busy machine a response may come too late


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
    customer, labels = stage.customer, 'carrier="broken"'
    loads = asyncio.gather(
        customer.send_paced(f"{name} good", RATE, LOAD_S, recipient=HEALTHY),
        customer.send_paced(f"{name} bad", RATE, LOAD_S, recipient=BROKEN),
    )
    await asyncio.sleep(0.5)
    binds = broken.bind_attempts
    trouble.begin(broken)

    async def is_noticed() -> bool:
        """Whether it is down, or was, so that the gateway binds again."""
        if broken.bind_attempts > binds:
            return True
        return await stage.gateway.metric("window_size", labels) == 0

    if trouble.is_noticed:
        took_s = await until_true(is_noticed, 10)
        said = "not noticed" if took_s is None else f"noticed after {took_s:.1f} s"
        row.note(f"{trouble.name}: {said}")
        row.check(took_s is not None and took_s <= NOTICED_WITHIN_S, f"{trouble.name}: {said}")
    await loads
    await asyncio.sleep(1.0)
    arrived = sum(submit.text.startswith(f"{name} good") for submit in stage.smsc.submits)
    share = arrived / (RATE * LOAD_S)
    row.note(f"{trouble.name}: the other carrier kept {share:.0%} of its rate")
    row.check(share >= 0.95, f"{trouble.name}: the other carrier kept {share:.0%}")
    await _heal(broken)

    async def is_up() -> bool:
        return (await stage.gateway.metric("window_size", labels) or 0) > 0

    row.check(await until_true(is_up, 15) is not None, f"{trouble.name}: not bound again")
    await stage.settle()


async def _heal(smsc: Smsc) -> None:
    manners = smsc.manners
    manners.is_deaf, manners.cut_responses, manners.by_octets = False, 0, False
    for link in list(smsc.links):
        link.hear_again()
    smsc.faults += 1  # what follows is not of this trouble
    if not smsc.is_open:
        await smsc.open()


async def waiting_beside(bench: Bench, row: Row) -> None:
    """R7: many messages wait for a silent carrier; another carrier's are as quick as before.

    A second gateway, where nothing waits, is measured at the same moments.
    """
    waiting = bench.times(50_000, 1_000_000)
    row.times = f"{waiting:,} messages for a silent SMSC"
    async with _two_carriers(bench) as (stage, silent), _two_carriers(bench) as (idle, _):
        before_mb = stage.gateway.memory_mb()
        silent.manners.is_silent = True
        await _fill_route(stage, waiting)
        busy: list[float] = []
        free: list[float] = []
        for turn in range(TURNS):
            pair = (_p99_ms(stage, f"r7 busy {turn}"), _p99_ms(idle, f"r7 free {turn}"))
            for found, p99_ms in zip((busy, free), await asyncio.gather(*pair), strict=True):
                found.append(p99_ms)
        busy_ms, free_ms = median(busy), median(free)
        grown_mb = stage.gateway.memory_mb() - before_mb
        row.note(
            f"memory {before_mb} MB before, {before_mb + grown_mb} MB with all of them waiting"
        )
        row.note(
            f"p99 of a healthy route {busy_ms:.0f} ms, {free_ms:.0f} ms where nothing waits"
            f" (medians of {TURNS})"
        )
        row.check(grown_mb <= GROWS_AT_MOST_MB, f"memory grew by {grown_mb} MB")
        row.check(busy_ms < free_ms * 1.2, f"p99 is {busy_ms:.0f} ms beside {free_ms:.0f} ms")
        await until(lambda: not stage.smsc.owed)
        row.check_verdict(judge(stage.ledger.accepted, stage.smsc.arrivals, ()), window=None)
        stored = int(stage.gateway.select(_STORED)[0][0])
        row.accepted += waiting
        row.lost += max(0, waiting - stored)
        row.check(stored >= waiting, f"{waiting - stored} of those that wait are not stored")


async def _fill_route(stage: Scene, count: int) -> None:
    """Has batches accepted for the broken route, and waits until they have come to rest."""
    page = 50_000
    async with new_session() as session:
        for first in range(0, count, page):
            numbers = ",".join(f"+4670{n:07d}" for n in range(first, min(count, first + page)))
            status = await stage.customer.send(session, f"batch {first}", recipient=numbers)
            if status != 201:
                raise RuntimeError(f"a batch was answered with {status}")
    stage.ledger.accepted.clear()  # these are counted by their recipients
    query = "SELECT coalesce(sum(expanded), 0) FROM batches"
    before = -1
    for _ in range(600):
        expanded = int(stage.gateway.select(query)[0][0])
        if expanded == before:
            return
        before = expanded
        await asyncio.sleep(2.0)


async def _p99_ms(stage: Scene, name: str) -> float:
    """The time from asking to the arrival at the healthy SMSC."""
    await stage.customer.send_paced(name, RATE, LOAD_S, recipient=HEALTHY)
    await until(lambda: stage.ledger.accepted <= {text for _, text in stage.smsc.arrivals})
    sent = stage.customer.sent_at
    waits = [s.at - sent[s.text] for s in stage.smsc.submits if s.text.startswith(name)]
    return quantiles(waits, n=100)[98] * 1000


_STORED = """
SELECT (SELECT count(*) FROM messages WHERE recipient LIKE '46%')
    + (SELECT coalesce(sum(recipients - expanded), 0) FROM batches
       WHERE waiting_recipients IS NOT NULL)
"""


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
