"""Who wants no messages of whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select

from dragoman.core.inbound.model.inbound import OptOutKey, OptOutOrigin
from dragoman.core.inbound.model.opt_outs import OptOut, OptOutFilter
from dragoman.core.inbound.sql.tables import opt_outs
from dragoman.kit.ids import first_at
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.work import Operation


class OptOutPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of what was found, and how much there is in all."""

    opt_outs: tuple[OptOut, ...]
    total: int


_INSERT = BulkInsert(opt_outs, suffix="ON CONFLICT (account_id, sender, recipient) DO NOTHING")
_DELETED_AT_ONCE = 100


def write(connection: Connection, wanted: Mapping[OptOutKey, OptOut | None]) -> None:
    """Brings rows to what is wanted last of each key: there, or not there."""
    dropped = [key for key, opt_out in wanted.items() if opt_out is None]
    for start in range(0, len(dropped), _DELETED_AT_ONCE):
        some = dropped[start : start + _DELETED_AT_ONCE]
        connection.execute(delete(opt_outs).where(or_(*map(_is, some))))
    added = [opt_out for opt_out in wanted.values() if opt_out is not None]
    _INSERT.run(connection, [msgspec.structs.astuple(opt_out) for opt_out in added])


def _is(key: OptOutKey) -> ColumnElement[bool]:
    return and_(
        opt_outs.c.account_id == key.account_id,
        opt_outs.c.sender == key.sender,
        opt_outs.c.recipient == key.recipient,
    )


def _add(connection: Connection, items: list[tuple[OptOut, ...]]) -> list[Exception | None]:
    write(connection, {opt_out.key: opt_out for item in items for opt_out in item})
    return [None] * len(items)


def _remove(connection: Connection, items: list[OptOutKey]) -> list[bool | Exception]:
    """Whether each was there."""
    return [bool(connection.execute(delete(opt_outs).where(_is(key))).rowcount) for key in items]


add = Operation(_add, "add_opt_outs", tuple[OptOut, ...])
"""Stores opt-outs together; what is stored before stays as it was."""
remove = Operation(_remove, "remove_opt_outs", OptOutKey)


def load_keys(connection: Connection) -> Iterator[tuple[int, str, str]]:
    """(account, sender, recipient) of every opt-out."""
    query = select(opt_outs.c.account_id, opt_outs.c.sender, opt_outs.c.recipient)
    for row in connection.execute(query):
        yield row.account_id, row.sender, row.recipient


def find(connection: Connection, key: OptOutKey) -> OptOut | None:
    """One opt-out."""
    row = connection.execute(select(opt_outs).where(_is(key))).first()
    return None if row is None else _opt_out(row)


def load_page(connection: Connection, account_id: int, after: int, limit: int) -> list[OptOut]:
    """Opt-outs of an account made after one, oldest first."""
    query = (
        select(opt_outs)
        .where(opt_outs.c.account_id == account_id, opt_outs.c.opt_out_id > after)
        .order_by(opt_outs.c.opt_out_id)
        .limit(limit)
    )
    return [_opt_out(row) for row in connection.execute(query)]


def search(connection: Connection, wanted: OptOutFilter, offset: int, limit: int) -> OptOutPage:
    """A page of opt-outs, oldest first."""
    conditions = [opt_outs.c.account_id == wanted.account_id]
    if not wanted.with_senders:
        conditions.append(opt_outs.c.sender == "")
    if wanted.from_ms is not None:
        conditions.append(opt_outs.c.opt_out_id >= first_at(wanted.from_ms))
    if wanted.before_ms is not None:
        conditions.append(opt_outs.c.opt_out_id < first_at(wanted.before_ms))
    if wanted.digits:
        conditions.append(opt_outs.c.recipient.contains(wanted.digits, autoescape=True))
    if wanted.origins is not None:
        conditions.append(opt_outs.c.origin.in_(wanted.origins))
    total = connection.execute(
        select(func.count()).select_from(opt_outs).where(*conditions)
    ).scalar_one()
    query = select(opt_outs).where(*conditions).order_by(opt_outs.c.opt_out_id)
    found = connection.execute(query.offset(offset).limit(limit)) if offset < total else ()
    return OptOutPage(opt_outs=tuple(map(_opt_out, found)), total=total)


def _opt_out(row: Any) -> OptOut:
    return OptOut(**{**row._mapping, "origin": OptOutOrigin(row.origin)})
