"""Pairs of tokens: issued, exchanged once for a new pair, revoked, forgotten when they are over."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from dragoman.core.accounts.sql.tables import scoped_tokens
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.work import Operation


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
    """A new pair, of an account that has no more than so many: the oldest make room."""

    pair: StoredPair
    at_ms: int
    at_most: int


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A pair in the place of another, which must not have been exchanged or revoked."""

    token_id: str
    pair: StoredPair
    at_ms: int


class Revocation(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one of an account's pairs."""

    token_id: str
    account_id: int
    at_ms: int


def _issue(connection: Connection, items: list[Issue]) -> list[Exception | None]:
    connection.execute(
        delete(scoped_tokens).where(
            scoped_tokens.c.refresh_expires_ms < min(item.at_ms for item in items)
        )
    )
    for item in items:
        _make_room(connection, item)
        _insert(connection, item.pair)
    return [None] * len(items)


def _make_room(connection: Connection, item: Issue) -> None:
    of_account = scoped_tokens.c.account_id == item.pair.account_id
    surplus = connection.execute(select(func.count()).where(of_account)).scalar_one()
    surplus -= item.at_most - 1
    if surplus > 0:
        oldest = (
            select(scoped_tokens.c.token_id)
            .where(of_account)
            .order_by(scoped_tokens.c.refresh_expires_ms)
            .limit(surplus)
        )
        connection.execute(delete(scoped_tokens).where(scoped_tokens.c.token_id.in_(oldest)))


def _exchange(connection: Connection, items: list[Exchange]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        used = connection.execute(
            update(scoped_tokens)
            .where(
                scoped_tokens.c.token_id == item.token_id,
                scoped_tokens.c.refreshed_ms.is_(None),
                scoped_tokens.c.revoked_ms.is_(None),
                scoped_tokens.c.refresh_expires_ms > item.at_ms,
            )
            .values(refreshed_ms=item.at_ms)
        )
        if used.rowcount != 1:
            results.append(Refused(RefusalCode.AUTHENTICATION_FAILED, detail="used token"))
            continue
        _insert(connection, item.pair)
        results.append(None)
    return results


def _revoke(connection: Connection, items: list[Revocation]) -> list[Exception | None]:
    for item in items:
        connection.execute(
            update(scoped_tokens)
            .where(
                scoped_tokens.c.token_id == item.token_id,
                scoped_tokens.c.account_id == item.account_id,
                scoped_tokens.c.revoked_ms.is_(None),
            )
            .values(revoked_ms=item.at_ms)
        )
    return [None] * len(items)


def _insert(connection: Connection, pair: StoredPair) -> None:
    connection.execute(insert(scoped_tokens).values(msgspec.structs.asdict(pair)))


issue = Operation(_issue, "issue_scoped_tokens", Issue)
exchange = Operation(_exchange, "exchange_scoped_tokens", Exchange)
revoke = Operation(_revoke, "revoke_scoped_tokens", Revocation)


def find_access(connection: Connection, digest: bytes) -> StoredPair | None:
    """The pair of an access token."""
    return _find(connection, scoped_tokens.c.access_digest, digest)


def find_refresh(connection: Connection, digest: bytes) -> StoredPair | None:
    """The pair of a refresh token."""
    return _find(connection, scoped_tokens.c.refresh_digest, digest)


def _find(connection: Connection, column: object, digest: bytes) -> StoredPair | None:
    row = connection.execute(select(scoped_tokens).where(column == digest)).first()  # type: ignore[arg-type]
    return None if row is None else StoredPair(**row._mapping)
