"""Traffic and charges by account and month, from the hourly counters alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from dragoman.core.messages.sql.statistics import (
    CREDITS,
    PRICE,
    WITHOUT_ROWS,
    PeriodCount,
    count_by_period,
)
from dragoman.core.reporting.traffic import Share
from dragoman.kit.clock import Clock
from dragoman.kit.zones import DAY_MS, HOUR_MS, stretches_of
from dragoman.storage.engine import Storage

_EPOCH: Final = datetime(1970, 1, 1)
_STATES: Final = "mcc:status"
_SUM: Final = "sum"
CHUNK_DAYS: Final = 124
"""Days of an account that are read at once."""


class MonthOfAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What an account alone sent and received in a month of local time."""

    account_id: int
    month: str
    """`2026-11`."""
    sent: Share
    received: int


class MonthlyReport:
    """Reads month by month."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def by_account(
        self, account_ids: Sequence[int], zone: str, months: int
    ) -> AsyncGenerator[MonthOfAccount, None]:
        """The last months of each account that have anything, oldest first; raises `TookTooLong`.

        What was dropped from the rows since is counted too.
        """
        now_ms = self._clock.now_ms()
        local = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZoneInfo(zone))
        year, month = divmod(local.year * 12 + local.month - months, 12)
        first = datetime(year, month + 1, 1, tzinfo=ZoneInfo(zone))
        from_ms = round(first.timestamp() * 1000)
        from_ms -= from_ms % HOUR_MS
        for account_id in account_ids:
            rows: list[PeriodCount] = []
            for begin_ms in range(from_ms, now_ms + HOUR_MS, CHUNK_DAYS * DAY_MS):
                end_ms = min(begin_ms + CHUNK_DAYS * DAY_MS, now_ms - now_ms % HOUR_MS + HOUR_MS)
                read = partial(
                    count_by_period,
                    account_ids=(account_id,),
                    directions=_DIRECTIONS,
                    dimensions=(_STATES, _SUM, CREDITS, PRICE),
                    stretches=list(stretches_of(zone, begin_ms, end_ms)),
                    unit_ms=DAY_MS,
                )
                rows += await self._storage.read(read)
            for found in _months_of(account_id, rows):
                yield found


_DIRECTIONS: Final = ("outbox", "inbox", f"{WITHOUT_ROWS}outbox", f"{WITHOUT_ROWS}inbox")


def _months_of(account_id: int, rows: list[PeriodCount]) -> list[MonthOfAccount]:
    states: defaultdict[str, Counter[str]] = defaultdict(Counter)
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        month = f"{_EPOCH + timedelta(days=row.period):%Y-%m}"
        received = row.direction.endswith("inbox")
        if row.dimension == _STATES and not received:
            states[month][row.value.rpartition(":")[2]] += row.counted
        elif row.dimension in (CREDITS, PRICE) or (row.dimension == _SUM and received):
            sums[month][row.dimension] += row.counted
    return [
        MonthOfAccount(
            account_id=account_id,
            month=month,
            sent=Share(
                name="",
                states=states[month],
                credits=sums[month][CREDITS],
                price=sums[month][PRICE],
            ),
            received=sums[month][_SUM],
        )
        for month in sorted(states.keys() | sums.keys())
    ]
