"""Urgent messages that found no phone free: the next free place is theirs.

A message that no phone can take is asked about again after a while, and whoever is asked about
first when a place is free would have it. So what is not urgent leaves alone the places that an
urgent one waits for.
"""

from __future__ import annotations

import msgspec

from dragoman.connectors.phones.assignment import ANY_SLOT
from dragoman.connectors.phones.choice import Place
from dragoman.core.messages.model.messages import Outgoing

LATE_S = 3.0
"""What was not asked about again for so long has gone another way, or ended."""


class Precedence:
    """The urgent messages that wait; times are monotonic seconds."""

    def __init__(self, *, shared: bool) -> None:
        self._shared = shared
        self._waiting: dict[int, _Waiting] = {}

    @property
    def waits(self) -> bool:
        """Whether any message waits."""
        return bool(self._waiting)

    def wait(self, message: Outgoing, now: float) -> None:
        """Notes that a message waits, if it is urgent."""
        if message.urgent:
            self.end(message)  # the one that waits longest without a word stays first
            self._waiting[message.message_id] = _Waiting(message=message, until=now + LATE_S)
            self._drop_late(now)

    def end(self, message: Outgoing) -> None:
        """Notes that a message waits no more."""
        self._waiting.pop(message.message_id, None)

    def is_free(self, place: Place, message: Outgoing, now: float) -> bool:
        """Whether a message may have a place: none that goes before it waits for that."""
        if message.urgent or not self._waiting:
            return True
        self._drop_late(now)
        return not any(self._wants(one.message, place, message) for one in self._waiting.values())

    def _drop_late(self, now: float) -> None:
        while self._waiting and (first := next(iter(self._waiting.values()))).until < now:
            self.end(first.message)

    def _wants(self, urgent: Outgoing, place: Place, other: Outgoing) -> bool:
        if urgent.device_id is None:
            wanted = self._shared or urgent.account_id == other.account_id
        else:
            wanted = urgent.device_id == place.device_id
        # One that wants a SIM that is not there must not keep others from those that are.
        return wanted and (urgent.sim is None or place.slot in (urgent.sim, ANY_SLOT))


class _Waiting(msgspec.Struct, frozen=True, kw_only=True):
    message: Outgoing
    until: float
