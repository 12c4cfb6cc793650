"""The tree of accounts: nobody has, gives or sees more than it may, whatever is done to it."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from sqlalchemy import select

from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.accounts.account_tree import AccountTree, ChangedAccount, Changes
from dragoman.core.accounts.accounts import MAX_DEPTH, Accounts
from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, Account, Permission
from dragoman.core.accounts.sql import accounts as repository
from dragoman.core.accounts.sql.tables import accounts as account_table
from dragoman.core.billing.sql.tables import ledger_entries, wallets
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.clock import SystemClock
from dragoman.kit.ids import IdSource

HERE = "127.0.0.1"
ALL = frozenset(Permission)
C = RefusalCode


class Forest:
    """Accounts and the tree over them."""

    def __init__(self, storage: Any) -> None:
        clock = SystemClock()
        ids = IdSource(clock)
        self.storage = storage
        self.accounts = Accounts(storage=storage, ids=ids, clock=clock)
        self.ended: list[int] = []
        """Accounts whose sessions were ended."""
        self.accounts.signed_out.subscribe(lambda account_id, _: self.ended.append(account_id))
        self.tree = AccountTree(accounts=self.accounts, storage=storage, ids=ids, clock=clock)

    async def root(self, name: str = "root", **more: Any) -> Account:
        return (await self.accounts.create(name, permissions=ALL, **more)).account

    async def child(
        self, of: Account, name: str, *, credits: int | None = None, **permissions: bool
    ) -> ChangedAccount:
        return await self.tree.create(
            of,
            AccountFields(username=name),
            password="secret",
            credits=credits,
            permissions={Permission(key): value for key, value in permissions.items()},
        )

    async def available(self, *accounts: Account) -> list[int]:
        return [(await self.accounts.balance(account)).available for account in accounts]

    async def check_ledger(self) -> None:
        """Every wallet is what its entries say, and none is below zero that has a limit."""

        def read(connection: Any) -> Any:
            entries = connection.execute(select(ledger_entries)).all()
            return entries, connection.execute(select(wallets)).all()

        entries, rows = await self.storage.read(read)
        sums: dict[int, int] = {}
        for entry in entries:
            sign = (entry.credit == "available") - (entry.debit == "available")
            sums[entry.wallet_id] = sums.get(entry.wallet_id, 0) + sign * entry.amount
        for wallet in rows:
            assert wallet.available == sums.get(wallet.wallet_id, 0)
            assert wallet.unlimited or wallet.available >= 0


@pytest.fixture
def forest(storage: Any) -> Forest:
    return Forest(storage)


async def refusal(awaitable: Any) -> RefusalCode:
    with pytest.raises(Refused) as caught:
        await awaitable
    return caught.value.code


@pytest.mark.parametrize("seed", range(4))
async def test_no_account_ever_has_more_than_its_parent(forest: Forest, seed: int) -> None:
    """Random trees under random changes, each by a random account above."""
    chance = random.Random(seed)
    root = await forest.root(credits=1_000)
    people = {root.account_id: root}
    for step in range(40):
        people = {view.account.account_id: view.account for view in await below(forest, root)}
        caller = chance.choice(list(people.values()))
        target = chance.choice(list(people.values()))
        wishes = {
            permission: chance.random() < 0.7
            for permission in chance.sample(sorted(Permission), chance.randint(0, 3))
        }
        try:
            if chance.random() < 0.5:
                prefixes = chance.choice(["", "45", "4,47", "451,46"])
                await forest.tree.create(
                    caller,
                    AccountFields(username=f"user{step}", prefixes=prefixes),
                    password="secret",
                    credits=chance.choice([None, 1, 10, 500]),
                    permissions={Permission.ADMINISTER: True} | wishes,
                )
            elif chance.random() < 0.2:
                await forest.tree.delete(caller, target.account_id)
            else:
                changes = Changes(
                    permissions=wishes,
                    credits=chance.randint(-50, 50),
                    enabled=chance.choice([None, None, True, False]),
                )
                await forest.tree.change(caller, target.account_id, changes)
        except Refused:
            pass
        await check_tree(forest, root)
    assert len(people) > 3  # something grew
    await forest.check_ledger()


async def below(forest: Forest, root: Account) -> Any:
    return await forest.tree.list_below(root)


async def check_tree(forest: Forest, root: Account) -> None:
    views = {view.account.account_id: view for view in await below(forest, root)}
    total = 0
    for view in views.values():
        total += view.balance.available
        assert not view.balance.unlimited  # the root has a limit, so nobody may be without one
        parent = views.get(view.account.parent_id or 0)
        if parent is None:
            assert view.account.account_id == root.account_id
            continue
        assert view.account.permissions <= parent.account.permissions
        assert view.account.enabled <= parent.account.enabled
        for number in ("4511111111", "4611111111", "4711111111", "4911111111"):
            assert view.account.prefixes.allow(number) <= parent.account.prefixes.allow(number)
    assert total == 1_000  # credits are passed on, never made


async def test_a_narrowed_account_is_so_for_its_keys_at_once(forest: Forest) -> None:
    root = await forest.root()
    middle = await forest.child(root, "middle", administer=True)
    low = await forest.child(middle.view.account, "low")
    assert low.api_key is not None
    found = await forest.accounts.authenticate_key(low.api_key, HERE)
    assert found == low.view.account
    assert found.permissions == ALL - {Permission.ADMINISTER, Permission.OPERATE}
    revoke = Changes(permissions={Permission.CHARITY: False})
    await forest.tree.change(root, middle.view.account.account_id, revoke)
    found = await forest.accounts.authenticate_key(low.api_key, HERE)
    assert not found.may(Permission.CHARITY)
    await forest.accounts.change("middle", enabled=False)
    key = forest.accounts.authenticate_key(low.api_key, HERE)
    assert await refusal(key) is C.AUTHENTICATION_FAILED


async def test_permissions_of_a_newer_version_stay(forest: Forest, storage: Any) -> None:
    root = await forest.root()
    child = (await forest.child(root, "child")).view.account

    def stored(connection: Any) -> str:
        query = select(account_table.c.permissions).where(
            account_table.c.account_id == child.account_id
        )
        return str(connection.execute(query).scalar_one())

    text = repository.change_permissions("send teleport", ["inbox"], ["send"])
    assert text == "inbox teleport"
    assert repository.parse_permissions(text) == {Permission.INBOX}
    before = (await storage.read(stored)).split()
    await forest.accounts.change("child", grant=frozenset({Permission.ADMINISTER}))
    assert (await storage.read(stored)).split() == sorted([*before, "administer"])


async def test_two_gifts_at_once_do_not_overdraw(forest: Forest) -> None:
    root = await forest.root(credits=100)
    children = [(await forest.child(root, name, credits=1)).view.account for name in "ab"]
    gifts = [
        forest.tree.change(root, child.account_id, Changes(credits=60))
        for child in children
        for _ in range(2)
    ]
    results = await asyncio.gather(*gifts, return_exceptions=True)
    refused = [result for result in results if isinstance(result, Refused)]
    assert [one.code for one in refused] == [C.INSUFFICIENT_CREDIT] * 3
    assert sum(await forest.available(root, *children)) == 100
    await forest.check_ledger()


async def test_credits_end_having_no_limit(forest: Forest) -> None:
    root = await forest.root()
    child = (await forest.child(root, "child")).view.account
    taken = forest.tree.change(root, child.account_id, Changes(credits=-1))
    assert await refusal(taken) is C.INVALID_FIELD
    changed = await forest.tree.change(root, child.account_id, Changes(credits=5))
    assert (changed.view.balance.available, changed.view.balance.unlimited) == (5, False)
    assert await forest.available(root) == [0]
    await forest.check_ledger()


async def test_what_is_left_goes_to_who_deletes(forest: Forest, storage: Any) -> None:
    root = await forest.root(credits=10)
    child = (await forest.child(root, "child", credits=4)).view.account
    await forest.tree.delete(root, child.account_id)
    assert await forest.available(root, child) == [10, 0]
    assert await refusal(forest.tree.delete(root, child.account_id)) is C.NOT_FOUND
    assert [account.username for account in await forest.accounts.list_all()] == ["root"]
    kept = await forest.accounts.find_by_id(child.account_id)
    assert kept is not None  # its rows are still somebody's
    assert not kept.enabled
    assert await refusal(forest.accounts.find("child")) is C.NOT_FOUND
    await forest.check_ledger()


async def test_an_account_is_not_made_below_one_that_was_deleted(forest: Forest) -> None:
    root = await forest.root()
    middle = (await forest.child(root, "middle", administer=True)).view.account
    await forest.tree.delete(root, middle.account_id)
    assert await refusal(forest.child(middle, "low")) is C.NOT_FOUND


async def test_a_tree_is_only_so_deep(forest: Forest) -> None:
    account = await forest.root()
    for level in range(MAX_DEPTH - 1):
        account = (await forest.child(account, f"level{level}", administer=True)).view.account
    assert await refusal(forest.child(account, "lower")) is C.INVALID_FIELD


async def test_operator_says_what_a_root_may(forest: Forest) -> None:
    made = await forest.accounts.create("plain", time_zone="Europe/Oslo")
    assert made.account.permissions == DEFAULT_PERMISSIONS
    costly = {Permission.PREMIUM, Permission.PREMIUM_HIGH, Permission.NUMBER_LOOKUP}
    assert DEFAULT_PERMISSIONS.isdisjoint({*costly, Permission.ADMINISTER})
    assert made.account.time_zone == "Europe/Oslo"
    parent = made.account
    child = await forest.accounts.create("child", parent=parent, permissions=ALL)
    assert child.account.permissions == DEFAULT_PERMISSIONS
    assert await forest.accounts.find("child") == child.account


@pytest.mark.parametrize(
    "fields",
    [
        AccountFields(time_zone="Mars/Olympus"),
        AccountFields(time_zone="../etc/passwd"),
        AccountFields(default_sender="TwelveLetter"),
        AccountFields(prefixes="0"),
        AccountFields(prefixes="45," * 600),
        AccountFields(allowed_addresses="1.1.1.1," * 2_000),
        AccountFields(username=""),
    ],
    ids=lambda fields: repr(fields)[:60],
)
async def test_a_field_that_cannot_be_is_refused(forest: Forest, fields: AccountFields) -> None:
    await forest.root()
    code = await refusal(forest.accounts.change("root", fields))
    assert code in {C.INVALID_FIELD, C.INVALID_SENDER}
