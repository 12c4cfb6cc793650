"""Accounts: who is calling, from where, and the keys they call with.

API keys are random and stored as SHA-256; passwords are Argon2id, verified in a thread and
remembered in memory under a keyed digest. Every change here drops what is remembered, so a revoked
key is refused from that moment on.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from typing import TypeVar

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dragoman.domain.accounts import (
    DEFAULT_PERMISSIONS,
    Account,
    CredentialKind,
    Permission,
)
from dragoman.domain.allowed_addresses import parse_allowed_addresses
from dragoman.domain.errors import RefusalCode, Refused
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage
from dragoman.storage.repositories import accounts, wallets
from dragoman.storage.writer import Operation

KEY_BYTES = 32
"""64 hexadecimal digits, the form the LINK manual shows."""
MIN_KEY_LENGTH = 16
MAX_NAME = 64
MAX_REMEMBERED = 10_000
MAX_ARGON2_THREADS = 2
FIRST_DELAY_S = 0.1
MAX_DELAY_S = 5.0

Item = TypeVar("Item")

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


class CreatedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A new account and its secrets, which are shown this once."""

    account: Account
    api_key: str
    password: str


class Accounts:
    """Authenticates callers and administers accounts."""

    def __init__(self, *, storage: Storage, ids: IdSource, clock: Clock) -> None:
        self._storage = storage
        self._ids = ids
        self._clock = clock
        self._hasher = PasswordHasher()
        self._hashing = asyncio.Semaphore(MAX_ARGON2_THREADS)
        self._secret = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, Account] = OrderedDict()
        self._senders: dict[int, frozenset[str]] = {}
        self._generation = 0
        """Counts changes, so that what was read before one is not remembered after it."""
        self._failures: OrderedDict[str, int] = OrderedDict()

    async def authenticate_key(self, key: str, address: str) -> Account:
        """The account of an API key; raises `Refused`."""
        digest = digest_of_key(key)
        account = self._remembered.get(digest)
        if account is None:
            generation = self._generation
            account = await self._storage.read(
                lambda c: accounts.find_by_digest(c, CredentialKind.API_KEY, digest)
            )
            if account is None:
                await self._delay_failure(address)
                raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="unknown API key")
            self._remember(digest, account, generation)
        return _admit(account, address)

    async def authenticate_password(
        self, username: str, password: str, address: str, kind: CredentialKind
    ) -> Account:
        """The account of a user name with a password, or with its md5; raises `Refused`."""
        memory_key = hmac.digest(
            self._secret,
            f"{kind}\0{username}\0{password}".encode("utf-8", "surrogatepass"),
            "sha256",
        )
        account = self._remembered.get(memory_key)
        if account is None:
            generation = self._generation
            account = await self._verify(username, password, kind)
            if account is None:
                await self._delay_failure(f"{username}\0{address}")
                raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="wrong name or password")
            self._remember(memory_key, account, generation)
        return _admit(account, address)

    async def _verify(self, username: str, password: str, kind: CredentialKind) -> Account | None:
        account = None
        if username.isprintable():  # no other name exists, and databases take not every string
            account = await self._storage.read(lambda c: accounts.find_by_username(c, username))
        digests: Sequence[bytes] = ()
        if account is not None and _may_log_in(account, kind):
            found = account
            digests = await self._storage.read(
                lambda c: accounts.load_digests(c, found.account_id, kind)
            )
        # A name that does not exist costs the same time as a wrong password.
        hashes = [digest.decode() for digest in digests] or [self._decoy]
        async with self._hashing:
            secret = password.encode("utf-8", "surrogatepass")  # JSON can hold half a character
            matches = await asyncio.to_thread(self._matches_any, hashes, secret)
        return account if matches and digests else None

    def _matches_any(self, hashes: Sequence[str], password: bytes) -> bool:
        for hash_ in hashes:
            try:
                self._hasher.verify(hash_, password)
            except (VerificationError, InvalidHashError):
                continue
            return True
        return False

    @property
    def _decoy(self) -> str:
        return (
            "$argon2id$v=19$m=65536,t=3,p=4$ZHJhZ29tYW5kcmFnb21hbg"
            "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        )

    async def approved_senders(self, account: Account) -> frozenset[str]:
        """The senders an account may use besides those every account may."""
        approved = self._senders.get(account.account_id)
        if approved is None:
            generation = self._generation
            approved = await self._storage.read(
                lambda c: accounts.load_approved_senders(c, account.account_id)
            )
            if generation == self._generation:
                self._senders[account.account_id] = approved
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
    ) -> CreatedAccount:
        """Creates an account with a wallet; `credits` None is unlimited. Raises `Refused`."""
        if not username or len(username) > MAX_NAME or not username.isprintable():
            raise Refused(RefusalCode.INVALID_FIELD, "username", "1 to 64 printable characters")
        if credits is not None and credits < 0:
            raise Refused(RefusalCode.INVALID_FIELD, "credits", "not negative")
        if api_key is not None and len(api_key) < MIN_KEY_LENGTH:
            raise Refused(
                RefusalCode.INVALID_FIELD, "api_key", f"at least {MIN_KEY_LENGTH} characters"
            )
        api_key = api_key or new_key()
        password = password or secrets.token_urlsafe(16)
        account_id = self._ids.next()
        permissions = DEFAULT_PERMISSIONS
        if legacy_md5:
            permissions |= {Permission.LEGACY_LOGIN}
        try:
            addresses = parse_allowed_addresses(allowed_addresses)
        except ValueError as error:
            raise Refused(RefusalCode.INVALID_FIELD, "allowed_addresses", str(error)) from None
        account = Account(
            account_id=account_id,
            username=username,
            wallet_id=self._ids.next(),
            path=_base36(account_id),
            permissions=permissions,
            allowed_addresses=addresses,
            default_sender=default_sender,
        )
        now_ms = self._clock.now_ms()
        new = accounts.NewAccount(
            account=account,
            unlimited=credits is None,
            credentials=(
                self._credential(account_id, CredentialKind.API_KEY, digest_of_key(api_key)),
                *await self._password_credentials(account_id, password, legacy_md5),
            ),
            created_ms=now_ms,
        )
        await self._change(accounts.create, new)
        if credits:
            await self.top_up(account, credits, "opening balance")
        return CreatedAccount(account=account, api_key=api_key, password=password)

    async def top_up(self, account: Account, credits: int, note: str) -> None:
        """Adds credits to an account's wallet, or takes them away; raises `Refused`."""
        item = wallets.TopUp(account.wallet_id, self._ids.next(), credits, note)
        await self._storage.writer.write(wallets.top_up, item)

    async def set_enabled(self, username: str, enabled: bool) -> Account:
        """Lets an account in or shuts it out, from now on; raises `Refused`."""
        account = await self.find(username)
        update = accounts.AccountUpdate(account_id=account.account_id, values={"enabled": enabled})
        await self._change(accounts.change, update)
        return await self.find(username)

    async def rotate_key(self, username: str, api_key: str | None = None) -> str:
        """Ends every API key of an account and gives it a new one; raises `Refused`."""
        account = await self.find(username)
        if api_key is not None and len(api_key) < MIN_KEY_LENGTH:
            raise Refused(
                RefusalCode.INVALID_FIELD, "api_key", f"at least {MIN_KEY_LENGTH} characters"
            )
        api_key = api_key or new_key()
        rotation = accounts.CredentialRotation(
            account_id=account.account_id,
            revoke_kinds=(CredentialKind.API_KEY,),
            credentials=(
                self._credential(
                    account.account_id, CredentialKind.API_KEY, digest_of_key(api_key)
                ),
            ),
            at_ms=self._clock.now_ms(),
        )
        await self._change(accounts.rotate, rotation)
        return api_key

    async def change_password(self, account: Account, current: str, new: str, address: str) -> None:
        """Replaces an account's password by one who knows it; raises `Refused`."""
        await self.authenticate_password(
            account.username, current, address, CredentialKind.PASSWORD
        )
        kinds = (CredentialKind.PASSWORD, CredentialKind.LEGACY_MD5)
        rotation = accounts.CredentialRotation(
            account_id=account.account_id,
            revoke_kinds=kinds,
            credentials=tuple(
                await self._password_credentials(
                    account.account_id, new, account.may(Permission.LEGACY_LOGIN)
                )
            ),
            at_ms=self._clock.now_ms(),
        )
        await self._change(accounts.rotate, rotation)

    async def find(self, username: str) -> Account:
        """The account of a user name; raises `Refused`."""
        account = await self._storage.read(lambda c: accounts.find_by_username(c, username))
        if account is None:
            raise Refused(RefusalCode.NOT_FOUND, username, "no such account")
        return account

    async def find_by_id(self, account_id: int) -> Account | None:
        """The account of an identifier."""
        return await self._storage.read(lambda c: accounts.find_by_id(c, account_id))

    async def list_all(self) -> list[Account]:
        """Every account, in the order of creation."""
        return await self._storage.read(accounts.load_all)

    async def balance(self, account: Account) -> wallets.Balance:
        """What the account's wallet holds."""
        return await self._storage.read(lambda c: wallets.balance(c, account.wallet_id))

    async def _change(self, operation: Operation[Item, None], item: Item) -> None:
        try:
            await self._storage.writer.write(operation, item)
        finally:
            self._generation += 1
            self._remembered.clear()
            self._senders.clear()

    def _remember(self, key: bytes, account: Account, generation: int) -> None:
        if generation != self._generation:
            return
        self._remembered[key] = account
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)

    async def _delay_failure(self, who: str) -> None:
        """Answers failures ever more slowly; never locks anybody out."""
        failures = self._failures.pop(who, 0)
        self._failures[who] = failures + 1
        if len(self._failures) > MAX_REMEMBERED:
            self._failures.popitem(last=False)
        await asyncio.sleep(min(FIRST_DELAY_S * 2 ** min(failures, 10), MAX_DELAY_S))

    async def _password_credentials(
        self, account_id: int, password: str, legacy_md5: bool
    ) -> list[accounts.NewCredential]:
        spellings = [(CredentialKind.PASSWORD, password)]
        if legacy_md5:
            spellings.append((CredentialKind.LEGACY_MD5, md5_of_password(password)))
        return [
            self._credential(
                account_id, kind, (await asyncio.to_thread(self._hasher.hash, text)).encode()
            )
            for kind, text in spellings
        ]

    def _credential(
        self, account_id: int, kind: CredentialKind, digest: bytes
    ) -> accounts.NewCredential:
        return accounts.NewCredential(
            credential_id=self._ids.next(),
            account_id=account_id,
            kind=kind.value,
            digest=digest,
            created_ms=self._clock.now_ms(),
        )


def new_key() -> str:
    """A new API key."""
    return secrets.token_hex(KEY_BYTES)


def digest_of_key(key: str) -> bytes:
    """What is stored of an API key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def md5_of_password(password: str) -> str:
    """What an old program sends in place of a password (LINK v2 s. 03, "Legacy auth")."""
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()


def _may_log_in(account: Account, kind: CredentialKind) -> bool:
    return kind is not CredentialKind.LEGACY_MD5 or account.may(Permission.LEGACY_LOGIN)


def _admit(account: Account, address: str) -> Account:
    if not account.enabled:
        raise Refused(RefusalCode.AUTHENTICATION_FAILED, account.username, "account is disabled")
    if not account.allowed_addresses.allow(address):
        raise Refused(RefusalCode.ADDRESS_NOT_ALLOWED, address)
    return account


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _BASE36[rest] + digits
    return digits or "0"
