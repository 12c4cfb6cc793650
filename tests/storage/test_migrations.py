"""The migrations make the tables that the code describes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, select
from sqlalchemy.engine.interfaces import ReflectedIndex

from dragoman.core.billing.sql.tables import ledger_entries
from dragoman.core.devices.model.devices import StoredAssignment
from dragoman.core.devices.sql.tables import device_assignments
from dragoman.core.identifiers import last_identifier
from dragoman.core.inbound.model.inbound import OptOut, StoredInbound
from dragoman.core.inbound.sql import inbound
from dragoman.core.inbound.sql.tables import inbound_parts, inbound_texts
from dragoman.core.inbound.sql.tables import opt_outs as opt_out_rows
from dragoman.core.messages.model import records
from dragoman.core.messages.sql.tables import batches, messages, parked_receipts, parts
from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.tables import metadata
from dragoman.storage.engine import Storage
from dragoman.storage.migrations import revisions


@pytest.fixture(autouse=True)
def each_is_migrated(tables_copied: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs the migrations each time."""
    monkeypatch.setattr(revisions, "upgrade", tables_copied)


def test_upgrade_makes_the_tables_that_the_code_describes(empty_database_url: str) -> None:
    storage = Storage(empty_database_url)
    try:
        storage.migrate()
        with storage._write_engine.connect() as connection:
            # References, which differ by database, are compared in the next test.
            options = {
                "compare_type": True,
                "include_object": lambda _, __, kind, *___: "foreign" not in kind,
            }
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, metadata) == []
        with storage.connect() as connection:
            assert revisions.current(connection) == revisions.newest()
        storage.migrate()  # a second time changes nothing
        storage.check()
    finally:
        storage.close()


def test_upgrade_makes_keys_and_indexes_as_the_code_would(empty_database_url: str) -> None:
    """What a comparison by Alembic does not look at: names, conditions, order, keys of rows."""
    storage = Storage(empty_database_url)
    try:
        with storage._write_engine.begin() as connection:
            metadata.create_all(connection)
            expected = _schema(connection)
            metadata.drop_all(connection)
        storage.migrate()
        with storage._write_engine.connect() as connection:
            made = _schema(connection)
        made.pop("alembic_version")
        assert made == expected
    finally:
        storage.close()


def test_upgrade_keeps_the_ledger(empty_database_url: str) -> None:
    storage = Storage(empty_database_url)
    try:
        revisions.upgrade(storage._write_engine, "0006")
        with storage._write_engine.begin() as connection:
            for statement in _WALLETS_AND_ENTRIES:
                connection.exec_driver_sql(statement)
        storage.migrate()
        with storage._write_engine.connect() as connection:
            entries = connection.execute(select(ledger_entries).order_by(ledger_entries.c.entry_id))
            assert [tuple(entry) for entry in entries] == [
                (10, 2, "top_up", "outside", "available", 50, None, "first"),
                (11, 1, "transfer", "available", "outside", 7, None, ""),
                (12, 1, "purchase", "outside", "available", 9, None, "4"),
                (13, 2, "reserve", "available", "held", 3, 99, None),
                (14, 2, "commit", "held", "spent", 2, 99, None),
                (15, 2, "refund", "held", "available", 1, 99, None),
            ]
            assert last_identifier(connection) == 15
    finally:
        storage.close()


_WALLETS_AND_ENTRIES = (
    "INSERT INTO accounts (account_id, path, username, enabled, permissions, allowed_addresses,"
    " time_zone, default_sender, max_parts, max_recipients, created_ms)"
    " VALUES (1, '/1/', 'a', TRUE, '', '', 'UTC', '', 1, 1, 0)",
    "INSERT INTO wallets (wallet_id, account_id, kind, unlimited, available, held, spent)"
    " VALUES (1, 1, 'credits', FALSE, 0, 0, 0), (2, 1, 'other', FALSE, 0, 0, 0)",
    "INSERT INTO ledger_entries"
    " (entry_id, wallet_id, kind, debit, credit, amount, batch_id, note) VALUES"
    " (10, 2, 'top_up', 'outside', 'available', 50, NULL, 'first'),"
    " (11, 1, 'transfer', 'available', 'outside', 7, NULL, ''),"
    " (12, 1, 'purchase', 'outside', 'available', 9, NULL, '4'),"
    " (13, 2, 'reserve', 'available', 'held', 3, 99, NULL),"
    " (14, 2, 'commit', 'held', 'spent', 2, 99, NULL),"
    " (15, 2, 'refund', 'held', 'available', 1, 99, NULL)",
)


def _schema(connection: Connection) -> dict[str, Any]:
    inspector = inspect(connection)
    return {
        table: (
            [{**column, "type": str(column["type"])} for column in inspector.get_columns(table)],
            inspector.get_pk_constraint(table),
            sorted(inspector.get_foreign_keys(table), key=str),
            sorted(inspector.get_unique_constraints(table), key=str),
            [_conditions_as_text(index) for index in inspector.get_indexes(table)],
            inspector.get_table_options(table),
        )
        for table in inspector.get_table_names()
    }


def _conditions_as_text(index: ReflectedIndex) -> dict[str, Any]:
    options = index.get("dialect_options", {})
    return {**index, "dialect_options": {name: str(value) for name, value in options.items()}}


def test_check_names_the_remedy_where_tables_are_missing(empty_database_url: str) -> None:
    storage = Storage(empty_database_url)
    try:
        with pytest.raises(StorageUnavailable, match="dragoman migrate"):
            storage.check()
    finally:
        storage.close()


@pytest.mark.parametrize(
    ("record", "table"),
    [
        (records.StoredBatch, batches),
        (records.StoredMessage, messages),
        (records.StoredPart, parts),
        (records.ParkedReceipt, parked_receipts),
        (StoredInbound, inbound_texts),
        (inbound.StoredInboundPart, inbound_parts),
        (StoredAssignment, device_assignments),
        (OptOut, opt_out_rows),
    ],
    ids=lambda value: getattr(value, "__name__", None) or value.name,
)
def test_records_have_the_fields_of_their_rows_in_order(record, table) -> None:
    assert list(record.__struct_fields__) == [column.name for column in table.columns]
