"""R2, R3, R4: the power fails, a sync fails, the disk is full."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faults.customer import new_session
from faults.gateway import KEY
from faults.ledger import Row
from faults.library import Sync
from faults.scene import Bench, Scene, scene, until, until_true
from faults.smsc import Manners

CLIENTS = 16
SMALL_DISK_MB = 24
BACK_WITHIN_S = 5.0
SYNC_S = 0.01
"""Of a slow disk, so that most cuts find something that is not synced."""


async def power_cut(bench: Bench, row: Row) -> None:
    """R2."""
    cuts = bench.times(4, 120)
    row.times = f"{cuts} power cuts"
    await _cut(bench, row, cuts, Sync.REAL)


async def power_cut_unsynced(bench: Bench, row: Row) -> None:
    """R2, the control: syncs succeed and do nothing."""
    row.times = "1 power cut"
    await _cut(bench, row, 1, Sync.LIE)


async def _cut(bench: Bench, row: Row, cuts: int, sync: Sync) -> None:
    chance, dropped = bench.chance("R2"), 0
    manners = Manners(answer_after_s=0.01, receipt_after_s=0.05)
    async with scene(bench, manners=manners, breakable=True) as stage:
        stage.broken.slow_syncs(SYNC_S)
        for number in range(cuts):
            stage.broken.set_sync(sync)
            if row.is_control:
                manners.is_silent = True  # what the SMSC has already cannot be lost
            await stage.gateway.start(ready=not row.is_control)
            async with stage.customer.load(f"r2 {number}", CLIENTS):
                await stage.until_accepted(chance.randrange(100, 400))
                await asyncio.sleep(chance.uniform(0, 0.1))
                # Every second cut leaves a random half of the sectors that were not synced.
                some = chance if number % 2 and not row.is_control else None
                dropped += await stage.cut_power(some)
        manners.is_silent = False
        await stage.gateway.start()
        row.note(f"{dropped} unsynced writes dropped")
        await stage.finish(row)


async def sync_fails(bench: Bench, row: Row) -> None:
    """R3: after a failed sync nothing is accepted any more, though later syncs succeed."""
    rounds = bench.times(3, 60)
    row.times = f"{rounds} failed syncs"
    await _fail(bench, row, rounds)


async def sync_fails_unseen(bench: Bench, row: Row) -> None:
    """R3, the control: the failure is hidden from the gateway."""
    row.times = "1 sync that fails unseen"
    await _fail(bench, row, 1)


async def _fail(bench: Bench, row: Row, rounds: int) -> None:
    chance, after = bench.chance("R3"), 0
    manners = Manners(answer_after_s=0.01, receipt_after_s=0.05)
    async with scene(bench, manners=manners, breakable=True) as stage:
        for number in range(rounds):
            await stage.gateway.start()
            async with stage.customer.load(f"r3 {number}", CLIENTS):
                await stage.until_accepted(chance.randrange(50, 200))
                if row.is_control:
                    manners.is_silent = True  # what the SMSC has already cannot be lost
                    stage.broken.set_sync(Sync.LIE)
                    await stage.until_accepted(100, 20)
                else:
                    after += await _watch_failure(stage, row, once=number % 2 == 0)
                await stage.cut_power()
        manners.is_silent = False
        await stage.gateway.start()
        if not row.is_control:
            row.note(f"{after} accepted after the failure")
            row.check(not after, f"{after} accepted after a failed sync")
        await stage.finish(row)


async def sync_fails_then_killed(bench: Bench, row: Row) -> None:
    """R3: what was refused with a failed sync does not come back with the next start."""
    rounds, refused = bench.times(2, 30), set[str]()
    row.times = f"{rounds} failed syncs, each with {CLIENTS} sends at once, then a kill"
    async with scene(bench, breakable=True) as stage:
        for number in range(rounds):
            await stage.gateway.start()
            await stage.customer.send_many(f"r3 before {number}", CLIENTS)
            stage.broken.set_sync(Sync.FAIL, 1 if number % 2 else -1)
            texts = [stage.customer.next_text(f"r3 refused {number}") for _ in range(CLIENTS)]
            async with new_session() as session:
                sends = (stage.customer.send(session, text) for text in texts)
                statuses = await asyncio.gather(*sends)
            refused |= {text for text, status in zip(texts, statuses, strict=True) if status == 503}
            await stage.kill()
            stage.broken.set_sync(Sync.REAL)
        await stage.gateway.start()
        await stage.finish(row)
        came = refused & {submit.text for submit in stage.smsc.submits}
        row.note(f"{len(refused)} sends refused, {len(came)} of them sent later")
        row.check(bool(refused), "no send was refused")
        row.check(not came, f"{len(came)} refused messages were sent")


async def _watch_failure(stage: Scene, row: Row, *, once: bool) -> int:
    """Lets syncs fail, and watches what the gateway says; how many it accepted afterwards."""
    stage.broken.set_sync(Sync.FAIL, 1 if once else -1)
    before = stage.broken.failed_syncs
    failed = await until(lambda: stage.broken.failed_syncs > before, 10, 0.001)
    row.check(failed, "no sync failed")
    # The answers of the group before may still be under way to the customer.
    await asyncio.sleep(0.25)
    accepted = len(stage.ledger.accepted)
    said = await until_true(lambda: _says_so(stage), 5)
    row.check(said is not None, "health does not say that a write was not durable")
    await asyncio.sleep(0.5)
    return len(stage.ledger.accepted) - accepted


async def _says_so(stage: Scene) -> bool:
    """Whether the gateway has stopped taking traffic, and says why, or ended."""
    status, problems = await stage.gateway.health()
    ended = stage.gateway.exit_code not in (None, 0)
    return ended or (status == 503 and any("durable" in problem for problem in problems))


async def disk_full(bench: Bench, row: Row) -> None:
    """R4."""
    rounds = bench.times(1, 10)
    folder = bench.new_folder()
    with _small_disk(folder) as mounted:
        how = f"a tmpfs of {SMALL_DISK_MB} MB" if mounted else "ENOSPC from the library"
        row.times = f"{rounds} times without and with `min_free_mb`, {how}"
        for min_free_mb in (0, SMALL_DISK_MB // 4):
            async with scene(
                bench,
                manners=Manners(answer_after_s=0.01, receipt_after_s=0.05),
                breakable=not mounted,
                folder=folder,
                min_free_mb=min_free_mb,
            ) as stage:
                await stage.gateway.start()
                for number in range(rounds):
                    await _fill(stage, row, number, folder / "ballast" if mounted else None)
                refused = sum(n for s, n in stage.customer.answers.items() if s != 201)
                row.note(f"{refused} sends refused")
                row.check(not stage.customer.answers.get(0), "sends without an answer")
                await stage.finish(row)


async def _fill(stage: Scene, row: Row, number: int, ballast: Path | None) -> None:
    """Fills the disk under load, looks at what the gateway does, and makes room again."""
    customer = stage.customer
    async with customer.load(f"r4 {number}", CLIENTS):
        await stage.until_accepted(100, 20)
        _fill_up(stage, ballast)
        before = dict(customer.answers)
        full = await until(lambda: customer.answers.get(503, 0) > before.get(503, 0) + 50, 30)
        row.check(full, f"sends are not refused with 503: {customer.answers}")
        if full:
            row.check(stage.gateway.exit_code is None, "the gateway ended")
            text = next(iter(customer.batches))
            path = f"/v2/message/{customer.batches[text]}/0.json?apikey={KEY}"
            status, _ = await stage.gateway.get(path)
            row.check(status == 200, f"a read is answered with {status}")
        _make_room(stage, ballast)
        freed = time.monotonic()
        back = await stage.until_accepted(1, 20)
        took_s = time.monotonic() - freed
        row.note(f"back {took_s:.1f} s after there was room")
        row.check(back and took_s <= BACK_WITHIN_S, f"not back within {BACK_WITHIN_S:.0f} s")


def _make_room(stage: Scene, ballast: Path | None) -> None:
    if ballast is None:
        stage.broken.set_full(False)
    else:
        ballast.unlink()


def _fill_up(stage: Scene, ballast: Path | None) -> None:
    """Takes every octet that is left."""
    if ballast is None:
        stage.broken.set_full(True)
        return
    with ballast.open("ab", buffering=0) as file:
        size = 1 << 20
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2


@contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    """A small file system, where we may mount one; whether we may."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MB}m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", str(folder)], check=False)
