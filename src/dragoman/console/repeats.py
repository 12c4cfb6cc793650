"""A form that is sent twice does its work once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

MAX_REMEMBERED: Final = 10_000
Result = TypeVar("Result")


class Repeats:
    """The results of forms, by the mark that each carries; in memory, the newest only."""

    def __init__(self) -> None:
        self._done: OrderedDict[tuple[int, str], asyncio.Task[Any]] = OrderedDict()

    async def once(
        self,
        account_id: int,
        mark: str,
        act: Callable[[], Awaitable[Result]],
        *,
        keep_s: float | None = None,
    ) -> Result:
        """The result of an act; a second time of the same mark waits for the first.

        A refusal is raised to all who wait, and is not remembered. An act outlives its caller. A
        result that holds secrets is to be kept for `keep_s` only.
        """
        key = (account_id, mark)
        task: asyncio.Task[Result] | None = self._done.get(key)
        if task is None:
            task = asyncio.ensure_future(_run(act))
            self._done[key] = task
            if len(self._done) > MAX_REMEMBERED:
                self._done.popitem(last=False)
            if keep_s is not None:
                asyncio.get_running_loop().call_later(keep_s, self._done.pop, key, None)
        try:
            return await asyncio.shield(task)
        except Exception:
            if self._done.get(key) is task:
                del self._done[key]
            raise


async def _run(act: Callable[[], Awaitable[Result]]) -> Result:
    return await act()
