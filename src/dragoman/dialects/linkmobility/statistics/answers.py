"""Counts an hour, a day, a week or a month, as the caller may see them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.reporting.statistics import Aggregate, StatisticsQuery, Total
from dragoman.dialects.linkmobility.calls import OK, CallGroup
from dragoman.dialects.linkmobility.errors import WordedRefusal
from dragoman.dialects.linkmobility.mapping import QUEUED, STATUSES
from dragoman.dialects.linkmobility.queries import read_end_time, read_time
from dragoman.dialects.linkmobility.reading import MAX_IDENTIFIER, check_advanced
from dragoman.dialects.linkmobility.schemas import Credentials
from dragoman.dialects.wording import quoted
from dragoman.web.bodies import decode_query
from dragoman.web.operations import doc
from dragoman.web.requests import Request

SUM: Final = "sum"
MCC_STATUS: Final = "mcc:status"
KEYWORD_NUMBER: Final = "keyword:number"
USER: Final = "user"
MCC: Final = "mcc"

GROUPS: Final = MappingProxyType(
    {"inbox": frozenset({SUM, KEYWORD_NUMBER}), "outbox": frozenset({SUM, MCC_STATUS})}
)
"""What can be counted (LINK v2 s. 10, "The search groups")."""

STATUSES_OF_COUNTS: Final = MappingProxyType(
    {
        QUEUED: QUEUED,
        **{state.name.lower(): STATUSES[state] for state in State if state >= State.SENT},
    }
)
"""The manual's names of the states that are counted."""

_PARTS_OF_TIME: Final = MappingProxyType[Aggregate, Callable[[datetime], dict[str, str]]](
    {
        Aggregate.HOURLY: lambda at: {
            "year": str(at.year), "month": str(at.month), "day": str(at.day), "hour": str(at.hour)
        },
        Aggregate.DAILY: lambda at: {
            "year": str(at.year), "month": str(at.month), "day": str(at.day)
        },
        Aggregate.WEEKLY: lambda at: {
            "year": str(at.isocalendar().year), "week": str(at.isocalendar().week)
        },
        Aggregate.MONTHLY: lambda at: {"year": str(at.year), "month": str(at.month)},
    }
)  # fmt: skip
_TIMESTAMP: Final = "%Y-%m-%d %H:%M:%S"
_COUNTRY: Final = re.compile(r"[0-9]{1,3}", re.ASCII)


class StatsQuery(Credentials, frozen=True, kw_only=True):
    """What to count."""

    group: Annotated[str, doc("sum, mcc:status (outbox), keyword:number (inbox).")] = "sum"
    starttime: Annotated[str, doc("dd-mm-YYYY HH:MM")] = ""
    endtime: Annotated[str, doc("dd-mm-YYYY HH:MM")] = ""
    advanced: Annotated[str, doc("The advanced key.")] = ""
    type_1: Annotated[
        str, doc("user or mcc; anything but the own user needs the advanced key.")
    ] = ""
    value_1: Annotated[str, doc("A user id or a mobile country code.")] = ""


class StatsRow(msgspec.Struct, frozen=True, kw_only=True):
    """A period and what was counted in it; which of its parts are given depends on the aggregate.

    `week` is that of ISO 8601, and `year` then the year it belongs to.
    """

    year: str
    month: str | UnsetType = UNSET
    week: str | UnsetType = UNSET
    day: str | UnsetType = UNSET
    hour: str | UnsetType = UNSET
    timestamp: str
    type_1: str
    value_1: str
    type_2: str
    value_2: str
    counter: str


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of a time, by period and value."""

    stats: tuple[StatsRow, ...]
    status: int


class _Asked(NamedTuple):
    """Whose counts are asked for: an account's, or those of one country or all, over the tree."""

    account_ids: tuple[int, ...]
    base: str
    value: str


class Counts(CallGroup):
    """Answers questions about what was counted."""

    async def answer(self, account: Account, request: Request) -> Stats:
        """The counts of a time, by period and value; raises `Refused`."""
        direction = request.path_params["type"]
        aggregate = Aggregate(request.path_params["aggregate"])
        query = decode_query(request, StatsQuery)
        group = query.group.strip() or SUM
        if group not in GROUPS[direction]:
            text = f"Group [{quoted(group)}] is not valid for {direction}"
            raise WordedRefusal(RefusalCode.INVALID_FIELD, text)
        zone = self._zone_of(account)
        asked = await self._asked(account, direction, query)
        totals = await self._services.statistics.totals(
            StatisticsQuery(
                account_ids=asked.account_ids,
                direction=direction,
                dimension=MCC_STATUS if asked.base == MCC else group,
                aggregate=aggregate,
                zone=zone,
                from_ms=read_time("starttime", query.starttime, zone),
                to_ms=read_end_time("endtime", query.endtime, zone),
            )
        )
        return Stats(stats=tuple(_rows(totals, asked, aggregate, group)), status=OK)

    async def _asked(self, account: Account, direction: str, query: StatsQuery) -> _Asked:
        base, value = query.type_1.strip() or USER, query.value_1.strip()
        own = str(account.account_id)
        if query.advanced or base != USER or value not in ("", own):
            check_advanced(self._settings.advanced_key, query.advanced, "stats")
        if base == USER:
            return _Asked((await self._user(account, value or own),), USER, value or own)
        if base != MCC or direction != "outbox":
            text = f"Type_1 [{quoted(base)}] is not valid for {direction}"
            raise WordedRefusal(RefusalCode.INVALID_FIELD, text)
        if value and not _COUNTRY.fullmatch(value):
            raise Refused(RefusalCode.INVALID_FIELD, "value_1", "use a mobile country code")
        below = await self._services.queries.accounts_below(account)
        return _Asked((account.account_id, *below), MCC, value)

    async def _user(self, account: Account, value: str) -> int:
        """The user a number names, if it is the account or below it; raises `Refused`."""
        if value.isascii() and value.isdigit() and len(value) < 20:
            user = int(value)
            if user == account.account_id:
                return user
            if user <= MAX_IDENTIFIER and user in await self._services.queries.accounts_below(
                account
            ):
                return user
        raise Refused(RefusalCode.NOT_FOUND, value, "user")


def _rows(totals: list[Total], asked: _Asked, aggregate: Aggregate, group: str) -> list[StatsRow]:
    counts: defaultdict[tuple[datetime, str, str], int] = defaultdict(int)
    for total in totals:
        value, base = total.value, asked.value
        if MCC in (asked.base, group.partition(":")[0]):
            country, _, name = total.value.partition(":")
            value = f"{country}:{STATUSES_OF_COUNTS[name]}" if group == MCC_STATUS else SUM
            if asked.base == MCC:
                if base not in ("", country):
                    continue
                base = country
        counts[total.start, base, value] += total.counted
    return [
        StatsRow(
            **_PARTS_OF_TIME[aggregate](start),
            timestamp=start.strftime(_TIMESTAMP),
            type_1=asked.base,
            value_1=base,
            type_2=group,
            value_2=value,
            counter=str(counted),
        )
        for (start, base, value), counted in sorted(counts.items())
    ]
