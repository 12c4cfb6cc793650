"""Rows of `second_factors`: secrets of one-time codes, and what recovery codes are left."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, select, update

from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.sql.tables import audit_entries, second_factors
from dragoman.storage.rows import insert_rows, put_row, read_one, row_of
from dragoman.storage.work import one_by_one


class StoredFactor(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table."""

    account_id: int
    person_id: int
    secret: bytes
    recovery: tuple[str, ...]
    """SHA-256 of the codes that are left, in hexadecimal digits."""
    last_step: int
    created_ms: int


class FactorPut(msgspec.Struct, frozen=True, kw_only=True):
    """A factor to store in place of an earlier one."""

    factor: StoredFactor
    audit: tuple[AuditEntry, ...] = ()


class CodeUse(msgspec.Struct, frozen=True, kw_only=True):
    """A code that was given: the step it is of, or a recovery code's digest."""

    account_id: int
    person_id: int
    step: int | None = None
    recovery: str | None = None


class FactorEnd(msgspec.Struct, frozen=True, kw_only=True):
    """A factor to delete."""

    account_id: int
    person_id: int
    audit: tuple[AuditEntry, ...] = ()


def find(connection: Connection, account_id: int, person_id: int) -> StoredFactor | None:
    """The factor of a person, or of the account's own sign-in."""
    table = second_factors.c
    query = select(second_factors).where(
        table.account_id == account_id, table.person_id == person_id
    )
    return read_one(connection, query, StoredFactor)


def load_owners(connection: Connection, account_id: int) -> frozenset[int]:
    """Who of an account has a factor, by the identifier of the person."""
    table = second_factors.c
    query = select(table.person_id).where(table.account_id == account_id)
    return frozenset(connection.execute(query).scalars())


@one_by_one("put_second_factor")
def put(connection: Connection, item: FactorPut) -> None:
    put_row(connection, second_factors, row_of(item.factor))
    insert_rows(connection, audit_entries, item.audit)


@one_by_one("use_second_factor")
def use(connection: Connection, item: CodeUse) -> bool:
    """Whether the code was good: newer than the last one, or a recovery code that is left."""
    factor = find(connection, item.account_id, item.person_id)
    if factor is None:
        return False
    table = second_factors.c
    changed = update(second_factors).where(
        table.account_id == item.account_id, table.person_id == item.person_id
    )
    if item.step is not None:
        if item.step <= factor.last_step:
            return False
        connection.execute(changed.values(last_step=item.step))
        return True
    if item.recovery not in factor.recovery:
        return False
    left = [digest for digest in factor.recovery if digest != item.recovery]
    connection.execute(changed.values(recovery=msgspec.json.encode(left).decode()))
    return True


@one_by_one("end_second_factor")
def end(connection: Connection, item: FactorEnd) -> None:
    table = second_factors.c
    connection.execute(
        delete(second_factors).where(
            table.account_id == item.account_id, table.person_id == item.person_id
        )
    )
    insert_rows(connection, audit_entries, item.audit)
