"""Tokens valid for some calls and a limited time, with refresh tokens that renew them.

They are opaque: the scopes are in the row, so a revoked token is refused at once. A pair ends when
it is refreshed; revoking it ends every pair that came of the same first one.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import field
from typing import TypeVar

import msgspec

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.credentials import digest_of_key
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.sql import scoped_tokens
from dragoman.core.accounts.sql.scoped_tokens import StoredPair
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.storage.engine import Storage
from dragoman.storage.work import Operation, Result

Item = TypeVar("Item")

TOKEN_BYTES = 32
ID_BYTES = 15
MAX_PAIRS = 2_000
"""Of one account; the oldest ends where there is one more."""
MAX_REMEMBERED = 10_000


class IssuedPair(msgspec.Struct, frozen=True, kw_only=True):
    """A new pair of tokens, which are shown only once."""

    token_id: str
    access_token: str
    refresh_token: str
    expires_ms: int
    """When the access token ends."""


class Bearer(msgspec.Struct, frozen=True, kw_only=True):
    """The account behind an access token, and the scopes of the token."""

    account: Account
    scopes: frozenset[str]


@use_case(kw_only=True)
class ScopedTokens:
    """Issues, checks, refreshes and revokes tokens; they end with their account."""

    storage: Storage
    accounts: Accounts
    clock: Clock
    access_life_s: float
    refresh_life_s: float
    new_token: Callable[[int], str] = secrets.token_urlsafe
    _remembered: OrderedDict[bytes, StoredPair] = field(default_factory=OrderedDict, init=False)
    _generation: int = field(default=0, init=False)
    """Counts ends, so that what was read before one is not remembered after it."""

    def __post_init__(self) -> None:
        self.accounts.changed.subscribe(self._forget_of)

    async def issue(
        self, account: Account, scopes: Collection[str], life_s: float | None = None
    ) -> IssuedPair:
        """Issues a pair for scopes; the access token lives as long as allowed, or shorter."""
        issued, stored = self._make(
            account.account_id, " ".join(sorted(set(scopes))), life_s=life_s
        )
        await self.storage.writer.write(
            scoped_tokens.issue,
            scoped_tokens.Issue(pair=stored, at_ms=self.clock.now_ms(), at_most=MAX_PAIRS),
        )
        return issued

    async def authenticate(self, access_token: str, address: str) -> Bearer:
        """The bearer of an access token; raises `Refused`."""
        digest = digest_of_key(access_token)
        pair = self._remembered.get(digest)
        if pair is None:
            generation = self._generation
            await self.accounts.placement.check_key(digest)
            pair = await self.storage.read(lambda c: scoped_tokens.find_access(c, digest))
            if pair is not None and generation == self._generation:
                self._remembered[digest] = pair
                if len(self._remembered) > MAX_REMEMBERED:
                    self._remembered.popitem(last=False)
        if (
            pair is None
            or pair.revoked_ms is not None
            or pair.refreshed_ms is not None
            or pair.access_expires_ms <= self.clock.now_ms()
        ):
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="no valid token")
        account = await self._admit(pair.account_id, address)
        return Bearer(account=account, scopes=frozenset(pair.scopes.split()))

    async def refresh(self, refresh_token: str, address: str) -> IssuedPair:
        """A new pair for a refresh token, whose own pair ends; raises `Refused`."""
        digest = digest_of_key(refresh_token)
        await self.accounts.placement.check_key(digest)
        pair = await self.storage.read(lambda c: scoped_tokens.find_refresh(c, digest))
        if pair is None:
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="no valid token")
        await self._admit(pair.account_id, address)
        issued, stored = self._make(pair.account_id, pair.scopes, pair.family)
        exchange = scoped_tokens.Exchange(
            token_id=pair.token_id, pair=stored, at_ms=self.clock.now_ms()
        )
        if not await self._end(scoped_tokens.exchange, exchange):
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="the token was used")
        return issued

    async def is_refresh_token(self, token: str) -> bool:
        """Whether a token is a refresh token, which authorises nothing else."""
        digest = digest_of_key(token)
        await self.accounts.placement.check_key(digest)
        found = await self.storage.read(lambda c: scoped_tokens.find_refresh(c, digest))
        return found is not None

    async def revoke(self, account: Account, token_id: str) -> None:
        """Revokes one of an account's pairs with its family; unknown ones are left alone."""
        revocation = scoped_tokens.Revocation(
            token_id=token_id, account_id=account.account_id, at_ms=self.clock.now_ms()
        )
        await self._end(scoped_tokens.revoke, revocation)

    async def _end(self, operation: Operation[Item, Result], item: Item) -> Result:
        try:
            return await self.storage.writer.write(operation, item)
        finally:
            self._forget()

    def _forget_of(self, account_ids: Collection[int]) -> None:
        if not account_ids:
            return self._forget()
        self._generation += 1
        for digest, pair in list(self._remembered.items()):
            if pair.account_id in account_ids:
                del self._remembered[digest]
        return None

    def _forget(self) -> None:
        self._generation += 1
        self._remembered.clear()

    async def _admit(self, account_id: int, address: str) -> Account:
        try:
            return await self.accounts.admit(account_id, address)
        except Refused as refused:
            if refused.code is not RefusalCode.NOT_FOUND:
                raise
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="the account is gone") from None

    def _make(
        self, account_id: int, scopes: str, family: str = "", *, life_s: float | None = None
    ) -> tuple[IssuedPair, StoredPair]:
        now_ms = self.clock.now_ms()
        life_s = min(life_s or self.access_life_s, self.access_life_s)
        issued = IssuedPair(
            token_id=self.new_token(ID_BYTES),
            access_token=self.new_token(TOKEN_BYTES),
            refresh_token=self.new_token(TOKEN_BYTES),
            expires_ms=now_ms + round(life_s * 1000),
        )
        stored = StoredPair(
            token_id=issued.token_id,
            account_id=account_id,
            family=family or issued.token_id,
            scopes=scopes,
            access_digest=digest_of_key(issued.access_token),
            access_expires_ms=issued.expires_ms,
            refresh_digest=digest_of_key(issued.refresh_token),
            refresh_expires_ms=now_ms + round(self.refresh_life_s * 1000),
        )
        return issued, stored
