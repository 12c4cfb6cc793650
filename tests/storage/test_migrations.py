"""The migrations make the tables that the code describes."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from dragoman.core.contacts.model.contacts import ContactFilter
from dragoman.core.contacts.sql import contact_lists, contacts
from dragoman.core.devices.model.assignments import StoredAssignment
from dragoman.core.devices.sql.tables import handovers
from dragoman.core.inbound.model.inbound import StoredInbound
from dragoman.core.inbound.model.opt_outs import OptOut, OptOutFilter
from dragoman.core.inbound.sql import inbound, opt_outs
from dragoman.core.inbound.sql.tables import inbound_parts, inbound_texts
from dragoman.core.inbound.sql.tables import opt_outs as opt_out_rows
from dragoman.core.messages.model import records
from dragoman.core.messages.sql.tables import batches, messages, parked_receipts, parts
from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.tables import metadata
from dragoman.storage.engine import Storage
from dragoman.storage.migrations import revisions


def test_upgrade_makes_the_tables_that_the_code_describes(empty_database_url: str) -> None:
    storage = Storage(empty_database_url)
    try:
        storage.migrate()
        with storage._write_engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []
        assert revisions.current(storage._write_engine) == revisions.newest()
        storage.migrate()  # a second time changes nothing
        storage.check()
    finally:
        storage.close()


def test_check_names_the_remedy_where_tables_are_missing(empty_database_url: str) -> None:
    storage = Storage(empty_database_url)
    try:
        with pytest.raises(StorageUnavailable, match="dragoman migrate"):
            storage.check()
    finally:
        storage.close()


def test_upgrade_says_where_opt_outs_and_lists_of_before_belong(empty_database_url: str) -> None:
    storage = Storage(empty_database_url)
    account = "1, '/1/', 'a', true, '', '', '', '', 1, 1, 1"
    try:
        revisions.upgrade(storage._write_engine, "0009")
        with storage._write_engine.begin() as connection:
            for statement in (
                "INSERT INTO accounts (account_id, path, username, enabled, permissions,"
                " allowed_addresses, time_zone, default_sender, max_parts, max_recipients,"
                f" created_ms) VALUES ({account})",
                "INSERT INTO contact_lists (list_id, account_id, name) VALUES (1, 1, 'old')",
                "INSERT INTO opt_outs (opt_out_id, account_id, sender, recipient, inbound_id)"
                " VALUES (2, 1, '', '4511111111', 7), (3, 1, '', '4522222222', NULL)",
            ):
                connection.execute(text(statement))
        storage.migrate()
        with storage._write_engine.connect() as connection:
            page = opt_outs.search(connection, OptOutFilter(account_id=1), 0, 10)
            assert [opt_out.origin.value for opt_out in page.opt_outs] == ["stop", "web"]
            assert [found.name for found in contact_lists.load(connection, 1)] == ["old"]
    finally:
        storage.close()


def test_upgrade_counts_contacts_of_before_and_finds_them_by_value(
    empty_database_url: str,
) -> None:
    storage = Storage(empty_database_url)
    account = "1, '/1/', 'a', true, '', '', '', '', 1, 1, 1"
    rows = ", ".join(
        f"({n}, 1, {7 if n % 2 else 'NULL'}, '45{n}', '{{\"5\":\"v{n}\"}}', 1,"
        f" {'NULL' if n % 3 else '1'})"
        for n in range(1, 2_503)
    )
    try:
        revisions.upgrade(storage._write_engine, "0017")
        with storage._write_engine.begin() as connection:
            for statement in (
                "INSERT INTO accounts (account_id, path, username, enabled, permissions,"
                " allowed_addresses, time_zone, default_sender, max_parts, max_recipients,"
                f" created_ms) VALUES ({account})",
                "INSERT INTO contacts (contact_id, account_id, list_id, mobile, fields,"
                f" changed_ms, deleted_ms) VALUES {rows}",
            ):
                connection.exec_driver_sql(statement)
        storage.migrate()
        with storage._write_engine.connect() as connection:
            for list_id, expected in (
                (None, [n for n in range(1, 2_503) if n % 3]),
                (7, [n for n in range(1, 2_503) if n % 3 and n % 2]),
            ):
                wanted = ContactFilter(account_id=1, list_id=list_id)
                page = contacts.search(connection, wanted, len(expected) - 5, 9)
                assert page.total == len(expected)
                assert [contact.contact_id for contact in page.contacts] == expected[-5:]
            wanted = ContactFilter(account_id=1, field_ids=(5,), field_value="v2")
            assert contacts.search(connection, wanted, 0, 9).total == 1
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
        (StoredAssignment, handovers),
        (OptOut, opt_out_rows),
    ],
    ids=lambda value: getattr(value, "__name__", None) or value.name,
)
def test_records_have_the_fields_of_their_rows_in_order(record, table) -> None:
    assert list(record.__struct_fields__) == [column.name for column in table.columns]
