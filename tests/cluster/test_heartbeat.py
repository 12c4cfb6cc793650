"""A node whose look at the cluster hangs: its links close, and its process ends."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from dragoman.cluster import heartbeat as heartbeat_module
from dragoman.cluster import nats_connection
from dragoman.cluster.heartbeat import SILENT_S, Heard, Heartbeat
from dragoman.cluster.holding import Holding
from dragoman.cluster.nats_connection import end_tasks
from dragoman.kit.supervisor import Ended
from tests.passing_time import MovableClock, until


class Membership:
    """A session with a database that never answers."""

    async def beat(self) -> Any:
        await asyncio.Event().wait()


class Links:
    """The carriers of a node."""

    def __init__(self, *names: str) -> None:
        self.held: dict[str, Any] = dict.fromkeys(names)

    async def let_go(self, name: str, _timeout_s: float) -> None:
        self.held.pop(name, None)


class Puller:
    """Pulls for carriers, and never ends."""

    async def let_go(self, _carrier: str) -> None:
        await asyncio.Event().wait()


def _heartbeat(clock: MovableClock, links: Links) -> Heartbeat:
    unused: Any = None
    carriers: Any = links
    membership: Any = Membership()
    heard = Heard(clock)
    heard.at = clock.monotonic()
    holding = Holding("a", carriers, membership)
    stream: Any = SimpleNamespace(puller=Puller())
    holding.stream = stream
    return Heartbeat(
        "a", clock, heard, asyncio.Event(), membership, unused, unused, unused, carriers, holding
    )


async def test_links_close_before_others_open_them_though_a_round_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bug: they were closed by the rounds alone, and one that waited for NATS never ended."""
    monkeypatch.setattr(heartbeat_module, "FENCE_S", 0.0)
    clock, links = MovableClock(), Links("main", "other")
    heartbeat = _heartbeat(clock, links)
    running = [asyncio.create_task(heartbeat.run()), asyncio.create_task(heartbeat.fence())]
    for _ in range(5):
        await asyncio.sleep(0)
    assert [*links.held] == ["main", "other"]
    clock.advance(SILENT_S)
    await until(lambda: not links.held)
    await end_tasks(running)


async def test_what_is_pulled_for_a_new_claim_outlives_the_links_of_the_last() -> None:
    """Bug: pulling ended after the links had closed, and by then it was that of the next claim."""
    closing, pulls = asyncio.Event(), {"main": "of the last claim"}

    class SlowLinks(Links):
        async def let_go(self, name: str, _timeout_s: float) -> None:
            await closing.wait()
            await super().let_go(name, _timeout_s)

    class Pulls:
        async def let_go(self, carrier: str) -> None:
            pulls.pop(carrier)

    carriers: Any = SlowLinks("main")
    unused: Any = None
    holding = Holding("a", carriers, unused)
    stream: Any = SimpleNamespace(puller=Pulls())
    holding.stream = stream
    severing = asyncio.create_task(holding.sever())
    for _ in range(3):
        await asyncio.sleep(0)
    pulls["main"] = "of a new claim"
    closing.set()
    await severing
    assert (carriers.held, pulls) == ({}, {"main": "of a new claim"})


async def test_a_round_that_hangs_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat_module, "ROUND_S", 0.01)
    heartbeat = _heartbeat(MovableClock(), Links())
    with pytest.raises(Ended, match="a look at the cluster has taken"):
        await heartbeat.run()


async def test_a_task_that_swallows_its_cancellation_ends_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bug: nats-py swallows one that comes while it sends; the node waited for the task forever."""
    monkeypatch.setattr(nats_connection, "CANCEL_AGAIN_S", 0.01)
    swallowed: list[int] = []

    async def pull() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if len(swallowed) == 2:
                    raise
                swallowed.append(1)

    task = asyncio.create_task(pull())
    await asyncio.sleep(0)
    await end_tasks([task])
    assert task.cancelled()
    assert len(swallowed) == 2
