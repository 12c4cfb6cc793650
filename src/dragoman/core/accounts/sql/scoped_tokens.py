"""Pairs of tokens: issued, exchanged once for a new pair, revoked, deleted when expired."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, select, update

from dragoman.core.accounts.sql.tables import scoped_tokens
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.rows import count, insert_rows, read_one
from dragoman.storage.work import one_by_one, together


class StoredPair(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `scoped_tokens`."""

    token_id: str
    account_id: int
    scopes: str
    access_digest: bytes
    access_expires_ms: int
    refresh_digest: bytes
    refresh_expires_ms: int
    refreshed_ms: int | None = None
    revoked_ms: int | None = None


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """A new pair of an account; the oldest beyond a limit are deleted."""

    pair: StoredPair
    at_ms: int
    at_most: int


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A pair that replaces another, which must not have been exchanged or revoked."""

    token_id: str
    pair: StoredPair
    at_ms: int


class Revocation(msgspec.Struct, frozen=True, kw_only=True):
    """Revokes one of an account's pairs."""

    token_id: str
    account_id: int
    at_ms: int


@together("issue_scoped_tokens")
def issue(connection: Connection, items: list[Issue]) -> None:
    over = scoped_tokens.c.refresh_expires_ms < min(item.at_ms for item in items)
    connection.execute(delete(scoped_tokens).where(over))
    for item in items:
        _make_room(connection, item)
        insert_rows(connection, scoped_tokens, [item.pair])


def _make_room(connection: Connection, item: Issue) -> None:
    of_account = scoped_tokens.c.account_id == item.pair.account_id
    surplus = count(connection, of_account) - (item.at_most - 1)
    if surplus > 0:
        oldest = (
            select(scoped_tokens.c.token_id)
            .where(of_account)
            .order_by(scoped_tokens.c.refresh_expires_ms)
            .limit(surplus)
        )
        connection.execute(delete(scoped_tokens).where(scoped_tokens.c.token_id.in_(oldest)))


@one_by_one("exchange_scoped_tokens")
def exchange(connection: Connection, item: Exchange) -> None:
    used = update(scoped_tokens).where(
        scoped_tokens.c.token_id == item.token_id,
        scoped_tokens.c.refreshed_ms.is_(None),
        scoped_tokens.c.revoked_ms.is_(None),
        scoped_tokens.c.refresh_expires_ms > item.at_ms,
    )
    if connection.execute(used.values(refreshed_ms=item.at_ms)).rowcount != 1:
        raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="the token was used")
    insert_rows(connection, scoped_tokens, [item.pair])


@one_by_one("revoke_scoped_tokens")
def revoke(connection: Connection, item: Revocation) -> None:
    revoked = update(scoped_tokens).where(
        scoped_tokens.c.token_id == item.token_id,
        scoped_tokens.c.account_id == item.account_id,
        scoped_tokens.c.revoked_ms.is_(None),
    )
    connection.execute(revoked.values(revoked_ms=item.at_ms))


def find_access(connection: Connection, digest: bytes) -> StoredPair | None:
    """The pair of an access token."""
    query = select(scoped_tokens).where(scoped_tokens.c.access_digest == digest)
    return read_one(connection, query, StoredPair)


def find_refresh(connection: Connection, digest: bytes) -> StoredPair | None:
    """The pair of a refresh token."""
    query = select(scoped_tokens).where(scoped_tokens.c.refresh_digest == digest)
    return read_one(connection, query, StoredPair)
