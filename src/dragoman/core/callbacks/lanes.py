"""The callbacks of an account to an origin, and how that origin is doing.

An origin that fails is *held*: one callback at a time is tried there, and the rest waits in rows.
"""

from __future__ import annotations

from collections import deque

from dragoman.core.messages.model.records import NewCallback

FIRST_PAUSE_S = 1.0
"""Before a held origin is tried; each further pause is twice as long."""
LONGEST_PAUSE_S = 9.0
"""In the first hour, so that with the wait for its turn it is tried every 10 s."""
FIRST_HOUR_S = 3600.0
LATER_PAUSE_S = 60.0
TRIES_PER_S = 20.0
"""Of all held origins of an account; with more of them each pause is longer."""
SHORT_OUTAGE_S = 30.0
"""After a longer one callbacks do not wait for the times that were planned for each."""
ERRORS_IN_ROW = 10
"""A server error may be about one callback; so many in a row are not."""
HOST_FAILS = frozenset({429, 502, 503, 504})
"""Answers that are not about the callback, but about the server."""


class AccountCalls:
    """What an account has at all origins together."""

    def __init__(self) -> None:
        self.under_way = 0
        self.held = 0
        """Lanes whose origin is held."""


class CallbackLane:
    """What waits in memory and in rows, and whether the origin is held."""

    def __init__(self, account_id: int, origin: str, calls: AccountCalls) -> None:
        self.account_id = account_id
        self.origin = origin
        self.calls = calls
        self.ready: deque[NewCallback] = deque()
        """Callbacks in memory that may not have to wait for another of their message."""
        self._behind: dict[int, list[NewCallback]] = {}
        """By message of which a callback is being delivered, or its result being stored, those that
        come after it."""
        self.queued = 0
        """Callbacks in memory that are not under way."""
        self.in_rows = 0
        """Callbacks that are pending in SQL and not here."""
        self.more = False
        """Whether more are due than were read, so that the next poll need not be waited for."""
        self.calling = 0
        """Calls under way."""
        self.failures = 0
        """Tries in a row that failed; the origin is held while there are any."""
        self.paused_until = 0.0
        self.unwell_since: float | None = None
        self.reason = ""
        self.released = False
        """Whether everything in rows is due now, whatever was planned for it."""
        self.has_expired = False
        """Whether one became too old while the origin was held, so that others may have, too."""
        self.first: int | None = None
        """The message whose callback is to be tried first."""
        self.tried_at = 0.0
        self._errors = 0

    @property
    def waiting(self) -> int:
        return self.queued + self.in_rows

    @property
    def busy(self) -> bool:
        """Whether a callback is being delivered, or its result being stored."""
        return bool(self._behind)

    def under_way(self) -> frozenset[int]:
        """The messages of which a callback is being delivered, or its result being stored."""
        return frozenset(self._behind)

    def put(self, callback: NewCallback) -> None:
        """Adds a callback, behind all others of its message."""
        self.ready.append(callback)
        self.queued += 1

    def take(self) -> NewCallback | None:
        """The next callback of a message without one in progress."""
        ready, behind = self.ready, self._behind
        while ready:
            callback = ready.popleft()
            later = behind.get(callback.message_id)
            if later is None:
                behind[callback.message_id] = []
                self.queued -= 1
                return callback
            later.append(callback)
        return None

    def finish(self, message_id: int) -> None:
        """The result of a message's callback is stored: the next one may go, before all others."""
        later = self._behind.pop(message_id, None)
        if later:
            self.ready.extendleft(reversed(later))

    def clear(self) -> int:
        """Leaves all that waits in memory in its rows; returns the number."""
        left, self.queued = self.queued, 0
        self.ready.clear()
        for later in self._behind.values():
            later.clear()
        return left

    def put_back(self, message_id: int) -> int:
        """Leaves later callbacks of a message in their rows; returns their number."""
        before = self.queued
        if message_id in self._behind:
            self.queued -= len(self._behind[message_id])
            self._behind[message_id].clear()
        others = [callback for callback in self.ready if callback.message_id != message_id]
        self.queued -= len(self.ready) - len(others)
        self.ready = deque(others)
        return before - self.queued

    def is_failing(self, status: int | None, now: float) -> bool:
        """Whether an answer (None: no answer) shows that the server fails."""
        host_fails = status is None or status in HOST_FAILS
        if not host_fails and status is not None and status < 500:
            return False
        if self.unwell_since is None:
            self.unwell_since = now
        self._errors += 1
        return host_fails or self.failures > 0 or self._errors >= ERRORS_IN_ROW

    def hold(self, now: float, wish_s: float, reason: str) -> None:
        """Holds the origin after a failure; `wish_s` is how long it asked to be left alone."""
        self.reason = reason
        if now >= self.paused_until:  # else one of several calls that failed together
            unwell_s = now - (self.unwell_since or now)
            longest_s = LONGEST_PAUSE_S if unwell_s < FIRST_HOUR_S else LATER_PAUSE_S
            if not self.failures:
                self.calls.held += 1
            shortest_s = self.calls.held / TRIES_PER_S
            pause_s = max(min(FIRST_PAUSE_S * 2**self.failures, longest_s), shortest_s)
            began = self.tried_at if self.failures else now
            self.failures = min(self.failures + 1, 10)
            self.paused_until = max(now, began + pause_s)
        self.paused_until = max(self.paused_until, now + wish_s)
        self.in_rows += self.clear()

    def answered(self, now: float) -> None:
        """The origin answers, so it is well again; not if the call began before it was held."""
        if self.failures:
            if now < self.paused_until:
                return
            self.released |= now - (self.unwell_since or now) >= SHORT_OUTAGE_S
        self.let_go()

    def let_go(self) -> None:
        """Ends that the origin is held."""
        if self.failures:
            self.calls.held -= 1
        self.unwell_since = None
        self.failures = self._errors = 0

    def retry_now(self, message_id: int | None) -> None:
        """Has everything tried without a wait, this message first."""
        self.paused_until = 0.0
        self.released = True
        self.first = message_id
