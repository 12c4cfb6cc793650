"""Texts as an account fetches them: new ones once, those after one, pages by number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, FromClause, Select, select

from dragoman.core.inbound.model.inbound import (
    Handling,
    InboxFilter,
    InboxPage,
    StoredInbound,
    TextKind,
    TextSearch,
)
from dragoman.core.inbound.sql import inbound
from dragoman.core.inbound.sql.tables import inbound_texts, text_cursors
from dragoman.core.messages.sql.paging import SCAN_LIMIT, Span, scan
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.rows import is_any, read_all
from dragoman.storage.time_limit import time_limit
from dragoman.storage.work import one_by_one

ALL_NUMBERS: Final = ""
"""The cursor of who fetches the texts to all numbers at once."""
LOOKED_THROUGH: Final = 2_000
"""Texts that one step looks through for some that were not fetched by number; bounds how long
other writes wait."""


class TextFetch(msgspec.Struct, frozen=True, kw_only=True):
    """A fetch of the texts that an account has not had, oldest first.

    `before_id`: all texts below it are stored, so none will appear behind a cursor.
    """

    account_id: int
    numbers: tuple[str, ...]
    """Empty for all."""
    before_id: int
    limit: int


_PUT_CURSORS: Final = BulkInsert(
    text_cursors,
    suffix="ON CONFLICT (account_id, number) DO UPDATE SET position = excluded.position",
)


@one_by_one("fetch_texts")
def fetch(connection: Connection, item: TextFetch) -> list[int]:
    """The texts of each fetch, by identifier; moves its cursors after them.

    The result can be empty although there are more: the cursor then is after what was examined, and
    the next fetch continues from there.
    """
    return _fetch_numbers(connection, item) if item.numbers else _fetch_all(connection, item)


def _fetch_numbers(connection: Connection, item: TextFetch) -> list[int]:
    cursors = _cursors(connection, item.account_id)
    found: list[tuple[int, str]] = []
    for number in item.numbers:
        rows = connection.execute(_new_to(item, number, cursors).limit(item.limit))
        found += ((row.inbound_id, number) for row in rows)
    found = sorted(found)[: item.limit]
    moved = {number: inbound_id for inbound_id, number in found}
    _put(connection, item.account_id, moved)
    return [inbound_id for inbound_id, _ in found]


def _fetch_all(connection: Connection, item: TextFetch) -> list[int]:
    cursors = _cursors(connection, item.account_id)
    base = cursors.get(ALL_NUMBERS, 0)
    ahead = {number: position for number, position in cursors.items() if position > base}
    query = _new_to_all(item, base).limit(LOOKED_THROUGH if ahead else item.limit)
    found: list[int] = []
    for row in connection.execute(query).all():
        base = row.inbound_id
        if base > ahead.get(row.recipient, 0):
            found.append(base)
            if len(found) == item.limit:
                break
    if base > cursors.get(ALL_NUMBERS, 0):
        _put(connection, item.account_id, {ALL_NUMBERS: base})
    return found


def _cursors(connection: Connection, account_id: int) -> dict[str, int]:
    query = select(text_cursors).where(text_cursors.c.account_id == account_id)
    return {row.number: row.position for row in connection.execute(query)}


def _put(connection: Connection, account_id: int, positions: dict[str, int]) -> None:
    rows = [(account_id, number, position) for number, position in positions.items()]
    _PUT_CURSORS.run(connection, rows)


def _new_to_all(item: TextFetch, base: int) -> Select[Any]:
    texts = inbound_texts.c
    return (
        select(texts.inbound_id, texts.recipient)
        .where(
            texts.account_id == item.account_id,
            texts.inbound_id > base,
            texts.inbound_id < item.before_id,
        )
        .order_by(texts.inbound_id)
    )


def _new_to(item: TextFetch, number: str, cursors: dict[str, int]) -> Select[Any]:
    base = max(cursors.get(ALL_NUMBERS, 0), cursors.get(number, 0))
    return _new_to_all(item, base).where(inbound_texts.c.recipient == number)


def has_new(connection: Connection, item: TextFetch) -> bool:
    """Whether a fetch may return anything; costs no write."""
    cursors = _cursors(connection, item.account_id)
    if item.numbers:
        queries = [_new_to(item, number, cursors) for number in item.numbers]
    else:
        queries = [_new_to_all(item, cursors.get(ALL_NUMBERS, 0))]
    return any(connection.execute(query.limit(1)).first() is not None for query in queries)


def load(connection: Connection, identifiers: Sequence[int]) -> list[StoredInbound]:
    """Texts by identifier, oldest first."""
    query = (
        select(inbound_texts)
        .where(inbound_texts.c.inbound_id.in_(identifiers))
        .order_by(inbound_texts.c.inbound_id)
    )
    return read_all(connection, query, StoredInbound)


def load_after(
    connection: Connection, account_id: int, number: str, inbound_id: int, limit: int
) -> list[StoredInbound]:
    """The texts to a number after one, oldest first."""
    texts = inbound_texts.c
    query = (
        select(inbound_texts)
        .where(
            texts.account_id == account_id, texts.recipient == number, texts.inbound_id > inbound_id
        )
        .order_by(texts.inbound_id)
        .limit(limit)
    )
    return read_all(connection, query, StoredInbound)


def has_received(connection: Connection, account_id: int, number: str) -> bool:
    """Whether the account has received any text to a number."""
    texts = inbound_texts.c
    mine = (texts.account_id == account_id, texts.recipient == number)
    return is_any(connection, *mine)


def search(connection: Connection, wanted: TextSearch, offset: int, limit: int) -> InboxPage:
    """A page of the texts an account received, newest first; raises `TookTooLong`."""
    if not wanted.numbers and wanted.kind is None:
        every = InboxFilter(
            account_id=wanted.account_id, from_ms=wanted.from_ms, to_ms=wanted.to_ms
        )
        return inbound.search(connection, every, offset, limit)
    texts = inbound_texts.c
    conditions = [
        texts.account_id == wanted.account_id,
        *Span.of_times(wanted.from_ms, wanted.to_ms).within(texts.inbound_id),
    ]
    if wanted.numbers:
        conditions.append(texts.recipient.in_(wanted.numbers))
    with time_limit(connection, inbound.SEARCH_LIMIT_S):
        found = scan(
            connection,
            candidates=select(inbound_texts).where(*conditions),
            identifier="inbound_id",
            filters=None if wanted.kind is None else _narrowed_to(wanted.kind),
            limit=limit,
            offset=offset,
            scan_limit=SCAN_LIMIT,
        )
        rows = load(connection, found.identifiers) if found.identifiers else []
    return InboxPage(texts=tuple(reversed(rows)), total=found.total)


def _narrowed_to(kind: TextKind) -> Callable[[FromClause], Select[Any]]:
    def narrow(candidates: FromClause) -> Select[Any]:
        stop: ColumnElement[bool] = candidates.c.handling == Handling.OPTED_OUT.value
        contact: ColumnElement[bool] = candidates.c.keyword == TextKind.CONTACT.name
        condition = {
            TextKind.STOP: stop,
            TextKind.CONTACT: ~stop & contact,
            TextKind.OTHER: ~stop & ~contact,
        }[kind]
        return select(candidates).where(condition)

    return narrow
