"""Receipts that wait for their message."""

from __future__ import annotations

from sqlalchemy import Connection, delete

from dragoman.core.messages.sql.tables import (
    parked_receipts,
)
from dragoman.storage.work import Operation


def _drop_parked(connection: Connection, items: list[int]) -> list[Exception | None]:
    connection.execute(delete(parked_receipts).where(parked_receipts.c.receipt_id < max(items)))
    return [None] * len(items)


drop_parked_receipts = Operation(_drop_parked, "drop_parked_receipts", int)
