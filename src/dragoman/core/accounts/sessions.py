"""Sessions: keys valid while they are used, kept in memory only; a restart ends them all."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from itertools import islice
from typing import Final

from dragoman.kit.clock import Clock

KEY_BYTES: Final = 16
MAX_PER_ACCOUNT: Final = 1_000
"""A further one ends the one that was used longest ago."""
SWEPT: Final = 2
"""Accounts looked through for dead sessions as one begins."""


class Sessions:
    """The sessions of all accounts; each expires `idle_s` after its last use."""

    def __init__(self, *, clock: Clock, idle_s: float) -> None:
        self._clock = clock
        self._idle_s = idle_s
        self._used: dict[int, OrderedDict[str, float]] = {}
        """By account and key, when each was used last; the longest unused first."""

    def open(self, account_id: int) -> str:
        """Opens a session and returns its key."""
        self._drop_dead()
        own = self._used.setdefault(account_id, OrderedDict())
        key = secrets.token_hex(KEY_BYTES)
        own[key] = self._clock.monotonic()
        if len(own) > MAX_PER_ACCOUNT:
            own.popitem(last=False)
        return key

    def renew(self, account_id: int, key: str) -> bool:
        """Whether an account's session is alive; if so, its idle time restarts."""
        if not self.is_alive(account_id, key):
            return False
        own = self._used[account_id]
        own[key] = self._clock.monotonic()
        own.move_to_end(key)
        return True

    def is_alive(self, account_id: int, key: str) -> bool:
        """Whether an account's session is alive; its idle time keeps running."""
        own = self._used.get(account_id)
        used_at = own.get(key) if own is not None else None
        return used_at is not None and not self._is_dead(used_at)

    def end_all(self, account_id: int, but: str = "") -> None:
        """Ends the sessions of an account, optionally except one."""
        own = self._used.pop(account_id, None)
        if own is not None and but in own:
            self._used[account_id] = OrderedDict({but: own[but]})

    def _drop_dead(self) -> None:
        """Removes expired sessions of a few accounts, in turn."""
        for account_id in list(islice(self._used, SWEPT)):
            own = self._used.pop(account_id)
            while own and self._is_dead(next(iter(own.values()))):
                own.popitem(last=False)
            if own:
                self._used[account_id] = own

    def _is_dead(self, used_at: float) -> bool:
        return self._clock.monotonic() - used_at >= self._idle_s
