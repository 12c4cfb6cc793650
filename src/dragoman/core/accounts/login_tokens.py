"""Login tokens: keys issued for a name and password that expire.

Clients request one before every call or once a year; an account gets the same token again until
half of its lifetime is over.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import Final

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.credentials import digest_of_key
from dragoman.core.accounts.model.accounts import Account, CredentialKind
from dragoman.core.accounts.sql import accounts as stored
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.clock import Clock
from dragoman.storage.engine import Storage

TOKEN_BYTES: Final = 16
"""32 hexadecimal digits, as programs expect them."""
MAX_PER_ACCOUNT: Final = 100
"""A further one ends the oldest."""
MAX_REMEMBERED: Final = 10_000
FOREVER: Final = 0.0

EXPIRED: Final = "the token has expired"


class LoginTokens:
    """Issues and checks login tokens; with `life_s` of `FOREVER` none expires.

    `Accounts` ends them.
    """

    def __init__(
        self, *, storage: Storage, accounts: Accounts, clock: Clock, life_s: float
    ) -> None:
        self._storage = storage
        self._accounts = accounts
        self._clock = clock
        self._life_ms = round(life_s * 1000)
        self._last: OrderedDict[int, tuple[str, int]] = OrderedDict()
        """By account, the token that was issued last, and when."""
        self._issued_ms: OrderedDict[bytes, int] = OrderedDict()

    async def issue(self, account: Account) -> str:
        """A token of an account."""
        now_ms = self._clock.now_ms()
        token, issued_ms = self._last.get(account.account_id, ("", 0))
        young = not self._life_ms or (now_ms - issued_ms) * 2 < self._life_ms
        if token and young and await self._is_valid(account, token):
            return token
        token = secrets.token_hex(TOKEN_BYTES)
        kind = CredentialKind.LOGIN_TOKEN
        item = stored.TokenIssue(
            credential=self._accounts.credentials.of_token(account.account_id, token, kind),
            most=MAX_PER_ACCOUNT,
        )
        if await self._storage.writer.write(stored.issue_token, item):
            self._accounts.forget(account.account_id)
        self._last[account.account_id] = (token, now_ms)
        if len(self._last) > MAX_REMEMBERED:
            self._last.popitem(last=False)
        return token

    async def authenticate(self, token: str, address: str) -> Account:
        """The account of a token; raises `Refused`, with detail `EXPIRED` for an expired one."""
        account = await self._accounts.authenticate_key(token, address, CredentialKind.LOGIN_TOKEN)
        if self._life_ms:
            age_ms = self._clock.now_ms() - await self._issued_at(digest_of_key(token))
            if age_ms >= self._life_ms:
                raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail=EXPIRED)
        return account

    async def _is_valid(self, account: Account, token: str) -> bool:
        digest, kind = digest_of_key(token), CredentialKind.LOGIN_TOKEN
        found = await self._storage.read(lambda c: stored.find_by_digest(c, kind, digest))
        return found is not None and found.account_id == account.account_id

    async def _issued_at(self, digest: bytes) -> int:
        known = self._issued_ms.get(digest)
        if known is None:
            kind = CredentialKind.LOGIN_TOKEN
            known = await self._storage.read(lambda c: stored.created_at(c, kind, digest))
            self._issued_ms[digest] = known
            if len(self._issued_ms) > MAX_REMEMBERED:
                self._issued_ms.popitem(last=False)
        return known
