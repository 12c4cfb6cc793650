"""Whose key it is, and reports."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dragoman.core.accounts.model.accounts import Account as StoredAccount
from dragoman.core.model.errors import NOT_A_ZONE, RefusalCode, Refused
from dragoman.core.reporting.statistics import Aggregate, StatisticsQuery
from dragoman.dialects.native import mapping, schemas
from dragoman.dialects.native.calls import CallGroup, render
from dragoman.web.bodies import decode_query
from dragoman.web.requests import Request
from dragoman.web.responses import Response

UTC_ZONE: Final = "UTC"
_AGGREGATES: Final = MappingProxyType(
    {
        "hour": Aggregate.HOURLY,
        "day": Aggregate.DAILY,
        "week": Aggregate.WEEKLY,
        "month": Aggregate.MONTHLY,
    }
)


class Account(CallGroup):
    """Answers the calls on the account itself."""

    async def fetch(self, account: StoredAccount, request: Request) -> Response:
        """The account of the key, and its credits."""
        balance = await self._services.accounts.balance(account)
        return render(
            schemas.Account(
                id=str(account.account_id),
                username=account.username,
                credits=balance.available,
                reserved=balance.held,
                default_sender=account.default_sender or None,
                time_zone=account.time_zone or UTC_ZONE,
                permissions=tuple(sorted(account.permissions)),
            )
        )

    async def report(self, account: StoredAccount, request: Request) -> Response:
        """Messages by period, country and state; raises `Refused`."""
        query = decode_query(request, schemas.ReportQuery)
        zone = query.time_zone or account.time_zone or UTC_ZONE
        info = _zone(zone)
        totals = await self._services.statistics.totals(
            StatisticsQuery(
                account_ids=(account.account_id,),
                direction="outbox",
                dimension="mcc:status",
                aggregate=_AGGREGATES[query.by],
                zone=zone,
                from_ms=mapping.read_optional_time("since", query.since),
                to_ms=mapping.read_optional_time("until", query.until),
            )
        )
        counts = []
        for total in totals:
            mcc, _, state = total.value.partition(":")
            start = total.start.replace(tzinfo=info)
            counts.append(
                schemas.Count(start=start.isoformat(), mcc=mcc, state=state, messages=total.counted)
            )
        return render(schemas.Report(data=tuple(counts)))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refused(RefusalCode.INVALID_FIELD, "time_zone", NOT_A_ZONE) from None
