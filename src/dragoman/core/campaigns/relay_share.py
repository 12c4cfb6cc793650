"""What the workers of one process may take of the relay: mails a second, and connections.

A single gateway has all of it. A node of a cluster has a part for all its partitions, so that all
nodes together keep to what the configuration says.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

from dragoman.core.campaigns.ports import Transport
from dragoman.kit.clock import Clock
from dragoman.kit.token_bucket import TokenBucket

LEAST_SHARE: Final = 0.001
"""Of a node that has nothing yet."""


def whole() -> float:
    """The share of a single gateway."""
    return 1.0


def always() -> bool:
    """Nobody else ever takes over."""
    return True


class RelayShare:
    """Shared by workers, each with several transports; at least one connection is allowed."""

    def __init__(
        self,
        *,
        rate_per_s: float,
        connections: int,
        clock: Clock,
        share: Callable[[], float] = whole,
    ) -> None:
        """`share` is the part of the whole, up to 1, that this process has at the moment."""
        self._rate_per_s = rate_per_s
        self._connections = connections
        self._clock = clock
        self._share = share
        self._bucket = TokenBucket(rate_per_s=rate_per_s, now=clock.monotonic())
        self._at_work: set[Transport] = set()
        self._idle: list[Transport] = []
        """Whose connections may be open; the first was used longest ago."""
        self._room_came = asyncio.Condition()

    def wait_s(self) -> float:
        """Seconds until the next mail may be sent."""
        now = self._clock.monotonic()
        rate_per_s = self._rate_per_s * max(self._share(), LEAST_SHARE)
        if rate_per_s != self._bucket.rate_per_s:
            self._bucket.change_rate(rate_per_s, now)
        return self._bucket.wait_s(now)

    def take(self) -> None:
        """Takes the right to send one."""
        self._bucket.take(self._clock.monotonic())

    @contextlib.asynccontextmanager
    async def connection(self, transport: Transport) -> AsyncIterator[None]:
        """Waits until a transport may have a connection, which it keeps until others need it."""
        async with self._room_came:
            await self._room_came.wait_for(lambda: len(self._at_work) < self._most())
            self._at_work.add(transport)
        try:
            if transport in self._idle:
                self._idle.remove(transport)
            while self._idle and len(self._at_work) + len(self._idle) > self._most():
                await self._idle.pop(0).close()
            yield
        finally:
            self._at_work.discard(transport)
            self._idle.append(transport)
            async with self._room_came:
                self._room_came.notify()

    async def close(self, transport: Transport) -> None:
        """Closes the connection of a transport that has nothing to send."""
        if transport in self._idle:
            self._idle.remove(transport)
        await transport.close()

    def _most(self) -> int:
        return max(1, int(self._connections * self._share()))
