"""The ways between nodes over NATS: messages to holders of carriers, and what comes of them.

Messages go through the JetStream stream `submit`, several in each of its own; the holder of a
carrier pulls them as its window has room, and acknowledges once each outcome is stored by its
partition. Outcomes, receipts and texts are requests to the partition's owner, answered after its
commit. JetStream is never the only copy of a message: the row of each says `sending` meanwhile.

What can go wrong here:
- NATS is away: nothing more is given to carriers of other nodes, it waits in its rows. What was
  being published is published again under the same ID. Holders keep outcomes until they are taken.
- A holder is lost: what it was given was for its claim alone. The next holder returns what nobody
  has pulled; of the rest, partitions do not know whether it was sent (`Carriers.note_holder`).
- The stream is lost: partitions ask the holder for what they gave it long ago, and get it back.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final
from urllib.parse import quote

import nats
import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NoStreamResponseError, NotFoundError

from dragoman.cluster import wire
from dragoman.cluster.carriers import Carriers, Held, Sender
from dragoman.cluster.wire import Sent, State, Told
from dragoman.core.messages.model.messages import InboundPartReport, Outgoing, ReceiptReport
from dragoman.core.messages.model.outcomes import Deferred
from dragoman.core.model.errors import RetryCode
from dragoman.core.model.stored import OnStored
from dragoman.kit.clock import Clock
from dragoman.kit.supervisor import Spawn

STREAM: Final = "submit"
OLDEST_SERVER: Final = (2, 14)
MAX_BATCH: Final = 100
"""Messages in one of the stream's."""
MAX_BATCH_BYTES: Final = 512 * 1024
PUBLISH_TIMEOUT_S: Final = 5.0
REQUEST_TIMEOUT_S: Final = 10.0
AGAIN_S: Final = 0.3
STATE_EVERY_S: Final = 1.0
STATE_LASTS_S: Final = 5.0
ACK_WAIT_S: Final = 30.0
STILL_BUSY_EVERY_S: Final = 10.0
PULL_S: Final = 1.0
LOOK_EVERY: Final = 5
"""Pulls in vain after which the consumer is made sure of."""
MAX_SEEN: Final = 200_000
"""Attempts that a holder remembers, so that none goes out twice."""
OVERDUE_S: Final = 20.0
"""A message at a holder elsewhere for so long is asked for."""
ASK_EVERY_S: Final = 5.0

_STORED: Final = b"+"
_NOT_STORED: Final = b"-"

log = structlog.get_logger(__name__)


class NatsUnfit(Exception):
    """Why a NATS server cannot be used, in a line."""


class _Batch:
    """A message of the stream, until every message in it has its outcome stored."""

    def __init__(self, msg: Msg, size: int) -> None:
        self.msg = msg
        self.open = size


class Stream:
    """The connection of one node (`carriers.Afar`)."""

    def __init__(
        self,
        *,
        servers: Iterable[str],
        run: str,
        carriers: Carriers,
        clock: Clock,
        find_receipt: Callable[[ReceiptReport], Awaitable[int | None]],
        find_number: Callable[[str], Awaitable[int | None]],
        is_heard: Callable[[], bool],
        spawn: Spawn,
    ) -> None:
        """`is_heard` says whether the node has told PostgreSQL just now that it lives: else others
        may hold its carriers by now."""
        self._servers = [*servers]
        self._run = run
        self._carriers = carriers
        self._clock = clock
        self._find_here = find_receipt
        self._find_number = find_number
        self._is_heard = is_heard
        self._spawn = spawn
        self._client: Any = None
        self._jetstream: Any = None
        self._states: dict[str, tuple[State, float]] = {}
        self._outboxes: defaultdict[str, list[Sent]] = defaultdict(list)
        self._publishing: dict[str, asyncio.Task[None]] = {}
        self._number = 0
        self._telling: defaultdict[int, list[tuple[Told, OnStored]]] = defaultdict(list)
        self._tellers: dict[int, asyncio.Task[None]] = {}
        self._subscriptions: dict[int, Any] = {}
        self._overdue: dict[str, Any] = {}
        self._pulling: dict[str, asyncio.Task[None]] = {}
        self._batches: set[_Batch] = set()
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    # Start and stop

    async def start(self) -> None:
        """Connects; raises `NatsUnfit`."""
        try:
            self._client = await nats.connect(
                self._servers,
                name=f"dragoman {self._run}",
                connect_timeout=2,
                allow_reconnect=True,
                max_reconnect_attempts=3,
                reconnect_time_wait=0.5,
                error_cb=_note_error,
                disconnected_cb=self._changed,
                reconnected_cb=self._changed,
            )
        except (OSError, NatsError) as error:
            raise NatsUnfit(f"NATS is not reached: {error or type(error).__name__}") from None
        self._client.options["max_reconnect_attempts"] = -1  # from here on it is waited for
        version = self._client.connected_server_version
        if (version.major, version.minor) < OLDEST_SERVER:
            raise NatsUnfit(f"NATS is {version}, older than {OLDEST_SERVER[0]}.{OLDEST_SERVER[1]}")
        self._jetstream = self._client.jetstream(timeout=PUBLISH_TIMEOUT_S)
        try:
            await self._jetstream.account_info()
        except (NatsError, NatsTimeout) as error:
            raise NatsUnfit(f"NATS has no JetStream: {type(error).__name__}") from None
        await self._make_stream()
        await self._client.subscribe("dragoman.carrier.*", cb=self._hear_state)
        await self._client.subscribe("dragoman.find", cb=self._answer_find)
        self._spawn("carrier states", self._say_states())
        self._spawn("batches in progress", self._keep_batches())
        self._spawn("overdue messages", self._ask_for_overdue())

    async def _make_stream(self) -> None:
        servers = 1 + len(self._client.discovered_servers)
        config = StreamConfig(
            name=STREAM,
            subjects=[f"{STREAM}.>"],
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
            num_replicas=3 if servers >= 3 else 1,
            duplicate_window=120,
        )
        try:
            await self._jetstream.stream_info(STREAM)
        except NotFoundError:
            await self._jetstream.add_stream(config)

    async def _make_stream_again(self) -> None:
        """Makes the stream that was lost; who gave messages to it asks for them."""
        try:
            await self._make_stream()
        except (NatsError, OSError) as error:
            log.warning("stream_not_made", reason=type(error).__name__)

    async def settled(self, timeout_s: float) -> None:
        """Waits until what is told is stored, for a while."""
        tellers = [*self._tellers.values()]
        if tellers:
            await asyncio.wait(tellers, timeout=timeout_s)

    async def close(self) -> None:
        """Disconnects; what was not told is found by a restart."""
        self._closed = True
        tasks = [*self._pulling.values(), *self._publishing.values(), *self._tellers.values()]
        tasks += self._tasks
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.close()

    async def _changed(self) -> None:
        log.info("nats_connected" if self._is_connected else "nats_away")
        for name in self._carriers.names:
            self._carriers.availability(name)

    @property
    def _is_connected(self) -> bool:
        return self._client is not None and bool(self._client.is_connected)

    def _do(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Partitions that this node owns

    async def open_partition(self, number: int) -> None:
        """Takes what is told to a partition."""

        async def take(msg: Msg) -> None:
            self._take_told(number, msg)

        subject = f"dragoman.partition.{number}.*"
        self._subscriptions[number] = await self._client.subscribe(subject, cb=take)

    async def close_partition(self, number: int) -> None:
        """Leaves what is told to a partition to its next owner."""
        subscription = self._subscriptions.pop(number, None)
        if subscription is not None and self._is_connected:
            await subscription.unsubscribe()

    def _take_told(self, number: int, msg: Msg) -> None:
        kind = msg.subject.rpartition(".")[2]

        def stored(on_disk: bool) -> None:
            self._do(_respond(msg, _STORED if on_disk else _NOT_STORED))

        if kind == "outcomes":
            outcomes = wire.read_told(msg.data)
            left, all_stored = len(outcomes), True

            def one_stored(on_disk: bool) -> None:
                nonlocal left, all_stored
                left -= 1
                all_stored &= on_disk
                if not left:
                    stored(all_stored)

            for told in outcomes:
                shared = self._carriers.shared(told.carrier, number)
                if shared is None:
                    one_stored(False)
                else:
                    shared.settle(told.message_id, told.token, told.outcome(), one_stored)
        elif kind == "receipt":
            report = wire.read_receipt(msg.data).whole()
            shared = self._carriers.shared(report.carrier, number)
            if shared is None:
                stored(False)
            else:
                shared.sink.receipt(report, stored)
        elif kind == "text":
            text = wire.read_text(msg.data).whole()
            shared = self._carriers.shared(text.carrier, number)
            if shared is None:
                stored(False)
            else:
                shared.sink.inbound(text, stored)

    # `Afar`: to holders

    def up(self, carrier: str) -> bool:
        return self._is_connected and self._state(carrier) is not None

    def capacity(self, carrier: str) -> int:
        state = self._state(carrier)
        return state.capacity if state is not None else 0

    def _state(self, carrier: str) -> State | None:
        """How a carrier is, where its holder says so and it takes messages."""
        state, heard_at = self._states.get(carrier, (None, 0.0))
        if state is None or not state.up or state.epoch != self._carriers.epoch(carrier):
            return None
        return state if self._clock.monotonic() - heard_at < STATE_LASTS_S else None

    def send(self, carrier: str, partition: int, epoch: int, token: int, message: Outgoing) -> None:
        self._outboxes[carrier].append(Sent(partition, epoch, token, message))
        if carrier not in self._publishing:
            task = asyncio.ensure_future(self._publish(carrier))
            self._publishing[carrier] = task

    async def _publish(self, carrier: str) -> None:
        """Publishes what is given to a carrier, what came meanwhile together."""
        try:
            while waiting := self._outboxes[carrier]:
                batch: list[Sent] = []
                size = 0
                most = min(MAX_BATCH, _most_at_once(self.capacity(carrier)))
                while waiting and len(batch) < most and size < MAX_BATCH_BYTES:
                    content = wire.encode(waiting[0])
                    if batch and size + len(content) > MAX_BATCH_BYTES:
                        break
                    size += len(content)
                    batch.append(waiting.pop(0))
                self._number += 1
                await self._publish_batch(carrier, batch, f"{self._run}-{self._number}")
        finally:
            self._publishing.pop(carrier, None)

    async def _publish_batch(self, carrier: str, batch: list[Sent], name: str) -> None:
        """Publishes until it is stored, under one ID: so it is in the stream once."""
        subject, data = f"{STREAM}.{_token(carrier)}.any", wire.encode(batch)
        while batch[0].epoch == self._carriers.epoch(carrier):
            try:
                await self._jetstream.publish(
                    subject, data, stream=STREAM, headers={"Nats-Msg-Id": name}
                )
                return
            except (NatsError, OSError) as error:
                if isinstance(error, NoStreamResponseError | NotFoundError):
                    await self._make_stream_again()
                log.warning("not_published", carrier=carrier, reason=type(error).__name__)
            await asyncio.sleep(AGAIN_S)
        # It has another holder by now; that counts these as in doubt.

    # `Afar`: to owners

    def tell(self, partition: int, told: Told, on_stored: OnStored) -> None:
        self._telling[partition].append((told, on_stored))
        if partition not in self._tellers:
            self._tellers[partition] = asyncio.ensure_future(self._tell(partition))

    async def _tell(self, partition: int) -> None:
        """Tells outcomes until they are stored, what came meanwhile together."""
        try:
            while waiting := self._telling[partition]:
                batch = waiting[:MAX_BATCH]
                data = wire.encode([told for told, _ in batch])
                if not await self._ask(partition, "outcomes", data):
                    if self._bring_home(partition):
                        return
                    await asyncio.sleep(AGAIN_S)
                    continue
                del waiting[: len(batch)]
                for _, on_stored in batch:
                    on_stored(True)
        finally:
            self._tellers.pop(partition, None)

    def _bring_home(self, partition: int) -> bool:
        """Tells what waits to a partition that this node owns by now."""
        if partition not in self._subscriptions:
            return False
        waiting, self._telling[partition] = self._telling[partition], []
        for told, on_stored in waiting:
            self._carriers.tell(partition, told, on_stored)
        return True

    async def _ask(self, partition: int, kind: str, data: bytes) -> bool:
        """Whether the owner of a partition has stored what it was told."""
        subject = f"dragoman.partition.{partition}.{kind}"
        try:
            answer = await self._client.request(subject, data, timeout=REQUEST_TIMEOUT_S)
        except (NoRespondersError, NatsTimeout, NatsError, OSError):
            return False
        return bool(answer.data == _STORED)

    def receipt(self, partition: int, report: ReceiptReport, on_stored: OnStored) -> None:
        self._give(partition, "receipt", wire.encode(wire.Receipt.of(report)), on_stored)

    def inbound(self, partition: int, report: InboundPartReport, on_stored: OnStored) -> None:
        self._give(partition, "text", wire.encode(wire.Text.of(report)), on_stored)

    def _give(self, partition: int, kind: str, data: bytes, on_stored: OnStored) -> None:
        async def give() -> None:
            on_stored(await self._ask(partition, kind, data))

        self._do(give())

    async def find(self, report: ReceiptReport) -> int | None:
        """Asks all nodes at once; the first that knows it counts."""
        inbox = self._client.new_inbox()
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def hear(msg: Msg) -> None:
            if not found.done() and msg.data.isdigit():
                found.set_result(int(msg.data))

        subscription = await self._client.subscribe(inbox, cb=hear)
        try:
            data = wire.encode(wire.Receipt.of(report))
            await self._client.publish("dragoman.find", data, reply=inbox)
            async with asyncio.timeout(AGAIN_S):
                return await found
        except (TimeoutError, NatsError, OSError):
            return None
        finally:
            if self._is_connected:
                await subscription.unsubscribe()

    async def _answer_find(self, msg: Msg) -> None:
        async def answer() -> None:
            found = await self._find_here(wire.read_receipt(msg.data).whole())
            if found is not None:
                await _respond(msg, b"%d" % found)

        self._do(answer())

    async def find_number(self, number: str) -> int | None:
        return await self._find_number(number)

    # Carriers that this node holds

    def hold(self, carrier: str) -> None:
        """Pulls what other nodes give to a carrier, until it is let go."""
        held = self._carriers.held[carrier]
        self._pulling[carrier] = asyncio.ensure_future(self._pull(carrier, held))

    async def let_go(self, carrier: str) -> None:
        """Pulls nothing more for a carrier."""
        task = self._pulling.pop(carrier, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        subscription = self._overdue.pop(carrier, None)
        if subscription is not None and self._is_connected:
            await subscription.unsubscribe()

    async def _pull(self, carrier: str, held: Held) -> None:
        consumer: Any = None
        in_vain, looked_at = 0, 0.0
        while True:
            if not held.connector.up or self._carriers.room_for_others(carrier) < _most_at_once(
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
                    await self._look_who_waits(carrier, consumer)
                continue
            try:
                if consumer is None:
                    consumer = await self._consumer(carrier)
                    await self._listen_for_overdue(carrier, consumer)
                for msg in await consumer.fetch(1, timeout=PULL_S):
                    self._take_batch(carrier, held, msg)
                in_vain = 0
            except NatsTimeout:
                in_vain += 1
                if in_vain % LOOK_EVERY == 0:
                    consumer = None  # its stream may be gone, which nobody says
            except (NatsError, OSError) as error:
                log.warning("not_pulled", carrier=carrier, reason=type(error).__name__)
                consumer = None
                await asyncio.sleep(AGAIN_S)

    async def _look_who_waits(self, carrier: str, consumer: Any) -> None:
        """Claims room for what waits in the stream, if anything does."""
        if consumer is None:
            return
        try:
            info = await consumer.consumer_info()
        except (NatsError, OSError):
            return
        if info.num_pending and carrier in self._carriers.held:
            self._carriers.note_waiting(carrier)

    async def _listen_for_overdue(self, carrier: str, consumer: Any) -> None:
        async def answer(msg: Msg) -> None:
            try:
                await self._answer_overdue(carrier, consumer, msg)
            except (NatsError, OSError) as error:
                log.warning("not_answered", reason=type(error).__name__)

        before = self._overdue.pop(carrier, None)
        if before is not None:
            await before.unsubscribe()
        subject = f"dragoman.overdue.{_token(carrier)}"
        self._overdue[carrier] = await self._client.subscribe(subject, cb=answer)

    async def _consumer(self, carrier: str) -> Any:
        await self._make_stream()
        return await self._jetstream.pull_subscribe(
            f"{STREAM}.{_token(carrier)}.>",
            durable=f"carrier-{_token(carrier)}",
            stream=STREAM,
            config=ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=ACK_WAIT_S),
        )

    def _take_batch(self, carrier: str, held: Held, msg: Msg) -> None:
        if not self._is_heard():
            self._do(msg.nak())
            return
        sent = wire.read_sent(msg.data)
        batch = _Batch(msg, len(sent))
        self._batches.add(batch)
        is_new = msg.metadata.num_delivered == 1

        def stored(_on_disk: bool) -> None:
            batch.open -= 1
            if not batch.open:
                self._batches.discard(batch)
                self._do(_acknowledge(msg))

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

    async def _keep_batches(self) -> None:
        """Says of what is pulled that it is being worked on: an answer may take a minute."""
        while True:
            await asyncio.sleep(STILL_BUSY_EVERY_S)
            for batch in [*self._batches]:
                try:
                    await batch.msg.in_progress()
                except (NatsError, OSError):
                    break

    async def _say_states(self) -> None:
        while True:
            if self._is_connected:
                for name, held in [*self._carriers.held.items()]:
                    state = State(held.epoch, held.connector.up, held.connector.capacity)
                    await self._client.publish(
                        f"dragoman.carrier.{_token(name)}", wire.encode((name, state))
                    )
            await asyncio.sleep(STATE_EVERY_S)

    async def _hear_state(self, msg: Msg) -> None:
        name, state = wire.read_state(msg.data)
        before = self.up(name)
        self._states[name] = state, self._clock.monotonic()
        if name not in self._carriers.held and self.up(name) != before:
            self._carriers.availability(name)

    # What became of what was given away long ago

    async def _ask_for_overdue(self) -> None:
        """Takes back what a holder says that it never got: the stream has lost it."""
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            before = self._clock.monotonic() - OVERDUE_S
            for carrier in self._carriers.names:
                if carrier in self._carriers.held or carrier in self._publishing:
                    continue
                tokens = self._carriers.overdue(carrier, before)
                if tokens and self.up(carrier):
                    subject = f"dragoman.overdue.{_token(carrier)}"
                    try:
                        answer = await self._client.request(
                            subject, wire.encode(tokens), timeout=REQUEST_TIMEOUT_S
                        )
                    except (NatsError, OSError):
                        continue
                    lost = wire.read_tokens(answer.data)
                    if lost:
                        log.warning("messages_lost_by_stream", carrier=carrier, count=len(lost))
                    self._carriers.take_back(carrier, lost)

    async def _answer_overdue(self, carrier: str, consumer: Any, msg: Msg) -> None:
        """Says which attempts the holder never got, where nothing waits for it in the stream."""
        tokens = wire.read_tokens(msg.data)
        lost: list[int] = []
        info = await consumer.consumer_info()
        if not info.num_pending and not info.num_ack_pending:
            lost = [token for token in tokens if token not in self._seen]
        await _respond(msg, wire.encode(lost))


async def _respond(msg: Msg, data: bytes) -> None:
    try:
        await msg.respond(data)
    except (NatsError, OSError) as error:
        log.warning("not_answered", reason=type(error).__name__)


async def _acknowledge(msg: Msg) -> None:
    try:
        await msg.ack()
    except (NatsError, OSError) as error:
        log.warning("not_acknowledged", reason=type(error).__name__)  # it comes again, and is known


async def _note_error(error: Exception) -> None:
    log.debug("nats_error", reason=type(error).__name__)


def _most_at_once(window: int) -> int:
    """The most messages of one batch: a quarter of what the holder can have in flight."""
    return max(1, window // 4)


def _token(name: str) -> str:
    """A name as one token of a subject."""
    return quote(name, safe="").replace(".", "%2E").replace("%", "=")
