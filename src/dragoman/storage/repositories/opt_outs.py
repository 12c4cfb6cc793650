"""Who wants no messages of whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select

from dragoman.domain.inbound import OptOutKey
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.tables import opt_outs
from dragoman.storage.work import Operation


class OptOut(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `opt_outs`."""

    opt_out_id: int
    account_id: int
    sender: str
    recipient: str
    inbound_id: int | None = None

    @property
    def key(self) -> OptOutKey:
        """Who wants nothing of whom."""
        return OptOutKey(account_id=self.account_id, sender=self.sender, recipient=self.recipient)


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


def _add(connection: Connection, items: list[OptOut]) -> list[Exception | None]:
    write(connection, {item.key: item for item in items})
    return [None] * len(items)


def _remove(connection: Connection, items: list[OptOutKey]) -> list[bool | Exception]:
    """Whether each was there."""
    return [bool(connection.execute(delete(opt_outs).where(_is(key))).rowcount) for key in items]


add = Operation(_add, "add_opt_outs", OptOut)
remove = Operation(_remove, "remove_opt_outs", OptOutKey)


def load_keys(connection: Connection) -> Iterator[tuple[int, str, str]]:
    """(account, sender, recipient) of every opt-out."""
    query = select(opt_outs.c.account_id, opt_outs.c.sender, opt_outs.c.recipient)
    for row in connection.execute(query):
        yield row.account_id, row.sender, row.recipient


def find(connection: Connection, key: OptOutKey) -> OptOut | None:
    """One opt-out."""
    row = connection.execute(select(opt_outs).where(_is(key))).first()
    return None if row is None else OptOut(**row._mapping)


def load_page(connection: Connection, account_id: int, after: int, limit: int) -> list[OptOut]:
    """Opt-outs of an account made after one, oldest first."""
    query = (
        select(opt_outs)
        .where(opt_outs.c.account_id == account_id, opt_outs.c.opt_out_id > after)
        .order_by(opt_outs.c.opt_out_id)
        .limit(limit)
    )
    return [OptOut(**row._mapping) for row in connection.execute(query)]
