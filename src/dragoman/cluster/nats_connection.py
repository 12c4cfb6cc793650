"""The connection of a node to NATS, and the stream through which messages go to other nodes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final
from urllib.parse import quote

import nats
import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from dragoman.kit.supervisor import place_of

STREAM: Final = "submit"
OLDEST_SERVER: Final = (2, 14)
PUBLISH_TIMEOUT_S: Final = 5.0
REQUEST_TIMEOUT_S: Final = 10.0
AGAIN_S: Final = 0.3
DROP_S: Final = 1.0
"""For a subscription to end: where a connection is silently cut, nothing is sent any more."""
CANCEL_AGAIN_S: Final = 0.5
PING_EVERY_S: Final = 5
UNANSWERED: Final = 2
"""Pings; with one more the connection counts as cut. nats-py would notice after six minutes."""

log = structlog.get_logger(__name__)


class NatsUnfit(Exception):
    """Why a NATS server cannot be used, in a line."""


class NatsConnection:
    """Stays connected, once it was."""

    def __init__(
        self, servers: Iterable[str], run: str, changed: Callable[[], Awaitable[None]]
    ) -> None:
        """`changed` is called when the connection is lost and when it is back."""
        self._servers = [*servers]
        self.run = run
        self._changed = changed
        self.client: Any = None
        self.jetstream: Any = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Connects; raises `NatsUnfit`."""
        try:
            self.client = await nats.connect(
                self._servers,
                name=f"dragoman {self.run}",
                connect_timeout=2,
                allow_reconnect=True,
                max_reconnect_attempts=3,
                reconnect_time_wait=0.5,
                ping_interval=PING_EVERY_S,
                max_outstanding_pings=UNANSWERED,
                error_cb=_note_error,
                disconnected_cb=self._changed,
                reconnected_cb=self._changed,
            )
        except (OSError, NatsError) as error:
            raise NatsUnfit(f"NATS is not reached: {error or type(error).__name__}") from None
        self.client.options["max_reconnect_attempts"] = -1  # from here on it is waited for
        version = self.client.connected_server_version
        if (version.major, version.minor) < OLDEST_SERVER:
            found = f"{version.major}.{version.minor}.{version.patch}"
            raise NatsUnfit(f"NATS is {found}, older than {OLDEST_SERVER[0]}.{OLDEST_SERVER[1]}")
        self.jetstream = self.client.jetstream(timeout=PUBLISH_TIMEOUT_S)
        try:
            await self.jetstream.account_info()
        except (NatsError, NatsTimeout) as error:
            raise NatsUnfit(f"NATS has no JetStream: {type(error).__name__}") from None
        await self.make_stream()

    async def close(self) -> None:
        """Disconnects, and drops what is being done."""
        await end_tasks(self._tasks)
        if self.client is not None:
            # What stands still would be flushed first, and is waited for forever.
            task = self.do(self.client.close())
            await asyncio.wait({task}, timeout=DROP_S)
            task.cancel()

    @property
    def is_up(self) -> bool:
        """Whether it is connected now."""
        return self.client is not None and bool(self.client.is_connected)

    async def make_stream(self) -> None:
        """Makes the stream, where there is none."""
        servers = 1 + len(self.client.discovered_servers)
        config = StreamConfig(
            name=STREAM,
            subjects=[f"{STREAM}.>"],
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
            num_replicas=3 if servers >= 3 else 1,
            duplicate_window=120,
        )
        try:
            await self.jetstream.stream_info(STREAM)
        except NotFoundError:
            await self.jetstream.add_stream(config)

    async def make_stream_again(self) -> None:
        """Makes the stream that was lost; who gave messages to it asks for them."""
        try:
            await self.make_stream()
        except (NatsError, OSError) as error:
            log.warning("stream_not_made", reason=type(error).__name__)

    async def drop(self, subscription: Any) -> None:
        """Ends a subscription, if there is one; waits no longer than a moment.

        Without a connection too: those that are left are made again with the next.
        """
        if subscription is not None:
            task = self.do(_unsubscribe(subscription))
            await asyncio.wait({task}, timeout=DROP_S)

    def do(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Does something beside what goes on, until the connection is closed."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("nats_work_failed", reason=place_of(error))


async def _unsubscribe(subscription: Any) -> None:
    with contextlib.suppress(NatsError, OSError):
        await subscription.unsubscribe()


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancels tasks until they have ended.

    nats-py swallows a cancellation that comes while something is being sent: with one alone, such
    a task would go on, and whoever waits for its end would wait forever.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)


async def respond(msg: Msg, data: bytes) -> None:
    """Answers a request, if that can be done."""
    try:
        await msg.respond(data)
    except (NatsError, OSError) as error:
        log.warning("not_answered", reason=type(error).__name__)


async def _note_error(error: Exception) -> None:
    if isinstance(error, NatsError | OSError):
        log.debug("nats_error", reason=type(error).__name__)
    else:  # what a message was given to has raised it
        log.error("nats_message_failed", reason=place_of(error))


def most_at_once(window: int) -> int:
    """The most messages of one batch: a quarter of what the holder can have in flight."""
    return max(1, window // 4)


def token_of(name: str) -> str:
    """A name as one token of a subject."""
    return quote(name, safe="").replace(".", "%2E").replace("%", "=")
