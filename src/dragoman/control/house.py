"""What commands work on, as protocols; the composition root has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from dragoman.container import Services
from dragoman.core.delivery.model.ports import Connector
from dragoman.core.messages.feed import Feed
from dragoman.core.metrics import Metrics


class RunningGateway(Protocol):
    """What can be read off a gateway that runs."""

    @property
    def metrics(self) -> Metrics: ...
    @property
    def feed(self) -> Feed: ...
    @property
    def connectors(self) -> Mapping[str, Connector]: ...

    def problems(self) -> list[str]:
        """Why it cannot take traffic now, in plain words."""
        ...

    def waiting(self) -> Mapping[str, int]:
        """Messages queued in memory, by route."""
        ...

    def oldest_waiting_s(self) -> Mapping[str, float]:
        """Age of the oldest message in the queue, by route."""
        ...

    def window_use(self) -> Mapping[str, tuple[int, int]]:
        """(parts in flight, parts it may have in flight), by carrier."""
        ...

    def is_held(self, carrier: str) -> bool:
        """Whether somebody took a carrier out of service."""
        ...

    def callbacks_waiting(self) -> int:
        """Callbacks to be made."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Controlled:
    """The house, and the gateway it is part of where one runs."""

    services: Services
    gateway: RunningGateway | None = None
    started_ms: int | None = None
