"""How the holder of a carrier takes what other nodes give to it: as its window has room.

A message of the stream is acknowledged once each outcome in it is stored by its partition.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import AckPolicy, ConsumerConfig

from dragoman.cluster import wire
from dragoman.cluster.carriers import Carriers, Held, Sender
from dragoman.cluster.nats_connection import (
    AGAIN_S,
    STREAM,
    NatsConnection,
    end_tasks,
    most_at_once,
    respond,
    token_of,
)
from dragoman.cluster.wire import Told
from dragoman.core.messages.model.outcomes import Deferred
from dragoman.core.model.errors import RetryCode
from dragoman.kit.clock import Clock
from dragoman.kit.supervisor import place_of

ACK_WAIT_S: Final = 30.0
STILL_BUSY_EVERY_S: Final = 10.0
PULL_S: Final = 1.0
LOOK_EVERY: Final = 5
"""Pulls in vain after which the consumer is made sure of."""
MAX_SEEN: Final = 200_000
"""Attempts that a holder remembers, so that none goes out twice."""

log = structlog.get_logger(__name__)


class _Batch:
    """A message of the stream, until every message in it has its outcome stored."""

    def __init__(self, msg: Msg, size: int) -> None:
        self.msg = msg
        self.open = size


class Puller:
    """Pulls for the carriers that this node holds."""

    def __init__(
        self,
        connection: NatsConnection,
        carriers: Carriers,
        clock: Clock,
        is_heard: Callable[[], bool],
    ) -> None:
        """`is_heard` says whether the node has told PostgreSQL just now that it lives."""
        self._connection = connection
        self._carriers = carriers
        self._clock = clock
        self._is_heard = is_heard
        self._consumers: dict[str, Any] = {}
        self._overdue: dict[str, Any] = {}
        self._pulling: dict[str, asyncio.Task[None]] = {}
        self._batches: set[_Batch] = set()
        self._seen: OrderedDict[int, None] = OrderedDict()

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """What is under way."""
        return [*self._pulling.values()]

    def hold(self, carrier: str) -> None:
        """Pulls what other nodes give to a carrier, until it is let go."""
        held = self._carriers.held[carrier]
        self._pulling[carrier] = asyncio.ensure_future(self._pull(carrier, held))

    async def let_go(self, carrier: str) -> None:
        """Pulls nothing more for a carrier."""
        task = self._pulling.pop(carrier, None)
        if task is not None:
            await end_tasks([task])
        await self._drop(carrier)

    async def _pull(self, carrier: str, held: Held) -> None:
        in_vain, looked_at = 0, 0.0
        while True:
            if not held.connector.up or self._carriers.room_for_others(carrier) < most_at_once(
                held.connector.capacity
            ):
                held.room_came.clear()
                try:
                    async with asyncio.timeout(PULL_S):
                        await held.room_came.wait()
                except TimeoutError:
                    pass
                now = self._clock.monotonic()
                if now - looked_at > PULL_S:
                    looked_at = now
                    await self._look_who_waits(carrier)
                continue
            if not self._connection.is_up:
                # Questions would be kept, and be answered when nobody listens any more.
                await asyncio.sleep(AGAIN_S)
                continue
            try:
                consumer = self._consumers.get(carrier) or await self._listen(carrier)
                for msg in await consumer.fetch(1, timeout=PULL_S):
                    self._take_batch(carrier, held, msg)
                in_vain = 0
            except NatsTimeout:
                in_vain += 1
                if in_vain % LOOK_EVERY == 0 and not await self._is_there(carrier):
                    await self._drop(carrier)
            except Exception as error:  # nobody would pull for it any more
                if isinstance(error, NatsError | OSError):
                    log.warning("not_pulled", carrier=carrier, reason=type(error).__name__)
                else:
                    log.error("not_pulled", carrier=carrier, reason=place_of(error))
                await self._drop(carrier)
                await asyncio.sleep(AGAIN_S)

    async def _listen(self, carrier: str) -> Any:
        await self._connection.make_stream()
        consumer = await self._connection.jetstream.pull_subscribe(
            f"{STREAM}.{token_of(carrier)}.>",
            durable=f"carrier-{token_of(carrier)}",
            stream=STREAM,
            config=ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=ACK_WAIT_S),
        )
        self._consumers[carrier] = consumer
        await self._listen_for_overdue(carrier, consumer)
        return consumer

    async def _is_there(self, carrier: str) -> bool:
        """Whether a carrier's consumer is there: its stream may be gone, which nobody says."""
        consumer = self._consumers.get(carrier)
        try:
            if consumer is not None:
                await consumer.consumer_info()
        except (NatsError, OSError):
            return False
        return True

    async def _drop(self, carrier: str) -> None:
        """Listens no more: it would be sent messages that nobody takes, for half a minute each."""
        with contextlib.suppress(NatsError, OSError):
            await self._connection.drop(self._consumers.pop(carrier, None))
            await self._connection.drop(self._overdue.pop(carrier, None))

    async def _look_who_waits(self, carrier: str) -> None:
        """Claims room for what waits in the stream, if anything does."""
        consumer = self._consumers.get(carrier)
        if consumer is None:
            return
        try:
            info = await consumer.consumer_info()
        except (NatsError, OSError):
            return
        if info.num_pending and carrier in self._carriers.held:
            self._carriers.note_waiting(carrier)

    def _take_batch(self, carrier: str, held: Held, msg: Msg) -> None:
        if not self._is_heard():  # others may hold the carrier by now
            self._connection.do(msg.nak())
            return
        sent = wire.read_sent(msg.data)
        batch = _Batch(msg, len(sent))
        self._batches.add(batch)
        is_new = msg.metadata.num_delivered == 1

        def stored(_on_disk: bool) -> None:
            batch.open -= 1
            if not batch.open:
                self._batches.discard(batch)
                self._connection.do(_acknowledge(msg))

        for one in sent:
            message = one.message
            if one.epoch != held.epoch:
                # Meant for an earlier holder: if that never pulled it, nobody has sent it.
                if is_new:
                    outcome = Deferred(code=RetryCode.LINK_DOWN, retry_in_s=0.0)
                    told = Told.of(carrier, message.message_id, one.token, outcome)
                    self._carriers.tell(one.partition, told, stored)
                else:
                    stored(True)
            elif one.token in self._seen:
                stored(True)
            else:
                self._seen[one.token] = None
                if len(self._seen) > MAX_SEEN:
                    self._seen.popitem(last=False)
                sender = Sender(one.partition, one.token, len(message.parts), stored)
                self._carriers.send_for(held, sender, message)

    async def keep_batches(self) -> None:
        """Says of what is pulled that it is being worked on: an answer may take a minute."""
        while True:
            await asyncio.sleep(STILL_BUSY_EVERY_S)
            for batch in [*self._batches]:
                try:
                    await batch.msg.in_progress()
                except (NatsError, OSError):
                    break

    # What became of what was given away long ago

    async def _listen_for_overdue(self, carrier: str, consumer: Any) -> None:
        async def answer(msg: Msg) -> None:
            try:
                await self._answer_overdue(consumer, msg)
            except (NatsError, OSError) as error:
                log.warning("not_answered", reason=type(error).__name__)

        subject = f"dragoman.overdue.{token_of(carrier)}"
        self._overdue[carrier] = await self._connection.client.subscribe(subject, cb=answer)

    async def _answer_overdue(self, consumer: Any, msg: Msg) -> None:
        """Says which attempts the holder never got, where nothing waits for it in the stream."""
        tokens = wire.read_tokens(msg.data)
        lost: list[int] = []
        info = await consumer.consumer_info()
        if not info.num_pending and not info.num_ack_pending:
            lost = [token for token in tokens if token not in self._seen]
        await respond(msg, wire.encode(lost))


async def _acknowledge(msg: Msg) -> None:
    try:
        await msg.ack()
    except (NatsError, OSError) as error:
        log.warning("not_acknowledged", reason=type(error).__name__)  # it comes again, and is known
