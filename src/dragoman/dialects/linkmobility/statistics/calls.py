"""The calls on statistics (LINK v2 s. 10)."""

from __future__ import annotations

from typing import Final

from dragoman.container import Services
from dragoman.dialects.linkmobility.calls import Calls
from dragoman.dialects.linkmobility.statistics.answers import Counts
from dragoman.dialects.linkmobility.statistics.ingestion import Ingesting
from dragoman.dialects.linkmobility.statistics.schemas import (
    InboxRows,
    Ingested,
    OutboxRows,
    Stats,
    StatsQuery,
)
from dragoman.web.operations import Operation

S10: Final = "LINK v2 s. 10"
ROWS_LIMIT_BYTES: Final = 8 << 20
"""Room for 10,000 rows."""


def statistics_calls(calls: Calls, services: Services) -> tuple[Operation, ...]:
    """The operations of this room."""
    counts, ingesting = Counts(services), Ingesting(services)
    return (
        calls.get(
            "stats/{type:inbox|outbox}/{aggregate:hourly|daily|weekly|monthly}",
            counts.answer,
            Stats,
            "How much was received or sent",
            S10,
            StatsQuery,
        ),
        calls.post(
            "stats/inbox",
            ingesting.take_inbox,
            InboxRows,
            Ingested,
            "Count texts that were received elsewhere",
            S10,
            body_limit_bytes=ROWS_LIMIT_BYTES,
        ),
        calls.post(
            "stats/outbox",
            ingesting.take_outbox,
            OutboxRows,
            Ingested,
            "Count messages that were sent elsewhere",
            S10,
            body_limit_bytes=ROWS_LIMIT_BYTES,
        ),
    )
