"""Whether a gateway is alive, and whether it is ready for traffic."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from dragoman.core.delivery.model.ports import Connector
from dragoman.storage.writer import Writer


class Health:
    """The state behind `/health/live` and `/health/ready`.

    `phones` names the carriers of type phones: with one of those a gateway is ready although every
    carrier is down, since phones connect to it, and a proxy sends nothing to a gateway that is not
    ready.
    """

    def __init__(
        self, writer: Writer, connectors: Mapping[str, Connector], phones: Collection[str]
    ) -> None:
        self._writer = writer
        self._connectors = connectors
        self._phones = phones
        self._phase = "not running"
        self._failure = ""

    @property
    def failure(self) -> str:
        """Which worker died and why; empty while all are alive."""
        return self._failure

    @property
    def is_running(self) -> bool:
        """Whether the gateway has started, and is not stopping."""
        return not self._phase

    def note_phase(self, phase: str) -> None:
        """Sets what the gateway is busy with; empty once it is running."""
        self._phase = phase

    def note_failure(self, reason: str) -> None:
        """Records that a worker died; the first one is kept."""
        self._failure = self._failure or reason

    def problems(self) -> list[str]:
        """Why the gateway is not ready, in plain English; empty if it is."""
        if self._failure:
            return [self._failure]
        if self._phase:
            return [self._phase]
        if self._writer.failed:
            return ["a write could not be made durable; restart after checking the disk"]
        down = [name for name, connector in self._connectors.items() if not connector.up]
        if down and len(down) == len(self._connectors) and not self._phones:
            return [f"carrier {name} is down" for name in down]
        return []
