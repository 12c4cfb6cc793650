"""Coroutines that run without a task as long as they wait for commits alone."""

import asyncio
from contextvars import ContextVar
from typing import Any

import pytest

from dragoman.kit.prompt import PromptRun, Settled

MARK: ContextVar[str] = ContextVar("MARK", default="")


class Ends:
    """What runs ended with."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, BaseException | None]] = []

    def __call__(self, _run: object, result: Any, error: BaseException | None) -> None:
        self.seen.append((result, error))

    def start(self, todo: Any) -> PromptRun[Any]:
        run = PromptRun(todo, self)
        run.go_on()
        return run


async def test_goes_on_in_the_callback_that_settles() -> None:
    ends, waiting = Ends(), Settled[int]()

    async def add() -> int:
        return 1 + await waiting

    run = ends.start(add())
    assert not run.is_over
    waiting.settle(2)
    assert ends.seen == [(3, None)]
    assert run.is_over


async def test_what_is_settled_already_is_not_waited_for() -> None:
    ends, waiting = Ends(), Settled[int]()
    waiting.settle(2)

    async def take() -> int:
        return await waiting

    assert ends.start(take()).is_over
    assert ends.seen == [(2, None)]


async def test_error_is_raised_where_it_is_awaited() -> None:
    ends, waiting = Ends(), Settled[int]()

    async def take() -> str:
        try:
            await waiting
        except ValueError as error:
            return str(error)
        return ""

    ends.start(take())
    waiting.settle(ValueError("no room"))
    assert ends.seen == [("no room", None)]


@pytest.mark.parametrize("raised", [KeyError("x"), asyncio.CancelledError()])
async def test_what_it_raises_is_told(raised: BaseException) -> None:
    ends = Ends()

    async def fail() -> None:
        raise raised

    ends.start(fail())
    assert ends.seen == [(None, raised)]


async def test_the_rest_is_a_task_when_it_waits_for_anything_else() -> None:
    ends, first, second = Ends(), asyncio.Event(), Settled[int]()

    async def take() -> tuple[int, str, bool]:
        MARK.set("mine")
        await first.wait()
        async with asyncio.timeout(10):
            return await second, MARK.get(), asyncio.current_task() is not None

    run = ends.start(take())
    await asyncio.sleep(0)
    first.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second.settle(5)
    for _ in range(5):
        await asyncio.sleep(0)
    assert run.is_over
    assert ends.seen == [((5, "mine", True), None)]
    assert MARK.get() == ""


@pytest.mark.parametrize("in_task", [False, True])
async def test_cancelled_one_leaves_its_result_to_nobody(in_task: bool) -> None:
    ends, waiting = Ends(), Settled[int]()

    async def take() -> int:
        if in_task:
            await asyncio.sleep(0)
        return await waiting

    run = ends.start(take())
    for _ in range(3):
        await asyncio.sleep(0)
    run.cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    ((result, error),) = ends.seen
    assert result is None
    assert isinstance(error, asyncio.CancelledError)
    assert waiting.is_abandoned


async def test_task_awaits_it_like_a_future() -> None:
    waiting = Settled[int]()
    task = asyncio.ensure_future(_await(waiting))
    await asyncio.sleep(0)
    waiting.settle(7)
    assert await task == 7


async def _await(waiting: Settled[int]) -> int:
    return await waiting
