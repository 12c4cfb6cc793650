"""Reading: a few threads, each read over a connection of its own, or several in one trip.

A trip to a thread and back costs more than most of the small reads that a start consists of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Connection, Engine

from dragoman.core.model.errors import StorageUnavailable
from dragoman.storage.outages import Attempts, is_outage, reason_of

T = TypeVar("T")

Query: TypeAlias = Callable[[Connection], T]
_Asked: TypeAlias = "list[tuple[Query[Any], asyncio.Future[Any]]]"


class Readers:
    """The threads that read."""

    def __init__(self, engine: Engine, threads: int) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="storage-reader")
        self._attempts = Attempts()
        self._running: set[Future[Any]] = set()
        self._ending: Future[None] | None = None
        self._asked: _Asked | None = None
        """What waits for the next trip, while reads are made together."""

    async def read(self, query: Query[T]) -> T:
        """Runs a query in a thread; raises `StorageUnavailable`."""
        if self._asked is not None:
            return await self._ask(self._asked, query)
        return await asyncio.wrap_future(self.run(self._read, query))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Runs what is asked for until a turn of the loop brings no more as one, in that order."""
        self._asked = []
        try:
            yield
        finally:
            self._asked = None

    def run(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        """Runs other work in a thread."""
        running = self._threads.submit(work, *arguments)
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        return running

    def close(self) -> None:
        """Waits for what is being read, and closes every connection."""
        self._threads.shutdown(wait=True)
        self._engine.dispose()

    async def stop(self, let_go: Callable[[], None]) -> None:
        """Closes as `close` does, and lets go of something else, without a thread more."""
        if self._ending is None:
            before = tuple(self._running)

            def end() -> None:
                wait(before)
                self._engine.dispose()
                let_go()

            self._ending = self.run(end)
            self._threads.shutdown(wait=False)
        await asyncio.shield(asyncio.wrap_future(self._ending))

    def _read(self, query: Query[T]) -> T:
        try:
            with self._attempts.one():
                connection = self._engine.connect()
            with connection:
                return query(connection)
        except Exception as error:  # of the driver, where it was asked itself
            if is_outage(error):
                raise StorageUnavailable(reason_of(error)) from error
            raise

    def _ask(self, asked: _Asked, query: Query[T]) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        if not asked:
            loop.call_soon(self._start_trip, asked, 0)
        answer: asyncio.Future[T] = loop.create_future()
        asked.append((query, answer))
        return answer

    def _start_trip(self, asked: _Asked, before: int) -> None:
        if len(asked) > before:
            asyncio.get_running_loop().call_soon(self._start_trip, asked, len(asked))
            return
        trip = asked[:]
        asked.clear()
        queries = [query for query, _ in trip]
        try:
            reading = self.run(self._read, lambda c: [one(c) for one in queries])
        except RuntimeError as error:  # reading has ended since they were asked for
            reading = Future()
            reading.set_exception(error)
        running = asyncio.wrap_future(reading)

        def arrive(arrived: asyncio.Future[list[Any]]) -> None:
            error = None if arrived.cancelled() else arrived.exception()
            for number, (_, answer) in enumerate(trip):
                if answer.done():
                    continue
                if arrived.cancelled():
                    answer.cancel()
                elif error is not None:
                    answer.set_exception(error)
                else:
                    answer.set_result(arrived.result()[number])

        running.add_done_callback(arrive)
