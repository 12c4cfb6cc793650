"""Texts that phones sent: parts that wait for the rest, and whole texts."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select

from dragoman.kit import ids
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.records import NewCallback
from dragoman.storage.repositories.statistics import Counters
from dragoman.storage.tables import inbound_parts, inbound_texts
from dragoman.storage.writer import Operation


class StoredInbound(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `inbound_texts`."""

    inbound_id: int
    account_id: int | None
    carrier: str
    sender: str
    recipient: str
    text: str
    alphabet: str
    keyword: str
    parts: int
    complete: bool


class StoredInboundPart(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `inbound_parts`."""

    part_id: int
    carrier: str
    sender: str
    recipient: str
    reference: int
    total: int
    number: int
    text: str
    alphabet: str


class NewInbound(msgspec.Struct, frozen=True, kw_only=True):
    """A whole text, and the stored parts it was made of."""

    text: StoredInbound
    part_ids: tuple[int, ...] = ()
    callback: NewCallback | None = None


_INSERT_TEXTS = BulkInsert(inbound_texts)
_INSERT_PARTS = BulkInsert(inbound_parts, suffix="ON CONFLICT DO NOTHING")


def _store_parts(connection: Connection, items: list[StoredInboundPart]) -> list[Exception | None]:
    _INSERT_PARTS.run(connection, [msgspec.structs.astuple(item) for item in items])
    return [None] * len(items)


def _store_texts(connection: Connection, items: list[NewInbound]) -> list[Exception | None]:
    counters = Counters()
    rows: list[tuple[Any, ...]] = []
    part_ids: list[int] = []
    for item in items:
        rows.append(msgspec.structs.astuple(item.text))
        part_ids.extend(item.part_ids)
        account_id = item.text.account_id or 0
        at_ms = ids.time_of(item.text.inbound_id)
        count = (1, item.text.parts)
        counters.add(account_id, at_ms, "inbox", "sum", "sum", *count)
        keyword = f"{item.text.keyword}:{item.text.recipient}"
        counters.add(account_id, at_ms, "inbox", "keyword:number", keyword, *count)
    _INSERT_TEXTS.run(connection, rows)
    if part_ids:
        connection.execute(delete(inbound_parts).where(inbound_parts.c.part_id.in_(part_ids)))
    counters.write(connection)
    return [None] * len(items)


store_parts = Operation(_store_parts, "store_inbound_parts")
store_texts = Operation(_store_texts, "store_inbound_texts")


def load_parts(connection: Connection) -> list[StoredInboundPart]:
    """All parts that wait for the rest of their text."""
    query = select(inbound_parts).order_by(inbound_parts.c.part_id)
    return [StoredInboundPart(**row._mapping) for row in connection.execute(query)]
