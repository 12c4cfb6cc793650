"""API keys: the rows beside their credentials."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, insert, select, update

from dragoman.core.accounts.model.accounts import CredentialKind
from dragoman.core.accounts.model.allowed_addresses import parse_allowed_addresses
from dragoman.core.accounts.model.api_keys import (
    DEFAULT_NAME,
    ApiKey,
    KeyLimits,
    KnownKey,
)
from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.sql.accounts import (
    ACCOUNT_AND_WALLET,
    NewCredential,
    to_accounts,
)
from dragoman.core.accounts.sql.tables import accounts, api_keys, audit_entries, credentials
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.rows import insert_rows
from dragoman.storage.work import one_by_one

MAX_KEYS: Final = 100
"""Valid ones of an account."""


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key to store beside the others of its account."""

    credential: NewCredential
    name: str
    scopes: tuple[str, ...]
    allowed_addresses: str
    expires_ms: int | None
    replaces: int | None = None
    """A key that ends with this one, at `ends_ms`."""
    ends_ms: int | None = None
    audit: tuple[AuditEntry, ...] = ()


class KeyChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a key is called and good for from now on."""

    account_id: int
    key_id: int
    name: str
    scopes: tuple[str, ...]
    allowed_addresses: str
    expires_ms: int | None
    audit: tuple[AuditEntry, ...] = ()


class KeyEnd(msgspec.Struct, frozen=True, kw_only=True):
    """A key to revoke."""

    account_id: int
    key_id: int
    at_ms: int
    audit: tuple[AuditEntry, ...] = ()


class KeyUses(msgspec.Struct, frozen=True, kw_only=True):
    """Keys that were used lately."""

    key_ids: tuple[int, ...]
    at_ms: int


_ROWS = credentials.outerjoin(api_keys, api_keys.c.credential_id == credentials.c.credential_id)
_LIMITS = (
    api_keys.c.scopes,
    api_keys.c.allowed_addresses.label("key_addresses"),
    api_keys.c.expires_ms,
)


@one_by_one("create_api_key", whole=True)
def create(connection: Connection, item: NewKey) -> None:
    new = item.credential
    if len(load(connection, new.account_id, new.created_ms)) >= MAX_KEYS:
        raise Refused(RefusalCode.INVALID_FIELD, "name", f"an account has {MAX_KEYS} keys")
    insert_rows(connection, credentials, [new])
    _put(connection, new.account_id, new.credential_id, _values(item))
    if item.replaces is not None:
        _end_later(connection, new.account_id, item.replaces, item.ends_ms or new.created_ms)
    insert_rows(connection, audit_entries, item.audit)


@one_by_one("change_api_key", whole=True)
def change(connection: Connection, item: KeyChange) -> bool:
    """Whether there was such a key."""
    if not _is_valid(connection, item.account_id, item.key_id):
        return False
    _put(connection, item.account_id, item.key_id, _values(item))
    insert_rows(connection, audit_entries, item.audit)
    return True


@one_by_one("end_api_key", whole=True)
def end(connection: Connection, item: KeyEnd) -> bool:
    """Whether there was such a key."""
    if not _is_valid(connection, item.account_id, item.key_id):
        return False
    one = credentials.c.credential_id == item.key_id
    connection.execute(update(credentials).where(one).values(revoked_ms=item.at_ms))
    insert_rows(connection, audit_entries, item.audit)
    return True


@one_by_one("note_api_key_uses")
def note_uses(connection: Connection, item: KeyUses) -> None:
    """Stores when keys were used; one without a row gets one."""
    used = update(api_keys).where(api_keys.c.credential_id.in_(item.key_ids))
    connection.execute(used.values(used_ms=item.at_ms))
    known = select(api_keys.c.credential_id).where(api_keys.c.credential_id.in_(item.key_ids))
    missing = set(item.key_ids) - set(connection.execute(known).scalars())
    if not missing:
        return
    owners = select(credentials.c.credential_id, credentials.c.account_id).where(
        credentials.c.credential_id.in_(missing)
    )
    rows = [
        {
            "credential_id": row.credential_id,
            "account_id": row.account_id,
            "name": DEFAULT_NAME,
            "scopes": "",
            "allowed_addresses": "",
            "used_ms": item.at_ms,
        }
        for row in connection.execute(owners)
    ]
    if rows:
        connection.execute(insert(api_keys), rows)


def find(connection: Connection, kind: str, digest: bytes) -> KnownKey | None:
    """The account with a valid credential of this digest, and what narrows that."""
    query = (
        ACCOUNT_AND_WALLET.add_columns(credentials.c.credential_id, *_LIMITS)
        .join(credentials, credentials.c.account_id == accounts.c.account_id)
        .outerjoin(api_keys, api_keys.c.credential_id == credentials.c.credential_id)
        .where(
            credentials.c.digest == digest,
            credentials.c.kind == kind,
            credentials.c.revoked_ms.is_(None),
        )
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    limits = _limits_of(row)
    return KnownKey(
        account=to_accounts(connection, [row])[0],
        credential_id=row.credential_id,
        limits=None if limits.is_none else limits,
    )


def load(connection: Connection, account_id: int, now_ms: int) -> list[ApiKey]:
    """The keys of an account that are neither revoked nor expired, oldest first."""
    query = (
        select(
            credentials.c.credential_id,
            credentials.c.created_ms,
            api_keys.c.name,
            api_keys.c.used_ms,
            *_LIMITS,
        )
        .select_from(_ROWS)
        .where(
            credentials.c.account_id == account_id,
            credentials.c.kind == CredentialKind.API_KEY.value,
            credentials.c.revoked_ms.is_(None),
            (api_keys.c.expires_ms.is_(None)) | (api_keys.c.expires_ms > now_ms),
        )
        .order_by(credentials.c.credential_id)
    )
    return [
        ApiKey(
            key_id=row.credential_id,
            name=row.name or DEFAULT_NAME,
            limits=_limits_of(row),
            created_ms=row.created_ms,
            used_ms=row.used_ms,
        )
        for row in connection.execute(query)
    ]


def _limits_of(row: Any) -> KeyLimits:
    return KeyLimits(
        scopes=frozenset((row.scopes or "").split()),
        allowed_addresses=parse_allowed_addresses(row.key_addresses or ""),
        expires_ms=row.expires_ms,
    )


def _is_valid(connection: Connection, account_id: int, key_id: int) -> bool:
    table = credentials.c
    query = select(table.credential_id).where(
        table.credential_id == key_id,
        table.account_id == account_id,
        table.kind == CredentialKind.API_KEY.value,
        table.revoked_ms.is_(None),
    )
    return connection.execute(query).first() is not None


def _values(item: NewKey | KeyChange) -> dict[str, Any]:
    return {
        "name": item.name,
        "scopes": " ".join(sorted(item.scopes)),
        "allowed_addresses": item.allowed_addresses,
        "expires_ms": item.expires_ms,
    }


def _put(connection: Connection, account_id: int, key_id: int, values: dict[str, Any]) -> None:
    """Stores what is known of a key, and leaves when it was used."""
    one = api_keys.c.credential_id == key_id
    if connection.execute(update(api_keys).where(one).values(**values)).rowcount == 0:
        row = {"credential_id": key_id, "account_id": account_id, **values}
        connection.execute(insert(api_keys).values(**row))


def _end_later(connection: Connection, account_id: int, key_id: int, ends_ms: int) -> None:
    """Lets a key expire, unless it does so before."""
    if not _is_valid(connection, account_id, key_id):
        raise Refused(RefusalCode.NOT_FOUND, str(key_id), "key")
    one = api_keys.c.credential_id == key_id
    row = connection.execute(select(api_keys).where(one)).first()
    values: dict[str, Any] = {"name": DEFAULT_NAME, "scopes": "", "allowed_addresses": ""}
    if row is not None:
        values = {name: row._mapping[name] for name in ("name", "scopes", "allowed_addresses")}
    earlier = row.expires_ms if row is not None else None
    values["expires_ms"] = ends_ms if earlier is None else min(ends_ms, earlier)
    _put(connection, account_id, key_id, values)
