"""What carriers were given, counted from the rows of messages."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, func, select

from dragoman.core.messages.sql.tables import messages
from dragoman.kit.ids import first_at

LONGEST_WAIT_MS = 24 * 3600 * 1000
"""Messages that waited longer before they were sent are not counted."""


def parts_since(since_ms: int) -> Callable[[Connection], dict[tuple[str, str], int]]:
    """A query for the parts that carriers have taken since a time, by carrier and MCC."""

    def read(connection: Connection) -> dict[tuple[str, str], int]:
        query = (
            select(messages.c.carrier, messages.c.mcc, func.sum(messages.c.parts).label("parts"))
            .where(
                messages.c.message_id >= first_at(since_ms - LONGEST_WAIT_MS),
                messages.c.sent_ms >= since_ms,
                messages.c.carrier.is_not(None),
            )
            .group_by(messages.c.carrier, messages.c.mcc)
        )
        return {(row.carrier, row.mcc): int(row.parts) for row in connection.execute(query)}

    return read
