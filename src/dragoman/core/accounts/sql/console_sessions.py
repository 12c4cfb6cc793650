"""Console sessions: stored as digests, deleted when they end."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, or_, select, update

from dragoman.core.accounts.sql.tables import console_sessions
from dragoman.storage.rows import insert_rows, read_all, read_one
from dragoman.storage.work import one_by_one


class StoredSession(msgspec.Struct, frozen=True, kw_only=True):
    """A stored session; times are milliseconds since the Unix epoch."""

    digest: bytes
    account_id: int
    created_ms: int
    used_ms: int
    person_id: int | None = None
    """Whose it is; None where the account itself signed in."""
    address: str = ""
    browser: str = ""


class SessionOpening(msgspec.Struct, frozen=True, kw_only=True):
    """A session to store; deletes expired ones, and the least recently used beyond a limit."""

    session: StoredSession
    used_since_ms: int
    created_since_ms: int
    most: int
    """Sessions that an account may have."""


class SessionUse(msgspec.Struct, frozen=True, kw_only=True):
    """The last use of a session."""

    digest: bytes
    used_ms: int


class SessionEnd(msgspec.Struct, frozen=True, kw_only=True):
    """A session to end, or all of an account's; with `own` only those of a person, or of nobody."""

    digest: bytes | None = None
    account_id: int | None = None
    own: bool = False
    person_id: int | None = None


def find(connection: Connection, digest: bytes) -> StoredSession | None:
    """The session with a digest."""
    query = select(console_sessions).where(console_sessions.c.digest == digest)
    return read_one(connection, query, StoredSession)


def load(
    connection: Connection, account_id: int, used_since_ms: int, created_since_ms: int
) -> list[StoredSession]:
    """The sessions of an account and its people that are alive, the last used first."""
    table = console_sessions.c
    query = select(console_sessions).where(
        table.account_id == account_id,
        table.used_ms > used_since_ms,
        table.created_ms > created_since_ms,
    )
    return read_all(connection, query.order_by(table.used_ms.desc(), table.digest), StoredSession)


@one_by_one("open_console_session")
def open_session(connection: Connection, item: SessionOpening) -> None:
    table, session = console_sessions.c, item.session
    dead = or_(table.used_ms <= item.used_since_ms, table.created_ms <= item.created_since_ms)
    connection.execute(delete(console_sessions).where(dead))
    whose = (
        table.person_id.is_(None)
        if session.person_id is None
        else (table.person_id == session.person_id)
    )
    mine = (table.account_id == session.account_id, whose)
    kept = select(table.digest).where(*mine).order_by(table.used_ms.desc()).limit(item.most - 1)
    connection.execute(delete(console_sessions).where(*mine, table.digest.not_in(kept)))
    insert_rows(connection, console_sessions, [session])


@one_by_one("use_console_session")
def use_session(connection: Connection, item: SessionUse) -> None:
    used = update(console_sessions).where(console_sessions.c.digest == item.digest)
    connection.execute(used.values(used_ms=item.used_ms))


@one_by_one("end_console_sessions")
def end_sessions(connection: Connection, item: SessionEnd) -> None:
    table = console_sessions.c
    conditions = [table.account_id == item.account_id]
    if item.digest is not None:
        conditions = [table.digest == item.digest]
    elif item.own and item.person_id is None:
        conditions.append(table.person_id.is_(None))
    elif item.own:
        conditions.append(table.person_id == item.person_id)
    connection.execute(delete(console_sessions).where(*conditions))
