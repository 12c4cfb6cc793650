"""Links that sign an account in to the console: short-lived, single-use, stored as digests."""

from __future__ import annotations

import secrets
from typing import Final

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.credentials import digest_of_key
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.sql import one_time_links
from dragoman.core.accounts.sql.one_time_links import LinkUse, NewLink
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage

LIFETIME_S: Final = 60
TOKEN_BYTES: Final = 32


@use_case(kw_only=True)
class OneTimeLinks:
    """Creates the tokens of links, and redeems each once."""

    storage: Storage
    accounts: Accounts
    ids: IdSource
    clock: Clock

    async def make(self, account: Account) -> str:
        """Creates a token that signs an account in, valid for a minute."""
        token = secrets.token_hex(TOKEN_BYTES)
        now_ms = self.clock.now_ms()
        link = NewLink(
            link_id=self.ids.next(),
            account_id=account.account_id,
            digest=digest_of_key(token),
            expires_ms=now_ms + LIFETIME_S * 1000,
            now_ms=now_ms,
        )
        await self.storage.writer.write(one_time_links.add, link)
        return token

    async def redeem(self, token: str, address: str) -> Account:
        """The account of a token, which is invalid afterwards; raises `Refused`."""
        use = LinkUse(digest=digest_of_key(token), now_ms=self.clock.now_ms())
        await self.accounts.placement.check_key(use.digest)
        account_id = await self.storage.writer.write(one_time_links.use, use)
        if account_id is None:
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, detail="the link is used or too old")
        return await self.accounts.admit(account_id, address)
