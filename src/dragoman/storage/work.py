"""Kinds of work for the writer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any, Generic, TypeVar, get_type_hints

from sqlalchemy import Connection

from dragoman.core.model.errors import Refused

Item = TypeVar("Item")
Result = TypeVar("Result", bound="bool | int | list[int] | list[bool] | None")
"""What can come back from the writer process (`answers.Result`)."""


class Operation(Generic[Item, Result]):
    """A kind of work: a function over all items of that kind in a group.

    It returns one result per item, in order; a result that is an exception is raised for that
    caller only, and the group is committed all the same. `item` is the type by which items travel
    to the writer process. One that `grows` makes rows for which nothing is accepted yet; it is
    refused while the disk is nearly full. One that `overtakes` may be written before joint work
    that came earlier, as it neither reads nor changes what that does; all others come behind it.
    """

    def __init__(
        self,
        run: Callable[[Connection, list[Item]], list[Result | Exception]],
        name: str = "",
        item: Any = Any,
        *,
        grows: bool = False,
        overtakes: bool = False,
    ) -> None:
        self.run = run
        self.name = name or run.__name__
        self.item = item
        self.grows = grows
        self.overtakes = overtakes


def one_by_one(
    name: str, *, whole: bool = False, grows: bool = False
) -> Callable[[Callable[[Connection, Item], Result]], Operation[Item, Result]]:
    """Makes an operation of a function over one item, which may raise `Refused`.

    With `whole`, what it wrote before it refused is rolled back.
    """

    def decorate(run_one: Callable[[Connection, Item], Result]) -> Operation[Item, Result]:
        def run(connection: Connection, items: list[Item]) -> list[Result | Exception]:
            def run_item(item: Item) -> Result:
                with connection.begin_nested() if whole else nullcontext():
                    return run_one(connection, item)

            return run_each(items, run_item)

        return Operation(run, name, _item_of(run_one), grows=grows)

    return decorate


def run_each(items: Iterable[Item], run: Callable[[Item], Result]) -> list[Result | Exception]:
    """The result of each item, or its refusal."""
    results: list[Result | Exception] = []
    for item in items:
        try:
            results.append(run(item))
        except Refused as refused:
            results.append(refused)
    return results


def together(
    name: str, *, overtakes: bool = False
) -> Callable[[Callable[[Connection, list[Item]], None]], Operation[Item, None]]:
    """Makes an operation of a function over all items of a group, without results."""

    def decorate(run_all: Callable[[Connection, list[Item]], None]) -> Operation[Item, None]:
        def run(connection: Connection, items: list[Item]) -> list[Exception | None]:
            run_all(connection, items)
            return [None] * len(items)

        return Operation(run, name, _item_of(run_all).__args__[0], overtakes=overtakes)

    return decorate


def _item_of(function: Callable[..., Any]) -> Any:
    """The type of the item that a function takes."""
    hints = get_type_hints(function)
    return next(hint for name, hint in hints.items() if name not in ("connection", "return"))
