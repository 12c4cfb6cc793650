"""Urgent messages that found no phone free get the next free place.

A message that no phone can take is offered again after a while, and the first one offered when a
place is free would get it. So other messages leave the places free that an urgent one waits for.
"""

from __future__ import annotations

import msgspec

from dragoman.connectors.phones.assignment import ANY_SLOT
from dragoman.connectors.phones.choice import Place
from dragoman.core.messages.model.messages import Outgoing

LATE_S = 3.0
"""A message not offered again within this time went another way, or ended."""


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
            self.end(message)  # the one not offered for longest stays first
            self._waiting[message.message_id] = _Waiting(message=message, until=now + LATE_S)
            self._drop_late(now)

    def end(self, message: Outgoing) -> None:
        """Notes that a message waits no more."""
        self._waiting.pop(message.message_id, None)

    def is_free(self, place: Place, message: Outgoing, now: float) -> bool:
        """Whether a message may have a place: no urgent one waits for it."""
        if message.urgent or not self._waiting:
            return True
        self._drop_late(now)
        return not any(self._claims(one.message, place, message) for one in self._waiting.values())

    def _drop_late(self, now: float) -> None:
        while self._waiting and (first := next(iter(self._waiting.values()))).until < now:
            self.end(first.message)

    def _claims(self, urgent: Outgoing, place: Place, other: Outgoing) -> bool:
        if urgent.device_id is None:
            wanted = self._shared or urgent.account_id == other.account_id
        else:
            wanted = urgent.device_id == place.device_id
        # A message for a missing SIM must not block the SIMs that are present.
        return wanted and (urgent.sim is None or place.slot in (urgent.sim, ANY_SLOT))


class _Waiting(msgspec.Struct, frozen=True, kw_only=True):
    message: Outgoing
    until: float
