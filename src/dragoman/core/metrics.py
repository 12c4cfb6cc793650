"""Counters of a gateway: plain integers, read when metrics are requested."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter


class Metrics:
    """The counters of one gateway.

    Labels are names of carriers and states only: never numbers, texts or keys.
    """

    def __init__(self) -> None:
        self.accepted: Counter[str] = Counter()
        """Messages accepted, by dialect."""
        self.refused: Counter[tuple[str, str]] = Counter()
        """Requests refused, by dialect and code."""
        self.outcomes: Counter[tuple[str, str]] = Counter()
        """Answers of carriers to submits, by carrier and kind."""
        self.finals: Counter[tuple[str, str]] = Counter()
        """Messages that ended, by carrier and state."""
        self.receipts: Counter[tuple[str, str]] = Counter()
        """Receipts, by carrier and result: matched, late, parked."""
        self.inbound: Counter[str] = Counter()
        """Texts received, by carrier."""
        self.device_words: Counter[tuple[str, str]] = Counter()
        """Reports of devices, by carrier and result: taken, repeated, forged, unknown."""
        self.callbacks: Counter[str] = Counter()
        """Callback attempts, by result."""
        self.binds_asked: Counter[str] = Counter()
        """Binds that programs asked for, by the command_status of the answer."""
        self.bind_answers: Counter[tuple[str, str]] = Counter()
        """Answers to requests of binds, by request and command_status."""
        self.mails: Counter[str] = Counter()
        """Mails of campaigns handed to the relay, by outcome."""
        self.submit_s = Histogram(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
        """Seconds from handing a message to a link to its answer."""
        self.commit_s = Histogram(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
        """Seconds a group commit takes."""
        self.callback_delay_s = Histogram(0.01, 0.05, 0.1, 0.5, 1, 5, 30, 60, 300, 3600)
        """Seconds from a state change to the customer's acknowledgement."""
        self.committed_units = 0
        self.overtaken = 0
        """State changes that came too late to count."""
        self.feed_dropped = 0
        """Changes that listeners of the live feed were too slow for."""
        self.notes_left_out = 0
        """Message events that exceeded the limits, or could not be stored."""

    def committed(self, units: int, seconds: float) -> None:
        """Counts a group commit."""
        self.committed_units += units
        self.commit_s.observe(seconds)


class Histogram:
    """Counts observations up to each bound, in seconds."""

    def __init__(self, *bounds: float) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self.total += seconds
        self.counts[bisect_left(self.bounds, seconds)] += 1
