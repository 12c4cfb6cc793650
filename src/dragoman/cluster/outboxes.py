"""What partitions of this node give to the holders of carriers elsewhere, over the stream.

Several messages go in each of the stream's, as they come together. What is being published is
published again under the same ID until it is stored, or until the carrier has another holder.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Final

import structlog
from nats.errors import Error as NatsError
from nats.js.errors import NoStreamResponseError, NotFoundError

from dragoman.cluster import wire
from dragoman.cluster.carriers import Carriers
from dragoman.cluster.nats_connection import (
    AGAIN_S,
    REQUEST_TIMEOUT_S,
    STREAM,
    NatsConnection,
    most_at_once,
    token_of,
)
from dragoman.cluster.wire import Sent
from dragoman.kit.clock import Clock

MAX_BATCH: Final = 100
"""Messages in one of the stream's."""
MAX_BATCH_BYTES: Final = 512 * 1024
OVERDUE_S: Final = 20.0
"""A message at a holder elsewhere for so long is asked for."""
ASK_EVERY_S: Final = 5.0

log = structlog.get_logger(__name__)


class Outboxes:
    """One for each carrier that another node holds."""

    def __init__(
        self,
        connection: NatsConnection,
        carriers: Carriers,
        clock: Clock,
        capacity: Callable[[str], int],
    ) -> None:
        """`capacity` says how many parts the holder's links take at the same time."""
        self._connection = connection
        self._carriers = carriers
        self._clock = clock
        self._capacity = capacity
        self._waiting: defaultdict[str, list[Sent]] = defaultdict(list)
        self._publishing: dict[str, asyncio.Task[None]] = {}
        self._number = 0

    def put(self, carrier: str, sent: Sent) -> None:
        """Has a message published."""
        self._waiting[carrier].append(sent)
        if carrier not in self._publishing:
            self._publishing[carrier] = asyncio.ensure_future(self._publish(carrier))

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """What is under way."""
        return [*self._publishing.values()]

    async def _publish(self, carrier: str) -> None:
        """Publishes what is given to a carrier, what came meanwhile together."""
        try:
            while waiting := self._waiting[carrier]:
                batch: list[bytes] = []
                size, epoch = 0, waiting[0].epoch
                most = min(MAX_BATCH, most_at_once(self._capacity(carrier)))
                for sent in waiting[:most]:
                    content = wire.encode(sent)
                    size += len(content)
                    if batch and size > MAX_BATCH_BYTES:
                        break
                    batch.append(content)
                del waiting[: len(batch)]
                self._number += 1
                name = f"{self._connection.run}-{self._number}"
                await self._publish_batch(carrier, epoch, wire.encode_joined(batch), name)
        finally:
            self._publishing.pop(carrier, None)

    async def _publish_batch(self, carrier: str, epoch: int, data: bytes, name: str) -> None:
        """Publishes until it is stored, under one ID: so it is in the stream once."""
        subject = f"{STREAM}.{token_of(carrier)}.any"
        while epoch == self._carriers.epoch(carrier):
            try:
                await self._connection.jetstream.publish(
                    subject, data, stream=STREAM, headers={"Nats-Msg-Id": name}
                )
                return
            except (NatsError, OSError) as error:
                if isinstance(error, NoStreamResponseError | NotFoundError):
                    await self._connection.make_stream_again()
                log.warning("not_published", carrier=carrier, reason=type(error).__name__)
            await asyncio.sleep(AGAIN_S)
        # It has another holder by now; that counts these as in doubt.

    async def ask_for_overdue(self) -> None:
        """Takes back what a holder says that it never got: the stream has lost it."""
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            before = self._clock.monotonic() - OVERDUE_S
            for carrier in self._carriers.names:
                if carrier in self._carriers.held or carrier in self._publishing:
                    continue
                tokens = self._carriers.overdue(carrier, before)
                if not tokens or not self._capacity(carrier):
                    continue
                subject = f"dragoman.overdue.{token_of(carrier)}"
                try:
                    answer = await self._connection.client.request(
                        subject, wire.encode(tokens), timeout=REQUEST_TIMEOUT_S
                    )
                except (NatsError, OSError):
                    continue
                lost = wire.read_tokens(answer.data)
                if lost:
                    log.warning("messages_lost_by_stream", carrier=carrier, count=len(lost))
                self._carriers.take_back(carrier, lost)
