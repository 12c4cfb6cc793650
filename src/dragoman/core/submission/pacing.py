"""Batches that do not go as fast as they can: paused ones, a pace, and hours of the day.

Rules live in memory; whoever set them sets them again after a restart, before batches run. They
bound when recipients become messages: what is a message already goes out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from dragoman.kit.clock import Clock

BURST_S: Final = 1.0
"""Of a pace, what may go at once after a rest."""


@dataclass(slots=True)
class Pace:
    """So many messages a minute, shared by all batches of one sender's plan."""

    per_minute: int
    monotonic: Callable[[], float]
    _allowed: float = 1.0
    _since: float | None = None

    def room(self) -> int:
        """How many may go now."""
        now, per_s = self.monotonic(), self.per_minute / 60
        if self._since is not None:
            most = max(1.0, per_s * BURST_S)
            self._allowed = min(most, self._allowed + (now - self._since) * per_s)
        self._since = now
        return int(self._allowed)

    def took(self, count: int) -> None:
        """Some went."""
        self._allowed -= count


@dataclass(slots=True)
class Rule:
    """What holds for one batch."""

    held: bool = False
    pace: Pace | None = None
    zone: str = ""
    from_minute: int | None = None
    """Of the day in `zone`; None for the whole day."""
    to_minute: int | None = None


@dataclass(slots=True)
class Pacing:
    """The rules, by batch."""

    clock: Clock
    _rules: dict[int, Rule] = field(default_factory=dict)

    def put(self, batch_id: int, rule: Rule) -> None:
        """Sets the rule of a batch."""
        self._rules[batch_id] = rule

    def drop(self, batch_id: int) -> None:
        """Lets a batch go as fast as it can."""
        self._rules.pop(batch_id, None)

    def has_rule(self, batch_id: int) -> bool:
        """Whether a batch has a rule."""
        return batch_id in self._rules

    def room(self, batch_id: int, most: int) -> int:
        """How many recipients of a batch may become messages now, at most `most`."""
        rule = self._rules.get(batch_id)
        if rule is None:
            return most
        if rule.held or not self._is_time(rule):
            return 0
        return most if rule.pace is None else min(most, rule.pace.room())

    def took(self, batch_id: int, count: int) -> None:
        """Some recipients of a batch became messages."""
        rule = self._rules.get(batch_id)
        if rule is not None and rule.pace is not None:
            rule.pace.took(count)

    def _is_time(self, rule: Rule) -> bool:
        if rule.from_minute is None or rule.to_minute is None:
            return True
        local = datetime.fromtimestamp(self.clock.now_ms() / 1000, ZoneInfo(rule.zone or "UTC"))
        return rule.from_minute <= local.hour * 60 + local.minute < rule.to_minute
