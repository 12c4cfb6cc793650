"""Accounts with their wallets and credentials."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from dragoman.domain.accounts import Account, Permission
from dragoman.domain.allowed_addresses import parse_allowed_addresses
from dragoman.domain.errors import RefusalCode, Refused
from dragoman.storage.tables import accounts, credentials, senders, wallets
from dragoman.storage.work import Operation

_ACCOUNT_AND_WALLET = (
    select(accounts, wallets.c.wallet_id)
    .join(wallets, wallets.c.account_id == accounts.c.account_id)
    .where(wallets.c.kind == "credits")
)


class NewCredential(msgspec.Struct, frozen=True, kw_only=True):
    """A credential to store: only ever its digest."""

    credential_id: int
    account_id: int
    kind: str
    digest: bytes
    created_ms: int


class NewAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account with its wallet and first credentials."""

    account: Account
    unlimited: bool
    credentials: tuple[NewCredential, ...]
    created_ms: int


class AccountUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """Columns of an account to change."""

    account_id: int
    values: dict[str, Any]


class CredentialRotation(msgspec.Struct, frozen=True, kw_only=True):
    """New credentials, and the kinds whose old ones end with them."""

    account_id: int
    revoke_kinds: tuple[str, ...]
    credentials: tuple[NewCredential, ...]
    at_ms: int


def _create(connection: Connection, items: list[NewAccount]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        account = item.account
        try:
            with connection.begin_nested():
                connection.execute(
                    insert(accounts).values(
                        account_id=account.account_id,
                        parent_id=account.parent_id,
                        path=account.path,
                        username=account.username,
                        enabled=account.enabled,
                        permissions=render_permissions(account.permissions),
                        allowed_addresses=account.allowed_addresses.text,
                        time_zone=account.time_zone,
                        default_sender=account.default_sender,
                        max_parts=account.max_parts,
                        max_recipients=account.max_recipients,
                        created_ms=item.created_ms,
                    )
                )
        except IntegrityError:
            results.append(Refused(RefusalCode.ALREADY_EXISTS, account.username, "user name"))
            continue
        connection.execute(
            insert(wallets).values(
                wallet_id=account.wallet_id,
                account_id=account.account_id,
                kind="credits",
                unlimited=item.unlimited,
                available=0,
                held=0,
                spent=0,
            )
        )
        _insert_credentials(connection, item.credentials)
        results.append(None)
    return results


def _insert_credentials(connection: Connection, new: tuple[NewCredential, ...]) -> None:
    for credential in new:
        connection.execute(
            insert(credentials).values(**msgspec.structs.asdict(credential), revoked_ms=None)
        )


def _update(connection: Connection, items: list[AccountUpdate]) -> list[Exception | None]:
    for item in items:
        connection.execute(
            update(accounts).where(accounts.c.account_id == item.account_id).values(**item.values)
        )
    return [None] * len(items)


def _rotate(connection: Connection, items: list[CredentialRotation]) -> list[Exception | None]:
    for item in items:
        connection.execute(
            update(credentials)
            .where(
                credentials.c.account_id == item.account_id,
                credentials.c.kind.in_(item.revoke_kinds),
                credentials.c.revoked_ms.is_(None),
            )
            .values(revoked_ms=item.at_ms)
        )
        _insert_credentials(connection, item.credentials)
    return [None] * len(items)


create = Operation(_create, "create_account", NewAccount)
change = Operation(_update, "change_account", AccountUpdate)
rotate = Operation(_rotate, "rotate_credentials", CredentialRotation)


def find_by_digest(connection: Connection, kind: str, digest: bytes) -> Account | None:
    """The account whose valid credential has this digest."""
    query = _ACCOUNT_AND_WALLET.join(
        credentials, credentials.c.account_id == accounts.c.account_id
    ).where(
        credentials.c.digest == digest,
        credentials.c.kind == kind,
        credentials.c.revoked_ms.is_(None),
    )
    row = connection.execute(query).first()
    return None if row is None else _account(row)


def find_by_username(connection: Connection, username: str) -> Account | None:
    """The account of that user name."""
    row = connection.execute(_ACCOUNT_AND_WALLET.where(accounts.c.username == username)).first()
    return None if row is None else _account(row)


def find_by_id(connection: Connection, account_id: int) -> Account | None:
    """The account of that identifier."""
    row = connection.execute(_ACCOUNT_AND_WALLET.where(accounts.c.account_id == account_id)).first()
    return None if row is None else _account(row)


def load_all(connection: Connection) -> list[Account]:
    """Every account, in the order of creation."""
    return [
        _account(row)
        for row in connection.execute(_ACCOUNT_AND_WALLET.order_by(accounts.c.account_id))
    ]


def load_below(connection: Connection, account: Account, limit: int) -> list[int]:
    """The identifiers of the accounts below one, at any depth."""
    query = (
        select(accounts.c.account_id)
        .where(accounts.c.path.startswith(f"{account.path}/"))
        .order_by(accounts.c.account_id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars()) if account.path else []


def load_digests(connection: Connection, account_id: int, kind: str) -> list[bytes]:
    """The digests of an account's valid credentials of a kind."""
    query = select(credentials.c.digest).where(
        credentials.c.account_id == account_id,
        credentials.c.kind == kind,
        credentials.c.revoked_ms.is_(None),
    )
    return list(connection.execute(query).scalars())


def load_approved_senders(connection: Connection, account_id: int) -> frozenset[str]:
    """The senders an account may use."""
    query = select(senders.c.sender).where(
        senders.c.account_id == account_id, senders.c.state == "approved"
    )
    return frozenset(connection.execute(query).scalars())


def render_permissions(permissions: frozenset[Permission]) -> str:
    """Permissions as they are stored."""
    return " ".join(sorted(permissions))


def _account(row: Row[Any]) -> Account:
    return Account(
        account_id=row.account_id,
        username=row.username,
        wallet_id=row.wallet_id,
        path=row.path,
        parent_id=row.parent_id,
        enabled=row.enabled,
        permissions=frozenset(
            Permission(name) for name in row.permissions.split() if name in set(Permission)
        ),
        allowed_addresses=parse_allowed_addresses(row.allowed_addresses),
        time_zone=row.time_zone,
        default_sender=row.default_sender,
        max_parts=row.max_parts,
        max_recipients=row.max_recipients,
    )
