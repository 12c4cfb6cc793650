"""What views may use: the services, and what can be read off the running gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dragoman.console.repeats import Repeats
from dragoman.container import Services


class LinkState(Protocol):
    """A link of a carrier."""

    @property
    def name(self) -> str: ...
    @property
    def bound(self) -> bool: ...
    @property
    def outstanding(self) -> int: ...
    @property
    def waiting(self) -> int: ...
    @property
    def reconnects(self) -> int: ...
    @property
    def throttled(self) -> int: ...
    @property
    def last_error(self) -> str: ...
    @property
    def window(self) -> int:
        """Parts that may wait for their answer at a time; 0 for as many as there are."""
        ...

    @property
    def rate_per_s(self) -> float | None:
        """How fast it sends at most now; None for no limit."""
        ...


class CarrierState(Protocol):
    """A carrier: whether it is up, and how fast it can be."""

    @property
    def name(self) -> str: ...
    @property
    def up(self) -> bool: ...
    @property
    def held(self) -> bool:
        """Whether it is given nothing new."""
        ...

    @property
    def in_flight(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    @property
    def round_trip_ms(self) -> float | None: ...
    @property
    def rate_per_s(self) -> float | None: ...
    @property
    def kind(self) -> str:
        """What it speaks."""
        ...

    @property
    def outcomes(self) -> Mapping[str, int]:
        """Answers to messages since the start, by outcome."""
        ...

    @property
    def links(self) -> Sequence[LinkState]: ...


class Machine(Protocol):
    """The running gateway, to look at."""

    def carriers(self) -> Sequence[CarrierState]:
        """Every carrier as it is now."""
        ...

    def problems(self) -> list[str]:
        """Why it cannot take traffic now, in plain words; empty when it can."""
        ...

    def waiting(self) -> Mapping[str, int]:
        """Messages queued in memory, by route."""
        ...

    def oldest_waiting_s(self) -> Mapping[str, float]:
        """Age of the oldest message in the queue, by route."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleContext:
    """The services, and what only the console needs besides."""

    services: Services
    machine: Machine
    repeats: Repeats = field(default_factory=Repeats)
    editing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by who looks whether something is still as its editor read it, and changes it."""
