"""What accounts bind with over SMPP, with the passwords among the other credentials."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from dragoman.core.accounts.model.accounts import CredentialKind
from dragoman.core.accounts.model.smpp_logins import SmppLogin, SmppOptions
from dragoman.core.accounts.sql.accounts import (
    CredentialRotation,
    NewCredential,
    replace_credentials,
)
from dragoman.core.accounts.sql.tables import accounts, smpp_logins
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.rows import are_empty, is_one_of
from dragoman.storage.work import one_by_one


class NewSmppLogin(msgspec.Struct, frozen=True, kw_only=True):
    """A login to store in place of the account's earlier one; without a credential it keeps its."""

    login: SmppLogin
    credentials: tuple[NewCredential, ...]
    at_ms: int


class SmppLoginEnd(msgspec.Struct, frozen=True, kw_only=True):
    """Takes an account's login away."""

    account_id: int
    at_ms: int


@one_by_one("put_smpp_login", whole=True)
def put(connection: Connection, item: NewSmppLogin) -> None:
    login = item.login
    connection.execute(delete(smpp_logins).where(smpp_logins.c.account_id == login.account_id))
    try:
        connection.execute(insert(smpp_logins).values(**_row(login)))
    except IntegrityError as error:
        raise Refused(RefusalCode.ALREADY_EXISTS, login.system_id, "system_id") from error
    if item.credentials:
        _replace(connection, login.account_id, item.credentials, item.at_ms)


@one_by_one("end_smpp_login")
def end(connection: Connection, item: SmppLoginEnd) -> None:
    connection.execute(delete(smpp_logins).where(smpp_logins.c.account_id == item.account_id))
    _replace(connection, item.account_id, (), item.at_ms)


@one_by_one("note_smpp_receiver")
def note_receiver(connection: Connection, account_id: int) -> None:
    """Notes that a receiver of the account was bound."""
    of_account = smpp_logins.c.account_id == account_id
    connection.execute(update(smpp_logins).where(of_account).values(receives=True))


def load_all(connection: Connection) -> list[SmppLogin]:
    """The logins of all accounts that are not deleted."""
    return [] if are_empty(connection, smpp_logins) else _load(connection)


def load_some(connection: Connection, account_ids: Collection[int]) -> list[SmppLogin]:
    """The logins of those accounts that are not deleted."""
    return _load(
        connection, is_one_of(connection.dialect.name, accounts.c.account_id, list(account_ids))
    )


def _load(connection: Connection, *conditions: ColumnElement[bool]) -> list[SmppLogin]:
    query = (
        select(smpp_logins)
        .join(accounts, accounts.c.account_id == smpp_logins.c.account_id)
        .where(accounts.c.deleted_ms.is_(None), *conditions)
    )
    return [
        SmppLogin(
            account_id=row.account_id,
            system_id=row.system_id,
            receives=bool(row.receives),
            options=msgspec.json.decode(row.options, type=SmppOptions),
        )
        for row in connection.execute(query)
    ]


def _replace(
    connection: Connection, account_id: int, credentials: tuple[NewCredential, ...], at_ms: int
) -> None:
    rotation = CredentialRotation(
        account_id=account_id,
        revoke_kinds=(CredentialKind.SMPP_PASSWORD,),
        credentials=credentials,
        at_ms=at_ms,
    )
    replace_credentials(connection, rotation)


def _row(login: SmppLogin) -> dict[str, Any]:
    return {
        "account_id": login.account_id,
        "system_id": login.system_id,
        "receives": login.receives,
        "options": msgspec.json.encode(login.options).decode(),
    }
