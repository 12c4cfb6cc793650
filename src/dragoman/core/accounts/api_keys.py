"""Several API keys of an account: named, limited, rotated with an overlap, revoked one by one.

`Accounts.authenticate_key` checks them. When one was used is stored about once a minute.
"""

from __future__ import annotations

from typing import Final, TypeVar

from dragoman.core.accounts.account_fields import AccountFields, render_fields
from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.credentials import digest_of_key, new_key
from dragoman.core.accounts.model.accounts import Account, CredentialKind
from dragoman.core.accounts.model.api_keys import ApiKey, KnownKey, read_key_name, read_scopes
from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.sql import api_keys as stored
from dragoman.core.accounts.sql.api_keys import KeyChange, KeyEnd, NewKey
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.storage.engine import Storage
from dragoman.storage.writer import Operation

Item = TypeVar("Item")

MAX_OVERLAP_S: Final = 365 * 86_400
MAX_KEYS: Final = 100
"""Valid ones of an account, those that end after an overlap included."""


@use_case(kw_only=True)
class ApiKeys:
    """Manages the keys of accounts; `apis` are the names of those that there are."""

    storage: Storage
    accounts: Accounts
    clock: Clock
    apis: frozenset[str]

    async def of_account(self, account: Account) -> list[ApiKey]:
        """The keys of an account that are neither revoked nor expired, oldest first."""
        now_ms, account_id = self.clock.now_ms(), account.account_id
        await self.accounts.note_key_uses()
        return await self.storage.read(lambda c: stored.load(c, account_id, now_ms))

    async def find(self, account: Account, key_id: int) -> ApiKey:
        """A valid key of an account; raises `Refused`."""
        return _of_id(await self.of_account(account), key_id)

    async def find_by_secret(self, secret: str) -> KnownKey:
        """A key that is not revoked, and its limits; raises `Refused`."""
        kind, digest = CredentialKind.API_KEY, digest_of_key(secret)
        known = await self.storage.read(lambda c: stored.find(c, kind, digest))
        if known is None:
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="unknown key")
        return known

    async def create(
        self,
        account: Account,
        name: str,
        *,
        scopes: frozenset[str] = frozenset(),
        allowed_addresses: str = "",
        expires_ms: int | None = None,
        audit: tuple[AuditEntry, ...] = (),
    ) -> tuple[ApiKey, str]:
        """A new key beside the others, and its secret, which is shown this once."""
        self._check_expiry(expires_ms)
        _check_room(await self.of_account(account))
        secret = new_key()
        item = NewKey(
            credential=self.accounts.credentials.of_key(account.account_id, secret),
            name=read_key_name(name),
            scopes=tuple(read_scopes(scopes, self.apis)),
            allowed_addresses=_read_addresses(allowed_addresses),
            expires_ms=expires_ms,
            audit=audit,
        )
        await self.accounts.write(stored.create, item, account.account_id)
        return await self.find(account, item.credential.credential_id), secret

    async def rotate(
        self,
        account: Account,
        key_id: int,
        overlap_s: int,
        audit: tuple[AuditEntry, ...] = (),
    ) -> tuple[ApiKey, str]:
        """A new key for what another one is good for; that one ends after an overlap."""
        if not 0 <= overlap_s <= MAX_OVERLAP_S:
            raise Refused(RefusalCode.INVALID_FIELD, "overlap", f"0 to {MAX_OVERLAP_S} seconds")
        keys = await self.of_account(account)
        old = _of_id(keys, key_id)
        _check_room(keys)
        secret = new_key()
        item = NewKey(
            credential=self.accounts.credentials.of_key(account.account_id, secret),
            name=old.name,
            scopes=tuple(old.limits.scopes),
            allowed_addresses=old.limits.allowed_addresses.text,
            expires_ms=old.limits.expires_ms,
            replaces=key_id,
            ends_ms=self.clock.now_ms() + overlap_s * 1000,
            audit=audit,
        )
        await self.accounts.write(stored.create, item, account.account_id)
        return await self.find(account, item.credential.credential_id), secret

    async def change(
        self,
        account: Account,
        key_id: int,
        *,
        name: str,
        scopes: frozenset[str],
        allowed_addresses: str,
        expires_ms: int | None,
        audit: tuple[AuditEntry, ...] = (),
    ) -> ApiKey:
        """Changes what a key is called and good for, effective immediately."""
        self._check_expiry(expires_ms)
        item = KeyChange(
            account_id=account.account_id,
            key_id=key_id,
            name=read_key_name(name),
            scopes=tuple(read_scopes(scopes, self.apis)),
            allowed_addresses=_read_addresses(allowed_addresses),
            expires_ms=expires_ms,
            audit=audit,
        )
        await self._write(stored.change, item, account, key_id)
        return await self.find(account, key_id)

    async def revoke(
        self, account: Account, key_id: int, audit: tuple[AuditEntry, ...] = ()
    ) -> None:
        """Ends a key immediately; raises `Refused`."""
        at_ms = self.clock.now_ms()
        item = KeyEnd(account_id=account.account_id, key_id=key_id, at_ms=at_ms, audit=audit)
        await self._write(stored.end, item, account, key_id)

    async def _write(
        self, operation: Operation[Item, bool], item: Item, account: Account, key_id: int
    ) -> None:
        try:
            there_was = await self.storage.writer.write(operation, item)
        finally:
            self.accounts.forget(account.account_id)
        if not there_was:
            raise Refused(RefusalCode.NOT_FOUND, str(key_id), "key")

    def _check_expiry(self, expires_ms: int | None) -> None:
        if expires_ms is not None and expires_ms <= self.clock.now_ms():
            raise Refused(RefusalCode.INVALID_FIELD, "expires", "must be in the future")


def _of_id(keys: list[ApiKey], key_id: int) -> ApiKey:
    for key in keys:
        if key.key_id == key_id:
            return key
    raise Refused(RefusalCode.NOT_FOUND, str(key_id), "key")


def _check_room(keys: list[ApiKey]) -> None:
    if len(keys) >= MAX_KEYS:
        raise Refused(RefusalCode.INVALID_FIELD, "keys", f"at most {MAX_KEYS}: revoke one first")


def _read_addresses(text: str) -> str:
    """Addresses as they are stored; raises `Refused`."""
    return str(render_fields(AccountFields(allowed_addresses=text))["allowed_addresses"])
