"""Sign-ins that are at an OpenID provider, in memory until they come back."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from typing import Final, NamedTuple

from dragoman.console.openid import Flow

FLOW_S: Final = 900.0
MAX_FLOWS: Final = 1_000
MAX_KEPT: Final = 20_000
"""Characters of a form that wait for one sign-in."""


class Waiting(NamedTuple):
    """A sign-in that is at the provider."""

    flow: Flow
    secret: str
    """The form cookie of the browser that left."""
    target: str
    kept: str
    until_s: float


class Flows:
    """Sign-ins that are at the provider; the oldest give way."""

    def __init__(self) -> None:
        self._by_state: OrderedDict[str, Waiting] = OrderedDict()

    def add(self, waiting: Waiting) -> None:
        """Remembers one."""
        self._by_state[waiting.flow.state] = waiting
        if len(self._by_state) > MAX_FLOWS:
            self._by_state.popitem(last=False)

    def take(self, state: str, secret: str, now_s: float) -> Waiting | None:
        """The sign-in that comes back to the browser that left with it; once."""
        waiting = self._by_state.pop(state, None)
        if waiting is None or now_s >= waiting.until_s:
            return None
        return waiting if hmac.compare_digest(waiting.secret, secret) else None
