"""What an operator sets for one carrier of phones."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Choice(StrEnum):
    """Which SIM is next, of those that may send now."""

    LEAST_LOADED = "least_loaded"
    ROUND_ROBIN = "round_robin"


class PhonesSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One group of phones that share the work of a carrier."""

    name: str
    choice: Choice = Choice.LEAST_LOADED
    shared: bool = False
    """Whether a phone sends for every account; else for its own only."""
    in_flight: int = 3
    """Messages a SIM may hold that its phone has not given to the radio yet."""
    present_s: float = 20 * 60.0
    """A phone without an open stream counts as there so long after its last call."""
    fetched_life_s: float = 15 * 60.0
    """How long a phone may send what it has fetched; then it refuses to, and it is ours again."""
    clock_margin_s: float = 5 * 60.0
    """How wrong the clock of a phone may be."""
    processed_life_s: float = 3600.0
    """How long the result of a message is waited for that a phone has given to its radio."""
    hold: bool = False
    """Whether a message of which its phone says nothing more is left unknown, not given back."""
    event_gap_s: float = 3.0
    """Between two events that tell a phone to fetch: each replaces the fetch that is under way."""
    failures_in_a_row: int = 5
    """So many failures for no stated reason, and a SIM has to rest."""
    rest_s: float = 5 * 60.0
    longest_rest_s: float = 3600.0
