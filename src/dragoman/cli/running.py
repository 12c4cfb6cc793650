"""A gateway as a process: signals, and every reason not to start as one line."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from dragoman.cli.outcome import ExitCode, Stop

if TYPE_CHECKING:
    from dragoman.config import Settings
    from dragoman.container import Services
    from dragoman.core.callbacks.worker import Caller
    from dragoman.development.workbench import Workbench
    from dragoman.gateway import Gateway
    from dragoman.kit.child_process import ChildProcess

KILLED = 128
"""What shells add to the number of a signal that ended a process."""


def build_gateway(
    settings: Settings,
    writer: ChildProcess,
    build_workbench: Callable[[Services, Caller], Workbench] | None = None,
) -> Gateway:
    """The gateway, whose database is ours from here on; raises `Stop`."""
    from dragoman.core.model.errors import AlreadyInUse, StorageUnavailable
    from dragoman.gateway import Gateway

    try:
        return Gateway(settings, writer=writer, build_workbench=build_workbench)
    except AlreadyInUse as error:
        raise Stop(ExitCode.FAILED, str(error), "in_use") from None
    except StorageUnavailable as error:
        raise Stop(ExitCode.FAILED, f"no database: {error}", "unavailable") from None


async def run_gateway(
    gateway: Gateway, *, migrate: bool, while_ready: AbstractAsyncContextManager[None]
) -> None:
    """Runs until a first signal asks to stop; a second one ends the process at once.

    A worker that dies stops the gateway too, with its name and reason as a `Stop`.

    `while_ready` is entered when the gateway is ready and left when it begins to stop.
    """
    from dragoman.core.model.errors import StorageUnavailable

    stopping = asyncio.Event()

    def on_signal(number: int) -> None:
        if stopping.is_set():
            os._exit(KILLED + number)
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    try:
        await gateway.start(migrate=migrate)
    except StorageUnavailable as error:
        raise Stop(ExitCode.FAILED, str(error), "unavailable") from None
    try:
        async with while_ready:
            _calm_collector()
            died = await _until_told(stopping, gateway)
    finally:
        await gateway.stop()
    if died:
        raise Stop(ExitCode.FAILED, died, "worker_ended")


async def _until_told(stopping: asyncio.Event, gateway: Gateway) -> str:
    """Waits for a signal or for the death of a worker; why it died, empty for a signal."""
    signalled = asyncio.create_task(stopping.wait())
    died = asyncio.create_task(gateway.worker_ended())
    await asyncio.wait((signalled, died), return_when=asyncio.FIRST_COMPLETED)
    for task in (signalled, died):
        task.cancel()
    return "" if stopping.is_set() else died.result()


def _calm_collector() -> None:
    """Lets the garbage collector look at young objects only.

    A message makes hundreds of objects and no cycles; walking the whole heap for them costs pauses.
    """
    gc.collect()
    gc.freeze()


def run_loop(main: Coroutine[Any, Any, None]) -> None:
    """Runs a coroutine on the fastest event loop there is."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)


def check_port(host: str, port: int, remedy: str) -> int:
    """The port, or a free one for 0; raises `Stop` with the remedy where it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family) as probe:
            found: int = probe.getsockname()[1]
            return found
    except OSError as error:
        reasons = {errno.EADDRINUSE: "is taken", errno.EACCES: "needs more rights"}
        reason = reasons.get(error.errno or 0, f"cannot be used ({error.strerror or error})")
        raise Stop(
            ExitCode.FAILED, f"port {port} on {host} {reason}: {remedy}", "port_taken"
        ) from None
