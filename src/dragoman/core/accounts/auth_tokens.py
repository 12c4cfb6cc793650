"""Auth tokens: secrets that an account's programs authenticate with and know our calls by.

A token signs, so it must be readable: it is stored sealed (ADR 0015), not as a digest. An account
has one, and a public identifier that programs name it by, both of which can be those that it had
at its provider.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import field
from typing import Final

import msgspec
import structlog

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.sql import auth_tokens
from dragoman.core.accounts.sql.auth_tokens import StoredAuthToken
from dragoman.core.model.errors import RefusalCode, Refused, StorageUnavailable
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.sealing import SealBroken, Sealer
from dragoman.storage.engine import Storage

SECRET_BYTES: Final = 16
PREFIX: Final = "AC"
"""Before the 32 digits of an identifier, as Twilio writes that of an account."""
MAX_REMEMBERED: Final = 10_000

_PUBLIC_ID: Final = re.compile(r"AC[0-9a-f]{32}")
_TOKEN: Final = re.compile(r"[!-~]{16,128}")

log = structlog.get_logger(__name__)


class AuthToken(msgspec.Struct, frozen=True, kw_only=True):
    """An account's token, readable."""

    account_id: int
    public_id: str
    token: str
    created_ms: int


@use_case(kw_only=True)
class AuthTokens:
    """Makes, sets, reads and checks the tokens of accounts."""

    storage: Storage
    accounts: Accounts
    sealer: Sealer
    clock: Clock
    new_secret: Callable[[], str] = lambda: secrets.token_hex(SECRET_BYTES)
    _by_name: OrderedDict[str, AuthToken] = field(default_factory=OrderedDict, init=False)
    _by_account: OrderedDict[int, AuthToken] = field(default_factory=OrderedDict, init=False)
    _reason: str = field(default="", init=False)
    """Why a token could not be read or sealed, as last logged."""
    _generation: int = field(default=0, init=False)
    """Counts changes, so that what was read before one is not remembered after it."""

    async def ensure(self, account: Account) -> AuthToken:
        """The account's token, made if it has none."""
        found = await self.of_account(account.account_id)
        if found is not None:
            return found
        new = self._seal(account, PREFIX + self.new_secret(), self.new_secret())
        await self.storage.writer.write(auth_tokens.ensure, new)
        found = await self.of_account(account.account_id)
        assert found is not None
        return found

    async def set(self, account: Account, *, public_id: str = "", token: str = "") -> AuthToken:
        """Replaces the account's token by the given one, or by a new one; raises `Refused`.

        Without a public identifier it keeps its own.
        """
        if public_id and not _PUBLIC_ID.fullmatch(public_id):
            raise Refused(RefusalCode.INVALID_FIELD, "sid", "AC and 32 lower-case hex digits")
        if token and not _TOKEN.fullmatch(token):
            raise Refused(
                RefusalCode.INVALID_FIELD, "token", "16 to 128 printable ASCII characters"
            )
        if not public_id:
            known = await self.of_account(account.account_id)
            public_id = known.public_id if known is not None else PREFIX + self.new_secret()
        new = self._seal(account, public_id, token or self.new_secret())
        try:
            await self.storage.writer.write(auth_tokens.put, new)
        finally:
            self._forget()
        return await self.ensure(account)

    async def of_account(self, account_id: int) -> AuthToken | None:
        """The token of an account; raises `StorageUnavailable` where it cannot be read."""
        found = self._by_account.get(account_id)
        if found is not None:
            return found
        generation = self._generation
        row = await self.storage.read(lambda c: auth_tokens.of_account(c, account_id))
        return self._unseal(row, generation)

    async def find(self, public_id: str) -> AuthToken | None:
        """The token of the account with an identifier; raises `StorageUnavailable` likewise."""
        found = self._by_name.get(public_id)
        if found is not None or not _PUBLIC_ID.fullmatch(public_id):
            return found
        generation = self._generation
        await self.accounts.placement.check("public_id", public_id)
        row = await self.storage.read(lambda c: auth_tokens.find(c, public_id))
        return self._unseal(row, generation)

    async def authenticate(self, public_id: str, token: str, address: str) -> Account:
        """The account with an identifier and a token; raises `Refused`."""
        known = await self.find(public_id)
        right = known.token if known is not None else ""
        given = token.encode("utf-8", "surrogatepass")
        if known is None or not hmac.compare_digest(right.encode(), given):
            await self.accounts.refuse_login(f"{public_id}\0{address}")
        return await self.admit(known.account_id, address)

    async def admit(self, account_id: int, address: str) -> Account:
        """The account of a caller whose secret was right; raises `Refused`."""
        try:
            return await self.accounts.admit(account_id, address)
        except Refused as refused:
            if refused.code is not RefusalCode.NOT_FOUND:
                raise
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="the account is gone") from None

    def _seal(self, account: Account, public_id: str, token: str) -> StoredAuthToken:
        try:
            sealed = self.sealer.seal(token)
        except SealBroken as error:
            raise self._unreadable(error) from None
        return StoredAuthToken(
            account_id=account.account_id,
            public_id=public_id,
            token=sealed,
            created_ms=self.clock.now_ms(),
        )

    def _unseal(self, row: StoredAuthToken | None, generation: int) -> AuthToken | None:
        if row is None:
            return None
        try:
            token = self.sealer.unseal(row.token)
        except SealBroken as error:
            raise self._unreadable(error) from None
        found = AuthToken(
            account_id=row.account_id,
            public_id=row.public_id,
            token=token,
            created_ms=row.created_ms,
        )
        if generation == self._generation:
            self._by_name[found.public_id] = found
            self._by_account[found.account_id] = found
            for remembered in (self._by_name, self._by_account):
                if len(remembered) > MAX_REMEMBERED:
                    remembered.popitem(last=False)
        return found

    def _forget(self) -> None:
        self._generation += 1
        self._by_name.clear()
        self._by_account.clear()

    def _unreadable(self, error: SealBroken) -> StorageUnavailable:
        """The refusal where the key is missing; logged once, not for each call."""
        if str(error) != self._reason:
            self._reason = str(error)
            log.error("auth_token_unreadable", reason=self._reason)
        return StorageUnavailable(f"no auth token can be read: {error}")
