"""Statistics that customers report, counted once per message."""

from __future__ import annotations

from collections import defaultdict

import msgspec
from sqlalchemy import Connection, select

from dragoman.core.messages.sql.statistics import WITHOUT_ROWS, Counters
from dragoman.core.messages.sql.tables import ingested_rows
from dragoman.core.reporting.model.ingestion import IngestedRow
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.rows import is_one_of
from dragoman.storage.work import Operation

_INSERT_ROWS = BulkInsert(ingested_rows)


class IngestedRows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that were reported together."""

    rows: tuple[IngestedRow, ...]
    at_ms: int


_Key = tuple[int, str, str]


def _ingest(connection: Connection, items: list[IngestedRows]) -> list[list[bool] | Exception]:
    """Whether each row was counted, or had been before."""
    seen = _known(connection, [_key(row) for item in items for row in item.rows])
    counters = Counters()
    new: list[tuple[int, str, str, int]] = []
    results: list[list[bool] | Exception] = []
    for item in items:
        counted = []
        for row in item.rows:
            key = _key(row)
            counted.append(key not in seen)
            if key in seen:
                continue
            seen.add(key)
            new.append((*key, item.at_ms))
            for dimension, value in row.counts:
                counters.add(
                    row.account_id,
                    row.at_ms,
                    WITHOUT_ROWS + row.direction,
                    dimension,
                    value,
                    row.parts,
                )
        results.append(counted)
    _INSERT_ROWS.run(connection, new)
    counters.write(connection)
    return results


def _key(row: IngestedRow) -> _Key:
    return row.account_id, row.direction, row.reference


def _known(connection: Connection, keys: list[_Key]) -> set[_Key]:
    table = ingested_rows.c
    references: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
    for account_id, direction, reference in keys:
        references[account_id, direction].append(reference)
    known: set[_Key] = set()
    for (account_id, direction), asked in references.items():
        query = select(table.reference).where(
            table.account_id == account_id,
            table.direction == direction,
            is_one_of(connection.dialect.name, table.reference, asked),
        )
        known.update((account_id, direction, one) for one in connection.execute(query).scalars())
    return known


ingest = Operation(_ingest, "ingest_statistics", IngestedRows)
