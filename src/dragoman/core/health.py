"""Whether a gateway is alive, and whether it can take traffic."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from dragoman.core.delivery.model.ports import Connector
from dragoman.storage.writer import Writer


class Health:
    """What `/health/live` and `/health/ready` answer from.

    `phones` names the carriers that call us: with one of those a gateway is ready though every
    carrier is down, since a proxy would keep phones from a gateway that is not.
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
        """Whether the gateway has started, and has not begun to stop."""
        return not self._phase

    def note_phase(self, phase: str) -> None:
        """Says what the gateway is busy with; empty when it takes traffic."""
        self._phase = phase

    def note_failure(self, reason: str) -> None:
        """Says that a worker died; the first word counts."""
        self._failure = self._failure or reason

    def problems(self) -> list[str]:
        """Why the gateway cannot take traffic now, in plain words; empty when it can."""
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
