"""Keeps the parts of a text together that its customer cut itself.

Each part is a message: accepted, charged and reported by itself, and on most routes sent by itself.
Some carriers take whole texts only, and on routes that choose a carrier for each message the parts
would part ways. There they wait for one another, and the first is queued for all.

What can go wrong, and what then holds: a part never comes, and the others go without it after
`WAIT_S`. A part comes twice, and the text that it was of goes as it is. The process dies: rows say
that all are queued, and they are joined again when they are read. Too many wait: the oldest go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import field
from typing import Final, NamedTuple

from dragoman.core.messages.live import LiveMessage, LiveMessages
from dragoman.core.messages.loader import MessageLoader
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.sql import pending
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.protocols.gsm.udh import Concatenation, parse_udh
from dragoman.work_queue.port import WorkQueue

WAIT_S: Final = 30.0
"""How long parts wait for those that are missing."""
CHECK_S: Final = 1.0
MAX_HELD: Final = 10_000
"""Parts that wait in memory; beyond that the oldest go without those that are missing."""
_WAITING: Final = frozenset({State.QUEUED, State.SENDING})


class _Key(NamedTuple):
    route: str
    account_id: int
    sender: str
    recipient: str
    reference: int
    total: int


class _Series:
    """The parts of one text that have come, by number."""

    __slots__ = ("parts", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.parts: dict[int, LiveMessage] = {}


@use_case(kw_only=True)
class SeriesCollector:
    """Holds parts back until they are complete; `joins` are the routes where that is needed."""

    queue: WorkQueue
    live: LiveMessages
    loader: MessageLoader
    clock: Clock
    joins: Collection[str]
    _open: dict[_Key, _Series] = field(default_factory=dict, init=False)
    _held: int = field(default=0, init=False)

    def take_routes(self, joins: Collection[str]) -> None:
        """Joins parts on other routes from here on."""
        self.joins = joins

    def is_part(self, message: LiveMessage) -> bool:
        """Whether a message has to wait for other parts of its text."""
        return (
            bool(message.batch.stored.options.udh)
            and message.route in self.joins
            and place_of(message) is not None
        )

    def add(self, message: LiveMessage) -> list[LiveMessage]:
        """Takes a part; returns what is to be queued now, each with what is joined to it."""
        place = place_of(message)
        if place is None or place.total < 2:
            return [message]
        key = _key_of(message, place)
        ready: list[LiveMessage] = []
        series = self._open.get(key)
        if series is not None and place.number in series.parts:
            ready += self._close(key)
            series = None
        if series is None:
            series = self._open[key] = _Series(self.clock.monotonic())
        series.parts[place.number] = message
        self._held += 1
        if len(series.parts) == place.total:
            ready += self._close(key)
        while self._held > MAX_HELD:
            ready += self._close(next(iter(self._open)))
        return ready

    async def run(self) -> None:
        """Lets go what has waited long enough; runs until cancelled."""
        while True:
            await asyncio.sleep(CHECK_S)
            await self.check()

    async def check(self) -> None:
        """Queues the parts of texts of which some did not come in time."""
        oldest = self.clock.monotonic() - WAIT_S
        late = [key for key, series in self._open.items() if series.since <= oldest]
        for key in late:
            for message in self._close(key) if key in self._open else ():
                await self.queue.publish(message.route, (message.work,))

    async def rejoin(self, messages: Sequence[LiveMessage], kept: Collection[int]) -> None:
        """Joins to parts that a carrier kept over a restart those that it was given with them.

        `kept` are the identifiers of all that it kept.
        """
        for message in messages:
            place = place_of(message)
            if place is None or message.state is not State.SENDING or message.joined:
                continue
            key, account_id = _key_of(message, place), message.batch.account_id
            loaded = await self.loader.read(
                lambda c, m=message, a=account_id: pending.load_sending(c, m.route, a, m.recipient)  # type: ignore[misc]
            )
            others: dict[int, LiveMessage] = {}
            for other in loaded.live:
                its = place_of(other)
                if its is None or other.message_id in kept or its.number < place.number:
                    continue
                if _key_of(other, its) == key:
                    others[its.number] = other
            message.joined = tuple(others[number] for number in sorted(others))
            for fresh in loaded.fresh:
                if fresh not in message.joined:
                    self.live.remove(fresh)

    def _close(self, key: _Key) -> list[LiveMessage]:
        """Ends a series; its parts as one, if they can be sent so."""
        series = self._open.pop(key)
        self._held -= len(series.parts)
        parts = [part for _, part in sorted(series.parts.items()) if self._waits(part)]
        if len({part.batch.segmentation.alphabet for part in parts}) > 1:
            return parts
        if len(parts) > 1:
            parts[0].joined = tuple(parts[1:])
        return parts[:1]

    def _waits(self, message: LiveMessage) -> bool:
        """Whether it has not been cancelled or expired meanwhile."""
        return message.state in _WAITING and self.live.get(message.message_id) is message


def place_of(message: LiveMessage) -> Concatenation | None:
    """The place of a part among the others; None for a message that is whole."""
    udh = message.batch.stored.options.udh
    header = parse_udh(bytes.fromhex(udh)) if udh else None
    return header.concatenation if header is not None else None


def shared_ids(joined: Sequence[LiveMessage], ids: Sequence[str | None]) -> list[str | None]:
    """The carrier's ID of each further part of a text that went to a carrier at once.

    A carrier that got the whole text gave one ID: the others are known by that and their number.
    """
    if len(ids) == len(joined) + 1:
        return list(ids[1:])
    first = ids[0] if ids else None
    return [follower_id(first, number_of(one)) if first else None for one in joined]


def number_of(message: LiveMessage) -> int:
    """The number of a part; 1 for a message that is whole."""
    place = place_of(message)
    return place.number if place is not None else 1


def follower_id(carrier_id: str, number: int) -> str:
    """Under which a further part is known, where its carrier gave one ID for the whole text."""
    return f"{carrier_id}+{number}"


def _key_of(message: LiveMessage, place: Concatenation) -> _Key:
    return _Key(
        message.route,
        message.batch.account_id,
        message.batch.stored.sender,
        message.recipient,
        place.reference,
        place.total,
    )
