"""Auth tokens: sealed, one of an account."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, select

from dragoman.core.accounts.sql.tables import auth_tokens
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.rows import insert_new, is_any, put_row, read_one, row_of
from dragoman.storage.work import one_by_one


class StoredAuthToken(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table."""

    account_id: int
    public_id: str
    token: bytes
    """Sealed."""
    created_ms: int


@one_by_one("ensure_auth_token")
def ensure(connection: Connection, item: StoredAuthToken) -> bool:
    """Stores a token unless the account has one; whether it did."""
    return insert_new(connection, auth_tokens, item)


@one_by_one("put_auth_token")
def put(connection: Connection, item: StoredAuthToken) -> None:
    """Stores a token in place of the account's; raises `Refused` for another account's name."""
    same = auth_tokens.c.public_id == item.public_id
    if is_any(connection, same, auth_tokens.c.account_id != item.account_id):
        raise Refused(RefusalCode.ALREADY_EXISTS, item.public_id, "it is another account's")
    put_row(connection, auth_tokens, row_of(item))


def of_account(connection: Connection, account_id: int) -> StoredAuthToken | None:
    """The token of an account."""
    query = select(auth_tokens).where(auth_tokens.c.account_id == account_id)
    return read_one(connection, query, StoredAuthToken)


def find(connection: Connection, public_id: str) -> StoredAuthToken | None:
    """The token of the account with a public identifier."""
    query = select(auth_tokens).where(auth_tokens.c.public_id == public_id)
    return read_one(connection, query, StoredAuthToken)
