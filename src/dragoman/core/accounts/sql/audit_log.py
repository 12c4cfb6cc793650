"""The audit log: entries are inserted with the change they describe, and never updated."""

from __future__ import annotations

import msgspec
from sqlalchemy import ColumnElement, Connection, or_, select

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.sql.tables import accounts, audit_entries, people
from dragoman.storage.rows import converter, insert_rows
from dragoman.storage.work import together

_ACTORS = accounts.alias("actors")
_SUBJECTS = accounts.alias("subjects")


class AuditView(msgspec.Struct, frozen=True, kw_only=True):
    """An entry with its actor's name and place in the tree, and the account's name."""

    entry: AuditEntry
    actor: str
    actor_path: str
    account: str
    person: str
    """The name of the person; empty where none is known."""


@together("add_audit_entry")
def add(connection: Connection, items: list[AuditEntry]) -> None:
    insert_rows(connection, audit_entries, items)


def load_page(
    connection: Connection, account_id: int, before: int | None, limit: int
) -> list[AuditView]:
    """The entries of an account, newest first, before an entry if one is given."""
    return _load(connection, audit_entries.c.account_id == account_id, before, limit)


def load_page_below(
    connection: Connection, top: Account, before: int | None, limit: int
) -> list[AuditView]:
    """The same for an account and all that were ever below it, including deleted ones."""
    path = _SUBJECTS.c.path
    below = path.startswith(f"{top.path}/", autoescape=True)
    return _load(connection, or_(path == top.path, below), before, limit)


def _load(
    connection: Connection, condition: ColumnElement[bool], before: int | None, limit: int
) -> list[AuditView]:
    table = audit_entries.c
    query = (
        select(
            audit_entries,
            _ACTORS.c.username,
            _ACTORS.c.path,
            _SUBJECTS.c.username.label("account"),
            people.c.name.label("person"),
        )
        .join(_ACTORS, _ACTORS.c.account_id == table.actor_id)
        .join(_SUBJECTS, _SUBJECTS.c.account_id == table.account_id)
        .outerjoin(people, people.c.person_id == table.person_id)
        .where(condition)
        .order_by(table.entry_id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(table.entry_id < before)
    entry_of = converter(AuditEntry, audit_entries.c.keys())
    return [
        AuditView(
            entry=entry_of(row),
            actor=row.username,
            actor_path=row.path,
            account=row.account,
            person=row.person or "",
        )
        for row in connection.execute(query)
    ]
