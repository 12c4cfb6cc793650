"""Coroutines that run at once, without a task, as long as they wait for commits alone.

A task, a future and a turn of the loop each cost more than what most calls do. A `PromptRun` runs a
coroutine at once and goes on with it from the callback that settles what it waits for. If it waits
for anything else, the rest of it becomes a task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import copy_context
from types import coroutine
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Settled(Generic[Result]):
    """A result that a callback will give; awaited once, by a task or in a `PromptRun`."""

    __slots__ = ("_error", "_future", "_result", "_run", "is_abandoned", "is_done")

    def __init__(self) -> None:
        self.is_done = False
        self.is_abandoned = False
        """Whether its caller is gone, so that nobody will hear it."""
        self._result: Result | None = None
        self._error: Exception | None = None
        self._future: asyncio.Future[None] | None = None
        self._run: PromptRun[Any] | None = None

    def settle(self, result: Result | Exception) -> None:
        """Gives the result, or the error that is raised to who awaits it."""
        self.is_done = True
        if isinstance(result, Exception):
            self._error = result
        else:
            self._result = result
        if self.is_abandoned:
            return
        if self._run is not None:
            self._run.go_on()
        elif self._future is not None and not self._future.done():
            self._future.set_result(None)

    def __await__(self) -> Generator[Any, None, Result]:
        if not self.is_done:
            self._run = PromptRun.running
            try:
                if self._run is not None:
                    yield self
                else:
                    self._future = asyncio.get_running_loop().create_future()
                    yield from self._future
            except asyncio.CancelledError:
                self.is_abandoned = True
                raise
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]


class PromptRun(Generic[Result]):
    """A coroutine that is run at once.

    `ended` is called once, with the run, its result and what it raised; `about` is the caller's.
    The coroutine must not ask for its task, as a time limit does, before it waits for anything.
    """

    __slots__ = ("_context", "_coroutine", "_ended", "_task", "about", "is_over")

    running: PromptRun[Any] | None = None
    """The one whose coroutine is being run."""

    def __init__(
        self,
        todo: Coroutine[Any, Any, Result],
        ended: Callable[[PromptRun[Result], Result | None, BaseException | None], None],
        about: Any = None,
    ) -> None:
        self.about = about
        self._coroutine = todo
        self._ended = ended
        self._context = copy_context()
        self._task: asyncio.Task[Result] | None = None
        self.is_over = False

    def go_on(self, error: BaseException | None = None) -> None:
        """Runs the coroutine up to where it waits again; at first from its beginning."""
        result: Result | None = None
        run, before = self._coroutine, PromptRun.running
        PromptRun.running = self
        try:
            if error is None:
                awaited = self._context.run(run.send, None)
            else:
                awaited, error = self._context.run(run.throw, error), None
        except StopIteration as stop:
            result = stop.value
        except (Exception, asyncio.CancelledError) as raised:
            error = raised
        else:
            if type(awaited) is not Settled:
                self._become_task(awaited)
            return
        finally:
            PromptRun.running = before
        self.is_over = True
        self._ended(self, result, error)

    def cancel(self, msg: object = None) -> None:
        """Cancels it where it waits, as that of a task does."""
        if self._task is not None:
            self._task.cancel(msg)
        elif not self.is_over:
            self.go_on(asyncio.CancelledError(msg))

    def _become_task(self, awaited: object) -> None:
        loop = asyncio.get_running_loop()
        rest = _rest(self._coroutine, awaited)
        self._task = loop.create_task(rest, context=self._context)
        self._task.add_done_callback(self._end_task)

    def _end_task(self, task: asyncio.Task[Result]) -> None:
        self.is_over = True
        if task.cancelled():
            self._ended(self, None, asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            self._ended(self, None, error)
        else:
            self._ended(self, task.result(), None)


@coroutine
def _rest(begun: Coroutine[Any, Any, Result], awaited: Any) -> Generator[Any, Any, Result]:
    """The rest of a coroutine that was begun and waits for something."""
    try:
        while True:
            try:
                sent = yield awaited
            except BaseException as error:
                awaited = begun.throw(error)
            else:
                awaited = begun.send(sent)
    except StopIteration as stop:
        result: Result = stop.value
        return result
