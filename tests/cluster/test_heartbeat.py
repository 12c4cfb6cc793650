"""A node says that it lives whatever it is about; one that hangs closes its links and ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from dragoman.cluster import heartbeat as heartbeat_module
from dragoman.cluster import nats_connection
from dragoman.cluster.heartbeat import SILENT_S, Heard, Heartbeat
from dragoman.cluster.holding import Holding
from dragoman.cluster.nats_connection import end_tasks
from dragoman.core.placement.model.views import Claim, Node, Overview
from dragoman.kit.supervisor import Ended
from tests.passing_time import MovableClock, until


class Membership:
    """A session with a database that never answers."""

    async def beat(self) -> Any:
        await asyncio.Event().wait()


class Answering:
    """A session with a database that has heard of node `a`, and gives it each carrier."""

    def __init__(self, **holders: tuple[str, int]) -> None:
        """`holders` are the carriers that have one, and the epoch of its claim."""
        self.holders = holders
        self.beats = 0
        self.is_new = False
        self.may_claim = asyncio.Event()
        self.claims: list[str] = []

    async def beat(self) -> tuple[Overview, bool]:
        self.beats += 1
        is_new, self.is_new = self.is_new, False
        return self.overview(), is_new

    def overview(self) -> Overview:
        a = Node(name="a", run="a", base_url="", address="a:1", pid=1, version="")
        claims = [
            Claim(name=name, node=node, epoch=epoch, since_ms=0)
            for name, (node, epoch) in self.holders.items()
        ]
        return Overview(nodes=(a,), partitions=(), carriers=tuple(claims))

    async def claim_carrier(self, carrier: str, *, dead: bool) -> int:
        self.claims.append(carrier)
        await self.may_claim.wait()
        self.holders[carrier] = "a", 1 + self.holders.get(carrier, ("", 0))[1]
        return self.holders[carrier][1]


class Links:
    """The carriers of a node."""

    def __init__(self, *names: str, epoch: int = 1) -> None:
        self.names = names
        self.held: dict[str, Any] = {name: SimpleNamespace(epoch=epoch) for name in names}
        self.closing: list[str] = []
        self.may_close = asyncio.Event()
        self.may_close.set()

    async def take(self, name: str, epoch: int) -> None:
        self.held[name] = SimpleNamespace(epoch=epoch)

    async def let_go(self, name: str, _timeout_s: float) -> None:
        self.closing.append(name)
        await self.may_close.wait()
        self.held.pop(name, None)

    def note_holder(self, _name: str, _epoch: int) -> None:
        pass

    def availability(self, _name: str) -> None:
        pass


class Puller:
    """Pulls for carriers, and never ends."""

    async def let_go(self, _carrier: str) -> None:
        await asyncio.Event().wait()


def _heartbeat(
    clock: MovableClock, links: Links, membership: Any = None, puller: Any = None
) -> Heartbeat:
    """Of node `a`."""
    membership = membership or Membership()
    carriers: Any = links
    heard = Heard(clock)
    heard.at = clock.monotonic()
    holding = Holding("a", carriers, membership)
    stream: Any = SimpleNamespace(puller=puller) if puller else None
    holding.stream = stream
    front: Any = SimpleNamespace(outdated=asyncio.Event(), places={})
    binds: Any = SimpleNamespace(look=lambda: None)
    partitions: Any = SimpleNamespace(let_go_of_lost=lambda *_: None, adjust=lambda *_, **__: None)
    return Heartbeat(
        "a",
        clock,
        heard,
        asyncio.Event(),
        membership,
        front,
        binds,
        partitions,
        carriers,
        holding,
    )


@contextlib.asynccontextmanager
async def _running(heartbeat: Heartbeat) -> AsyncIterator[None]:
    work = (heartbeat.run(), heartbeat.adjust(), heartbeat.fence())
    tasks = [asyncio.create_task(one) for one in work]
    yield
    await end_tasks(tasks)


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets no time pass between two looks."""
    monkeypatch.setattr(heartbeat_module, "BEAT_S", 0.0)
    monkeypatch.setattr(heartbeat_module, "FENCE_S", 0.0)
    monkeypatch.setattr(heartbeat_module, "MORE_COMES_S", 0.0)


@pytest.mark.usefixtures("_at_once")
async def test_a_node_that_is_long_about_its_carriers_says_that_it_lives() -> None:
    """Bug: it said so before each round alone, and one of 20 s made it look dead."""
    clock, links, membership = MovableClock(), Links("main"), Answering()
    links.held.clear()
    heartbeat = _heartbeat(clock, links, membership)
    async with _running(heartbeat):
        await until(lambda: membership.claims)
        said = membership.beats
        clock.advance(SILENT_S)
        await until(lambda: membership.beats > said + 2)
        assert heartbeat._heard.is_fresh()
        membership.may_claim.set()
        await until(lambda: links.held)
    assert membership.claims == ["main"]
    assert not links.closing


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize("is_new", [True, False], ids=["session lost", "claimed by another"])
async def test_a_node_is_not_heard_before_what_it_lost_is_let_go(is_new: bool) -> None:
    """It says all the same that it lives: others would take what it still has."""
    clock, links = MovableClock(), Links("main", "other")
    membership = Answering(main=("a" if is_new else "b", 1 if is_new else 2), other=("a", 1))
    membership.is_new = is_new
    links.may_close.clear()
    heartbeat = _heartbeat(clock, links, membership)
    clock.advance(SILENT_S - 1)
    async with _running(heartbeat):
        await until(lambda: membership.beats > 3)
        assert links.closing == (["main", "other"] if is_new else ["main"])
        clock.advance(1)
        assert not heartbeat._heard.is_fresh()
        links.may_close.set()
        await until(lambda: heartbeat._heard.is_fresh())
        assert "main" not in links.held or links.held["main"].epoch == 2


@pytest.mark.usefixtures("_at_once")
async def test_what_is_claimed_after_a_look_is_not_lost_by_it() -> None:
    """A look asked for before a claim ends after it."""
    clock, links = MovableClock(), Links("main", epoch=2)
    membership = Answering(main=("b", 1))
    heartbeat = _heartbeat(clock, links, membership)
    async with _running(heartbeat):
        await until(lambda: membership.beats > 3)
    assert not links.closing


@pytest.mark.usefixtures("_at_once")
async def test_a_round_goes_by_a_look_that_is_later_than_the_last_round() -> None:
    """Else what that has given back would look like its own, and be claimed again."""
    clock, links, membership = MovableClock(), Links(), Answering()
    heartbeat = _heartbeat(clock, links, membership)
    looks: list[int] = []
    looking, may_look = asyncio.Event(), asyncio.Event()
    rounds, may_end = list[int](), asyncio.Event()

    async def beat() -> Any:
        membership.beats += 1
        looks.append(membership.beats)
        overview = membership.overview()
        if len(looks) == 2:
            looking.set()
            await may_look.wait()
        return overview, False

    async def take_share(_overview: Overview, _may_claim: Any) -> None:
        rounds.append(membership.beats)
        if len(rounds) == 1:
            await may_end.wait()

    membership.beat = beat  # type: ignore[method-assign]
    heartbeat._holding.take_share = take_share  # type: ignore[method-assign]
    async with _running(heartbeat):
        await looking.wait()  # the second look is asked for while the first round goes on
        may_end.set()
        for _ in range(5):
            await asyncio.sleep(0)
        may_look.set()
        await until(lambda: len(rounds) > 1)
    assert rounds[0] == 1
    assert rounds[1] > 2


@pytest.mark.usefixtures("_at_once")
async def test_a_node_that_stops_claims_nothing_more_and_says_that_it_lives() -> None:
    """Bug: a round went on, and links that it opened were not closed."""
    links, membership = Links("main"), Answering()
    links.held.clear()
    heartbeat = _heartbeat(MovableClock(), links, membership)
    async with _running(heartbeat):
        await until(lambda: membership.claims)
        await heartbeat.take_no_more()
        membership.may_claim.set()
        said = membership.beats
        await until(lambda: membership.beats > said + 3)
    assert (membership.claims, links.held) == (["main"], {})


async def test_links_that_do_not_close_end_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat_module, "ROUND_S", 0.01)
    monkeypatch.setattr(heartbeat_module, "MORE_COMES_S", 0.0)
    links = Links("main")
    links.may_close.clear()
    heartbeat = _heartbeat(MovableClock(), links, Answering(main=("b", 2)))
    with pytest.raises(Ended, match="closing links has taken"):
        await heartbeat.run()


async def test_a_round_of_claims_that_hangs_ends_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heartbeat_module, "ROUND_S", 0.01)
    links = Links("main")
    links.held.clear()
    heartbeat = _heartbeat(MovableClock(), links, Answering())
    running = asyncio.create_task(heartbeat.run())
    with pytest.raises(Ended, match="claiming carriers and giving them back has taken"):
        await heartbeat.adjust()
    await end_tasks([running])


async def test_links_close_before_others_open_them_though_a_round_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bug: they were closed by the rounds alone, and one that waited for NATS never ended."""
    monkeypatch.setattr(heartbeat_module, "FENCE_S", 0.0)
    clock, links = MovableClock(), Links("main", "other")
    heartbeat = _heartbeat(clock, links, puller=Puller())
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
    severing = asyncio.create_task(holding.sever("main"))
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
