"""Accounts with their wallets and credentials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from dragoman.core.accounts.model.accounts import (
    Account,
    AccountDetails,
    AccountRecord,
    CredentialKind,
    Permission,
    narrow,
)
from dragoman.core.accounts.model.allowed_addresses import parse_allowed_addresses
from dragoman.core.accounts.model.allowed_prefixes import parse_allowed_prefixes
from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.model.senders import APPROVED_STATES
from dragoman.core.accounts.sql.scoped_tokens import revoke_all
from dragoman.core.accounts.sql.tables import (
    account_records,
    accounts,
    audit_entries,
    console_sessions,
    credentials,
    one_time_links,
    people,
    senders,
)
from dragoman.core.billing.model.payments import Payer
from dragoman.core.billing.sql.tables import wallets
from dragoman.core.billing.sql.wallets import Transfer, add_wallet, is_unlimited, transfer
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.rows import insert_rows, is_any, is_one_of, put_row, row_of
from dragoman.storage.work import one_by_one

ACCOUNT_AND_WALLET = (
    select(
        accounts,
        wallets.c.wallet_id,
        wallets.c.unlimited,
        *(wallets.c[side] for side in ("available", "held", "spent")),
    )
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
    giver: int | None = None
    """The wallet of the account that makes this one; its limit is not to be got around."""
    opening: Transfer | None = None
    record: AccountRecord | None = None
    audit: tuple[AuditEntry, ...] = ()


class CredentialRotation(msgspec.Struct, frozen=True, kw_only=True):
    """New credentials, and the kinds whose old ones they replace."""

    account_id: int
    revoke_kinds: tuple[str, ...]
    credentials: tuple[NewCredential, ...]
    at_ms: int


class TokensEnd(msgspec.Struct, frozen=True, kw_only=True):
    """Ends all that was got for the password of an account."""

    account_id: int
    at_ms: int
    audit: tuple[AuditEntry, ...] = ()


class TokenIssue(msgspec.Struct, frozen=True, kw_only=True):
    """A credential to add to others of its kind; the oldest beyond `most` are removed."""

    credential: NewCredential
    most: int


@one_by_one("create_account", whole=True)
def create(connection: Connection, item: NewAccount) -> None:
    _check_parent(connection, item)
    with free_username(connection, item.account.username):
        _insert(connection, item)
    if item.opening is not None:
        transfer(connection, item.opening)
    insert_rows(connection, audit_entries, item.audit)


@contextmanager
def free_username(connection: Connection, username: str) -> Iterator[None]:
    """Refuses, in a block, a user name that another account or a person has."""
    if username and is_any(connection, people.c.name == username.lower()):
        raise Refused(RefusalCode.ALREADY_EXISTS, username, "user name")
    try:
        yield
    except IntegrityError as error:
        raise Refused(RefusalCode.ALREADY_EXISTS, username, "user name") from error


def _check_parent(connection: Connection, item: NewAccount) -> None:
    if item.account.parent_id is not None:
        is_parent = accounts.c.account_id == item.account.parent_id
        if not is_any(connection, is_parent, accounts.c.deleted_ms.is_(None)):
            raise Refused(RefusalCode.NOT_FOUND, str(item.account.parent_id), "user")
    if item.unlimited and item.giver is not None and not is_unlimited(connection, item.giver):
        raise Refused(RefusalCode.PERMISSION_DENIED, "credits")


def _insert(connection: Connection, item: NewAccount) -> None:
    account = item.account
    connection.execute(
        insert(accounts).values(
            **{name: getattr(account, name) for name in _ALIKE if name in accounts.c},
            enabled=account.enabled,
            permissions=render_permissions(account.permissions),
            allowed_addresses=account.allowed_addresses.text,
            created_ms=item.created_ms,
            prefixes=account.prefixes.text,
            details=render_details(account.details),
            payer=account.payer.value,
            message_types=render_types(account.message_types),
        )
    )
    add_wallet(connection, account.wallet_id, account.account_id, "credits", item.unlimited)
    insert_rows(connection, credentials, item.credentials)
    if item.record is not None:
        put_record(connection, account.account_id, item.record)


def put_record(connection: Connection, account_id: int, record: AccountRecord) -> None:
    """Stores what an API keeps of an account, replacing the earlier record."""
    put_row(connection, account_records, {"account_id": account_id, **row_of(record)})


def load_records(
    connection: Connection, dialect: str, account_ids: Iterable[int]
) -> dict[int, str]:
    """The records that an API keeps of some accounts, by account."""
    query = select(account_records.c.account_id, account_records.c.record).where(
        account_records.c.dialect == dialect, account_records.c.account_id.in_(account_ids)
    )
    return {row.account_id: row.record for row in connection.execute(query)}


def replace_credentials(connection: Connection, rotation: CredentialRotation) -> None:
    """Replaces the credentials of some kinds; with a password, all that was got for it ends."""
    _revoke(connection, rotation.account_id, rotation.revoke_kinds, rotation.at_ms)
    if CredentialKind.PASSWORD in rotation.revoke_kinds:
        _end_tokens(connection, rotation.account_id, rotation.at_ms, also_of_people=False)
    insert_rows(connection, credentials, rotation.credentials)


rotate = one_by_one("rotate_credentials")(replace_credentials)


@one_by_one("end_tokens")
def end_tokens(connection: Connection, item: TokensEnd) -> None:
    _end_tokens(connection, item.account_id, item.at_ms, also_of_people=True)
    insert_rows(connection, audit_entries, item.audit)


def _end_tokens(
    connection: Connection, account_id: int, at_ms: int, *, also_of_people: bool
) -> None:
    """Ends tokens of every dialect, and what leads into the console."""
    tokens = (CredentialKind.ACCESS_TOKEN, CredentialKind.LOGIN_TOKEN)
    _revoke(connection, account_id, tokens, at_ms)
    revoke_all(connection, account_id, at_ms)
    connection.execute(delete(one_time_links).where(one_time_links.c.account_id == account_id))
    sessions = delete(console_sessions).where(console_sessions.c.account_id == account_id)
    if not also_of_people:
        sessions = sessions.where(console_sessions.c.person_id.is_(None))
    connection.execute(sessions)


def _revoke(connection: Connection, account_id: int, kinds: Iterable[str], at_ms: int) -> None:
    table = credentials.c
    revoked = update(credentials).where(
        table.account_id == account_id, table.kind.in_(kinds), table.revoked_ms.is_(None)
    )
    connection.execute(revoked.values(revoked_ms=at_ms))


@one_by_one("issue_token")
def issue_token(connection: Connection, item: TokenIssue) -> bool:
    """Whether an older token was removed."""
    new = item.credential
    insert_rows(connection, credentials, [new])
    of_account = (credentials.c.account_id == new.account_id, credentials.c.kind == new.kind)
    kept = (
        select(credentials.c.credential_id)
        .where(*of_account, credentials.c.revoked_ms.is_(None))
        .order_by(credentials.c.credential_id.desc())
        .limit(item.most)
    )
    oldest = min(connection.execute(kept).scalars())
    gone = delete(credentials).where(*of_account, credentials.c.credential_id < oldest)
    return connection.execute(gone).rowcount > 0


def find_by_digest(connection: Connection, kind: str, digest: bytes) -> Account | None:
    """The account with a valid credential of this digest."""
    query = ACCOUNT_AND_WALLET.join(
        credentials, credentials.c.account_id == accounts.c.account_id
    ).where(
        credentials.c.digest == digest,
        credentials.c.kind == kind,
        credentials.c.revoked_ms.is_(None),
    )
    return _first(connection, connection.execute(query).first())


def created_at(connection: Connection, kind: str, digest: bytes) -> int:
    """When the credential with this digest was created; 0 if there is none."""
    query = select(credentials.c.created_ms).where(
        credentials.c.digest == digest, credentials.c.kind == kind
    )
    return connection.execute(query).scalar() or 0


def find_by_username(connection: Connection, username: str) -> Account | None:
    """The account with that user name."""
    query = ACCOUNT_AND_WALLET.where(
        accounts.c.username == username, accounts.c.deleted_ms.is_(None)
    )
    return _first(connection, connection.execute(query).first())


def find_by_id(connection: Connection, account_id: int) -> Account | None:
    """The account with that identifier, even if deleted: it still owns what it sent."""
    query = ACCOUNT_AND_WALLET.where(accounts.c.account_id == account_id)
    return _first(connection, connection.execute(query).first())


def count_all(connection: Connection) -> int:
    """How many accounts are not deleted."""
    query = select(func.count()).select_from(accounts).where(accounts.c.deleted_ms.is_(None))
    return int(connection.scalar(query) or 0)


def load_all(connection: Connection) -> list[Account]:
    """Every account that is not deleted, in the order of creation."""
    query = ACCOUNT_AND_WALLET.where(accounts.c.deleted_ms.is_(None)).order_by(
        accounts.c.account_id
    )
    return to_accounts(connection, connection.execute(query).all())


def load_some(connection: Connection, account_ids: Iterable[int]) -> list[Account]:
    """Some accounts and all below them, without deleted ones, in the order of creation."""
    ids = list(account_ids)
    wanted = [is_one_of(connection.dialect.name, accounts.c.account_id, ids)]
    paths = select(accounts.c.path).where(wanted[0])
    wanted += [
        accounts.c.path.startswith(f"{path}/")
        for path in connection.execute(paths).scalars()
        if path
    ]
    query = ACCOUNT_AND_WALLET.where(or_(*wanted), accounts.c.deleted_ms.is_(None))
    return to_accounts(connection, connection.execute(query.order_by(accounts.c.account_id)).all())


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
    query = select(credentials.c.digest).where(*_valid(account_id, kind))
    return list(connection.execute(query).scalars())


def load_credential_times(
    connection: Connection, account_id: int, kind: CredentialKind
) -> list[int]:
    """When each of an account's valid credentials of a kind was created, oldest first."""
    query = select(credentials.c.created_ms).where(*_valid(account_id, kind))
    return list(connection.execute(query.order_by(credentials.c.credential_id)).scalars())


def _valid(account_id: int, kind: str) -> tuple[ColumnElement[bool], ...]:
    table = credentials.c
    return table.account_id == account_id, table.kind == kind, table.revoked_ms.is_(None)


def load_approved_senders(connection: Connection, account_id: int) -> frozenset[str]:
    """The senders an account may use."""
    query = select(senders.c.sender).where(
        senders.c.account_id == account_id,
        senders.c.state.in_(state.value for state in APPROVED_STATES),
    )
    return frozenset(connection.execute(query).scalars())


def render_permissions(permissions: frozenset[Permission]) -> str:
    """Permissions as they are stored."""
    return " ".join(sorted(permissions))


def parse_permissions(text: str) -> frozenset[Permission]:
    """The stored permissions that this version knows."""
    return frozenset(Permission(name) for name in text.split() if name in set(Permission))


def change_permissions(text: str, grant: Iterable[str], revoke: Iterable[str]) -> str:
    """Stored permissions with some added and removed; unknown names are kept."""
    return " ".join(sorted({*text.split(), *grant} - {*revoke}))


def render_types(types: frozenset[str] | None) -> str:
    """Names of message types as they are stored."""
    return " ".join(sorted(types or ()))


def parse_types(text: str) -> frozenset[str] | None:
    """The stored names of message types; None for all."""
    return frozenset(text.split()) or None


def render_details(details: AccountDetails) -> str:
    """Details as they are stored."""
    return msgspec.json.encode(details).decode()


def to_accounts(connection: Connection, rows: Sequence[Row[Any]]) -> list[Account]:
    """Rows of `ACCOUNT_AND_WALLET` as accounts, each narrowed by all above it."""
    own = {row.account_id: _own(row) for row in rows}
    missing = {above for account in own.values() for above in account.ancestor_ids} - own.keys()
    known = dict(own)
    if missing:
        query = ACCOUNT_AND_WALLET.where(accounts.c.account_id.in_(missing))
        known |= {row.account_id: _own(row) for row in connection.execute(query)}
    return [
        narrow(account, (known[above] for above in account.ancestor_ids))
        for account in own.values()
    ]


def _first(connection: Connection, row: Row[Any] | None) -> Account | None:
    return None if row is None else to_accounts(connection, [row])[0]


def _own(row: Row[Any]) -> Account:
    """The account of a row, before it is narrowed."""
    values = {name: row._mapping[name] for name in _ALIKE}
    return Account(
        **values,
        enabled=row.enabled and row.deleted_ms is None,
        permissions=parse_permissions(row.permissions),
        allowed_addresses=parse_allowed_addresses(row.allowed_addresses),
        prefixes=parse_allowed_prefixes(row.prefixes),
        details=msgspec.json.decode(row.details, type=AccountDetails),
        payer=Payer(row.payer),
        message_types=parse_types(row.message_types),
    )


_READ: Final = (
    *("enabled", "permissions", "allowed_addresses", "prefixes", "details", "payer"),
    "message_types",
)
_ALIKE: Final = tuple(name for name in Account.__struct_fields__ if name not in _READ)
"""Fields that hold what their columns hold."""
