"""The people of accounts, what they sign in with, and what their accounts ask of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.model.people import Person
from dragoman.core.accounts.sql.tables import (
    accounts,
    audit_entries,
    console_sessions,
    people,
    saved_searches,
    second_factors,
    sign_in_policies,
)
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.rows import insert_rows, is_any, put_row, read_all, read_one
from dragoman.storage.work import one_by_one

MAX_PEOPLE: Final = 1_000
"""Of one account."""


class NewPerson(msgspec.Struct, frozen=True, kw_only=True):
    """A person to store."""

    person_id: int
    account_id: int
    name: str
    role: str
    enabled: bool
    invitation: bytes | None
    invited_until_ms: int | None
    created_ms: int


class PersonCreation(msgspec.Struct, frozen=True, kw_only=True):
    """A person to store, with what the audit log says of it."""

    person: NewPerson
    audit: tuple[AuditEntry, ...] = ()


class PersonChange(msgspec.Struct, frozen=True, kw_only=True):
    """Columns to set of a person that is not deleted."""

    person_id: int
    text: dict[str, str | None] = {}
    digests: dict[str, bytes | None] = {}
    numbers: dict[str, int | None] = {}
    enabled: bool | None = None
    ends_sessions: bool = False
    ends_second_factor: bool = False
    invitation: bytes | None = None
    """Where given, the person must still have it: it is used once."""
    audit: tuple[AuditEntry, ...] = ()


class PersonRemoval(msgspec.Struct, frozen=True, kw_only=True):
    """A person to delete; the name is free afterwards."""

    person_id: int
    name: str
    """What its row is called from now on."""
    at_ms: int
    audit: tuple[AuditEntry, ...] = ()


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What an account asks of all who sign in for it."""

    account_id: int
    second_factor: bool
    audit: tuple[AuditEntry, ...] = ()


_PERSON = (
    *(people.c[name] for name in Person.__struct_fields__ if name in people.c),
    people.c.password.is_not(None).label("has_password"),
)
_LIVING = people.c.deleted_ms.is_(None)


@one_by_one("create_person", whole=True)
def create(connection: Connection, item: PersonCreation) -> None:
    new = item.person
    if is_any(connection, func.lower(accounts.c.username) == new.name):
        raise Refused(RefusalCode.ALREADY_EXISTS, new.name, "an account has this name")
    of_account = (people.c.account_id == new.account_id, _LIVING)
    if len(connection.execute(select(people.c.person_id).where(*of_account)).all()) >= MAX_PEOPLE:
        raise Refused(RefusalCode.INVALID_FIELD, "name", f"an account has {MAX_PEOPLE} people")
    try:
        insert_rows(connection, people, [new])
    except IntegrityError as error:
        raise Refused(RefusalCode.ALREADY_EXISTS, new.name, "a person has this name") from error
    insert_rows(connection, audit_entries, item.audit)


@one_by_one("change_person", whole=True)
def change(connection: Connection, item: PersonChange) -> bool:
    """Whether there was such a person, with the invitation if one was asked for."""
    values: dict[str, Any] = {**item.text, **item.digests, **item.numbers}
    if item.enabled is not None:
        values["enabled"] = item.enabled
    conditions = [people.c.person_id == item.person_id, _LIVING]
    if item.invitation is not None:
        conditions.append(people.c.invitation == item.invitation)
    try:
        changed = connection.execute(update(people).where(*conditions).values(**values))
    except IntegrityError as error:
        taken = "identity" if "subject" in values else "name"
        raise Refused(RefusalCode.ALREADY_EXISTS, taken, "another person has it") from error
    if changed.rowcount != 1:
        return False
    if item.ends_sessions:
        _end_sessions(connection, item.person_id)
    if item.ends_second_factor:
        of_person = second_factors.c.person_id == item.person_id
        connection.execute(delete(second_factors).where(of_person))
    insert_rows(connection, audit_entries, item.audit)
    return True


@one_by_one("remove_person", whole=True)
def remove(connection: Connection, item: PersonRemoval) -> bool:
    """Whether there was such a person."""
    gone = {
        "name": item.name,
        "enabled": False,
        "deleted_ms": item.at_ms,
        **dict.fromkeys(("password", "issuer", "subject", "invitation", "invited_until_ms")),
    }
    of_person = (people.c.person_id == item.person_id, _LIVING)
    if connection.execute(update(people).where(*of_person).values(**gone)).rowcount != 1:
        return False
    _end_sessions(connection, item.person_id)
    for table in (second_factors, saved_searches):
        connection.execute(delete(table).where(table.c.person_id == item.person_id))
    insert_rows(connection, audit_entries, item.audit)
    return True


@one_by_one("put_sign_in_policy")
def put_policy(connection: Connection, item: Policy) -> None:
    row = {"account_id": item.account_id, "second_factor": item.second_factor}
    put_row(connection, sign_in_policies, row)
    insert_rows(connection, audit_entries, item.audit)


def _end_sessions(connection: Connection, person_id: int) -> None:
    of_person = console_sessions.c.person_id == person_id
    connection.execute(delete(console_sessions).where(of_person))


def find(connection: Connection, person_id: int) -> Person | None:
    """A person that is not deleted."""
    return _first(connection, people.c.person_id == person_id)


def find_by_name(connection: Connection, name: str) -> Person | None:
    """The person with that name."""
    return _first(connection, people.c.name == name)


def find_by_invitation(connection: Connection, digest: bytes) -> Person | None:
    """The person whom a link with a token of this digest invites."""
    return _first(connection, people.c.invitation == digest)


def find_by_identity(connection: Connection, issuer: str, subject: str) -> Person | None:
    """The person that an OpenID provider knows by a name."""
    return _first(connection, people.c.issuer == issuer, people.c.subject == subject)


def _first(connection: Connection, *conditions: ColumnElement[bool]) -> Person | None:
    return read_one(connection, select(*_PERSON).where(*conditions, _LIVING), Person)


def load_digest(connection: Connection, person_id: int) -> bytes | None:
    """The digest of a person's password."""
    query = select(people.c.password).where(people.c.person_id == person_id, _LIVING)
    digest: bytes | None = connection.execute(query).scalar()
    return digest


def load_all(connection: Connection) -> list[Person]:
    """Everybody, account by account, in the order of creation."""
    query = select(*_PERSON).where(_LIVING).order_by(people.c.account_id, people.c.person_id)
    return read_all(connection, query, Person)


def load_of_account(connection: Connection, account: Account) -> list[Person]:
    """The people of an account, in the order of creation."""
    query = select(*_PERSON).where(people.c.account_id == account.account_id, _LIVING)
    return read_all(connection, query.order_by(people.c.person_id), Person)


def load_names(connection: Connection, person_ids: Sequence[int]) -> dict[int, str]:
    """What people are called, deleted ones too."""
    query = select(people.c.person_id, people.c.name).where(people.c.person_id.in_(person_ids))
    return {row.person_id: row.name for row in connection.execute(query)}


def requires_second_factor(connection: Connection, account_id: int) -> bool:
    """Whether an account asks for a second factor."""
    query = select(sign_in_policies.c.second_factor).where(
        sign_in_policies.c.account_id == account_id
    )
    return bool(connection.execute(query).scalar())
