"""Whether a gateway is alive, and whether it is ready for traffic."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from dragoman.core.delivery.model.ports import Connector, Explains
from dragoman.core.model.errors import StorageUnavailable
from dragoman.storage.writer import Writer

CHECK_TIMEOUT_S = 2.0
STUCK_S = 5.0
"""From so long a write on, callers would wait rather than be answered."""


class Health:
    """The state behind `/health/live` and `/health/ready`.

    A gateway is ready as long as it accepts messages. One whose carriers are all down does: they
    wait, and phones can connect only to a gateway that a proxy still sends traffic to.
    """

    def __init__(self, writer: Writer, connectors: Mapping[str, Connector]) -> None:
        self._writer = writer
        self._connectors = connectors
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

    async def check(self) -> None:
        """Looks whether the database can be written, for `problems`, in a bounded time."""
        if self.is_running:
            with suppress(StorageUnavailable, TimeoutError):
                async with asyncio.timeout(CHECK_TIMEOUT_S):
                    await self._writer.check()

    def problems(self) -> list[str]:
        """Why messages are not accepted, in plain English; empty if they are."""
        if reason := self._failure or self._phase or self._writer.trouble:
            return [reason]
        if self._writer.busy_s > STUCK_S:
            return [f"the database has not answered for {self._writer.busy_s:.0f} s"]
        return [self._writer.low_space] if self._writer.low_space else []

    def warnings(self) -> list[str]:
        """What needs attention although messages are accepted."""
        down = ((name, one) for name, one in self._connectors.items() if not one.up)
        return [f"carrier {name} is down{_reason(connector)}" for name, connector in down]


def _reason(connector: Connector) -> str:
    why = connector.why_down if isinstance(connector, Explains) else ""
    return f": {why}" if why else ""
