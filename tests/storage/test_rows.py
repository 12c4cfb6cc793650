"""Whether tables have rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import MetaData, Table

from dragoman.core.accounts.sql.tables import held_carriers
from dragoman.core.delivery.sql.held_carriers import CarrierSwitch, switch
from dragoman.core.inbound.sql.tables import keywords, numbers
from dragoman.core.model.errors import StorageUnavailable
from dragoman.storage.engine import Storage
from dragoman.storage.rows import are_empty


@pytest.mark.parametrize(
    ("tables", "empty"),
    [
        ((numbers,), True),
        ((numbers, keywords), True),
        ((held_carriers,), False),
        ((held_carriers, numbers), False),
        ((numbers, keywords, held_carriers), False),
    ],
    ids=lambda value: "-".join(one.name for one in value) if isinstance(value, tuple) else "",
)
async def test_tables_are_empty_where_none_has_a_row(storage: Storage, tables, empty) -> None:
    assert await storage.read(lambda c: are_empty(c, *tables))
    await storage.writer.write(switch, CarrierSwitch(carrier="tele", held=True, at_ms=1))
    assert await storage.read(lambda c: are_empty(c, *tables)) is empty


async def test_who_asks_hears_of_an_outage(
    open_storage: Callable[[str], Storage], sqlite_url: str
) -> None:
    nowhere = Table("nowhere", MetaData())
    with pytest.raises(StorageUnavailable, match="no such table: nowhere"):
        await open_storage(sqlite_url).read(lambda c: are_empty(c, nowhere))
