"""What people see of callbacks, and do about them: lists, making some again, pausing a host."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import field
from functools import partial
from typing import Final

from dragoman.core.callbacks.model.callback_lists import (
    CallbackDetails,
    CallbackFilter,
    CallbackPage,
    UnmatchedPage,
)
from dragoman.core.callbacks.model.hosts import PausedHost
from dragoman.core.callbacks.sql import callback_lists
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.ids import LIMIT
from dragoman.kit.signal import Signal
from dragoman.storage.engine import Storage

CHUNK: Final = 500
"""Callbacks that are made pending together."""
MAX_REPLAYED: Final = 20_000
"""Callbacks of a host that are made again at once."""


@use_case(kw_only=True)
class CallbackLists:
    """Reads and changes the rows of callbacks; the workers hear of it by signals."""

    storage: Storage
    clock: Clock
    replayed: Signal[[int, str, int, int]] = field(default_factory=Signal, init=False)
    """Account, origin, how many are pending again, and the newest of them."""
    paused: Signal[[PausedHost]] = field(default_factory=Signal, init=False)
    unpaused: Signal[[int, str]] = field(default_factory=Signal, init=False)
    """Account and origin."""

    async def page(self, wanted: CallbackFilter, before: int | None, limit: int) -> CallbackPage:
        """Callbacks below an identifier, newest first; raises `TookTooLong`."""
        if not is_storable(wanted.origin):
            return CallbackPage(callbacks=())
        return await self.storage.read(
            lambda c: callback_lists.find_callbacks(c, wanted, before, limit)
        )

    async def find(self, account_ids: tuple[int, ...], callback_id: int) -> CallbackDetails:
        """One callback of these accounts; raises `Refused`."""
        found = None
        if 0 <= callback_id < LIMIT:
            found = await self.storage.read(lambda c: callback_lists.find_callback(c, callback_id))
        if found is None or found.callback.account_id not in account_ids:
            raise Refused(RefusalCode.NOT_FOUND, str(callback_id), "callback")
        return found

    async def replay(self, account_ids: tuple[int, ...], callback_ids: tuple[int, ...]) -> int:
        """Makes callbacks again that ended; how many. Those of other accounts are left out."""
        chosen = tuple(one for one in callback_ids if 0 <= one < LIMIT)[:CHUNK]
        origins = await self.storage.read(
            lambda c: callback_lists.origins_of(c, account_ids, chosen)
        )
        by_host: defaultdict[tuple[int, str], list[int]] = defaultdict(list)
        for callback_id, host in origins.items():
            by_host[host].append(callback_id)
        return sum([await self._replay(*host, ids) for host, ids in by_host.items()])

    async def replay_host(self, account_id: int, origin: str) -> int:
        """Makes an account's callbacks to an origin again that were given up; how many."""
        after, number = 0, 0
        while number < MAX_REPLAYED:
            find = partial(
                callback_lists.find_ended,
                account_id=account_id,
                origin=origin,
                after=after,
                limit=CHUNK,
            )
            chosen = await self.storage.read(find)
            if not chosen:
                break
            number += await self._replay(account_id, origin, chosen)
            after = chosen[-1]
        return number

    async def _replay(self, account_id: int, origin: str, callback_ids: list[int]) -> int:
        item = callback_lists.Replay(account_id, tuple(callback_ids), self.clock.now_ms())
        number = await self.storage.writer.write(callback_lists.replay, item)
        if number:
            self.replayed(account_id, origin, number, max(callback_ids))
        return number

    async def pause(self, account_id: int, origin: str) -> None:
        """Has an account's callbacks to an origin wait, also after a restart."""
        host = PausedHost(account_id=account_id, origin=origin, since_ms=self.clock.now_ms())
        if await self.storage.writer.write(callback_lists.pause, host):
            self.paused(host)

    async def unpause(self, account_id: int, origin: str) -> None:
        """Lets them go on."""
        item = callback_lists.Unpause(account_id, origin)
        if await self.storage.writer.write(callback_lists.unpause, item):
            self.unpaused(account_id, origin)

    async def unmatched(self, carrier: str, before: int | None, limit: int) -> UnmatchedPage:
        """Receipts that match no message, newest first."""
        if not is_storable(carrier):
            return UnmatchedPage(receipts=())
        return await self.storage.read(
            lambda c: callback_lists.find_unmatched(c, carrier, before, limit)
        )
