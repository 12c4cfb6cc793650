"""Import jobs: rows that become contacts in steps, each of which stores the progress."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select, update

from dragoman.core.contacts.model.contacts import ContactList, ImportJob
from dragoman.core.contacts.sql import contact_values, merge_fields
from dragoman.core.contacts.sql.contact_blocks import Tally, delete_some_of_list
from dragoman.core.contacts.sql.contact_lists import add_list, check_list
from dragoman.core.contacts.sql.contacts import insert_contacts
from dragoman.core.contacts.sql.tables import contacts, imports
from dragoman.core.model.errors import RefusalCode, Refused, existing
from dragoman.kit.ids import first_at
from dragoman.storage.rows import insert_rows, is_one_of, read_one
from dragoman.storage.work import Operation, one_by_one, run_each, together


class RowsBegun(msgspec.Struct, frozen=True, kw_only=True):
    """A group of rows that is about to be stored.

    `fresh_list_id` is for a job without a list; `fresh` has an identifier for each merge field that
    may be missing.
    """

    import_id: int
    fresh_list_id: int
    fresh: dict[str, int]
    digest: str
    rows: int


class ListCleaning(msgspec.Struct, frozen=True, kw_only=True):
    """A step of emptying the list of a job, at most `limit` contacts."""

    import_id: int
    at_ms: int
    limit: int


class RowsStored(msgspec.Struct, frozen=True, kw_only=True):
    """The valid rows of a part of a group, and the number of rows examined."""

    import_id: int
    first_id: int
    """The identifier of the first contact; each of the others is `step` higher."""
    at_ms: int
    contacts: tuple[tuple[str, str], ...]
    """Mobile number and stored fields."""
    looked_at: int
    step: int = 1


def find(connection: Connection, account_id: int, key: str, since_ms: int) -> ImportJob | None:
    """One of the account's jobs, unless it is older than `since_ms`."""
    query = select(imports).where(
        imports.c.key == key,
        imports.c.account_id == account_id,
        imports.c.import_id >= first_at(since_ms),
    )
    return read_one(connection, query, ImportJob)


@one_by_one("create_imports")
def create(connection: Connection, item: ImportJob) -> None:
    check_list(connection, item.account_id, item.list_id)
    insert_rows(connection, imports, [item])


@one_by_one("begin_import_rows", whole=True)  # a refusal leaves neither list nor fields
def begin(connection: Connection, item: RowsBegun) -> int:
    """The number of rows of a group that are stored already, if it was begun before."""
    job = _job(connection, item.import_id)
    list_id = job.list_id
    if list_id is None:
        list_id = item.fresh_list_id
        new = ContactList(list_id=list_id, account_id=job.account_id, parent_id=None, name=job.name)
        add_list(connection, new)
    else:
        check_list(connection, job.account_id, list_id)
    merge_fields.resolve(connection, job.account_id, item.fresh)
    if job.rows_digest == item.digest:
        return job.rows_done
    # The remaining rows of an abandoned group will not come any more.
    total = job.processed + item.rows
    _update(connection, job, list_id=list_id, rows_digest=item.digest, rows_done=0, total=total)
    return 0


@one_by_one("clean_import_lists")
def clean(connection: Connection, item: ListCleaning) -> bool:
    """True for each job whose list has no earlier contacts left."""
    job = _job(connection, item.import_id)
    if not job.cleaned and job.list_id is not None:
        gone = delete_some_of_list(connection, job.account_id, job.list_id, item.at_ms, item.limit)
        if gone == item.limit:
            return False
    _update(connection, job, cleaned=True)
    return True


def _store(connection: Connection, items: list[RowsStored]) -> list[Exception | None]:
    tally = Tally()
    results = run_each(items, lambda item: _store_one(connection, item, tally))
    tally.write(connection)
    return results


def _store_one(connection: Connection, item: RowsStored, tally: Tally) -> None:
    job = _job(connection, item.import_id)
    check_list(connection, job.account_id, job.list_id)
    new = _without_duplicates(connection, job, item) if job.drop_duplicates else item.contacts
    stored = range(item.first_id, item.first_id + len(new) * item.step, item.step)
    insert_contacts(
        connection,
        [
            (contact_id, job.account_id, job.list_id, mobile, fields, item.at_ms, None)
            for contact_id, (mobile, fields) in zip(stored, new, strict=True)
        ],
    )
    if new:
        tally.add(job.account_id, job.list_id, stored, 1)
        contact_values.postpone(connection, stored[0], stored[-1])
    rows_done = imports.c.rows_done + item.looked_at
    processed = imports.c.processed + item.looked_at
    _update(connection, job, rows_done=rows_done, processed=processed)


store = Operation(_store, "store_import_rows", RowsStored, grows=True)


def _without_duplicates(
    connection: Connection, job: ImportJob, item: RowsStored
) -> tuple[tuple[str, str], ...]:
    """The rows whose number neither the list nor an earlier row has."""
    first_of_number = dict(reversed(item.contacts))
    # Only by number: a condition on the list would tempt a database to walk the whole list.
    known = connection.execute(
        select(contacts.c.mobile, contacts.c.list_id, contacts.c.deleted_ms).where(
            contacts.c.account_id == job.account_id,
            is_one_of(connection.dialect.name, contacts.c.mobile, first_of_number),
        )
    )
    for mobile, list_id, deleted_ms in known:
        if list_id == job.list_id and deleted_ms is None:
            first_of_number.pop(mobile, None)
    return tuple(reversed(first_of_number.items()))


@together("drop_imports")
def drop(connection: Connection, items: list[int]) -> None:
    """Deletes jobs with an identifier below one."""
    connection.execute(delete(imports).where(imports.c.import_id < max(items)))


def _update(connection: Connection, job: ImportJob, **values: Any) -> None:
    changed = update(imports).where(imports.c.import_id == job.import_id)
    connection.execute(changed.values(**values))


def _job(connection: Connection, import_id: int) -> ImportJob:
    job = read_one(connection, select(imports).where(imports.c.import_id == import_id), ImportJob)
    return existing(job, Refused(RefusalCode.NOT_FOUND, str(import_id), "import"))
