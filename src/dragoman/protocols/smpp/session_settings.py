"""What limits a session."""

from __future__ import annotations

import msgspec


class SessionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one session; times in seconds."""

    window: int
    response_timeout_s: float
    bind_timeout_s: float
    enquire_interval_s: float
    enquire_timeout_s: float
    session_init_timeout_s: float = 5.0
    """Time a peer that connected has to bind."""
    unbind_timeout_s: float = 5.0
    silent_while_unbinding: bool
    """Whether requests that cross our unbind are not answered, so that the peer sends them again:
    some take ESME_RINVBNDSTS for the end of a message."""
