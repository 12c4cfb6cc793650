"""Rows of `saved_searches`: what somebody looks for again and again."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection, delete, select

from dragoman.core.accounts.sql.tables import saved_searches
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.rows import insert_rows, read_all
from dragoman.storage.work import one_by_one

MAX_SEARCHES: Final = 50
"""Of one person."""


class SavedSearch(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table; `person_id` is 0 for the account's own."""

    search_id: int
    account_id: int
    person_id: int
    name: str
    query: str


class SearchEnd(msgspec.Struct, frozen=True, kw_only=True):
    """A search that is kept no longer."""

    search_id: int
    account_id: int
    person_id: int


def load(connection: Connection, account_id: int, person_id: int) -> list[SavedSearch]:
    """The searches that somebody keeps, by name."""
    table = saved_searches.c
    query = select(saved_searches).where(
        table.account_id == account_id, table.person_id == person_id
    )
    return read_all(connection, query.order_by(table.name), SavedSearch)


@one_by_one("save_search", whole=True)
def save(connection: Connection, item: SavedSearch) -> None:
    """Stores a search, in place of one of the same name."""
    table = saved_searches.c
    whose = (table.account_id == item.account_id, table.person_id == item.person_id)
    connection.execute(delete(saved_searches).where(*whose, table.name == item.name))
    if len(load(connection, item.account_id, item.person_id)) >= MAX_SEARCHES:
        raise Refused(RefusalCode.INVALID_FIELD, "name", f"at most {MAX_SEARCHES} are kept")
    insert_rows(connection, saved_searches, [item])


@one_by_one("remove_search")
def remove(connection: Connection, item: SearchEnd) -> None:
    table = saved_searches.c
    connection.execute(
        delete(saved_searches).where(
            table.search_id == item.search_id,
            table.account_id == item.account_id,
            table.person_id == item.person_id,
        )
    )
