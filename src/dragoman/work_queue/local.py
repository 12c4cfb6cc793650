"""The in-process engine: lanes by priority, accounts in turn, nothing on disk."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence, Set

from dragoman.work_queue.port import Lane, Work

_BULK = Lane.BULK.value


class LocalQueue:
    """A `WorkQueue` in memory; a restart rebuilds it from SQL."""

    def __init__(self) -> None:
        self._subjects: dict[str, LocalConsumer] = {}

    async def publish(self, subject: str, work: Sequence[Work]) -> None:
        self._subject(subject).put(work)

    def consume(self, subject: str, demand: Callable[[], int]) -> LocalConsumer:
        consumer = self._subject(subject)
        consumer.demand = demand
        return consumer

    def depth(self, subject: str) -> int:
        return self._subject(subject).waiting

    def shares(self, subject: str, account_id: int) -> tuple[int, int]:
        return self._subject(subject).shares(account_id)

    def taken(self, subject: str) -> int:
        return self._subject(subject).taken

    def drain(self, subject: str, limit: int | None = None) -> list[Work]:
        """Takes everything that waits, or up to `limit` of it."""
        consumer = self._subject(subject)
        return consumer.take(consumer.waiting if limit is None else limit)

    def oldest(self, subject: str) -> int | None:
        """The lowest identifier among the first items of every account; None when empty."""
        return self._subject(subject).oldest()

    def claim(self, subject: str, lane: int) -> bool:
        return self._subject(subject).claim(lane)

    def release(self, subject: str) -> None:
        self._subject(subject).claimed -= 1

    def _subject(self, name: str) -> LocalConsumer:
        consumer = self._subjects.get(name)
        if consumer is None:
            consumer = self._subjects[name] = LocalConsumer()
        return consumer


class LocalConsumer:
    """One subject: a `Consumer` and what waits for it."""

    def __init__(self) -> None:
        self.waiting = 0
        self.taken = 0
        self.claimed = 0
        self.demand: Callable[[], int] = lambda: 0
        self._lanes: dict[int, OrderedDict[int, deque[Work]]] = {
            lane.value: OrderedDict() for lane in Lane
        }
        self._bulk = 0
        """Those of them that wait which are bulk."""
        self._something = asyncio.Event()
        self._told: asyncio.Event | None = None

    def put(self, work: Sequence[Work]) -> None:
        bulk = 0
        for item in work:
            self._account(item).append(item)
            bulk += item.lane == _BULK
        self._note(len(work), bulk)

    def _note(self, count: int, bulk: int) -> None:
        self.waiting += count
        self._bulk += bulk
        self._something.set()
        if self._told is not None:
            self._told.set()

    def claim(self, lane: int) -> bool:
        # What waits is taken first, of which nothing is known here but that there is room for it;
        # not what is bulk, where the item is not.
        ahead = self.waiting if lane == _BULK else self.waiting - self._bulk
        if self.demand() <= self.claimed + ahead:
            return False
        self.claimed += 1
        return True

    def shares(self, account_id: int) -> tuple[int, int]:
        own, accounts = 0, 1
        for lane in self._lanes.values():
            items = lane.get(account_id, ())
            own += len(items)
            accounts = max(accounts, len(lane) + (not items))
        return own, accounts

    def oldest(self) -> int | None:
        return min(
            (items[0].message_id for lane in self._lanes.values() for items in lane.values()),
            default=None,
        )

    def take(self, limit: int, bulk: int | None = None, but: Set[int] = frozenset()) -> list[Work]:
        taken: list[Work] = []
        before = 0
        for number, lane in self._lanes.items():
            if number == _BULK:
                before = len(taken)
                limit = limit if bulk is None else min(limit, bulk)
            if number in but:
                continue
            while lane and len(taken) < limit:
                account, items = next(iter(lane.items()))
                taken.append(items.popleft())
                if items:
                    lane.move_to_end(account)
                else:
                    del lane[account]
        self._bulk -= len(taken) - before
        self.waiting -= len(taken)
        self.taken += len(taken)
        if not self.waiting:
            self._something.clear()
        return taken

    async def wait(self) -> None:
        await self._something.wait()

    def tell(self, event: asyncio.Event) -> None:
        self._told = event

    def wake(self) -> None:
        """Lets who waits look, although there may be nothing to take."""
        self._something.set()

    def acknowledge(self, work: Work) -> None:
        """Does nothing: the caller has stored the outcome."""

    def retry(self, work: Work, delay_s: float) -> None:
        if delay_s > 0:
            asyncio.get_running_loop().call_later(delay_s, self._put_first, work)
        else:
            self._put_first(work)

    def _put_first(self, work: Work) -> None:
        items = self._account(work)
        # Items that are retried keep their order: the oldest goes first.
        place = next((i for i, one in enumerate(items) if one.message_id > work.message_id), None)
        items.insert(len(items) if place is None else place, work)
        self._lanes[work.lane].move_to_end(work.account_id, last=False)
        self._note(1, int(work.lane == _BULK))

    def _account(self, work: Work) -> deque[Work]:
        lane = self._lanes[work.lane]
        items = lane.get(work.account_id)
        if items is None:
            items = lane[work.account_id] = deque()
        return items
