"""R18, R19: stopping, starting, and two of a kind."""

from __future__ import annotations

import asyncio
import json

from faults.customer import new_session
from faults.gateway import KEY, Gateway, carrier
from faults.ledger import Row
from faults.postgres import Postgres
from faults.scene import Bench, Scene, scene, until
from faults.smsc import Manners, Smsc

STOPPED_WITHIN_S = 30.0
READY_WITHIN_S = 10.0
MOST_DRAINED = 50_000
PAGE = 100
"""Recipients of a request that become messages before its answer."""


async def stopped_under_load(bench: Bench, row: Row) -> None:
    """R18: in flight is finished or given back; nothing is doubled."""
    stops = bench.times(3, 30)
    row.times = f"{stops} stops under load"
    slowest, codes = 0.0, set[int | None]()
    async with scene(bench, manners=Manners(answer_after_s=0.02, receipt_after_s=0.05)) as stage:
        for number in range(stops):
            await stage.gateway.start()
            async with stage.customer.load(f"r18 {number}"):
                await stage.until_accepted(100)
                slowest = max(slowest, await stage.gateway.stop())
                codes.add(stage.gateway.exit_code)
            await stage.gateway.command("migrate")
        row.note(f"slowest stop {slowest:.1f} s")
        row.check(slowest <= STOPPED_WITHIN_S, f"a stop took {slowest:.0f} s")
        row.check(codes == {0}, f"ended with {codes}")
        await stage.gateway.start()
        await stage.finish(row, window=None)


async def started_with_many(bench: Bench, row: Row) -> None:
    """R18: a start with many messages waiting."""
    waiting = bench.times(5_000, 1_000_000)
    row.times = f"a start with {waiting:,} messages waiting"
    async with scene(bench, manners=Manners(is_silent=True)) as stage:
        alone_s = await stage.gateway.start(ready=False)
        await fill(stage, waiting, "4520")
        await stage.gateway.stop()
        stage.smsc.manners.is_silent = False
        took_s = await stage.gateway.start()
        row.note(f"ready in {took_s:.1f} s, {alone_s:.1f} s with nothing waiting")
        row.check(took_s < READY_WITHIN_S, f"ready after {took_s:.0f} s")
        row.accepted += waiting
        stored = stage.gateway.select("SELECT count(*) FROM messages")[0][0]
        row.lost += max(0, waiting - stored)
        row.check(stored >= waiting, f"{waiting - stored} lost")
        if waiting <= MOST_DRAINED:
            await stage.settle(180)
            targets = [submit.target for submit in stage.smsc.submits]
            row.doubled += len(targets) - len(set(targets))
            row.lost += waiting - len(set(targets))
            row.check(len(targets) == len(set(targets)), "messages were sent twice")
            row.check(len(set(targets)) == waiting, f"{len(set(targets))} of {waiting} sent")


async def fill(stage: Scene, count: int, prefix: str) -> None:
    """Has so many messages accepted, each to a number of its own."""
    pages = iter(range(0, count, PAGE))
    url = f"{stage.gateway.url}/v2/message.json?apikey={KEY}"

    async def work() -> None:
        async with new_session() as session:
            for first in pages:
                last = min(first + PAGE, count)
                numbers = ",".join(f"+{prefix}{number:06d}" for number in range(first, last))
                body = {"recipients": numbers, "sender": "FAULTS", "message": "waiting"}
                async with session.post(url, json={"message": body}) as answer:
                    if answer.status != 201:
                        raise RuntimeError(f"answered with {answer.status}")

    await asyncio.gather(*(work() for _ in range(8)))


async def two_of_a_kind(bench: Bench, row: Row) -> None:
    """R19: the second refuses, says why, and does the first no harm."""
    row.times = "SQLite file, PostgreSQL database, port, bind: twice each"
    async with scene(bench) as stage:
        await stage.gateway.start()
        async with stage.customer.load("r19", 4):
            await _second(
                row,
                "the same SQLite file",
                Gateway(
                    bench.new_folder(),
                    carriers=carrier(stage.smsc.port),
                    data=stage.gateway.data,
                ),
                "in use",
            )
            other = Gateway(
                bench.new_folder(), carriers=carrier(stage.smsc.port), http=stage.gateway.http
            )
            other.copy_database(await bench.template())
            await _second(row, "the same port", other, str(stage.gateway.http))
            await _second_bind(bench, stage, row)
        await stage.finish(row, window=None)
    await _second_on_postgres(bench, row)


async def _second(row: Row, name: str, second: Gateway, word: str) -> None:
    """Starts a gateway that must end by itself, with a line that has a word."""
    await second.begin()
    ended = await until(lambda: second.exit_code is not None, 20)
    said = second.last_words()
    row.check(ended and second.exit_code != 0, f"{name}: the second one runs")
    row.check(word in said, f"{name}: it says {said!r}")
    if ended:
        row.note(f"{name}: {_line_of(said)}")
    await second.close()


def _line_of(said: str) -> str:
    """A line of the log without its wrapping, and without paths."""
    try:
        said = str(json.loads(said).get("event", said))
    except ValueError:
        pass
    words = (word if "/" not in word else "…" for word in said.split())
    return " ".join(words)


async def _second_bind(bench: Bench, stage: Scene, row: Row) -> None:
    """A second gateway at an SMSC that allows one bind."""
    stage.smsc.manners.one_bind = True
    second = Gateway(bench.new_folder(), carriers=carrier(stage.smsc.port))
    second.copy_database(await bench.template())
    await second.start(ready=False)
    attempts = stage.smsc.bind_attempts
    await until(lambda: stage.smsc.bind_attempts >= attempts + 2, 10)
    _, doctor = await second.try_command("doctor")
    named = next((line for line in doctor.splitlines() if "ESME_RALYBND" in line), "")
    row.check(bool(named), "the same bind: doctor does not name the refusal")
    row.note(f"the same bind: {named.strip()}")
    await second.close()
    stage.smsc.manners.one_bind = False


async def _second_on_postgres(bench: Bench, row: Row) -> None:
    smsc = Smsc()
    await smsc.open()
    with Postgres(bench.new_folder() / "server") as server:
        url = server.new_database("faults")
        first = Gateway(bench.new_folder(), carriers=carrier(smsc.port), url=url)
        await first.prepare()
        await first.start()
        try:
            second = Gateway(bench.new_folder(), carriers=carrier(smsc.port), url=url)
            await _second(row, "the same PostgreSQL database", second, "another gateway")
        finally:
            await first.close()
            smsc.close()
