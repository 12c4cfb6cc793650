"""Inbound texts: incomplete parts, and whole texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, FromClause, Select, delete, func, select

from dragoman.core.devices.sql.device_events import NewDeviceEvent, insert_events
from dragoman.core.devices.sql.device_texts import NewDeviceText, insert_texts
from dragoman.core.inbound.model.inbound import (
    InboxFilter,
    InboxPage,
    OptOut,
    OptOutKey,
    StoredInbound,
)
from dragoman.core.inbound.model.keywords import MAX_KEYWORD, words_of
from dragoman.core.inbound.sql import conversations, opt_outs
from dragoman.core.inbound.sql.tables import carrier_texts, inbound_parts, inbound_texts
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.messages.sql.changes import insert_callbacks
from dragoman.core.messages.sql.paging import (
    SCAN_LIMIT,
    TEXT_SCAN_LIMIT,
    Found,
    Span,
    newest_hours,
    scan,
    walk,
    whole_hours,
)
from dragoman.core.messages.sql.statistics import Counters, HourCount, count_by_hour
from dragoman.kit import ids
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.rows import are_empty, read_all
from dragoman.storage.text_search import contains_pieces
from dragoman.storage.time_limit import time_limit
from dragoman.storage.work import together

SEARCH_LIMIT_S: Final = 2.0
"""A search that takes longer is given up."""


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
    header: str = ""


class NewInboundPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part, and what its carrier calls it, if it does."""

    part: StoredInboundPart
    provider_id: str = ""


class NewInbound(msgspec.Struct, frozen=True, kw_only=True):
    """A whole text, the parts it was made of, and all that follows from it."""

    text: StoredInbound
    part_ids: tuple[int, ...] = ()
    callbacks: tuple[NewCallback, ...] = ()
    opt_outs: tuple[OptOut, ...] = ()
    opt_ins: tuple[OptOutKey, ...] = ()
    event: NewDeviceEvent | None = None
    """The event by which a phone reported it, if any."""
    device_text: NewDeviceText | None = None
    provider_id: str = ""
    """What its carrier calls it, if it does."""


_INSERT_TEXTS = BulkInsert(inbound_texts)
_INSERT_PARTS = BulkInsert(inbound_parts)
_INSERT_IDS = BulkInsert(carrier_texts, suffix="ON CONFLICT DO NOTHING")


@together("store_inbound_parts")
def store_parts(connection: Connection, items: list[NewInboundPart]) -> None:
    _INSERT_PARTS.run(connection, [msgspec.structs.astuple(item.part) for item in items])
    _INSERT_IDS.run(
        connection,
        [
            (item.part.carrier, item.provider_id, item.part.part_id)
            for item in items
            if item.provider_id
        ],
    )


@together("store_inbound_texts")
def store_texts(connection: Connection, items: list[NewInbound]) -> None:
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
    conversations.note_texts(connection, (item.text for item in items))
    _INSERT_IDS.run(
        connection,
        [
            (item.text.carrier, item.provider_id, item.text.inbound_id)
            for item in items
            if item.provider_id
        ],
    )
    if part_ids:
        connection.execute(delete(inbound_parts).where(inbound_parts.c.part_id.in_(part_ids)))
    counters.write(connection)
    if opted:
        opt_outs.write(connection, opted)
    insert_events(connection, [item.event for item in items if item.event is not None])
    insert_texts(connection, [item.device_text for item in items if item.device_text is not None])
    insert_callbacks(connection, [callback for item in items for callback in item.callbacks])


@together("drop_inbound_parts")
def drop_parts(connection: Connection, items: list[int]) -> None:
    connection.execute(delete(inbound_parts).where(inbound_parts.c.part_id.in_(items)))


def load_parts(connection: Connection) -> list[StoredInboundPart]:
    """All parts of incomplete texts."""
    if are_empty(connection, inbound_parts):
        return []
    query = select(inbound_parts).order_by(inbound_parts.c.part_id)
    return read_all(connection, query, StoredInboundPart)


def load_carriers_ids(connection: Connection, limit: int) -> list[tuple[str, str]]:
    """Carrier and ID of the texts and parts stored last, oldest first."""
    if are_empty(connection, carrier_texts):
        return []
    table = carrier_texts.c
    query = select(table.carrier, table.provider_id).order_by(table.stored_id.desc()).limit(limit)
    return [(row.carrier, row.provider_id) for row in connection.execute(query)][::-1]


def search(
    connection: Connection, wanted: InboxFilter, offset: int, limit: int, enough: int | None = None
) -> InboxPage:
    """A page of the texts an account received, newest first; raises `TookTooLong`.

    If more than `enough` follow the page, they are not counted.
    """
    table = inbound_texts.c
    with time_limit(connection, SEARCH_LIMIT_S):
        most = None if enough is None else offset + limit + enough
        found = _find_page(connection, wanted, offset, limit, most)
        query = (
            select(inbound_texts)
            .where(table.inbound_id.in_(found.identifiers))
            .order_by(table.inbound_id.desc())
        )
        texts = read_all(connection, query, StoredInbound) if found.identifiers else ()
        return InboxPage(texts=tuple(texts), total=found.total, has_more=found.has_more)


def _find_page(
    connection: Connection, wanted: InboxFilter, offset: int, limit: int, most: int | None
) -> Found:
    table = inbound_texts.c
    own = table.account_id == wanted.account_id

    def read_hours(low: int | None, high: int | None) -> list[HourCount]:
        return count_by_hour(
            connection, [wanted.account_id], "inbox", "sum", from_ms=low, before_ms=high
        )

    def read_last() -> int | None:
        return connection.execute(select(func.max(table.inbound_id))).scalar()

    filters = _filters(connection.dialect.name, wanted)
    driving: list[ColumnElement[bool]] = []
    if wanted.sender:
        driving.append(table.sender == wanted.sender)
    elif wanted.recipient:
        driving.append(table.recipient == wanted.recipient)
    if wanted.inbound_id is not None:
        driving.append(table.inbound_id == wanted.inbound_id)
    if not driving and filters is None:
        first, end = whole_hours(wanted.from_ms, wanted.to_ms)
        newest = newest_hours(read_hours, read_last, first, end, most)
        found = walk(
            connection,
            identifier=table.inbound_id,
            parts=table.parts,
            conditions=[own],
            hours=newest.hours,
            from_ms=newest.from_ms if newest.is_cut else wanted.from_ms,
            to_ms=wanted.to_ms,
            offset=offset,
            limit=limit,
        )
        return found._replace(has_more=newest.is_cut)
    scan_limit = TEXT_SCAN_LIMIT if wanted.text else SCAN_LIMIT
    if most is not None and filters is None:
        scan_limit = min(scan_limit, most + 1)
    span = Span.of_times(wanted.from_ms, wanted.to_ms)
    found = scan(
        connection,
        candidates=select(inbound_texts).where(own, *driving, *span.within(table.inbound_id)),
        identifier="inbound_id",
        filters=filters,
        limit=limit,
        offset=offset,
        scan_limit=scan_limit,
    )
    return found._replace(has_more=most is not None and found.total > most)


def _filters(driver: str, wanted: InboxFilter) -> Callable[[FromClause], Select[Any]] | None:
    """A function that selects matching texts from a subquery; None without restrictions."""
    is_driven = not wanted.sender  # an index answers one of the two numbers
    if not ((wanted.recipient and not is_driven) or wanted.text or wanted.keyword):
        return None

    def narrow(candidates: FromClause) -> Select[Any]:
        query = select(candidates)
        if wanted.recipient and not is_driven:
            query = query.where(candidates.c.recipient == wanted.recipient)
        if wanted.keyword:
            query = query.where(
                candidates.c.keyword == "".join(words_of(wanted.keyword, 1))[:MAX_KEYWORD]
            )
        if wanted.text:
            query = query.where(contains_pieces(driver, candidates.c.text, wanted.text))
        return query

    return narrow
