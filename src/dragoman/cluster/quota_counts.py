"""What all partitions together gave to carriers today, so that a quota is one over the cluster.

Each node tells the others once a second what its partitions gave. A quota may be overstepped by
what goes out within such a second.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from dragoman.cluster import wire
from dragoman.cluster.nats_connection import NatsConnection
from dragoman.cluster.wire import Counted
from dragoman.core.delivery.quotas import Quotas

TELL_EVERY_S: Final = 1.0
SUBJECT: Final = "dragoman.quotas"

log = structlog.get_logger(__name__)


class QuotaCounts:
    """Tells and hears counts."""

    def __init__(
        self, connection: NatsConnection, here: Callable[[], Mapping[int, Quotas]]
    ) -> None:
        """`here` gives the quotas of the partitions that this node owns."""
        self._connection = connection
        self._here = here
        self._heard: dict[int, Counted] = {}

    async def listen(self) -> None:
        """Hears from here on what partitions of other nodes gave."""
        await self._connection.client.subscribe(SUBJECT, cb=self._hear)

    async def run(self) -> None:
        """Tells and sums; runs until cancelled."""
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            here = self._here()
            if not any(quotas.carriers for quotas in here.values()):
                continue
            told = [
                Counted(partition, day, [(*key, parts) for key, parts in taken.items()])
                for partition, quotas in here.items()
                for day, taken in (quotas.taken_today(),)
            ]
            self._heard.update((counted.partition, counted) for counted in told)
            for partition, quotas in here.items():
                self._note(partition, quotas)
            if self._connection.is_up:
                try:
                    await self._connection.client.publish(SUBJECT, wire.encode(told))
                except (NatsError, OSError) as error:
                    log.warning("quotas_not_told", reason=type(error).__name__)

    def _note(self, partition: int, quotas: Quotas) -> None:
        elsewhere: Counter[tuple[str, str]] = Counter()
        day, _ = quotas.taken_today()
        for counted in self._heard.values():
            if counted.partition != partition and counted.day == day:
                for carrier, country, parts in counted.taken:
                    elsewhere[carrier, country] += parts
        quotas.note_elsewhere(day, elsewhere)

    async def _hear(self, msg: Msg) -> None:
        self._heard.update((counted.partition, counted) for counted in wire.read_counted(msg.data))
