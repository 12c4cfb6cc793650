"""Numbers, the keywords on them, and where texts are forwarded to."""

from __future__ import annotations

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from dragoman.core.inbound.model.inbound import Forwarding, Keyword, Number
from dragoman.core.inbound.model.keywords import KeywordView
from dragoman.core.inbound.sql.tables import forwardings, keywords, numbers
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.work import Operation

MAX_KEYWORDS = 10_000
"""Keywords of an account."""
MAX_FORWARDINGS = 1_000
"""Forwardings of an account."""


class KeywordReservation(msgspec.Struct, frozen=True, kw_only=True):
    """A keyword that an account wants from now on."""

    keyword: Keyword
    now_ms: int


class KeywordDeletion(msgspec.Struct, frozen=True, kw_only=True):
    """A keyword that its account gives up."""

    account_id: int
    keyword_id: int
    free_ms: int


class KeywordAttachment(msgspec.Struct, frozen=True, kw_only=True):
    """Where texts with a keyword go from now on; None for nowhere."""

    account_id: int
    keyword_id: int
    forwarding_id: int | None


class StoredNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides where a text belongs."""

    numbers: list[Number]
    keywords: list[Keyword]
    forwardings: list[Forwarding]


def _add_numbers(connection: Connection, items: list[Number]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        taken = connection.execute(select(numbers).where(numbers.c.number == item.number)).first()
        if taken is not None:
            results.append(Refused(RefusalCode.ALREADY_EXISTS, item.number, "number"))
            continue
        connection.execute(insert(numbers).values(**msgspec.structs.asdict(item)))
        results.append(None)
    return results


def _remove_numbers(connection: Connection, items: list[str]) -> list[bool | Exception]:
    """False for a number that is not there; refuses one that still has keywords."""
    results: list[bool | Exception] = []
    for number in items:
        reserved = select(keywords).where(keywords.c.number == number, keywords.c.free_ms == 0)
        if connection.execute(reserved.limit(1)).first() is not None:
            detail = "keywords are reserved on it"
            results.append(Refused(RefusalCode.INVALID_FIELD, "number", detail))
            continue
        removed = connection.execute(delete(numbers).where(numbers.c.number == number)).rowcount
        results.append(bool(removed))
    return results


def _reserve(connection: Connection, items: list[KeywordReservation]) -> list[int | Exception]:
    """The identifier of each keyword, which is an old one where its account takes it back."""
    return [_reserve_one(connection, item.keyword, item.now_ms) for item in items]


def _reserve_one(connection: Connection, wanted: Keyword, now_ms: int) -> int | Exception:
    if wanted.main_keyword_id and not _is_main_keyword(connection, wanted):
        return Refused(RefusalCode.NOT_FOUND, str(wanted.main_keyword_id), "keyword")
    if not _has_forwarding(connection, wanted.account_id, wanted.forwarding_id):
        return Refused(RefusalCode.NOT_FOUND, str(wanted.forwarding_id), "service")
    holder = connection.execute(
        select(keywords).where(
            keywords.c.number == wanted.number,
            keywords.c.main_keyword_id == wanted.main_keyword_id,
            keywords.c.keyword == wanted.keyword,
            or_(keywords.c.free_ms == 0, keywords.c.free_ms > now_ms),
        )
    ).first()
    if holder is not None and (holder.account_id != wanted.account_id or not holder.free_ms):
        return Refused(RefusalCode.ALREADY_EXISTS, wanted.keyword, wanted.number)
    owned = and_(keywords.c.account_id == wanted.account_id, keywords.c.free_ms == 0)
    if _count(connection, owned) >= MAX_KEYWORDS:
        return Refused(RefusalCode.INVALID_FIELD, "keyword", f"more than {MAX_KEYWORDS}")
    if holder is None:
        connection.execute(insert(keywords).values(**msgspec.structs.asdict(wanted)))
        return wanted.keyword_id
    connection.execute(
        update(keywords)
        .where(keywords.c.keyword_id == holder.keyword_id)
        .values(free_ms=0, forwarding_id=wanted.forwarding_id or holder.forwarding_id)
    )
    return int(holder.keyword_id)


def _is_main_keyword(connection: Connection, below: Keyword) -> bool:
    query = select(keywords).where(
        keywords.c.keyword_id == below.main_keyword_id,
        keywords.c.account_id == below.account_id,
        keywords.c.number == below.number,
        keywords.c.main_keyword_id == 0,
        keywords.c.free_ms == 0,
    )
    return connection.execute(query).first() is not None


def _has_forwarding(connection: Connection, account_id: int, forwarding_id: int | None) -> bool:
    return (
        forwarding_id is None or find_forwarding(connection, account_id, forwarding_id) is not None
    )


def _count(connection: Connection, condition: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(keywords).where(condition)
    return int(connection.execute(query).scalar_one())


def _delete(connection: Connection, items: list[KeywordDeletion]) -> list[bool | Exception]:
    """False for a keyword that is not there; those below it go with it."""
    return [
        bool(
            connection.execute(
                update(keywords)
                .where(
                    keywords.c.account_id == item.account_id,
                    keywords.c.free_ms == 0,
                    or_(
                        keywords.c.keyword_id == item.keyword_id,
                        keywords.c.main_keyword_id == item.keyword_id,
                    ),
                )
                .values(free_ms=item.free_ms)
            ).rowcount
        )
        for item in items
    ]


def _attach(connection: Connection, items: list[KeywordAttachment]) -> list[bool | Exception]:
    """False for a keyword that is not there."""
    results: list[bool | Exception] = []
    for item in items:
        if not _has_forwarding(connection, item.account_id, item.forwarding_id):
            results.append(Refused(RefusalCode.NOT_FOUND, str(item.forwarding_id), "service"))
            continue
        attached = connection.execute(
            update(keywords)
            .where(
                keywords.c.account_id == item.account_id,
                keywords.c.keyword_id == item.keyword_id,
                keywords.c.free_ms == 0,
            )
            .values(forwarding_id=item.forwarding_id)
        ).rowcount
        results.append(bool(attached))
    return results


def _add_forwardings(connection: Connection, items: list[Forwarding]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        owned = select(func.count()).where(forwardings.c.account_id == item.account_id)
        if connection.execute(owned).scalar_one() >= MAX_FORWARDINGS:
            detail = f"more than {MAX_FORWARDINGS}"
            results.append(Refused(RefusalCode.INVALID_FIELD, "services", detail))
            continue
        connection.execute(insert(forwardings).values(**msgspec.structs.asdict(item)))
        results.append(None)
    return results


def _change_forwardings(connection: Connection, items: list[Forwarding]) -> list[bool | Exception]:
    """False for one that is not there."""
    return [
        bool(
            connection.execute(
                update(forwardings)
                .where(
                    forwardings.c.forwarding_id == item.forwarding_id,
                    forwardings.c.account_id == item.account_id,
                )
                .values(url=item.url, charset=item.charset, continuous=item.continuous)
            ).rowcount
        )
        for item in items
    ]


add_number = Operation(_add_numbers, "add_numbers", Number)
remove_number = Operation(_remove_numbers, "remove_numbers", str)
reserve_keyword = Operation(_reserve, "reserve_keywords", KeywordReservation)
delete_keyword = Operation(_delete, "delete_keywords", KeywordDeletion)
attach_keyword = Operation(_attach, "attach_keywords", KeywordAttachment)
add_forwarding = Operation(_add_forwardings, "add_forwardings", Forwarding)
change_forwarding = Operation(_change_forwardings, "change_forwardings", Forwarding)


def load_all(connection: Connection, now_ms: int) -> StoredNumbers:
    """Everything that decides where a text belongs now."""
    held = or_(keywords.c.free_ms == 0, keywords.c.free_ms > now_ms)
    return StoredNumbers(
        numbers=load_numbers(connection),
        keywords=[
            Keyword(**row._mapping) for row in connection.execute(select(keywords).where(held))
        ],
        forwardings=[Forwarding(**row._mapping) for row in connection.execute(select(forwardings))],
    )


def load_numbers(connection: Connection) -> list[Number]:
    """Every stored number, in the order of its digits."""
    query = select(numbers).order_by(numbers.c.number)
    return [Number(**row._mapping) for row in connection.execute(query)]


def load_keywords(connection: Connection, account_id: int | None = None) -> list[KeywordView]:
    """The keywords of an account, or of all, in the order of reservation."""
    condition = keywords.c.account_id == account_id if account_id is not None else None
    return _views(connection, condition)


def find_keyword(connection: Connection, account_id: int, keyword_id: int) -> KeywordView | None:
    """One of the account's keywords."""
    found = _views(
        connection,
        and_(keywords.c.account_id == account_id, keywords.c.keyword_id == keyword_id),
    )
    return found[0] if found else None


def find_keyword_on(
    connection: Connection, account_id: int, number: str, keyword: str
) -> KeywordView | None:
    """One of the account's keywords by name; a main keyword before one below it."""
    found = _views(
        connection,
        and_(
            keywords.c.account_id == account_id,
            keywords.c.number == number,
            keywords.c.keyword == keyword,
        ),
    )
    return min(found, key=lambda view: view.keyword.main_keyword_id, default=None)


def _views(
    connection: Connection, condition: ColumnElement[bool] | None = None
) -> list[KeywordView]:
    below = keywords.alias("below")
    has_subkeywords = exists().where(
        below.c.main_keyword_id == keywords.c.keyword_id,
        below.c.number == keywords.c.number,
        below.c.free_ms == 0,
    )
    query = (
        select(keywords, has_subkeywords.label("has_subkeywords"))
        .where(keywords.c.free_ms == 0)
        .order_by(keywords.c.keyword_id)
    )
    if condition is not None:
        query = query.where(condition)
    views = []
    for row in connection.execute(query):
        fields = dict(row._mapping)
        has_below = bool(fields.pop("has_subkeywords"))
        views.append(KeywordView(keyword=Keyword(**fields), has_subkeywords=has_below))
    return views


def load_forwardings(connection: Connection, account_id: int, kind: str) -> list[Forwarding]:
    """The forwardings of an account, in the order of creation."""
    query = (
        select(forwardings)
        .where(forwardings.c.account_id == account_id, forwardings.c.kind == kind)
        .order_by(forwardings.c.forwarding_id)
    )
    return [Forwarding(**row._mapping) for row in connection.execute(query)]


def find_forwarding(
    connection: Connection, account_id: int, forwarding_id: int
) -> Forwarding | None:
    """One of the account's forwardings."""
    row = connection.execute(
        select(forwardings).where(
            forwardings.c.forwarding_id == forwarding_id, forwardings.c.account_id == account_id
        )
    ).first()
    return None if row is None else Forwarding(**row._mapping)
