"""SMPP logins: what customers bind with, kept in memory, checked at each bind."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from dataclasses import field
from typing import Final, NamedTuple

import msgspec

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.model.accounts import Account, CredentialKind
from dragoman.core.accounts.model.smpp_logins import (
    ISSUED_PASSWORD,
    MAX_SYSTEM_ID,
    SmppLogin,
    SmppOptions,
    check_options,
    check_smpp_password,
    check_system_id,
)
from dragoman.core.accounts.sql import smpp_logins
from dragoman.core.accounts.sql.accounts import NewCredential
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.signal import Signal
from dragoman.kit.turns import Turns
from dragoman.storage.engine import Storage

LETTERS: Final = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without those that look alike: passwords are read out and typed."""


class IssuedLogin(NamedTuple):
    """A login and its new password, which is shown this once; empty where it keeps its old one."""

    login: SmppLogin
    password: str


class Admitted(NamedTuple):
    """Who binds: an account, by its login."""

    account: Account
    login: SmppLogin


def new_smpp_password() -> str:
    """A password of the length that SMPP 3.4 has room for."""
    return "".join(secrets.choice(LETTERS) for _ in range(ISSUED_PASSWORD))


@use_case(kw_only=True)
class SmppLogins:
    """The logins of all accounts; one account has one."""

    storage: Storage
    accounts: Accounts
    clock: Clock
    new_password: Callable[[], str] = new_smpp_password
    changed: Signal[[int, bool]] = field(default_factory=Signal[[int, bool]], init=False)
    """(account, whether its binds end) after its login changed: they end with a system_id or
    password that is no more, not for another limit."""
    _by_account: dict[int, SmppLogin] = field(default_factory=dict, init=False)
    _by_system_id: dict[str, SmppLogin] = field(default_factory=dict, init=False)
    _changes: int = field(default=0, init=False)
    _doubtful: set[int] = field(default_factory=set, init=False)
    """Accounts with a login that were changed, and may have been deleted."""
    _turns: Turns = field(default_factory=Turns, init=False)

    def __post_init__(self) -> None:
        self.accounts.changed.subscribe(self._accounts_changed)

    async def restore(self) -> None:
        """Loads every login."""
        for login in await self.storage.read(smpp_logins.load_all):
            self._keep(login)

    def of_account(self, account_id: int) -> SmppLogin | None:
        """The login of an account; None if it has none."""
        return self._by_account.get(account_id)

    async def authenticate(self, system_id: str, password: str, address: str) -> Admitted:
        """Who binds with a password from an address; raises `Refused`, the later the more often.

        AUTHENTICATION_FAILED for an unknown system_id as for a wrong password. Whoever has the
        right one hears what else is wrong: PERMISSION_DENIED where the account is disabled,
        ADDRESS_NOT_ALLOWED.
        """
        await self._drop_deleted()
        login = self._by_system_id.get(system_id)
        if login is None:
            await self.accounts.placement.check("system_id", system_id)
        account_id = login.account_id if login is not None else None
        account = await self.accounts.verify_password(
            account_id, password, f"{system_id}\0{address}", CredentialKind.SMPP_PASSWORD
        )
        if login is None:
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="wrong system_id or password")
        if not account.enabled:
            raise Refused(RefusalCode.PERMISSION_DENIED, account.username, "account is disabled")
        if not account.allowed_addresses.allow(address):
            raise Refused(RefusalCode.ADDRESS_NOT_ALLOWED, address)
        return Admitted(account, self._by_account.get(account.account_id, login))

    async def put(
        self,
        account: Account,
        *,
        system_id: str | None = None,
        password: str | None = None,
        new_password: bool = False,
        options: SmppOptions | None = None,
    ) -> IssuedLogin:
        """Gives an account a login, or changes its login; raises `Refused`.

        A new login has a password, generated if none is given. What is not given stays.
        """
        async with self._turns.of(account.account_id):
            earlier = self._by_account.get(account.account_id)
            if password is None and (new_password or earlier is None):
                password = self.new_password()
            if password is not None:
                check_smpp_password(password)
            if system_id is None:
                system_id = earlier.system_id if earlier is not None else _system_id_of(account)
            check_system_id(system_id)
            if options is None:
                options = earlier.options if earlier is not None else SmppOptions()
            check_options(options)
            login = SmppLogin(
                account_id=account.account_id,
                system_id=system_id,
                receives=earlier is not None and earlier.receives,
                options=options,
            )
            credentials: tuple[NewCredential, ...] = ()
            if password is not None:
                credentials = (
                    await self.accounts.credentials.of_smpp_password(account.account_id, password),
                )
            item = smpp_logins.NewSmppLogin(
                login=login, credentials=credentials, at_ms=self.clock.now_ms()
            )
            await self.storage.writer.write(smpp_logins.put, item)
            self._forget(account.account_id)
            self._keep(login)
        ends = bool(credentials) or (earlier is not None and earlier.system_id != system_id)
        self.changed(account.account_id, ends)
        return IssuedLogin(login, password or "")

    async def remove(self, account: Account) -> None:
        """Takes an account's login away; does nothing where it has none."""
        async with self._turns.of(account.account_id):
            item = smpp_logins.SmppLoginEnd(
                account_id=account.account_id, at_ms=self.clock.now_ms()
            )
            await self.storage.writer.write(smpp_logins.end, item)
            self._forget(account.account_id)
        self.changed(account.account_id, True)

    async def note_receiver(self, account_id: int) -> None:
        """Keeps inbound texts for the account's binds from now on: it has one that takes them."""
        async with self._turns.of(account_id):
            login = self._by_account.get(account_id)
            if login is None or login.receives:
                return
            await self.storage.writer.write(smpp_logins.note_receiver, account_id)
            self._keep(msgspec.structs.replace(login, receives=True))

    async def _drop_deleted(self) -> None:
        """Forgets the logins of accounts that were deleted."""
        doubtful, changes = frozenset(self._doubtful), -1
        if not doubtful:
            return
        while changes != self._changes:  # else what was stored meanwhile would be forgotten
            changes = self._changes
            living = await self.storage.read(lambda c: smpp_logins.load_some(c, doubtful))
        for account_id in doubtful - {login.account_id for login in living}:
            self._forget(account_id)
        self._doubtful -= doubtful

    def _accounts_changed(self, account_ids: Collection[int]) -> None:
        self._doubtful.update(self._by_account.keys() & set(account_ids or self._by_account))

    def _keep(self, login: SmppLogin) -> None:
        self._changes += 1
        self._by_account[login.account_id] = login
        self._by_system_id[login.system_id] = login

    def _forget(self, account_id: int) -> None:
        login = self._by_account.pop(account_id, None)
        if login is not None and self._by_system_id.get(login.system_id) is login:
            del self._by_system_id[login.system_id]


def _system_id_of(account: Account) -> str:
    """The user name where it can be a system_id, else one made of the account's number."""
    try:
        check_system_id(account.username)
    except Refused:
        return f"a{account.account_id}"[:MAX_SYSTEM_ID]
    return account.username
