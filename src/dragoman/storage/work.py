"""A kind of work for the writer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

Item = TypeVar("Item")
Result = TypeVar("Result")


class Operation(Generic[Item, Result]):
    """A kind of work: a function over all the items of that kind in a group.

    It returns one result an item, in order; a result that is an exception is raised at that item's
    caller only, and the group is committed all the same. `item` is the type of the items, by which
    they travel to the process that writes.
    """

    def __init__(
        self,
        run: Callable[[Connection, list[Item]], list[Result | Exception]],
        name: str = "",
        item: Any = Any,
    ) -> None:
        self.run = run
        self.name = name or run.__name__
        self.item = item
