"""Requests under way to customers' servers: which connection each uses, and which ones queue.

While an idle connection is available, a request needs no task and no future: it is written, and its
answer goes to a callback. Only opening a connection takes a task.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Any, Final

from dragoman.web.http_connection import ConnectionBroke, Fetched, HttpConnection, NotHttp

KEEP_ALIVE_S: Final = 30.0
LONGEST_CHECK_S: Final = 1.0

Failure = NotHttp | ConnectionBroke | TimeoutError
OnResult = Callable[[Any], None]
"""Gets the result of a request, once: the answer, or what `failure` makes of why there is none."""
Connect = Callable[[Hashable], Awaitable[HttpConnection]]


class Exchanges:
    """Exchanges with any number of origins, within bounds of places and time.

    `connect` opens a connection to an origin. What it raises, and any of `Failure`, becomes the
    result of the request as `failure` puts it.
    `places` and `places_per_origin` bound the requests under way; others queue. `timeout_s` is the
    time from `start` to the whole answer, waiting and connecting included. A connection that was
    not used for `idle_s` is not used again.
    """

    def __init__(
        self,
        connect: Connect,
        failure: Callable[[Hashable, Exception], Exception],
        *,
        places: int,
        places_per_origin: int,
        timeout_s: float,
        keep_alive: bool = True,
        idle_s: float = KEEP_ALIVE_S,
    ) -> None:
        self._connect = connect
        self._failure = failure
        self._idle_s = idle_s
        self._free = places
        self._places_per_origin = places_per_origin
        self._timeout_s = timeout_s
        self._keep_alive = keep_alive
        self._pools: dict[Hashable, _Pool] = {}
        self._open: dict[_Exchange, None] = {}
        """In the order they began, and so in the order of their deadlines."""
        self._waiting: dict[_Pool, None] = {}
        """Pools with queued requests, in the order in which they are served."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._check_timer: asyncio.TimerHandle | None = None
        self._sweep_timer: asyncio.TimerHandle | None = None

    def start(
        self, origin: Hashable, request: bytes, on_result: OnResult, *, repeatable: bool
    ) -> None:
        """Sends a request as soon as there is a place for it.

        A `repeatable` one that finds its kept connection closed is sent over a new one.
        """
        pool = self._pools.get(origin)
        if pool is None:
            pool = self._pools[origin] = _Pool(origin, self._places_per_origin)
        loop = asyncio.get_running_loop()
        now = loop.time()
        exchange = _Exchange(pool, request, on_result, repeatable, now + self._timeout_s)
        self._open[exchange] = None
        if self._check_timer is None:
            self._check_timer = loop.call_later(self._check_s, self._check_deadlines)
        if pool.free and self._free and not pool.line:
            self._begin(exchange, now)
        else:
            pool.line.append(exchange)
            self._waiting[pool] = None

    def close(self) -> None:
        """Closes every connection; requests under way get no result."""
        for timer in (self._check_timer, self._sweep_timer):
            if timer is not None:
                timer.cancel()
        for task in self._tasks:
            task.cancel()
        for exchange in self._open:
            if exchange.connection is not None:
                exchange.connection.close()
        for pool in self._pools.values():
            for connection in pool.idle:
                connection.close()
        self._open.clear()
        self._pools.clear()
        self._waiting.clear()

    @property
    def _check_s(self) -> float:
        return min(LONGEST_CHECK_S, self._timeout_s / 4)

    def _begin(self, exchange: _Exchange, now: float) -> None:
        pool = exchange.pool
        pool.free -= 1
        self._free -= 1
        exchange.has_place = True
        exchange.connection = connection = pool.take(now - self._idle_s)
        if connection is None:
            self._connect_for(exchange)
        else:
            ended = self._over_kept if exchange.repeatable else self._end
            connection.send(exchange.request, partial(ended, exchange))

    def _over_kept(self, exchange: _Exchange, result: Fetched | Exception) -> None:
        """Ends a repeatable request, or begins it again over a new connection."""
        unanswered = isinstance(result, ConnectionBroke) and not result.began
        if unanswered:
            exchange.connection = None
            self._connect_for(exchange)
        else:
            self._end(exchange, result)

    def _connect_for(self, exchange: _Exchange) -> None:
        exchange.connecting = task = asyncio.create_task(self._ask_over_new(exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask_over_new(self, exchange: _Exchange) -> None:
        try:
            connection = await self._connect(exchange.pool.origin)
        except Exception as error:
            self._end(exchange, error)
            return
        exchange.connecting = None
        exchange.connection = connection
        connection.send(exchange.request, partial(self._end, exchange))

    def _end(self, exchange: _Exchange, result: Fetched | Exception) -> None:
        del self._open[exchange]
        pool, connection = exchange.pool, exchange.connection
        if connection is not None and connection.usable:
            self._keep(pool, connection)
        if exchange.has_place:
            pool.free += 1
            self._free += 1
            if self._waiting:
                self._serve_lines()
        if type(result) is not Fetched:
            assert isinstance(result, Exception)
            result = self._failure(pool.origin, result)
        exchange.on_result(result)

    def _keep(self, pool: _Pool, connection: HttpConnection) -> None:
        """Keeps a connection for the next request to its origin."""
        if not self._keep_alive:
            connection.close()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        pool.idle.append(connection)
        if self._sweep_timer is None:
            self._sweep_timer = loop.call_later(KEEP_ALIVE_S, self._sweep)

    def _serve_lines(self) -> None:
        """Gives free places to queued requests, the origins in turn."""
        blocked = []
        while self._free and self._waiting:
            pool = next(iter(self._waiting))
            del self._waiting[pool]
            if pool.line and pool.free:
                self._begin(pool.line.popleft(), asyncio.get_running_loop().time())
                if pool.line:
                    self._waiting[pool] = None
            elif pool.line:
                blocked.append(pool)
        self._waiting.update(dict.fromkeys(blocked))

    def _check_deadlines(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = []
        for exchange in self._open:
            if exchange.deadline > now:
                break
            late.append(exchange)
        for exchange in late:
            if exchange.connecting is not None:
                exchange.connecting.cancel()
            elif exchange.connection is not None:
                exchange.connection.close()
            else:
                exchange.pool.line.remove(exchange)
        # Only now, else the places freed would go to requests that are late as well.
        for exchange in late:
            self._end(exchange, TimeoutError())
        self._check_timer = (
            loop.call_later(self._check_s, self._check_deadlines) if self._open else None
        )

    def _sweep(self) -> None:
        """Closes connections that were not used for a while, and drops empty pools."""
        loop = asyncio.get_running_loop()
        self._sweep_timer = None
        for origin, pool in list(self._pools.items()):
            while pool.idle and (
                pool.idle[0].idle_since < loop.time() - KEEP_ALIVE_S or not pool.idle[0].usable
            ):
                pool.idle.popleft().close()
            if not pool.idle and not pool.line and pool.free == self._places_per_origin:
                del self._pools[origin]
        if any(pool.idle for pool in self._pools.values()):
            self._sweep_timer = loop.call_later(KEEP_ALIVE_S, self._sweep)


class _Exchange:
    """A request, from its start to its end."""

    __slots__ = (
        "connecting",
        "connection",
        "deadline",
        "has_place",
        "on_result",
        "pool",
        "repeatable",
        "request",
    )

    def __init__(
        self, pool: _Pool, request: bytes, on_result: OnResult, repeatable: bool, deadline: float
    ) -> None:
        self.pool = pool
        self.request = request
        self.on_result = on_result
        self.repeatable = repeatable
        self.deadline = deadline
        self.has_place = False
        self.connection: HttpConnection | None = None
        self.connecting: asyncio.Task[None] | None = None


class _Pool:
    """The connections to one origin, and the requests that queue for one."""

    __slots__ = ("free", "idle", "line", "origin")

    def __init__(self, origin: Hashable, places: int) -> None:
        self.origin = origin
        self.free = places
        self.idle: deque[HttpConnection] = deque()
        self.line: deque[_Exchange] = deque()

    def take(self, used_since: float) -> HttpConnection | None:
        """The most recently used connection that is still open, if it was used since then."""
        idle = self.idle
        while idle:
            connection = idle.pop()
            if connection.idle_since >= used_since and connection.usable:
                return connection
            connection.close()
        return None
