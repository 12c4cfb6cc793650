"""R16: PostgreSQL is killed, runs out of connections, and has a transaction left open."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import psycopg

from faults.customer import Customer
from faults.gateway import Gateway, carrier
from faults.ledger import Ledger, Row
from faults.postgres import Postgres
from faults.scene import Bench, Scene, until_true
from faults.smsc import Manners, Smsc

CLIENTS = 16
DROP_AT_MOST = 0.10
TURNS, TURN_S = 3, 2.0


async def server_fails(bench: Bench, row: Row) -> None:
    """Kills, then no connections left, then an open transaction that holds an old snapshot."""
    kills, open_s = bench.times(2, 20), bench.times(8, 600)
    row.times = f"{kills} kills; connections used up; a transaction open for {open_s} s"
    chance = bench.chance("R16")
    async with _on_postgres(bench) as (stage, server):
        await stage.gateway.start()
        for number in range(kills):
            async with stage.customer.load(f"r16 {number}", CLIENTS):
                await stage.until_accepted(50)
                await asyncio.sleep(chance.uniform(0, 0.3))
                server.kill()
                await asyncio.sleep(0.5)
                row.check(stage.gateway.exit_code is None, "the gateway ended with its database")
                await asyncio.to_thread(server.start_again)
                began = time.monotonic()
                back = await stage.until_accepted(1, 30)
                row.check(back, "nothing is accepted after the server is back")
                row.note(f"back {time.monotonic() - began:.1f} s after the server")
            if not back:
                await stage.gateway.kill()
                await stage.gateway.start()
            stage.smsc.faults += 1
        await _use_up_connections(stage, server, row)
        await _leave_open(stage, server, row, open_s)
        await stage.finish(row)


@contextlib.asynccontextmanager
async def _on_postgres(bench: Bench) -> AsyncIterator[tuple[Scene, Postgres]]:
    folder = bench.new_folder()
    smsc = Smsc(Manners(answer_after_s=0.01, receipt_after_s=0.05))
    await smsc.open()
    with Postgres(folder / "server") as server:
        url = server.new_database("faults")
        gateway = Gateway(folder / "gateway", carriers=carrier(smsc.port), url=url)
        await gateway.prepare()
        ledger = Ledger(folder / "ledger")
        try:
            customer = Customer(gateway.url, ledger)
            yield Scene(smsc, gateway, ledger, customer, None), server
        finally:
            await gateway.close()
            smsc.close()
            ledger.close()


async def _use_up_connections(stage: Scene, server: Postgres, row: Row) -> None:
    """Takes every connection that is left, lets the gateway's be ended, and gives them back."""
    taken = []
    with contextlib.suppress(psycopg.OperationalError):
        while True:
            taken.append(server.connect())
    async with stage.customer.load("r16 connections", CLIENTS):
        # Its own connections end too: those who wait for one are quicker than it is.
        taken[0].execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'faults'"
        )
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                taken.append(server.connect())
        await asyncio.sleep(2.0)
        row.check(stage.gateway.exit_code is None, "the gateway ended without connections")
        for connection in taken:
            connection.close()
        back = await stage.until_accepted(1, 30)
        row.check(back, "nothing is accepted after connections are free again")
    stage.smsc.faults += 1


async def _leave_open(stage: Scene, server: Postgres, row: Row, seconds: int) -> None:
    async def ready() -> bool:
        return (await stage.gateway.health())[0] == 200

    await until_true(ready, 30)
    url = server.url_of("faults")
    before = await _rate(stage, "r16 before")
    with psycopg.connect(url) as idle:
        idle.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        idle.execute("SELECT count(*) FROM messages")  # nothing newer can be vacuumed away
        await asyncio.sleep(max(0.0, seconds - TURNS * TURN_S))
        during = await _rate(stage, "r16 during")
        idle.rollback()
    after = await _rate(stage, "r16 after")
    usual = (before + after) / 2
    row.note(
        f"{before:.0f}/s before, {during:.0f}/s beside the open transaction, {after:.0f}/s after"
    )
    fallen = 1 - during / usual
    row.check(fallen <= DROP_AT_MOST, f"the rate fell by {fallen:.0%} beside an open transaction")


async def _rate(stage: Scene, name: str) -> float:
    """Messages accepted a second under load: the best of some turns, as others use the machine."""
    rates = []
    async with stage.customer.load(name, CLIENTS):
        for _ in range(TURNS):
            before, began = len(stage.ledger.accepted), time.monotonic()
            await asyncio.sleep(TURN_S)
            rates.append((len(stage.ledger.accepted) - before) / (time.monotonic() - began))
    return max(rates)
