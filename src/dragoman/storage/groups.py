"""Groups of work, each written in one transaction, and who hears what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

import structlog

from dragoman.storage.work import Item, Operation

Caller = TypeVar("Caller")

log = structlog.get_logger(__name__)


class JointWork(Generic[Item, Caller]):
    """Work of a kind whose callers hear together what became of it.

    `tell` is called once for all of a group, on the loop, with the items, their callers, and the
    results or errors, in the same order. So none of them needs a callback of its own. If it can
    wait, what `overtakes` is written before it.
    """

    __slots__ = ("can_wait", "operation", "tell")

    def __init__(
        self,
        operation: Operation[Item, Any],
        tell: Callable[[list[Item], list[Caller], Iterable[Any]], None],
        *,
        can_wait: bool = False,
    ) -> None:
        self.operation = operation
        self.can_wait = can_wait
        self.tell = tell


Work: TypeAlias = Operation[Any, Any] | JointWork[Any, Any]


class _Units:
    """The items of a kind, and their callers."""

    __slots__ = ("callers", "items", "operation", "tell")

    def __init__(self, work: Work) -> None:
        self.items: list[Any] = []
        self.callers: list[Any] = []
        self.operation = work.operation if isinstance(work, JointWork) else work
        self.tell = work.tell if isinstance(work, JointWork) else _tell_each


class Group:
    """Units of work that are written in one transaction, by kind in the order of their arrival."""

    __slots__ = ("is_joint", "kinds", "overtakes", "size")

    def __init__(self) -> None:
        self.kinds: dict[Work, _Units] = {}
        self.size = 0
        self.overtakes = True
        """Whether all of it may be written before joint work that came earlier."""
        self.is_joint = True
        """Whether it is nothing but joint work."""

    def add(self, work: Work, item: Any, caller: Any) -> None:
        """Adds a unit; the caller of an operation alone is a callback that takes its result."""
        units = self.kinds.get(work)
        if units is None:
            units = self.kinds[work] = _Units(work)
            self.overtakes &= units.operation.overtakes
            self.is_joint &= work is not units.operation
        units.items.append(item)
        units.callers.append(caller)
        self.size += 1

    def add_all(self, work: Work, units: Sequence[tuple[Any, Any]]) -> None:
        """Adds several units of a kind, each an item and its caller."""
        (item, caller), *others = units
        self.add(work, item, caller)
        if others:
            mine = self.kinds[work]
            items, callers = zip(*others, strict=True)
            mine.items += items
            mine.callers += callers
            self.size += len(others)

    def take(self, other: Group) -> None:
        """Adds all units of another group behind those of this one."""
        for work, units in other.kinds.items():
            mine = self.kinds.get(work)
            if mine is None:
                self.kinds[work] = units
            else:
                mine.items += units.items
                mine.callers += units.callers
        self.size += other.size
        self.overtakes &= other.overtakes
        self.is_joint &= other.is_joint

    def apart(self) -> Iterator[Group]:
        """Each of its units as a group of its own."""
        for work, units in self.kinds.items():
            for item, caller in zip(units.items, units.callers, strict=True):
                alone = Group()
                alone.add(work, item, caller)
                yield alone

    def settle(self, results: Iterable[Iterable[Any]]) -> None:
        """Tells everybody the results, which are by kind as the items are."""
        for units, of_kind in zip(self.kinds.values(), results, strict=True):
            try:
                units.tell(units.items, units.callers, of_kind)
            except Exception as error:
                log.error("answers_not_taken", reason=type(error).__name__)

    def fail(self, error: Exception) -> None:
        """Tells everybody the same error."""
        self.settle([error] * len(units.items) for units in self.kinds.values())


def _tell_each(
    _items: list[Any], callers: list[Callable[[Any], None]], results: Iterable[Any]
) -> None:
    for caller, result in zip(callers, results, strict=True):
        try:
            caller(result)
        except Exception as error:  # one caller's defect must not cost others their answers
            log.error("answer_not_taken", reason=type(error).__name__)
