"""Workers that must not end: one that does is named, and says why."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from dragoman.kit.supervisor import Supervisor


async def _raise() -> None:
    raise ValueError("no such table")


async def _return() -> None:
    return


async def _lose_what_it_waits_for() -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (
            _raise,
            f"worker receipts ended: ValueError in {__name__},"
            f" line {_raise.__code__.co_firstlineno + 1}",
        ),
        (_return, "worker receipts ended: it returned"),
        (_lose_what_it_waits_for, "worker receipts ended: it was cancelled"),
    ],
)
async def test_a_worker_that_ends_is_named_with_its_reason(work: object, said: str) -> None:
    failures: list[str] = []
    supervisor = Supervisor(failures.append)
    supervisor.spawn("receipts", work())  # type: ignore[operator]
    async with asyncio.timeout(10):
        await supervisor.failure()
    assert failures == [said]
    await supervisor.stop()


async def test_a_stop_is_no_failure() -> None:
    failures: list[str] = []
    supervisor = Supervisor(failures.append)
    task = supervisor.spawn("receipts", asyncio.Event().wait())  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await supervisor.stop()
    assert task.cancelled()
    assert failures == []


class Part:
    """A part of the process that is stopped alone."""


async def test_a_part_that_has_left_is_forgotten() -> None:
    """Bug: each carrier that a node let go stayed in memory, with all that its links knew."""
    supervisor = Supervisor(lambda _reason: None)
    part = Part()
    task = supervisor.spawn_for(part)("of the part", asyncio.sleep(60))
    supervisor.let_end(part)
    task.cancel()
    await asyncio.wait({task})
    await asyncio.sleep(0)
    left = weakref.ref(part)
    del part
    gc.collect()
    assert left() is None
