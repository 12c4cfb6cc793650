"""Sessions of the console: kept as digests, deleted as they end."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, func, insert, or_, select, update

from dragoman.core.accounts.sql.tables import console_sessions
from dragoman.storage.work import Operation


class StoredSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it is kept; times are milliseconds since the Unix epoch."""

    digest: bytes
    account_id: int
    created_ms: int
    used_ms: int


class SessionOpening(msgspec.Struct, frozen=True, kw_only=True):
    """A session to store; those that died before go, and of too many the longest unused."""

    session: StoredSession
    used_since_ms: int
    created_since_ms: int
    most: int
    """Sessions that an account may have."""


class SessionUse(msgspec.Struct, frozen=True, kw_only=True):
    """A session that was used."""

    digest: bytes
    used_ms: int


class SessionEnd(msgspec.Struct, frozen=True, kw_only=True):
    """A session to end, or all of an account's."""

    digest: bytes | None = None
    account_id: int | None = None


def find(connection: Connection, digest: bytes) -> StoredSession | None:
    """The session of a digest."""
    query = select(console_sessions).where(console_sessions.c.digest == digest)
    row = connection.execute(query).first()
    return None if row is None else StoredSession(**row._mapping)


def count(connection: Connection, account_id: int, used_since_ms: int) -> int:
    """How many sessions an account has that were used since."""
    table = console_sessions.c
    alive = (table.account_id == account_id, table.used_ms > used_since_ms)
    query = select(func.count()).where(*alive)
    return int(connection.execute(query).scalar_one())


def _open(connection: Connection, items: list[SessionOpening]) -> list[Exception | None]:
    table = console_sessions.c
    for item in items:
        session = item.session
        dead = or_(table.used_ms <= item.used_since_ms, table.created_ms <= item.created_since_ms)
        connection.execute(delete(console_sessions).where(dead))
        kept = (
            select(table.digest)
            .where(table.account_id == session.account_id)
            .order_by(table.used_ms.desc())
            .limit(item.most - 1)
        )
        surplus = (table.account_id == session.account_id, table.digest.not_in(kept))
        connection.execute(delete(console_sessions).where(*surplus))
        connection.execute(insert(console_sessions).values(**msgspec.structs.asdict(session)))
    return [None] * len(items)


def _use(connection: Connection, items: list[SessionUse]) -> list[Exception | None]:
    for item in items:
        connection.execute(
            update(console_sessions)
            .where(console_sessions.c.digest == item.digest)
            .values(used_ms=item.used_ms)
        )
    return [None] * len(items)


def _end(connection: Connection, items: list[SessionEnd]) -> list[Exception | None]:
    table = console_sessions.c
    for item in items:
        chosen = (
            table.digest == item.digest
            if item.digest is not None
            else table.account_id == item.account_id
        )
        connection.execute(delete(console_sessions).where(chosen))
    return [None] * len(items)


open_session = Operation(_open, "open_console_session", SessionOpening)
use_session = Operation(_use, "use_console_session", SessionUse)
end_sessions = Operation(_end, "end_console_sessions", SessionEnd)
