"""Texts that phones sent: parts that wait for the rest, and whole texts."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, func, select

from dragoman.domain.inbound import Handling, OptOutKey
from dragoman.domain.keywords import MAX_KEYWORD, words_of
from dragoman.kit import ids
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.records import NewCallback
from dragoman.storage.repositories import opt_outs
from dragoman.storage.repositories.changes import insert_callbacks
from dragoman.storage.repositories.opt_outs import OptOut
from dragoman.storage.repositories.statistics import Counters
from dragoman.storage.tables import inbound_parts, inbound_texts
from dragoman.storage.work import Operation


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
    handling: str = Handling.KEPT.value


class StoredInboundPart(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `inbound_parts`."""

    part_id: int
    carrier: str
    sender: str
    recipient: str
    reference: int
    total: int
    number: int
    content: bytes
    alphabet: str


class NewInbound(msgspec.Struct, frozen=True, kw_only=True):
    """A whole text, the stored parts it was made of, and all that follows from it."""

    text: StoredInbound
    part_ids: tuple[int, ...] = ()
    callbacks: tuple[NewCallback, ...] = ()
    opt_outs: tuple[OptOut, ...] = ()
    opt_ins: tuple[OptOutKey, ...] = ()


_INSERT_TEXTS = BulkInsert(inbound_texts)
_INSERT_PARTS = BulkInsert(inbound_parts)


def _store_parts(connection: Connection, items: list[StoredInboundPart]) -> list[Exception | None]:
    _INSERT_PARTS.run(connection, [msgspec.structs.astuple(item) for item in items])
    return [None] * len(items)


def _store_texts(connection: Connection, items: list[NewInbound]) -> list[Exception | None]:
    counters = Counters()
    rows: list[tuple[Any, ...]] = []
    part_ids: list[int] = []
    opted: dict[OptOutKey, OptOut | None] = {}
    for item in items:
        rows.append(msgspec.structs.astuple(item.text))
        part_ids.extend(item.part_ids)
        account_id = item.text.account_id or 0
        at_ms = ids.time_of(item.text.inbound_id)
        parts = item.text.parts
        counters.add(account_id, at_ms, "inbox", "sum", "sum", parts)
        keyword = f"{item.text.keyword}:{item.text.recipient}"
        counters.add(account_id, at_ms, "inbox", "keyword:number", keyword, parts)
        opted.update((opt_out.key, opt_out) for opt_out in item.opt_outs)
        opted.update(dict.fromkeys(item.opt_ins))
    _INSERT_TEXTS.run(connection, rows)
    if part_ids:
        connection.execute(delete(inbound_parts).where(inbound_parts.c.part_id.in_(part_ids)))
    counters.write(connection)
    if opted:
        opt_outs.write(connection, opted)
    insert_callbacks(connection, [callback for item in items for callback in item.callbacks])
    return [None] * len(items)


def _drop_parts(connection: Connection, items: list[int]) -> list[Exception | None]:
    connection.execute(delete(inbound_parts).where(inbound_parts.c.part_id.in_(items)))
    return [None] * len(items)


drop_parts = Operation(_drop_parts, "drop_inbound_parts", int)
store_parts = Operation(_store_parts, "store_inbound_parts", StoredInboundPart)
store_texts = Operation(_store_texts, "store_inbound_texts", NewInbound)


def load_parts(connection: Connection) -> list[StoredInboundPart]:
    """All parts that wait for the rest of their text."""
    query = select(inbound_parts).order_by(inbound_parts.c.part_id)
    return [StoredInboundPart(**row._mapping) for row in connection.execute(query)]


class InboxFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What to search for among received texts; what is not given does not narrow."""

    account_id: int
    recipient: str = ""
    sender: str = ""
    from_ms: int | None = None
    to_ms: int | None = None
    """Both ends included."""
    inbound_id: int | None = None
    text: str = ""
    """Part of the text, in any case."""
    keyword: str = ""


class InboxPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of what was found, and how much there is in all."""

    texts: tuple[StoredInbound, ...]
    total: int


def search(connection: Connection, wanted: InboxFilter, offset: int, limit: int) -> InboxPage:
    """A page of the texts an account received, newest first."""
    table = inbound_texts.c
    conditions: list[ColumnElement[bool]] = [table.account_id == wanted.account_id]
    if wanted.recipient:
        conditions.append(table.recipient == wanted.recipient)
    if wanted.sender:
        conditions.append(table.sender == wanted.sender)
    if wanted.from_ms is not None:
        conditions.append(table.inbound_id >= ids.first_at(wanted.from_ms))
    if wanted.to_ms is not None:
        conditions.append(table.inbound_id < ids.first_at(wanted.to_ms + 1))
    if wanted.inbound_id is not None:
        conditions.append(table.inbound_id == wanted.inbound_id)
    if wanted.text:
        conditions.append(table.text.icontains(wanted.text, autoescape=True))
    if wanted.keyword:
        conditions.append(table.keyword == "".join(words_of(wanted.keyword, 1))[:MAX_KEYWORD])
    total = connection.execute(
        select(func.count()).select_from(inbound_texts).where(*conditions)
    ).scalar_one()
    query = (
        select(inbound_texts)
        .where(*conditions)
        .order_by(table.inbound_id.desc())
        .offset(offset)
        .limit(limit)
    )
    return InboxPage(
        texts=tuple(StoredInbound(**row._mapping) for row in connection.execute(query)),
        total=total,
    )
