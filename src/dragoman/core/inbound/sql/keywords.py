"""Numbers, their keywords, and the forwarding of texts."""

from __future__ import annotations

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, exists, or_, select, update

from dragoman.core.inbound.model.inbound import Forwarding, Keyword, Number
from dragoman.core.inbound.model.keywords import KeywordView
from dragoman.core.inbound.sql.tables import forwardings, keywords, numbers
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.rows import (
    are_empty,
    converter,
    count,
    insert_new,
    insert_rows,
    is_any,
    read_all,
    read_one,
)
from dragoman.storage.work import one_by_one

MAX_KEYWORDS = 10_000
"""Keywords of an account."""
MAX_FORWARDINGS = 1_000
"""Forwardings of an account."""


class KeywordReservation(msgspec.Struct, frozen=True, kw_only=True):
    """A keyword to reserve for an account."""

    keyword: Keyword
    now_ms: int


class KeywordDeletion(msgspec.Struct, frozen=True, kw_only=True):
    """A keyword that its account releases."""

    account_id: int
    keyword_id: int
    free_ms: int


class KeywordAttachment(msgspec.Struct, frozen=True, kw_only=True):
    """The forwarding of a keyword from now on; None for none."""

    account_id: int
    keyword_id: int
    forwarding_id: int | None


class StoredNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that inbound routing uses."""

    numbers: list[Number]
    keywords: list[Keyword]
    forwardings: list[Forwarding]


@one_by_one("add_numbers")
def add_number(connection: Connection, item: Number) -> None:
    if not insert_new(connection, numbers, item):
        raise Refused(RefusalCode.ALREADY_EXISTS, item.number, "number")


@one_by_one("remove_numbers")
def remove_number(connection: Connection, number: str) -> bool:
    """False for an unknown number; refuses one that still has keywords."""
    if is_any(connection, keywords.c.number == number, keywords.c.free_ms == 0):
        raise Refused(RefusalCode.INVALID_FIELD, "number", "keywords are reserved on it")
    return bool(connection.execute(delete(numbers).where(numbers.c.number == number)).rowcount)


@one_by_one("reserve_keywords")
def reserve_keyword(connection: Connection, item: KeywordReservation) -> int:
    """The identifier of each keyword; an account gets back its own released one."""
    wanted = item.keyword
    if wanted.main_keyword_id and not _is_main_keyword(connection, wanted):
        raise Refused(RefusalCode.NOT_FOUND, str(wanted.main_keyword_id), "keyword")
    _check_forwarding(connection, wanted.account_id, wanted.forwarding_id)
    held = select(keywords).where(
        keywords.c.number == wanted.number,
        keywords.c.main_keyword_id == wanted.main_keyword_id,
        keywords.c.keyword == wanted.keyword,
        or_(keywords.c.free_ms == 0, keywords.c.free_ms > item.now_ms),
    )
    holder = read_one(connection, held, Keyword)
    if holder is not None and (holder.account_id != wanted.account_id or not holder.free_ms):
        raise Refused(RefusalCode.ALREADY_EXISTS, wanted.keyword, wanted.number)
    table = keywords.c
    if count(connection, table.account_id == wanted.account_id, table.free_ms == 0) >= MAX_KEYWORDS:
        raise Refused(RefusalCode.INVALID_FIELD, "keyword", f"more than {MAX_KEYWORDS}")
    if holder is None:
        insert_rows(connection, keywords, [wanted])
        return wanted.keyword_id
    taken_back = update(keywords).where(keywords.c.keyword_id == holder.keyword_id)
    forwarding_id = wanted.forwarding_id or holder.forwarding_id
    connection.execute(taken_back.values(free_ms=0, forwarding_id=forwarding_id))
    return holder.keyword_id


def _is_main_keyword(connection: Connection, below: Keyword) -> bool:
    return is_any(
        connection,
        keywords.c.keyword_id == below.main_keyword_id,
        keywords.c.account_id == below.account_id,
        keywords.c.number == below.number,
        keywords.c.main_keyword_id == 0,
        keywords.c.free_ms == 0,
    )


def _check_forwarding(connection: Connection, account_id: int, forwarding_id: int | None) -> None:
    if forwarding_id is not None and find_forwarding(connection, account_id, forwarding_id) is None:
        raise Refused(RefusalCode.NOT_FOUND, str(forwarding_id), "service")


@one_by_one("delete_keywords")
def delete_keyword(connection: Connection, item: KeywordDeletion) -> bool:
    """False for an unknown keyword; those below it are deleted too."""
    table = keywords.c
    given_up = update(keywords).where(
        table.account_id == item.account_id,
        table.free_ms == 0,
        or_(table.keyword_id == item.keyword_id, table.main_keyword_id == item.keyword_id),
    )
    return bool(connection.execute(given_up.values(free_ms=item.free_ms)).rowcount)


@one_by_one("attach_keywords")
def attach_keyword(connection: Connection, item: KeywordAttachment) -> bool:
    """False for an unknown keyword."""
    _check_forwarding(connection, item.account_id, item.forwarding_id)
    attached = update(keywords).where(
        keywords.c.account_id == item.account_id,
        keywords.c.keyword_id == item.keyword_id,
        keywords.c.free_ms == 0,
    )
    return bool(connection.execute(attached.values(forwarding_id=item.forwarding_id)).rowcount)


@one_by_one("add_forwardings")
def add_forwarding(connection: Connection, item: Forwarding) -> None:
    if count(connection, forwardings.c.account_id == item.account_id) >= MAX_FORWARDINGS:
        raise Refused(RefusalCode.INVALID_FIELD, "services", f"more than {MAX_FORWARDINGS}")
    insert_rows(connection, forwardings, [item])


@one_by_one("change_forwardings")
def change_forwarding(connection: Connection, item: Forwarding) -> bool:
    """False for an unknown one."""
    changed = update(forwardings).where(
        forwardings.c.forwarding_id == item.forwarding_id,
        forwardings.c.account_id == item.account_id,
    )
    values = {"url": item.url, "charset": item.charset, "continuous": item.continuous}
    return bool(connection.execute(changed.values(**values)).rowcount)


def load_all(connection: Connection, now_ms: int) -> StoredNumbers:
    """Everything that inbound routing uses now."""
    if are_empty(connection, numbers, keywords, forwardings):
        return StoredNumbers(numbers=[], keywords=[], forwardings=[])
    held = or_(keywords.c.free_ms == 0, keywords.c.free_ms > now_ms)
    return StoredNumbers(
        numbers=load_numbers(connection),
        keywords=read_all(connection, select(keywords).where(held), Keyword),
        forwardings=read_all(connection, select(forwardings), Forwarding),
    )


def load_numbers(connection: Connection) -> list[Number]:
    """Every stored number, in the order of its digits."""
    query = select(numbers).order_by(numbers.c.number)
    return [Number(**row._mapping) for row in connection.execute(query)]


def load_keywords(connection: Connection, account_id: int | None = None) -> list[KeywordView]:
    """The keywords of an account, or of all, in the order of reservation."""
    own = () if account_id is None else (keywords.c.account_id == account_id,)
    return _views(connection, *own)


def find_keyword(connection: Connection, account_id: int, keyword_id: int) -> KeywordView | None:
    """One of the account's keywords."""
    mine = (keywords.c.account_id == account_id, keywords.c.keyword_id == keyword_id)
    found = _views(connection, *mine)
    return found[0] if found else None


def find_keyword_on(
    connection: Connection, account_id: int, number: str, keyword: str
) -> KeywordView | None:
    """One of the account's keywords by name; a main keyword before one below it."""
    found = _views(
        connection,
        keywords.c.account_id == account_id,
        keywords.c.number == number,
        keywords.c.keyword == keyword,
    )
    return min(found, key=lambda view: view.keyword.main_keyword_id, default=None)


def _views(connection: Connection, *conditions: ColumnElement[bool]) -> list[KeywordView]:
    below = keywords.alias("below")
    has_subkeywords = exists().where(
        below.c.main_keyword_id == keywords.c.keyword_id,
        below.c.number == keywords.c.number,
        below.c.free_ms == 0,
    )
    query = (
        select(keywords, has_subkeywords.label("has_subkeywords"))
        .where(keywords.c.free_ms == 0, *conditions)
        .order_by(keywords.c.keyword_id)
    )
    keyword_of = converter(Keyword, keywords.c.keys())
    return [
        KeywordView(keyword=keyword_of(row), has_subkeywords=bool(row.has_subkeywords))
        for row in connection.execute(query)
    ]


def load_forwardings(connection: Connection, account_id: int, kind: str) -> list[Forwarding]:
    """The forwardings of an account, in the order of creation."""
    query = (
        select(forwardings)
        .where(forwardings.c.account_id == account_id, forwardings.c.kind == kind)
        .order_by(forwardings.c.forwarding_id)
    )
    return read_all(connection, query, Forwarding)


def find_forwarding(
    connection: Connection, account_id: int, forwarding_id: int
) -> Forwarding | None:
    """One of the account's forwardings."""
    query = select(forwardings).where(
        forwardings.c.forwarding_id == forwarding_id, forwardings.c.account_id == account_id
    )
    return read_one(connection, query, Forwarding)
