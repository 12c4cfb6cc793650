"""What workers of one process take of the relay together."""

from __future__ import annotations

import asyncio
import contextlib

from tests.passing_time import MovableClock

from dragoman.core.campaigns.outcomes import Answer, Stage
from dragoman.core.campaigns.relay_share import RelayShare


class Open:
    """A transport that knows whether its connection is open."""

    def __init__(self) -> None:
        self.is_open = False

    async def hand_over(self, name: str, sender: str, recipient: str, mail: bytes) -> Answer:
        self.is_open = True
        return Answer(stage=Stage.CONTENT, code=250, text="")

    async def close(self) -> None:
        self.is_open = False


async def _send(share: RelayShare, transport: Open, over: asyncio.Event) -> None:
    async with share.connection(transport):
        await transport.hand_over("", "", "", b"")
        await over.wait()


async def test_connections_are_kept_as_long_as_nobody_needs_them() -> None:
    share = RelayShare(rate_per_s=10, connections=4, clock=MovableClock(), share=lambda: 0.5)
    over = asyncio.Event()
    over.set()
    transports = [Open() for _ in range(3)]
    for transport in transports:
        await _send(share, transport, over)
    assert [one.is_open for one in transports] == [False, True, True]


async def test_one_more_waits_until_there_is_room() -> None:
    share = RelayShare(rate_per_s=10, connections=1, clock=MovableClock())
    over = asyncio.Event()
    first, second = Open(), Open()
    sending = [asyncio.create_task(_send(share, one, over)) for one in (first, second)]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.05):
            await asyncio.gather(*map(asyncio.shield, sending))
    assert (first.is_open, second.is_open) == (True, False)
    over.set()
    await asyncio.gather(*sending)
    assert (first.is_open, second.is_open) == (False, True)


class StoppedClock(MovableClock):
    def monotonic(self) -> float:
        return 1_000.0


def test_the_rate_follows_the_share() -> None:
    parts = 1.0
    share = RelayShare(rate_per_s=10, connections=1, clock=StoppedClock(), share=lambda: parts)
    share.take()
    assert round(share.wait_s(), 2) == 0.1
    parts = 0.25
    assert round(share.wait_s(), 2) == 0.4
