"""A customer's server, and a worker over a database with what it has to tell."""

from __future__ import annotations

import asyncio
import ipaddress
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from aiohttp import web
from sqlalchemy import Connection, select
from tests.passing_time import MovableClock

from dragoman.core.callbacks.http_calls import HttpCalls
from dragoman.core.callbacks.rendering import Renderers
from dragoman.core.callbacks.schedule import RetrySchedule
from dragoman.core.callbacks.sql.callbacks import LEFT_OUT, CallbackState
from dragoman.core.callbacks.worker import CallbackWorker
from dragoman.core.messages.model.callbacks import CallbackCall, CallbackFacts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.messages.sql import changes
from dragoman.core.messages.sql.tables import callbacks
from dragoman.core.metrics import Metrics
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage
from dragoman.storage.writer import Operation
from dragoman.web.outgoing import GuardedClient

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]


async def _here(_name: str, _port: int) -> Sequence[str]:
    """Every name is one of this machine."""
    return ["127.0.0.1"]


class Customer:
    """A customer's server that notes what it is told as (message, state)."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []
        self.accepted: list[tuple[int, int]] = []
        self.answer: Callable[[int, int], Any] = lambda message, state: 200
        """What to answer: a status, a Response, or a coroutine of either."""
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, port: int = 0) -> None:
        application = web.Application()
        application.router.add_get("/{message}/{state}", self._handle)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port or self.port)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _handle(self, request: web.Request) -> web.Response:
        fact = int(request.match_info["message"]), int(request.match_info["state"])
        self.told.append(fact)
        answer = self.answer(*fact)
        if asyncio.iscoroutine(answer):
            answer = await answer
        response = web.Response(status=answer, text="ok") if isinstance(answer, int) else answer
        if 200 <= response.status < 300:
            self.accepted.append(fact)
        return response


def render(url: str, facts: CallbackFacts) -> CallbackCall:
    return CallbackCall(method="GET", url=f"{url}/{facts.message_id}/{facts.state.value}")


def _insert(connection: Connection, items: list[NewCallback]) -> list[None]:
    changes._INSERT_CALLBACKS.run(connection, [changes._callback_row(item) for item in items])
    return [None] * len(items)


INSERT = Operation(_insert, "insert_callbacks")


class Teller:
    """A worker over a database, and the making of callbacks."""

    def __init__(self, url: str, until: Any, clock: MovableClock | None = None) -> None:
        self.until = until
        self.storage = Storage(url)
        self.clock = clock or MovableClock()
        self.ids = IdSource(self.clock)
        self.metrics = Metrics()
        self.stored: list[NewCallback] = []
        self.calls: HttpCalls
        self.worker: CallbackWorker
        self._client: GuardedClient
        self._task: asyncio.Task[None]
        self._ended = False

    async def start(
        self, schedule: RetrySchedule, per_lane: int, concurrency: int, renderers: Any
    ) -> None:
        self.storage.start()
        self._client = GuardedClient(
            version="1", allow=LOOPBACK, timeout_s=15, connections=concurrency,
            connections_per_host=concurrency, resolve=_here,
        )  # fmt: skip
        self.calls = HttpCalls(
            client=self._client, renderers=Renderers(states=renderers), clock=self.clock
        )
        self.worker = CallbackWorker(
            storage=self.storage,
            deliver=self.calls.deliver,
            schedule=schedule,
            concurrency=concurrency,
            per_lane=per_lane,
            clock=self.clock,
            metrics=self.metrics,
        )
        await self.worker.restore()
        self._task = asyncio.create_task(self.worker.run())

    async def stop(self) -> None:
        if self._ended:
            return
        self._ended = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.worker.stop()
        await self._client.close()
        await self.storage.stop()

    async def tell(
        self,
        origin: str,
        message_id: int,
        *states: State,
        url: str = "",
        dialect: str = "test",
        announce: bool = True,
        account_id: int = 1,
    ) -> None:
        """Stores and announces callbacks about a message, as `Delivery` does."""
        for state in states:
            facts = CallbackFacts(
                message_id=message_id, batch_id=1, state=state, at_ms=0, recipient="45", sender="x"
            )
            new = NewCallback(
                callback_id=self.ids.next(), account_id=account_id, message_id=message_id,
                dialect=dialect, origin=origin, url=url or origin,
                payload=msgspec.json.encode(facts).decode(), due_ms=self.clock.now_ms(),
            )  # fmt: skip
            await self.storage.writer.write(INSERT, new)
            self.stored.append(new)
            if announce:
                self.worker.announce(new)

    async def rows(self) -> list[dict[str, Any]]:
        """The rows, with what they leave out."""
        columns = [
            LEFT_OUT[column.name].label(column.name) if column.name in LEFT_OUT else column
            for column in callbacks.columns
        ]
        query = select(*columns).order_by(callbacks.c.callback_id)
        return await self.storage.read(lambda c: [dict(row._mapping) for row in c.execute(query)])

    async def until_ended(self, account_id: int | None = None) -> None:
        """Waits until no callback is pending, of any account or of this one."""

        async def ended() -> bool:
            return all(
                row["state"] != CallbackState.PENDING
                for row in await self.rows()
                if account_id in (None, row["account_id"])
            )

        await self.until(ended)


STATES = (State.SENT, State.UNKNOWN, State.DELIVERED)


def assert_in_order(customer: Customer, messages: int, states: tuple[State, ...] = STATES) -> None:
    """Every state of every message accepted once, in order per message."""
    by_message: dict[int, list[int]] = defaultdict(list)
    for message, state in customer.accepted:
        by_message[message].append(state)
    assert by_message == {n: [state.value for state in states] for n in range(messages)}
