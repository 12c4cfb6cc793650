"""A gateway as a process: signals, and every reason not to start as one line."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING, Any

from dragoman.cli.outcome import ExitCode, Stop

if TYPE_CHECKING:
    from dragoman.cluster.node import ClusterNode
    from dragoman.config import Settings
    from dragoman.container import Services
    from dragoman.core.callbacks.calling import Caller
    from dragoman.development.workbench import Workbench
    from dragoman.gateway import Gateway
    from dragoman.kit.child_process import ChildProcess

COLLECT_AFTER = 50_000
"""Objects made and still alive before the garbage collector of a running gateway runs."""
KILLED = 128
"""What shells add to the number of a signal that ended a process."""


def build_gateway(
    settings: Settings,
    writer: ChildProcess,
    build_workbench: Callable[[Services, Caller], Workbench] | None = None,
    reload_settings: Callable[[], Settings] | None = None,
) -> Gateway:
    """The gateway, whose database is ours from here on; raises `Stop`."""
    from dragoman.config import ConfigError
    from dragoman.core.model.errors import AlreadyInUse, StorageUnavailable
    from dragoman.gateway import Gateway

    try:
        return Gateway(
            settings,
            writer=writer,
            build_workbench=build_workbench,
            reload_settings=reload_settings,
        )
    except ConfigError as error:
        raise Stop(ExitCode.USAGE, str(error), "configuration") from None
    except AlreadyInUse as error:
        raise Stop(ExitCode.FAILED, str(error), "in_use") from None
    except StorageUnavailable as error:
        raise Stop(ExitCode.FAILED, f"no database: {error}", "unavailable") from None


async def run_gateway(
    gateway: Gateway | ClusterNode,
    *,
    migrate: bool,
    while_ready: AbstractAsyncContextManager[None],
    reloads: bool = False,
) -> None:
    """Runs until a first signal asks to stop; a second one ends the process at once.

    A worker that dies stops the gateway too, with its name and reason as a `Stop`. `while_ready` is
    entered before the gateway says that it is ready, and left when it begins to stop. Whatever
    hangs, the process ends within the time that a stop may take. With `reloads`, SIGHUP has it take
    a changed configuration.
    """
    from dragoman.core.model.errors import StorageUnavailable

    stopping = asyncio.Event()

    def on_signal(number: int) -> None:
        if stopping.is_set():
            os._exit(KILLED + number)
        stopping.set()
        _end_within(gateway.stop_timeout_s)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    reloading: set[asyncio.Task[None]] = set()

    def on_hangup() -> None:
        if gateway.ready:
            task = asyncio.create_task(_reload(gateway))
            reloading.add(task)
            task.add_done_callback(reloading.discard)

    if reloads:
        loop.add_signal_handler(signal.SIGHUP, on_hangup)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(gateway.stop)

        async def enter() -> None:
            await stack.enter_async_context(while_ready)

        starting = asyncio.create_task(gateway.start(migrate=migrate, before_ready=enter))
        try:
            dying = asyncio.create_task(_until_dead(gateway))
            await _first_of(starting, asyncio.create_task(stopping.wait()), dying)
        except BaseException as error:
            _end_within(gateway.stop_timeout_s, str(error))
            if isinstance(error, StorageUnavailable):
                raise Stop(ExitCode.FAILED, str(error), "unavailable") from None
            raise
        _calm_collector()
        died = await _until_told(stopping, gateway)
        if died:
            _end_within(gateway.stop_timeout_s, died)
    if died:
        raise Stop(ExitCode.FAILED, died, "worker_ended")


async def _reload(gateway: Gateway | ClusterNode) -> None:
    """Takes a changed configuration; what is wrong with it stands in the log, a line each."""
    import structlog

    from dragoman.core.model.errors import Refused

    log = structlog.get_logger("dragoman")
    try:
        reloaded = await gateway.reload(check=False)
    except Refused as refused:
        log.error("not_reloaded", reason=refused.detail)
        return
    for line in reloaded.changes:
        log.info("configuration_changed", change=line)
    if reloaded.at_restart:
        log.warning("changed_at_restart", tables=list(reloaded.at_restart))


def _end_within(timeout_s: float, reason: str = "") -> None:
    """Ends the process after a time, in case it cannot end by itself."""

    def end_now() -> None:
        message = reason or f"did not stop within {timeout_s:g} s"
        print(f"dragoman: {message}", file=sys.stderr, flush=True)
        os._exit(ExitCode.FAILED)

    timer = threading.Timer(timeout_s, end_now)
    timer.daemon = True
    timer.start()


async def _first_of(*tasks: asyncio.Task[Any]) -> None:
    """Waits for the first of some tasks, cancels the others, and raises what it raised."""
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.wait(tasks)
    for task in done:
        task.result()


async def _until_dead(gateway: Gateway | ClusterNode) -> None:
    """Waits for the death of a worker during the start, which is then to end in bounded time."""
    _end_within(gateway.stop_timeout_s, await gateway.worker_ended())


async def _until_told(stopping: asyncio.Event, gateway: Gateway | ClusterNode) -> str:
    """Waits for a signal or for the death of a worker; why it died, empty for a signal."""
    died = asyncio.create_task(gateway.worker_ended())
    await _first_of(asyncio.create_task(stopping.wait()), died)
    return "" if stopping.is_set() else died.result()


def _calm_collector() -> None:
    """Lets the garbage collector look at young objects only.

    A message makes hundreds of objects and no cycles; walking the whole heap for them costs pauses.
    """
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


def run_loop(main: Coroutine[Any, Any, None]) -> None:
    """Runs a coroutine on the fastest event loop there is."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)


def check_port(host: str, port: int, remedy: str) -> int:
    """The port, or a free one for 0; raises `Stop` with the remedy where it cannot be had.

    A free one is kept for this process and its children, who may listen on it later.
    """
    try:
        if port == 0:
            return keep_free_port(host)
        with socket.create_server((host, port), family=_family(host)):
            return port
    except OSError as error:
        reasons = {errno.EADDRINUSE: "is taken", errno.EACCES: "needs more rights"}
        reason = reasons.get(error.errno or 0, f"cannot be used ({error.strerror or error})")
        raise Stop(
            ExitCode.FAILED, f"port {port} on {host} {reason}: {remedy}", "port_taken"
        ) from None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


_kept: list[socket.socket] = []


def keep_free_port(host: str) -> int:
    """A port that no other process is given before ours listens on it; OSError without any.

    Left alone until then, it might become the near end of somebody's connection. A socket that is
    bound and never listens prevents that, and on Linux stands in the way of no listener of the same
    user; elsewhere it would, so the port is only looked up there.
    """
    holder = socket.socket(_family(host), socket.SOCK_STREAM)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind((host, 0))
    port: int = holder.getsockname()[1]
    if sys.platform == "linux":
        _kept.append(holder)
    else:
        holder.close()
    return port
