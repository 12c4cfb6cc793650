"""Accounts below an account: loaded with their wallets, changed and deleted atomically."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    cast,
    collate,
    or_,
    select,
    update,
)
from sqlalchemy import delete as remove

from dragoman.core.accounts.model.accounts import Account, AccountRecord, AccountView
from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.sql.accounts import (
    ACCOUNT_AND_WALLET,
    CredentialRotation,
    change_permissions,
    free_username,
    put_record,
    replace_credentials,
    to_accounts,
)
from dragoman.core.accounts.sql.credits import bequeath
from dragoman.core.accounts.sql.tables import (
    accounts,
    audit_entries,
    console_sessions,
    credentials,
    people,
    saved_searches,
    second_factors,
    sign_in_policies,
    smpp_logins,
)
from dragoman.core.billing.model.wallets import Balance
from dragoman.core.billing.sql.wallets import Transfer, balance, is_unlimited, transfer
from dragoman.core.model.errors import RefusalCode, Refused, existing
from dragoman.kit.ids import parse_number
from dragoman.storage.rows import count, insert_rows, is_any, is_one_of
from dragoman.storage.text_search import contains_pieces
from dragoman.storage.work import one_by_one


class AccountChange(msgspec.Struct, frozen=True, kw_only=True):
    """Changes to an account, applied together or not at all."""

    account_id: int
    at_ms: int
    values: dict[str, Any] = {}
    """Columns to set."""
    enabled: bool | None = None
    grant: tuple[str, ...] = ()
    revoke: tuple[str, ...] = ()
    rotation: CredentialRotation | None = None
    transfer: Transfer | None = None
    record: AccountRecord | None = None
    audit: tuple[AuditEntry, ...] = ()


class AccountDeletion(msgspec.Struct, frozen=True, kw_only=True):
    """An account to delete; its balance goes to `heir`, if there is one that has a limit."""

    account_id: int
    username: str
    """What it is called from now on, so that its name is free."""
    wallet_id: int
    heir: int | None
    entry_ids: tuple[int, int]
    at_ms: int
    heir_id: int | None = None
    """The account of that wallet; it gets what is left in the wallets of message types too."""
    type_entry_ids: tuple[int, ...] = ()
    audit: tuple[AuditEntry, ...] = ()


@one_by_one("change_account", whole=True)
def change(connection: Connection, item: AccountChange) -> None:
    row = _living(connection, item.account_id)
    values = dict(item.values)
    if item.enabled is not None and item.enabled != row.enabled:
        values |= {"enabled": item.enabled, "deactivated_ms": None if item.enabled else item.at_ms}
    if item.grant or item.revoke:
        values["permissions"] = change_permissions(row.permissions, item.grant, item.revoke)
    if values:
        changed = update(accounts).where(accounts.c.account_id == item.account_id)
        with free_username(connection, str(values.get("username", ""))):
            connection.execute(changed.values(**values))
    if item.rotation is not None:
        replace_credentials(connection, item.rotation)
    if item.record is not None:
        put_record(connection, item.account_id, item.record)
    if item.transfer is not None:
        transfer(connection, item.transfer)
    insert_rows(connection, audit_entries, item.audit)


@one_by_one("delete_account", whole=True)
def delete(connection: Connection, item: AccountDeletion) -> None:
    row = _living(connection, item.account_id)
    is_below = accounts.c.parent_id == item.account_id
    if is_any(connection, is_below, accounts.c.deleted_ms.is_(None)):
        raise Refused(RefusalCode.INVALID_FIELD, "account", "there are users below it")
    connection.execute(
        update(accounts)
        .where(accounts.c.account_id == item.account_id)
        .values(
            username=item.username,
            enabled=False,
            deactivated_ms=row.deactivated_ms or item.at_ms,
            deleted_ms=item.at_ms,
        )
    )
    connection.execute(
        update(credentials)
        .where(credentials.c.account_id == item.account_id, credentials.c.revoked_ms.is_(None))
        .values(revoked_ms=item.at_ms)
    )
    connection.execute(remove(smpp_logins).where(smpp_logins.c.account_id == item.account_id))
    _remove_people(connection, item.account_id, item.at_ms)
    if item.heir_id is not None:
        bequeath(connection, item.account_id, item.heir_id, iter(item.type_entry_ids))
    _bequeath_credits(connection, item, row.username)
    insert_rows(connection, audit_entries, item.audit)


def _bequeath_credits(connection: Connection, item: AccountDeletion, username: str) -> None:
    """Gives what is left in the account's wallet to its heir, if that has a limit."""
    left, heir = balance(connection, item.wallet_id), item.heir
    if heir is None or left.available <= 0 or left.unlimited or is_unlimited(connection, heir):
        return
    giver_entry_id, taker_entry_id = item.entry_ids
    transfer(
        connection,
        Transfer(
            giver=item.wallet_id,
            taker=heir,
            giver_entry_id=giver_entry_id,
            taker_entry_id=taker_entry_id,
            amount=left.available,
            note=f"left by {username}",
        ),
    )


def _remove_people(connection: Connection, account_id: int, at_ms: int) -> None:
    """Deletes the people of an account; their names are free from now on."""
    name = people.c.name + " (deleted " + cast(people.c.person_id, Text) + ")"
    gone = dict.fromkeys(("password", "issuer", "subject", "invitation", "invited_until_ms"))
    of_account = (people.c.account_id == account_id, people.c.deleted_ms.is_(None))
    connection.execute(
        update(people).where(*of_account).values(name=name, enabled=False, deleted_ms=at_ms, **gone)
    )
    for table in (second_factors, sign_in_policies, saved_searches, console_sessions):
        connection.execute(remove(table).where(table.c.account_id == account_id))


def _living(connection: Connection, account_id: int) -> Row[Any]:
    query = select(accounts).where(
        accounts.c.account_id == account_id, accounts.c.deleted_ms.is_(None)
    )
    row = connection.execute(query).first()
    return existing(row, Refused(RefusalCode.NOT_FOUND, str(account_id), "user"))


def load_views(connection: Connection, top: Account) -> list[AccountView]:
    """An account and all below it, enabled or not, in the order of creation."""
    return _views(connection, ACCOUNT_AND_WALLET.where(_at_or_below(top)))


def search_below(
    connection: Connection, top: Account, name: str, offset: int, limit: int
) -> tuple[list[AccountView], int]:
    """A page of an account and those below it by user name, in tree order, and the total."""
    conditions = [_at_or_below(top), accounts.c.deleted_ms.is_(None)]
    if name:
        conditions.append(contains_pieces(connection.dialect.name, accounts.c.username, (name,)))
    total = count(connection, *conditions)
    path: ColumnElement[str] = accounts.c.path
    if connection.dialect.name == "postgresql":  # elsewhere texts are sorted by their octets
        path = collate(path, "C")
    views = _page(connection, conditions, path, offset, limit)
    return sorted(views, key=lambda view: view.account.path), total


def load_names(
    connection: Connection, top: Account, account_ids: Iterable[int], living: bool = False
) -> dict[int, str]:
    """User names of those accounts, all or not deleted ones, that are at or below one."""
    query = select(accounts.c.account_id, accounts.c.username).where(
        is_one_of(connection.dialect.name, accounts.c.account_id, list(account_ids)),
        _at_or_below(top),
    )
    if living:
        query = query.where(accounts.c.deleted_ms.is_(None))
    return {row.account_id: row.username for row in connection.execute(query)}


def load_children(
    connection: Connection, parent_id: int, offset: int, limit: int
) -> tuple[list[AccountView], int]:
    """The direct subaccounts of one, in the order of creation, and the total."""
    children = (accounts.c.parent_id == parent_id, accounts.c.deleted_ms.is_(None))
    views = _page(connection, children, accounts.c.account_id, offset, limit)
    return views, count(connection, *children)


def find_child(connection: Connection, parent_id: int, name: str) -> AccountView | None:
    """A direct subaccount, by identifier or by user name."""
    for column, value in (
        (accounts.c.account_id, parse_number(name)),
        (accounts.c.username, name if name.isprintable() else None),
    ):
        if value is not None:
            query = ACCOUNT_AND_WALLET.where(column == value, accounts.c.parent_id == parent_id)
            found = _views(connection, query)
            if found:
                return found[0]
    return None


def find_view(connection: Connection, account_id: int) -> AccountView | None:
    """An account that is not deleted."""
    found = _views(connection, ACCOUNT_AND_WALLET.where(accounts.c.account_id == account_id))
    return found[0] if found else None


def _page(
    connection: Connection,
    conditions: Sequence[ColumnElement[bool]],
    order: ColumnElement[Any],
    offset: int,
    limit: int,
) -> list[AccountView]:
    page = select(accounts.c.account_id).where(*conditions).order_by(order)
    these = accounts.c.account_id.in_(page.offset(offset).limit(limit))
    return _views(connection, ACCOUNT_AND_WALLET.where(these))


def _views(connection: Connection, query: Select[Any]) -> list[AccountView]:
    living = query.where(accounts.c.deleted_ms.is_(None)).order_by(accounts.c.account_id)
    rows = connection.execute(living).all()
    return [
        AccountView(
            account=account,
            balance=Balance(row.available, row.held, row.spent, row.unlimited),
            created_ms=row.created_ms,
            deactivated_ms=row.deactivated_ms,
        )
        for row, account in zip(rows, to_accounts(connection, rows), strict=True)
    ]


def _at_or_below(top: Account) -> ColumnElement[bool]:
    return or_(accounts.c.path == top.path, accounts.c.path.like(f"{top.path}/%"))
