"""The order of a gateway's start and end as a process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dragoman.cli import running
from dragoman.cli.outcome import ExitCode, Stop
from dragoman.cli.running import check_port
from dragoman.core.delivery.running import Reloaded
from dragoman.core.model.errors import RefusalCode, Refused, StorageUnavailable


class Idle:
    """Stands for a gateway; notes what is asked of it."""

    stop_timeout_s = 1.0

    def __init__(self, *, hangs: bool = False) -> None:
        self.events: list[str] = []
        self.workers_end = asyncio.Event()
        self._hangs = hangs

    async def start(self, *, migrate: bool, before_ready: Callable[[], Awaitable[object]]) -> None:
        self.events.append("answers")
        if self._hangs:
            await self.hang()
        await before_ready()
        self.events.append("ready")
        self.workers_end.set()

    async def hang(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    async def worker_ended(self) -> str:
        await self.workers_end.wait()
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


async def test_a_worker_that_dies_during_the_start_ends_it_even_if_the_start_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bug: it was noticed only after the start, which may wait for that worker."""

    class Waiting(Idle):
        async def hang(self) -> None:
            self.workers_end.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.events.append("cleaned up")

    gateway: Any = Waiting(hangs=True)
    monkeypatch.setattr(running, "_end_within", lambda *_: gateway.events.append("bounded"))
    with pytest.raises(Stop, match="worker x ended: y"):
        await running.run_gateway(gateway, migrate=True, while_ready=gateway.files())
    assert gateway.events == ["answers", "bounded", "cleaned up", "bounded", "stopped"]


async def test_a_start_that_fails_ends_the_process_even_if_the_stop_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Unable(Idle):
        async def start(
            self, *, migrate: bool, before_ready: Callable[[], Awaitable[object]]
        ) -> None:
            raise StorageUnavailable("no server there")

    ends: list[tuple[object, ...]] = []
    monkeypatch.setattr(running, "_end_within", lambda *given: ends.append(given))
    gateway: Any = Unable()
    with pytest.raises(Stop, match="no server there"):
        await running.run_gateway(gateway, migrate=True, while_ready=gateway.files())
    assert ends == [(1.0, "no server there")]


async def test_a_hangup_has_it_take_a_changed_configuration() -> None:
    class Reloading(Idle):
        ready = True

        def __init__(self) -> None:
            super().__init__()
            self.mistakes = ["routes.x.carriers: missing", ""]
            self.reloaded = asyncio.Event()

        async def worker_ended(self) -> str:
            await self.workers_end.wait()
            for _ in range(2):
                self.reloaded.clear()
                os.kill(os.getpid(), signal.SIGHUP)
                await self.reloaded.wait()
            return "worker x ended: y"

        async def reload(self, *, check: bool) -> Reloaded:
            self.reloaded.set()
            mistake = self.mistakes.pop(0)
            self.events.append("refused" if mistake else "reloaded")
            if mistake:
                raise Refused(RefusalCode.INVALID_FIELD, "configuration", mistake)
            return Reloaded(changes=(), applied=not check)

    gateway: Any = Reloading()
    with pytest.raises(Stop, match="worker x ended: y"):
        await running.run_gateway(gateway, migrate=True, while_ready=gateway.files(), reloads=True)
    assert gateway.events[3:5] == ["refused", "reloaded"], "a mistake ends nothing"


@pytest.mark.skipif(sys.platform != "linux", reason="a bound socket shuts ours out elsewhere")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_free_port_is_kept_for_our_listener_alone(host: str) -> None:
    port = check_port(host, 0, "")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as of_a_connection, pytest.raises(OSError, match="in use"):
        of_a_connection.bind((host, port))
    with socket.create_server((host, port), family=family):
        pass
