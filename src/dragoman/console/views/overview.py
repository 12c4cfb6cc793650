"""The overview: what was sent and received lately, what waits, and what is left to send with."""

from __future__ import annotations

from collections import Counter
from typing import Final

from dragoman.console.page import Page
from dragoman.console.visit import Visit
from dragoman.services.statistics import Aggregate, StatisticsQuery
from dragoman.web.responses import Response


async def show_overview(visit: Visit) -> Response:
    """Credits, and the counts of the last day."""
    desk = visit.desk
    query = StatisticsQuery(
        account_ids=await visit.tree(),
        direction="outbox",
        dimension="mcc:status",
        aggregate=Aggregate.HOURLY,
        zone=str(visit.zone),
    )
    states: Counter[str] = Counter()
    for total in await desk.statistics.totals(query):
        states[total.value.partition(":")[2]] += total.counted
    return visit.show(
        "overview.html", balance=await desk.accounts.balance(visit.account), states=states
    )


PAGES: Final = (Page(path="", title="Overview", menu="Overview", show=show_overview),)
