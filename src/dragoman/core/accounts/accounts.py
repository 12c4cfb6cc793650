"""Accounts: authentication of callers, allowed addresses, and keys.

Authenticated accounts are cached under a digest of the key, or a keyed digest of the password, with
the permissions that result from the accounts above. A change of an account ends what is cached of
it and of all below it, so a revoked key is refused at once; what is cached of others stays.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import NamedTuple, NoReturn, TypeVar

import msgspec

from dragoman.core.accounts.account_fields import AccountFields, read_fields, render_fields
from dragoman.core.accounts.changes import AccountChanges
from dragoman.core.accounts.credentials import Credentials, digest_of_key, md5_of_password, new_key
from dragoman.core.accounts.model.accounts import (
    DEFAULT_PERMISSIONS,
    Account,
    AccountRecord,
    CredentialKind,
    Permission,
    narrow,
)
from dragoman.core.accounts.model.api_keys import ApiCall, KeyLimits
from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.sql import account_tree, accounts, api_keys
from dragoman.core.accounts.sql.account_tree import AccountChange
from dragoman.core.billing.model.payments import MAX_CREDITS
from dragoman.core.billing.model.wallets import Balance
from dragoman.core.billing.sql import wallets
from dragoman.core.model.errors import RefusalCode, Refused, existing
from dragoman.core.placement.placement import Placement
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource, render_base36
from dragoman.kit.signal import Signal
from dragoman.storage.engine import Storage
from dragoman.storage.writer import Operation

__all__ = ["Accounts", "CreatedAccount", "digest_of_key", "md5_of_password", "new_key"]

MAX_DEPTH = 16
"""Accounts from a root to the lowest one below it."""
PATH_DIGITS = 6
"""Of a short ID in base 36, so that paths sort in the order of creation."""
MAX_REMEMBERED = 10_000
FIRST_DELAY_S = 0.1
MAX_DELAY_S = 5.0

Item = TypeVar("Item")
_API_KEY = CredentialKind.API_KEY  # looked up for every call otherwise


class CreatedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A new account and its secrets, which are shown only once."""

    account: Account
    api_key: str
    password: str


class _Known(NamedTuple):
    """An account that was authenticated."""

    generation: int
    """When it was read."""
    account: Account
    credential_id: int = 0
    """The API key, or the token; 0 for other ways."""
    limits: KeyLimits | None = None


class Accounts:
    """Authenticates callers and administers accounts."""

    def __init__(
        self,
        *,
        storage: Storage,
        ids: IdSource,
        clock: Clock,
        placement: Placement | None = None,
    ) -> None:
        self._storage = storage
        self.placement = placement or Placement(storage=storage, clock=clock)
        self._ids = ids
        self._clock = clock
        self.credentials = Credentials(ids=ids, clock=clock)
        self._secret = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, _Known] = OrderedDict()
        self._used_keys: set[int] = set()
        """API keys that were used and are not noted yet."""
        self._senders: dict[int, tuple[int, frozenset[str]]] = {}
        """By account, as of a generation."""
        self.changes = AccountChanges()
        """Of accounts, their credentials and senders."""
        self._failures: OrderedDict[str, int] = OrderedDict()
        self.changed: Signal[[Collection[int]]] = Signal()
        """After each change of accounts: of those named, and so of all below them; of every one
        where none is named."""
        self.signed_out: Signal[[int, str]] = Signal()
        """After the tokens of an account ended; what is kept in memory ends too, but a session."""

    async def authenticate_key(
        self,
        key: str,
        address: str,
        kind: CredentialKind = CredentialKind.API_KEY,
        call: ApiCall | None = None,
    ) -> Account:
        """The account of an API key, or of an access token; raises `Refused`.

        `call` is what the key is used for, which must be within its scopes if it has any.
        """
        digest = digest_of_key(key)
        is_api_key = kind is _API_KEY
        memory_key = digest if is_api_key else kind.encode() + digest
        known = self._known(memory_key)
        if known is None:
            generation = self.changes.generation
            await self.placement.check_key(digest)
            found = await self._storage.read(lambda c: api_keys.find(c, kind, digest))
            if found is None:
                await self._delay_failure(address)
                raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="unknown key")
            known = _Known(generation, found.account, found.credential_id, found.limits)
            self._remember(memory_key, known)
        if known.limits is not None:
            known.limits.check(call, address, self._clock.now_ms())
        if is_api_key:
            self._used_keys.add(known.credential_id)
        return _admit(known.account, address)

    async def note_key_uses(self) -> None:
        """Stores which API keys were used since the last time; called about once a minute."""
        used, self._used_keys = self._used_keys, set()
        if used:
            uses = api_keys.KeyUses(key_ids=tuple(sorted(used)), at_ms=self._clock.now_ms())
            await self._storage.writer.write(api_keys.note_uses, uses)

    async def admit(self, account_id: int, address: str) -> Account:
        """The account of a caller that was authenticated elsewhere; raises `Refused`."""
        memory_key = b"%d" % account_id
        known = self._known(memory_key)
        if known is None:
            generation = self.changes.generation
            await self.placement.check_identifier(account_id)
            account = await self.find_by_id(account_id)
            if account is None:
                await self._delay_failure(address)
                raise Refused(RefusalCode.NOT_FOUND, str(account_id), "account")
            known = _Known(generation, account)
            self._remember(memory_key, known)
        return _admit(known.account, address)

    async def refuse_login(self, who: str) -> NoReturn:
        """Refuses a caller with a wrong secret that was checked elsewhere, after a delay."""
        await self._delay_failure(who)
        raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="wrong name or secret")

    async def authenticate_password(
        self, username: str, password: str, address: str, kind: CredentialKind
    ) -> Account:
        """The account with a user name and password, or its MD5; raises `Refused`."""
        memory_key = hmac.digest(
            self._secret,
            f"{kind}\0{username}\0{password}".encode("utf-8", "surrogatepass"),
            "sha256",
        )
        known = self._known(memory_key)
        if known is None:
            generation = self.changes.generation
            await self.placement.check("username", username)
            account = await self._verify(username, password, kind)
            if account is None:
                await self._delay_failure(f"{username}\0{address}")
                raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="wrong name or password")
            known = _Known(generation, account)
            self._remember(memory_key, known)
        return _admit(known.account, address)

    async def verify_password(
        self, account_id: int | None, password: str, who: str, kind: CredentialKind
    ) -> Account:
        """The account if the password is its own, enabled or not; raises `Refused`.

        Without an account this takes as long as with one. Failures of `who` are delayed.
        """
        if account_id is not None:
            await self.placement.check_identifier(account_id)
        account = await self.find_by_id(account_id) if account_id is not None else None
        account = await self._with_password(account, password, kind)
        if account is None:
            await self._delay_failure(who)
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="wrong name or password")
        return account

    async def _verify(self, username: str, password: str, kind: CredentialKind) -> Account | None:
        account = None
        if username.isprintable():  # no other name exists, and databases take not every string
            account = await self._storage.read(lambda c: accounts.find_by_username(c, username))
        return await self._with_password(account, password, kind)

    async def _with_password(
        self, account: Account | None, password: str, kind: CredentialKind
    ) -> Account | None:
        digests: Sequence[bytes] = ()
        if account is not None and _may_log_in(account, kind):
            found = account
            digests = await self._storage.read(
                lambda c: accounts.load_digests(c, found.account_id, kind)
            )
        # A name that does not exist costs the same time as a wrong password.
        matches = await self.credentials.matches(digests, password)
        return account if matches and digests else None

    async def approved_senders(self, account: Account) -> frozenset[str]:
        """The senders approved for this account, besides those allowed to every account."""
        generation, approved = self._senders.get(account.account_id, (-1, frozenset()))
        now = self.changes.generation
        if generation != now:
            if generation < 0 or self.changes.since(generation, account):
                approved = await self._storage.read(
                    lambda c: accounts.load_approved_senders(c, account.account_id)
                )
            if len(self._senders) > MAX_REMEMBERED:
                self._senders.clear()
            self._senders[account.account_id] = (now, approved)
        return approved

    async def create(
        self,
        username: str,
        *,
        password: str | None = None,
        api_key: str | None = None,
        credits: int | None = None,
        allowed_addresses: str = "",
        legacy_md5: bool = False,
        default_sender: str = "",
        time_zone: str = "",
        parent: Account | None = None,
        permissions: frozenset[Permission] | None = None,
        fields: AccountFields | None = None,
        giver: Account | None = None,
        record: AccountRecord | None = None,
        audit: AuditEntry | None = None,
    ) -> CreatedAccount:
        """Creates an account with a wallet; `credits` None is unlimited. Raises `Refused`.

        It is a subaccount of `parent`, limited to what that has. Its credits come from `giver`, by
        default from the operator. `fields` are those without an argument here; `audit` is stored
        with it, as an entry about the new account.
        """
        if credits is not None and not 0 <= credits <= MAX_CREDITS:
            raise Refused(RefusalCode.INVALID_FIELD, "credits", "not negative")
        given = AccountFields(
            username=username,
            allowed_addresses=allowed_addresses,
            default_sender=default_sender,
            time_zone=time_zone,
        )
        values = read_fields(given) | read_fields(fields or AccountFields())
        if parent is None:
            self.placement.check_new_root(username)
        account_id = await self._storage.short_ids.next()
        if permissions is None:
            permissions = DEFAULT_PERMISSIONS
        if legacy_md5:
            permissions |= {Permission.LEGACY_LOGIN}
        path = render_base36(account_id).zfill(PATH_DIGITS)
        if parent is not None:
            path = f"{parent.path}/{path}"
            if path.count("/") >= MAX_DEPTH:
                raise Refused(RefusalCode.INVALID_FIELD, "parent", "too many accounts above")
        account = Account(
            account_id=account_id,
            wallet_id=self._ids.next(),
            path=path,
            parent_id=parent.account_id if parent is not None else None,
            permissions=permissions,
            **values,
        )
        api_key = new_key() if api_key is None else api_key
        password = password or secrets.token_urlsafe(16)
        opening = None
        if credits:
            note = "opening balance"
            opening = self.transfer(account.wallet_id, credits, note, giver)
        new = accounts.NewAccount(
            account=account,
            unlimited=credits is None,
            credentials=(
                self.credentials.of_key(account_id, api_key),
                *await self.credentials.of_password(account_id, password, legacy_md5=legacy_md5),
            ),
            created_ms=self._clock.now_ms(),
            giver=giver.wallet_id if giver is not None else None,
            opening=opening,
            record=record,
            audit=() if audit is None else (msgspec.structs.replace(audit, account_id=account_id),),
        )
        await self.write(accounts.create, new, account_id)
        narrowed = narrow(account, [parent] if parent is not None else [])
        return CreatedAccount(account=narrowed, api_key=api_key, password=password)

    def transfer(
        self, wallet_id: int, credits: int, note: str, giver: Account | None
    ) -> wallets.Transfer:
        """A transfer of credits into a wallet, from an account or from the operator."""
        return wallets.Transfer(
            giver=giver.wallet_id if giver is not None else None,
            taker=wallet_id,
            giver_entry_id=self._ids.next(),
            taker_entry_id=self._ids.next(),
            amount=credits,
            note=note,
        )

    async def top_up(self, account: Account, credits: int, note: str) -> None:
        """Adds credits to an account's wallet, or removes them; raises `Refused`."""
        item = wallets.TopUp(account.wallet_id, self._ids.next(), credits, note)
        await self._storage.writer.write(wallets.top_up, item)

    async def set_enabled(self, username: str, enabled: bool) -> Account:
        """Enables or disables an account immediately; raises `Refused`."""
        return await self.change(username, enabled=enabled)

    async def change(
        self,
        username: str,
        fields: AccountFields | None = None,
        *,
        enabled: bool | None = None,
        grant: frozenset[Permission] = frozenset(),
        revoke: frozenset[Permission] = frozenset(),
        credits: int = 0,
        audit: tuple[AuditEntry, ...] = (),
    ) -> Account:
        """Applies an operator's changes; negative `credits` are removed. Raises `Refused`."""
        account = await self.find(username)
        change = AccountChange(
            account_id=account.account_id,
            at_ms=self._clock.now_ms(),
            values=render_fields(fields or AccountFields()),
            enabled=enabled,
            grant=tuple(grant),
            revoke=tuple(revoke),
            transfer=self.transfer(account.wallet_id, credits, "operator", None)
            if credits
            else None,
            audit=audit,
        )
        await self.write(account_tree.change, change, account.account_id)
        return await self.find_by_id(account.account_id) or account

    async def rotate_key(self, username: str, api_key: str | None = None) -> str:
        """Revokes every API key of an account and issues a new one; raises `Refused`."""
        account = await self.find(username)
        api_key = new_key() if api_key is None else api_key
        rotation = accounts.CredentialRotation(
            account_id=account.account_id,
            revoke_kinds=(CredentialKind.API_KEY,),
            credentials=(self.credentials.of_key(account.account_id, api_key),),
            at_ms=self._clock.now_ms(),
        )
        await self.write(accounts.rotate, rotation, account.account_id)
        return api_key

    async def change_password(self, account: Account, current: str, new: str, address: str) -> None:
        """Replaces an account's password, given the current one; raises `Refused`."""
        await self.authenticate_password(
            account.username, current, address, CredentialKind.PASSWORD
        )
        await self.set_password(account, new)

    async def set_password(self, account: Account, password: str, *, session: str = "") -> None:
        """Sets the password of an account, and of its legacy login; raises `Refused`.

        All that was got for the old one ends, except the session that sets it.
        """
        legacy = account.may(Permission.LEGACY_LOGIN)
        made = await self.credentials.of_password(account.account_id, password, legacy_md5=legacy)
        rotation = accounts.CredentialRotation(
            account_id=account.account_id,
            revoke_kinds=(CredentialKind.PASSWORD, CredentialKind.LEGACY_MD5),
            credentials=tuple(made),
            at_ms=self._clock.now_ms(),
        )
        await self.write(accounts.rotate, rotation, account.account_id)
        self.signed_out(account.account_id, session)

    async def end_tokens(self, account: Account, audit: AuditEntry) -> None:
        """Ends every token of every dialect and every session of an account immediately."""
        end = accounts.TokensEnd(
            account_id=account.account_id, at_ms=self._clock.now_ms(), audit=(audit,)
        )
        await self.write(accounts.end_tokens, end, account.account_id)
        self.signed_out(account.account_id, "")

    async def find(self, username: str) -> Account:
        """The account with a user name; raises `Refused`."""
        await self.placement.check("username", username)
        account = None
        if username.isprintable():  # no other name exists, and databases take not every string
            account = await self._storage.read(lambda c: accounts.find_by_username(c, username))
        return existing(account, Refused(RefusalCode.NOT_FOUND, username, "no such account"))

    async def find_by_id(self, account_id: int) -> Account | None:
        """The account with an identifier."""
        return await self._storage.read(lambda c: accounts.find_by_id(c, account_id))

    async def count(self) -> int:
        """How many accounts there are."""
        return await self._storage.read(accounts.count_all)

    async def list_all(self) -> list[Account]:
        """Every account, in the order of creation."""
        return await self._storage.read(accounts.load_all)

    async def balance(self, account: Account) -> Balance:
        """The balance of the account's wallet."""
        return await self._storage.read(lambda c: wallets.balance(c, account.wallet_id))

    async def list_some(self, account_ids: Collection[int]) -> list[Account]:
        """Some accounts and all below them, without deleted ones, in the order of creation."""
        return await self._storage.read(lambda c: accounts.load_some(c, account_ids))

    async def write(self, operation: Operation[Item, None], item: Item, *account_ids: int) -> None:
        """Writes a change to some accounts, or to any where none is named; raises `Refused`."""
        try:
            await self._storage.writer.write(operation, item)
        finally:
            self.forget(*account_ids)

    def forget(self, *account_ids: int) -> None:
        """Reads accounts, and those below them, again; all where none is named.

        Called after each change.
        """
        self.changes.note(account_ids)
        self.changed(account_ids)

    def _known(self, key: bytes) -> _Known | None:
        known = self._remembered.get(key)
        if known is not None and known.generation != self.changes.generation:
            if self.changes.since(known.generation, known.account):
                return None
            known = known._replace(generation=self.changes.generation)
            self._remembered[key] = known
        return known

    def _remember(self, key: bytes, known: _Known) -> None:
        self._remembered[key] = known
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)

    async def _delay_failure(self, who: str) -> None:
        """Delays the answer to repeated failures, increasingly; never locks an account."""
        failures = self._failures.pop(who, 0)
        self._failures[who] = failures + 1
        if len(self._failures) > MAX_REMEMBERED:
            self._failures.popitem(last=False)
        await asyncio.sleep(min(FIRST_DELAY_S * 2 ** min(failures, 10), MAX_DELAY_S))


def _may_log_in(account: Account, kind: CredentialKind) -> bool:
    return kind is not CredentialKind.LEGACY_MD5 or account.may(Permission.LEGACY_LOGIN)


def _admit(account: Account, address: str) -> Account:
    if not account.enabled:
        raise Refused(RefusalCode.AUTHENTICATION_FAILED, account.username, "account is disabled")
    if not account.allowed_addresses.allow(address):
        raise Refused(RefusalCode.ADDRESS_NOT_ALLOWED, address)
    return account
