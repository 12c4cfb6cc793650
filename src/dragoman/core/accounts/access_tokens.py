"""Access tokens: keys issued for a password and valid until they are revoked."""

from __future__ import annotations

from typing import Final

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.credentials import new_key
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.sql import accounts as stored
from dragoman.storage.engine import Storage

MAX_PER_ACCOUNT: Final = 1_000
"""A further one ends the oldest: programs that ask at every start must not fill the table."""


class AccessTokens:
    """Issues access tokens; `Accounts.authenticate_key` accepts them, `end_tokens` ends them."""

    def __init__(self, *, storage: Storage, accounts: Accounts) -> None:
        self._storage = storage
        self._accounts = accounts

    async def issue(self, account: Account) -> str:
        """Issues a token for an account; it is shown only once."""
        token = new_key()
        credentials = self._accounts.credentials
        item = stored.TokenIssue(
            credential=credentials.of_token(account.account_id, token), most=MAX_PER_ACCOUNT
        )
        if await self._storage.writer.write(stored.issue_token, item):
            self._accounts.forget(account.account_id)
        return token
