"""Lines of messages whose rows are to be read back: which are looked at, and when."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dragoman.core.delivery.spilled import SpilledLines
from dragoman.work_queue.local import LocalQueue
from dragoman.work_queue.port import Lane, Work

BULK, URGENT = ("dead", Lane.BULK, 7), ("dead", Lane.URGENT, 8)
OTHER = ("other", Lane.SINGLE, 7)


@pytest.fixture
async def queue() -> LocalQueue:
    """Two messages wait on each route."""
    queue = LocalQueue()
    for route in ("dead", "other"):
        await queue.publish(route, [Work(n, 7, Lane.BULK) for n in (1, 2)])
    return queue


@pytest.fixture
def lines(queue: LocalQueue) -> SpilledLines:
    """Lines of two routes that were looked at and found no room."""
    lines = SpilledLines(queue)
    for line in (BULK, URGENT, OTHER):
        lines.put(line, 100)
    lines.rest(lines.moving())
    return lines


async def test_lines_are_looked_at_until_their_routes_are_at_rest(queue: LocalQueue) -> None:
    lines = SpilledLines(queue)
    lines.put(BULK, 100)
    lines.put(URGENT, 100)
    looks = lines.moving()
    assert lines.of(looks) == [URGENT, BULK]
    assert lines.moving() == looks
    lines.rest(looks)
    assert not lines.moving()


CHANGES: dict[str, Callable[[SpilledLines, LocalQueue], object]] = {
    "a message was taken": lambda _, queue: queue.drain("dead", 1),
    "one was taken and is back": lambda _, queue: queue.consume("dead", lambda: 0).retry(
        *queue.drain("dead", 1), 0.0
    ),
    "a new line": lambda lines, _: lines.put(("dead", Lane.BULK, 9), 0),
    "a line is gone and back": lambda lines, _: (lines.pop(BULK), lines.put(BULK, 0)),
    "a route is gone and back": lambda lines, _: (lines.drop("dead"), lines.put(BULK, 0)),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_route_at_rest_is_looked_at_again_once_it_has_changed(
    change: str, lines: SpilledLines, queue: LocalQueue
) -> None:
    assert not lines.moving()
    CHANGES[change](lines, queue)
    assert list(lines.moving()) == ["dead"]


async def test_a_route_that_changed_while_it_was_looked_at_is_looked_at_again(
    lines: SpilledLines, queue: LocalQueue
) -> None:
    queue.drain("dead", 1)
    looks = lines.moving()
    queue.drain("dead", 1)
    lines.rest(looks)
    assert list(lines.moving()) == ["dead"]


async def test_rows_of_a_known_line_are_read_from_the_earliest(lines: SpilledLines) -> None:
    lines.put_earlier(BULK, 200)
    assert lines.read_up_to[BULK] == 100
    lines.put_earlier(BULK, 50)
    assert lines.read_up_to[BULK] == 50
    assert lines.pop(BULK) == 50
    assert BULK not in lines.read_up_to
