"""Changes of one thing, one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from weakref import WeakValueDictionary


class Turns:
    """Locks by what they are for: a change starts from what the one before it has stored."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    def of(self, key: Hashable) -> asyncio.Lock:
        """The lock to hold while the thing is changed."""
        return self._locks.setdefault(key, asyncio.Lock())
