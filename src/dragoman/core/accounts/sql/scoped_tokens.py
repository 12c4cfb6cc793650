"""Pairs of tokens: issued, exchanged once for a new pair, revoked, deleted when expired."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection, delete, select, update

from dragoman.core.accounts.sql.tables import scoped_tokens
from dragoman.storage.rows import count, insert_rows, read_one
from dragoman.storage.work import one_by_one, together

LEEWAY_MS: Final = 10_000
"""How long after an exchange the used refresh token may come again and do no harm: two threads of
a program, or an answer that was lost. Later it was stolen (RFC 9700 s. 4.14.2)."""


class StoredPair(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `scoped_tokens`."""

    token_id: str
    account_id: int
    family: str
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
    """Revokes one of an account's pairs, and all of its family."""

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
def exchange(connection: Connection, item: Exchange) -> bool:
    """Whether it was exchanged; one that was used before and comes again ends its family."""
    this = scoped_tokens.c.token_id == item.token_id
    old = read_one(connection, select(scoped_tokens).where(this), StoredPair)
    if old is None or old.revoked_ms is not None or old.refresh_expires_ms <= item.at_ms:
        return False
    if old.refreshed_ms is not None:
        if item.at_ms - old.refreshed_ms >= LEEWAY_MS:
            revoke_all(connection, old.account_id, item.at_ms, old.family)
        return False
    connection.execute(update(scoped_tokens).where(this).values(refreshed_ms=item.at_ms))
    insert_rows(connection, scoped_tokens, [item.pair])
    return True


@one_by_one("revoke_scoped_tokens")
def revoke(connection: Connection, item: Revocation) -> None:
    of_pair = (
        scoped_tokens.c.token_id == item.token_id,
        scoped_tokens.c.account_id == item.account_id,
    )
    family = connection.execute(select(scoped_tokens.c.family).where(*of_pair)).scalar()
    if family is not None:
        revoke_all(connection, item.account_id, item.at_ms, family)


def revoke_all(
    connection: Connection, account_id: int, at_ms: int, family: str | None = None
) -> None:
    """Revokes the pairs of an account, or of one family of them."""
    table = scoped_tokens.c
    revoked = update(scoped_tokens).where(
        table.account_id == account_id, table.revoked_ms.is_(None)
    )
    if family is not None:
        revoked = revoked.where(table.family == family)
    connection.execute(revoked.values(revoked_ms=at_ms))


def find_access(connection: Connection, digest: bytes) -> StoredPair | None:
    """The pair of an access token."""
    query = select(scoped_tokens).where(scoped_tokens.c.access_digest == digest)
    return read_one(connection, query, StoredPair)


def find_refresh(connection: Connection, digest: bytes) -> StoredPair | None:
    """The pair of a refresh token."""
    query = select(scoped_tokens).where(scoped_tokens.c.refresh_digest == digest)
    return read_one(connection, query, StoredPair)
