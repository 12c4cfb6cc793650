"""What accounts keep in a provider's API, one row each."""

from __future__ import annotations

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, select

from dragoman.core.accounts.sql.tables import dialect_records
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.rows import count, put_row, read_all, read_one, row_of
from dragoman.storage.work import one_by_one


class StoredRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table."""

    dialect: str
    kind: str
    name: str
    account_id: int
    position: int
    record: str


class RecordPut(msgspec.Struct, frozen=True, kw_only=True):
    """A record to add or replace, of which an account may have so many of the kind."""

    row: StoredRecord
    most: int


class RecordKey(msgspec.Struct, frozen=True, kw_only=True):
    """A record of an account."""

    dialect: str
    kind: str
    name: str
    account_id: int


@one_by_one("put_dialect_record", grows=True)
def put(connection: Connection, item: RecordPut) -> None:
    """Stores a record; raises `Refused` for one too many, and for another account's name."""
    row, table = item.row, dialect_records.c
    known = find(connection, row.dialect, row.kind, row.name)
    if known is not None and known.account_id != row.account_id:
        raise Refused(RefusalCode.ALREADY_EXISTS, row.kind, "it is another account's")
    if known is None:
        mine = (table.account_id == row.account_id, *_of_kind(row.dialect, row.kind))
        if count(connection, *mine) >= item.most:
            raise Refused(RefusalCode.INVALID_FIELD, row.kind, f"at most {item.most}")
    put_row(connection, dialect_records, row_of(row))


@one_by_one("remove_dialect_record")
def remove(connection: Connection, item: RecordKey) -> bool:
    """Whether the account had such a record."""
    table = dialect_records.c
    this = (*_of_kind(item.dialect, item.kind), table.name == item.name)
    gone = delete(dialect_records).where(*this, table.account_id == item.account_id)
    return connection.execute(gone).rowcount == 1


def find(connection: Connection, dialect: str, kind: str, name: str) -> StoredRecord | None:
    """One record, whoever has it."""
    this = (*_of_kind(dialect, kind), dialect_records.c.name == name)
    return read_one(connection, select(dialect_records).where(*this), StoredRecord)


def load(connection: Connection, account_id: int, dialect: str, kind: str) -> list[StoredRecord]:
    """The records of an account, newest first."""
    table = dialect_records.c
    query = (
        select(dialect_records)
        .where(table.account_id == account_id, *_of_kind(dialect, kind))
        .order_by(table.position.desc())
    )
    return read_all(connection, query, StoredRecord)


def _of_kind(dialect: str, kind: str) -> tuple[ColumnElement[bool], ...]:
    return dialect_records.c.dialect == dialect, dialect_records.c.kind == kind
