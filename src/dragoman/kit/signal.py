"""A notification to subscribers that its sender does not know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec

Facts = ParamSpec("Facts")


class Signal(Generic[Facts]):
    """Calls its listeners synchronously, in the order in which they subscribed."""

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: tuple[Callable[Facts, None], ...] = ()

    def subscribe(self, listener: Callable[Facts, None]) -> None:
        """Has a listener called from now on."""
        self._listeners = (*self._listeners, listener)

    def unsubscribe(self, listener: Callable[Facts, None]) -> None:
        """Has a listener called no more."""
        self._listeners = tuple(one for one in self._listeners if one != listener)

    def __call__(self, *args: Facts.args, **kwargs: Facts.kwargs) -> None:
        for listener in self._listeners:
            listener(*args, **kwargs)
