"""Carriers that somebody took out of service, over restarts."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, insert, select

from dragoman.core.accounts.sql.audit_log import AuditEntry, insert_entries
from dragoman.core.accounts.sql.tables import held_carriers
from dragoman.storage.work import Operation


class CarrierSwitch(msgspec.Struct, frozen=True, kw_only=True):
    """A carrier to hold or to let go, and who wanted it."""

    carrier: str
    held: bool
    at_ms: int
    audit: tuple[AuditEntry, ...] = ()


def _switch(connection: Connection, items: list[CarrierSwitch]) -> list[Exception | None]:
    for item in items:
        named = held_carriers.c.carrier == item.carrier
        connection.execute(delete(held_carriers).where(named))
        if item.held:
            values = {"carrier": item.carrier, "held_ms": item.at_ms}
            connection.execute(insert(held_carriers).values(**values))
        insert_entries(connection, item.audit)
    return [None] * len(items)


switch = Operation(_switch, "switch_carrier", CarrierSwitch)


def load(connection: Connection) -> list[str]:
    """The names of the carriers that are held."""
    return list(connection.execute(select(held_carriers.c.carrier)).scalars())
