"""Console sessions: stored as digests, deleted when they end."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, or_, select, update

from dragoman.core.accounts.sql.tables import console_sessions
from dragoman.storage.rows import count as count_rows
from dragoman.storage.rows import insert_rows, read_one
from dragoman.storage.work import one_by_one


class StoredSession(msgspec.Struct, frozen=True, kw_only=True):
    """A stored session; times are milliseconds since the Unix epoch."""

    digest: bytes
    account_id: int
    created_ms: int
    used_ms: int


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
    """A session to end, or all of an account's."""

    digest: bytes | None = None
    account_id: int | None = None


def find(connection: Connection, digest: bytes) -> StoredSession | None:
    """The session with a digest."""
    query = select(console_sessions).where(console_sessions.c.digest == digest)
    return read_one(connection, query, StoredSession)


def count(connection: Connection, account_id: int, used_since_ms: int) -> int:
    """How many sessions of an account were used since a time."""
    table = console_sessions.c
    return count_rows(connection, table.account_id == account_id, table.used_ms > used_since_ms)


@one_by_one("open_console_session")
def open_session(connection: Connection, item: SessionOpening) -> None:
    table, session = console_sessions.c, item.session
    dead = or_(table.used_ms <= item.used_since_ms, table.created_ms <= item.created_since_ms)
    connection.execute(delete(console_sessions).where(dead))
    mine = table.account_id == session.account_id
    kept = select(table.digest).where(mine).order_by(table.used_ms.desc()).limit(item.most - 1)
    connection.execute(delete(console_sessions).where(mine, table.digest.not_in(kept)))
    insert_rows(connection, console_sessions, [session])


@one_by_one("use_console_session")
def use_session(connection: Connection, item: SessionUse) -> None:
    used = update(console_sessions).where(console_sessions.c.digest == item.digest)
    connection.execute(used.values(used_ms=item.used_ms))


@one_by_one("end_console_sessions")
def end_sessions(connection: Connection, item: SessionEnd) -> None:
    table = console_sessions.c
    one, all_ = table.digest == item.digest, table.account_id == item.account_id
    connection.execute(delete(console_sessions).where(all_ if item.digest is None else one))
