"""The order of a gateway's start and end as a process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dragoman.cli import running
from dragoman.cli.outcome import ExitCode, Stop


class Idle:
    """Stands for a gateway; notes what is asked of it."""

    stop_timeout_s = 1.0

    def __init__(self, *, hangs: bool = False) -> None:
        self.events: list[str] = []
        self._hangs = hangs

    async def start(self, *, migrate: bool, before_ready: Callable[[], Awaitable[object]]) -> None:
        self.events.append("answers")
        if self._hangs:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        await before_ready()
        self.events.append("ready")

    async def worker_ended(self) -> str:
        return "worker x ended: y"

    async def stop(self) -> None:
        self.events.append("stopped")

    @asynccontextmanager
    async def files(self) -> AsyncIterator[None]:
        self.events.append("files")
        yield
        self.events.append("no files")


@pytest.fixture(autouse=True)
def _as_a_part_of_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object) -> None:
        """This process goes on."""

    monkeypatch.setattr(running, "_end_within", nothing)
    monkeypatch.setattr(running, "_calm_collector", nothing)


async def test_files_are_written_before_it_is_ready_and_taken_away_before_it_stops() -> None:
    """Bug: /health/ready said 200 before dev.json and dev.env were there."""
    gateway: Any = Idle()
    with pytest.raises(Stop, match="worker x ended: y") as caught:
        await running.run_gateway(gateway, migrate=True, while_ready=gateway.files())
    assert caught.value.exit_code is ExitCode.FAILED
    assert gateway.events == ["answers", "files", "ready", "no files", "stopped"]


async def test_a_start_that_hangs_ends_when_it_is_told_to() -> None:
    """Bug: a signal was heard only after the start."""
    gateway: Any = Idle(hangs=True)
    await running.run_gateway(gateway, migrate=True, while_ready=gateway.files())
    assert gateway.events == ["answers", "stopped"]
