"""Tasks that must not end: the first that does is reported, so that the process can end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from weakref import WeakSet

Spawn = Callable[[str, Coroutine[Any, Any, None]], asyncio.Task[None]]
"""Starts a task under a name."""


def spawn_unwatched(name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Starts a task without supervision, for tests."""
    return asyncio.create_task(work, name=name)


class Ended(Exception):
    """Ends a worker with a reason that may be told: no number, message or key."""


class Supervisor:
    """Starts workers that run until they are cancelled, and notices where one ends before.

    `on_failure` is called once for each worker that ends by itself, with a line that names it and
    says why.
    """

    def __init__(self, on_failure: Callable[[str], None]) -> None:
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[None]] = set()
        self._parts: dict[asyncio.Task[None], object] = {}
        self._leaving: WeakSet[object] = WeakSet()
        self._stopping = False
        self._failed = asyncio.Event()

    def spawn(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Starts a worker under a name."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def spawn_for(self, part: object) -> Spawn:
        """Starts workers of a part that may be stopped alone, after `let_end`."""

        def spawn(name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
            task = self.spawn(name, work)
            self._parts[task] = part
            return task

        return spawn

    def let_end(self, part: object) -> None:
        """From here on workers of a part may return, or be cancelled."""
        self._leaving.add(part)

    async def failure(self) -> None:
        """Returns once a worker has ended by itself."""
        await self._failed.wait()

    def expect_ends(self) -> None:
        """From here on a worker may return, or be cancelled."""
        self._stopping = True

    async def stop(self) -> None:
        """Cancels every worker and waits for them."""
        self.expect_ends()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        leaving = self._parts.pop(task, None) in self._leaving
        error = None if task.cancelled() else task.exception()
        if error is None and (self._stopping or leaving):
            return
        if error is None:
            reason = "it was cancelled" if task.cancelled() else "it returned"
        else:
            reason = place_of(error)
        self._on_failure(f"worker {task.get_name()} ended: {reason}")
        self._failed.set()


def place_of(error: BaseException) -> str:
    """What was raised and where. Not its text: that may hold a number, a message or a key."""
    if isinstance(error, Ended):
        return str(error)
    place, trace = "", error.__traceback__
    while trace is not None:
        place = f" in {trace.tb_frame.f_globals.get('__name__', '?')}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return type(error).__name__ + place
