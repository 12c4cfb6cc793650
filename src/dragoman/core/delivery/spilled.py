"""What is spilled: the lines of messages whose rows are to be read back.

With thousands of accounts waiting for a dead carrier there are many lines, and each look at one
asks the queue for its room. So only those of routes are looked at where something has changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from dragoman.work_queue.port import Lane, WorkQueue

Line: TypeAlias = tuple[str, Lane, int]
"""Route, lane and account."""
_Look: TypeAlias = tuple[int, int, int]
"""Messages that a queue has given away, those that wait in it, and the number of the last line."""


class SpilledLines:
    """The lines of all routes."""

    __slots__ = ("_added", "_at_rest", "_last_added", "_of_route", "_queue", "read_up_to")

    def __init__(self, queue: WorkQueue) -> None:
        self.read_up_to: dict[Line, int] = {}
        """By line, the identifier up to which its rows are queued; changed here alone."""
        self._queue = queue
        self._of_route: dict[str, set[Line]] = {}
        self._added = 0
        self._last_added: dict[str, int] = {}
        self._at_rest: dict[str, _Look] = {}
        """By route, its look when none of its rows found room."""

    def put(self, line: Line, read_up_to: int) -> None:
        """Adds a line, or notes how far it was read."""
        if line not in self.read_up_to:
            route = line[0]
            self._of_route.setdefault(route, set()).add(line)
            self._added += 1
            self._last_added[route] = self._added
        self.read_up_to[line] = read_up_to

    def put_earlier(self, line: Line, read_up_to: int) -> None:
        """Adds a line, or has its rows read again from an earlier one on."""
        self.put(line, min(self.read_up_to.get(line, read_up_to), read_up_to))

    def pop(self, line: Line) -> int:
        """Takes a line off whose rows are all queued; up to where they were read."""
        lines = self._of_route[line[0]]
        lines.discard(line)
        if not lines:
            self.drop(line[0])
        return self.read_up_to.pop(line)

    def drop(self, route: str) -> None:
        """Takes off the lines of a route."""
        for line in self._of_route.pop(route, ()):
            del self.read_up_to[line]
        self._at_rest.pop(route, None)
        self._last_added.pop(route, None)

    def moving(self) -> dict[str, _Look]:
        """The routes whose rows may find room, since something has changed, and how they look."""
        looks = {route: self._look(route) for route in self._of_route}
        return {route: look for route, look in looks.items() if self._at_rest.get(route) != look}

    def of(self, routes: Iterable[str]) -> list[Line]:
        """The lines of some routes, the first lanes first."""
        return sorted((line for route in routes for line in self._of_route[route]), key=_lane_first)

    def rest(self, looks: dict[str, _Look]) -> None:
        """Notes routes none of whose rows found room when they looked like that."""
        self._at_rest |= {route: look for route, look in looks.items() if route in self._of_route}

    def _look(self, route: str) -> _Look:
        queue = self._queue
        return queue.taken(route), queue.depth(route), self._last_added[route]


def _lane_first(line: Line) -> tuple[Lane, str, int]:
    route, lane, account_id = line
    return lane, route, account_id
