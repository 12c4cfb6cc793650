"""Which account sends mails next: in turn, each within the bandwidth it has bought."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import field
from typing import Final

import msgspec

from dragoman.core.campaigns.model.mailings import EmailService
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.token_bucket import TokenBucket

SHARE: Final = 32
"""Mails of an account in one turn."""
LOOK_AGAIN_S: Final = 60.0
"""How long what an account has bought is remembered, in seconds."""
HOUR_S: Final = 3600.0
SAVED_S: Final = 60.0
"""An account that was quiet may send what it saved in so many seconds at once."""

_NEVER: Final = 1 << 62


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """An account, and the number of its mails that may be sent now."""

    account_id: int
    limit: int


@use_case()
class AccountTurns:
    """Keeps the accounts with pending mails, and when they are due."""

    clock: Clock
    find_service: Callable[[int], Awaitable[EmailService | None]]
    _accounts: OrderedDict[int, _Waiting] = field(default_factory=OrderedDict, init=False)

    def add(self, account_id: int, due_ms: int) -> None:
        """Mails of an account are due from a time on, or earlier if others already are."""
        waiting = self._accounts.setdefault(account_id, _Waiting())
        waiting.due_ms = min(waiting.due_ms, due_ms)

    def set_back(self, by_ms: int) -> None:
        """The wall clock was set back: whoever waits does not wait longer for it."""
        for waiting in self._accounts.values():
            if waiting.due_ms != _NEVER:
                waiting.due_ms -= by_ms

    async def take(self) -> Turn | None:
        """The next account in turn, which waits no more until mails are added."""
        now_ms = self.clock.now_ms()
        for account_id, waiting in list(self._accounts.items()):
            if waiting.due_ms > now_ms:
                continue
            self._accounts.move_to_end(account_id)
            limit = await self._share_of(account_id, waiting)
            if limit:
                waiting.due_ms = _NEVER
                return Turn(account_id=account_id, limit=limit)
        return None

    def end(self, turn: Turn, sent: int, next_ms: int | None) -> None:
        """Counts what a turn sent; `next_ms` is when more is due, None for nothing."""
        waiting = self._accounts[turn.account_id]
        if waiting.bucket is not None and sent:
            waiting.bucket.take(self.clock.monotonic(), sent)
        if next_ms is not None:
            self.add(turn.account_id, next_ms)
        elif waiting.due_ms == _NEVER and waiting.bucket is None:
            del self._accounts[turn.account_id]

    async def _share_of(self, account_id: int, waiting: _Waiting) -> int:
        """The number of mails the account may send now; postpones its turn if there are none."""
        now = self.clock.monotonic()
        if now - waiting.looked_at >= LOOK_AGAIN_S:
            waiting.take_service(await self.find_service(account_id) or EmailService(), now)
        wait_s, bucket = LOOK_AGAIN_S, waiting.bucket
        if waiting.is_open:
            if bucket is None:
                return SHARE
            limit = 0
            while limit < SHARE and not bucket.wait_s(now, limit + 1):
                limit += 1
            if limit:
                return limit
            wait_s = bucket.wait_s(now)
        waiting.due_ms = self.clock.now_ms() + round(wait_s * 1000) + 1
        return 0


class _Waiting:
    """An account with pending mails, and its e-mail service."""

    def __init__(self) -> None:
        self.due_ms = _NEVER
        self.bucket: TokenBucket | None = None
        self.is_open = True
        self.looked_at = float("-inf")

    def take_service(self, service: EmailService, now: float) -> None:
        """Applies the current e-mail service of the account."""
        self.looked_at = now
        self.is_open = service.enabled
        rate = service.bandwidth / HOUR_S
        burst = max(1.0, rate * SAVED_S)
        if not rate:
            self.bucket = None
        elif self.bucket is None:
            self.bucket = TokenBucket(rate_per_s=rate, burst=burst, now=now)
        elif self.bucket.rate_per_s != rate:
            self.bucket.change_rate(rate, now, burst=burst)
