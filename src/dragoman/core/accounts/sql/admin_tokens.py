"""Rows of `admin_tokens`: what lets operators in from elsewhere."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, insert, select

from dragoman.core.accounts.sql.tables import admin_tokens
from dragoman.storage.work import Operation


class StoredToken(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table."""

    name: str
    digest: bytes
    created_ms: int


def load(connection: Connection) -> list[StoredToken]:
    """Every token, oldest first."""
    query = select(admin_tokens).order_by(admin_tokens.c.created_ms, admin_tokens.c.name)
    return [StoredToken(**row) for row in connection.execute(query).mappings()]


def find(connection: Connection, digest: bytes) -> str | None:
    """The name of the token with a digest."""
    query = select(admin_tokens.c.name).where(admin_tokens.c.digest == digest)
    name: str | None = connection.execute(query).scalar()
    return name


def _add(connection: Connection, items: list[StoredToken]) -> list[bool | Exception]:
    """Whether each name was free."""
    results: list[bool | Exception] = []
    for item in items:
        query = select(admin_tokens.c.name).where(admin_tokens.c.name == item.name)
        free = connection.execute(query).first() is None
        if free:
            connection.execute(insert(admin_tokens).values(**msgspec.structs.asdict(item)))
        results.append(free)
    return results


def _remove(connection: Connection, items: list[str]) -> list[bool | Exception]:
    """Whether there was a token of each name."""
    return [
        connection.execute(delete(admin_tokens).where(admin_tokens.c.name == name)).rowcount == 1
        for name in items
    ]


add = Operation(_add, "add_admin_token", StoredToken)
remove = Operation(_remove, "remove_admin_token", str)
