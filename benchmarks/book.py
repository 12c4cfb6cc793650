"""A list of contacts with merge fields, put into a database that no gateway has open."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import Connection, insert, select

from dragoman.core.accounts.sql.tables import accounts
from dragoman.core.contacts.sql.tables import contact_lists, contacts, merge_fields
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.engine import Storage

LIST_ID = 1
NAME_FIELD = 77
TOWN_FIELD = 78
TEXT = "Hi [Name] of [Town], this is for all of you"
TOWNS = ("Aarhus", "Odense", "Vejle", "Skive")
FILTER = {"match": "any", "rules": [{"field": "Town", "operation": "not", "value": "nowhere"}]}
"""Everybody passes, and is looked at."""
_ROWS = 5_000


def fill(database: Path, count: int) -> None:
    """Adds the list with `count` contacts to the one account of a gateway's SQLite file."""
    storage = Storage(f"sqlite:///{database}")
    storage.migrate()
    with storage._write_engine.begin() as connection:
        account_id = connection.execute(select(accounts.c.account_id)).scalar_one()
        write(connection, account_id, count)
    storage.close()


def write(connection: Connection, account_id: int, count: int) -> None:
    """Adds the list to an account."""
    connection.execute(
        insert(contact_lists).values(list_id=LIST_ID, account_id=account_id, name="")
    )
    for field_id, name in ((NAME_FIELD, "Name"), (TOWN_FIELD, "Town")):
        connection.execute(
            insert(merge_fields).values(field_id=field_id, account_id=account_id, name=name)
        )
    columns = ("contact_id", "account_id", "list_id", "mobile", "fields", "changed_ms")
    rows = BulkInsert(contacts, columns)
    for start in range(0, count, _ROWS):
        rows.run(
            connection,
            [
                (n + 1, account_id, LIST_ID, f"45{20_000_000 + n * 7 % 60_000_000}", _fields(n), 0)
                for n in range(start, min(count, start + _ROWS))
            ],
        )


def _fields(n: int) -> str:
    return json.dumps({str(NAME_FIELD): f"Person {n}", str(TOWN_FIELD): TOWNS[n % len(TOWNS)]})
