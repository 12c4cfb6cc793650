"""Access tokens, one-time links and senders, on both databases."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from dragoman.core.accounts import access_tokens as tokens_module
from dragoman.core.accounts.access_tokens import AccessTokens
from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.credentials import digest_of_key
from dragoman.core.accounts.model.accounts import Account, CredentialKind
from dragoman.core.accounts.model.senders import SenderDetails, SenderState
from dragoman.core.accounts.one_time_links import LIFETIME_S, OneTimeLinks
from dragoman.core.accounts.senders import EVERY_STATE, Senders
from dragoman.core.accounts.sql.tables import credentials, one_time_links
from dragoman.core.model.errors import Refused
from dragoman.kit.clock import FixedClock
from dragoman.kit.ids import IdSource

HERE = "127.0.0.1"


class Desk:
    """The services over one storage, and an account."""

    def __init__(self, storage: Any) -> None:
        self.clock = FixedClock()
        ids = IdSource(self.clock)
        self.storage = storage
        self.accounts = Accounts(storage=storage, ids=ids, clock=self.clock)
        common = {"storage": storage, "accounts": self.accounts, "clock": self.clock}
        self.tokens = AccessTokens(storage=storage, accounts=self.accounts)
        self.links = OneTimeLinks(ids=ids, **common)
        self.senders = Senders(**common)

    async def account(self, name: str = "shop") -> Account:
        return (await self.accounts.create(name, password="secret")).account

    async def column(self, column: Any) -> list[Any]:
        return await self.storage.read(lambda c: list(c.execute(select(column)).scalars()))

    async def lets_in(self, token: str) -> bool:
        try:
            await self.accounts.authenticate_key(token, HERE, CredentialKind.ACCESS_TOKEN)
        except Refused:
            return False
        return True


@pytest.fixture
async def desk(storage: Any) -> Desk:
    return Desk(storage)


async def test_oldest_token_goes_beyond_the_bound(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "MAX_PER_ACCOUNT", 3)
    account, other = await desk.account(), await desk.account("other")
    theirs = await desk.tokens.issue(other)
    tokens = [await desk.tokens.issue(account) for _ in range(3)]
    assert await desk.lets_in(tokens[0])  # and is remembered
    tokens.append(await desk.tokens.issue(account))
    assert [await desk.lets_in(token) for token in tokens] == [False, True, True, True]
    assert await desk.lets_in(theirs)


async def test_tokens_are_stored_as_digests_only(desk: Desk) -> None:
    token = await desk.tokens.issue(await desk.account())
    digests = await desk.column(credentials.c.digest)
    assert digest_of_key(token) in digests
    assert not any(token.encode() in digest for digest in digests)


async def test_many_tokens_at_once_stay_within_the_bound(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "MAX_PER_ACCOUNT", 5)
    account = await desk.account()
    await asyncio.gather(*(desk.tokens.issue(account) for _ in range(20)))
    kinds = await desk.column(credentials.c.kind)
    assert kinds.count("access_token") == 5


async def test_link_is_good_once_even_for_two_at_the_same_time(desk: Desk) -> None:
    account = await desk.account()
    token = await desk.links.make(account)
    results = await asyncio.gather(
        *(desk.links.redeem(token, HERE) for _ in range(5)), return_exceptions=True
    )
    assert [r.account_id for r in results if isinstance(r, Account)] == [account.account_id]
    assert await desk.column(one_time_links.c.link_id) == []


async def test_link_that_is_too_old_is_refused_and_swept(desk: Desk) -> None:
    account = await desk.account()
    token = await desk.links.make(account)
    desk.clock.advance(LIFETIME_S)
    await desk.links.make(account)
    assert len(await desk.column(one_time_links.c.link_id)) == 1
    with pytest.raises(Refused):
        await desk.links.redeem(token, HERE)


async def test_link_of_an_account_that_is_shut_out_is_refused(desk: Desk) -> None:
    account = await desk.account()
    token = await desk.links.make(account)
    await desk.accounts.set_enabled("shop", False)
    with pytest.raises(Refused):
        await desk.links.redeem(token, HERE)


async def test_senders_belong_to_their_accounts(desk: Desk) -> None:
    account, other = await desk.account(), await desk.account("other")
    details = SenderDetails(company="Caff\u00e8", contact="x@y.it")
    mine = await desk.senders.ask_for(account, "Shop", details)
    await desk.senders.ask_for(other, "Shop", SenderDetails())
    assert await desk.senders.find(account, mine.sender_id) == mine
    with pytest.raises(Refused):
        await desk.senders.find(other, mine.sender_id)
    with pytest.raises(Refused):
        await desk.senders.remove(other, mine.sender_id)
    with pytest.raises(Refused, match="already_exists"):
        await desk.senders.ask_for(account, "Shop", SenderDetails())
    found, total = await desk.senders.list_page(None, EVERY_STATE, 0, 10)
    assert ([one.account_id for one in found], total) == ([account.account_id, other.account_id], 2)


@pytest.mark.parametrize("state", SenderState)
async def test_decisions_count_at_once(desk: Desk, state: SenderState) -> None:
    account = await desk.account()
    await desk.senders.ask_for(account, "Shop", SenderDetails())
    assert await desk.accounts.approved_senders(account) == frozenset()
    await desk.senders.decide(account, "Shop", state)
    approved = state in {
        SenderState.APPROVED,
        SenderState.APPROVED_BY_AUTHORITY,
        SenderState.PREAPPROVED,
    }
    assert ("Shop" in await desk.accounts.approved_senders(account)) is approved
    with pytest.raises(Refused, match="not_found"):
        await desk.senders.decide(account, "Deli", state)
