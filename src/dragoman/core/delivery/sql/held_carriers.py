"""Carriers held by an operator, stored across restarts."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, select

from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.sql.tables import audit_entries, held_carriers
from dragoman.storage.rows import are_empty, insert_rows, put_row
from dragoman.storage.work import one_by_one


class CarrierSwitch(msgspec.Struct, frozen=True, kw_only=True):
    """A carrier to hold or release, and the operator."""

    carrier: str
    held: bool
    at_ms: int
    audit: tuple[AuditEntry, ...] = ()


@one_by_one("switch_carrier")
def switch(connection: Connection, item: CarrierSwitch) -> None:
    if item.held:
        row = {"carrier": item.carrier, "held_ms": item.at_ms}
        put_row(connection, held_carriers, row)
    else:
        connection.execute(delete(held_carriers).where(held_carriers.c.carrier == item.carrier))
    insert_rows(connection, audit_entries, item.audit)


def load(connection: Connection) -> list[str]:
    """The names of the held carriers."""
    if are_empty(connection, held_carriers):
        return []
    return list(connection.execute(select(held_carriers.c.carrier)).scalars())
