"""Imported price lists of carriers."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, select

from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.sql.tables import audit_entries
from dragoman.core.billing.sql.tables import price_lists
from dragoman.storage.rows import are_empty, insert_rows, put_row, read_all
from dragoman.storage.work import one_by_one


class ImportedList(msgspec.Struct, frozen=True, kw_only=True):
    """A carrier's list, as it is stored."""

    carrier: str
    imported_ms: int
    size: int
    """Rows."""
    content: bytes
    """CSV, compressed with zlib."""


class PriceListChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A list to store, or None to remove that of a carrier; and the operator."""

    carrier: str
    new: ImportedList | None
    audit: tuple[AuditEntry, ...] = ()


@one_by_one("put_price_list")
def put(connection: Connection, item: PriceListChanged) -> None:
    if item.new is not None:
        put_row(connection, price_lists, msgspec.structs.asdict(item.new))
    else:
        connection.execute(delete(price_lists).where(price_lists.c.carrier == item.carrier))
    insert_rows(connection, audit_entries, item.audit)


def load(connection: Connection, carrier: str = "") -> list[ImportedList]:
    """The lists of all carriers, or that of one."""
    if are_empty(connection, price_lists):
        return []
    query = select(price_lists).order_by(price_lists.c.carrier)
    if carrier:
        query = query.where(price_lists.c.carrier == carrier)
    return read_all(connection, query, ImportedList)
