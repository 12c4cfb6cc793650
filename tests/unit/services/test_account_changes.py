"""What is remembered of accounts ends with their changes, and not with those of others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.accounts.changes import AccountChanges
from dragoman.core.accounts.credits import Purchase
from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, Account, Permission
from dragoman.core.billing.model.payments import Payer
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.engine import Storage

HERE = "127.0.0.1"
ROOT = Account(account_id=1, username="root", wallet_id=1, path="000001")
CHILD = Account(account_id=2, username="child", wallet_id=2, path="000001/000002", parent_id=1)
OTHER = Account(account_id=3, username="other", wallet_id=3, path="000003")

CASES: dict[str, tuple[tuple[int, ...], set[str]]] = {
    "one of its own": ((2,), {"child"}),
    "the one above": ((1,), {"root", "child"}),
    "two": ((2, 3), {"child", "other"}),
    "another": ((9,), set()),
    "all": ((), {"root", "child", "other"}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_change_puts_out_of_date_what_it_is_about(case: str) -> None:
    account_ids, expected = CASES[case]
    changes = AccountChanges()
    changes.note((1, 2, 3))
    read_at = changes.generation
    assert not any(changes.since(read_at, account) for account in (ROOT, CHILD, OTHER))
    changes.note(account_ids)
    outdated = {one.username for one in (ROOT, CHILD, OTHER) if changes.since(read_at, one)}
    assert outdated == expected
    assert not any(changes.since(changes.generation, one) for one in (ROOT, CHILD, OTHER))


class Family:
    """A reseller, an account below it, and one of somebody else."""

    def __init__(self, services: Any) -> None:
        self.services = services
        self.keys: dict[str, str] = {}

    async def begin(self) -> None:
        permissions = DEFAULT_PERMISSIONS | {Permission.ADMINISTER}
        parents: dict[str, Account] = {}
        for name, parent in (("reseller", ""), ("below", "reseller"), ("other", "")):
            created = await self.services.accounts.create(
                name,
                api_key=f"{name}-key-of-sixteen",
                credits=1_000,
                permissions=permissions,
                parent=parents.get(parent),
                fields=AccountFields(payer=Payer.BOTH),
            )
            parents[name] = created.account
            self.keys[name] = created.api_key
        await self.services.inbound_routing.settle()

    async def use(self, name: str) -> Account:
        """Uses an account as a call does: its key, its senders and who pays."""
        account: Account = await self.services.accounts.authenticate_key(self.keys[name], HERE)
        await self.services.accounts.approved_senders(account)
        await self.services.credits.payments(account, next(iter(self.services.credits.types)))
        return account


@pytest.fixture
async def family(make_harness: Any) -> Family:
    harness = await make_harness(carriers={}, start=False)
    family = Family(harness.services)
    await family.begin()
    return family


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is read of the database, from now on."""
    found: list[Any] = []
    read = Storage.read

    async def noted(self: Storage, query: Callable[[Any], Any]) -> Any:
        found.append(query)
        return await read(self, query)

    monkeypatch.setattr(Storage, "read", noted)
    return found


async def test_a_purchase_has_nothing_read_again_of_other_accounts(
    family: Family, reads: list[Any]
) -> None:
    """Bug: it dropped every remembered account, and all accounts were read again."""
    for name in family.keys:
        await family.use(name)
    message_type = next(iter(family.services.credits.types))
    below = await family.use("below")
    before = await family.services.credits.payments(below, message_type)
    reads.clear()
    await family.services.credits.buy(
        below, [Purchase(amount=1_000_000, prices={message_type.name: 500})]
    )
    await family.services.inbound_routing.settle()
    assert len(reads) == 1  # how much it has bought so far
    for name in ("reseller", "other"):
        await family.use(name)
    assert len(reads) == 1
    assert await family.services.credits.payments(below, message_type) != before


async def test_a_change_of_an_account_is_seen_in_it_and_below_it_at_once(
    family: Family, reads: list[Any]
) -> None:
    for name in family.keys:
        await family.use(name)
    await family.services.accounts.set_enabled("reseller", False)
    for name in ("reseller", "below"):
        with pytest.raises(Refused) as caught:
            await family.use(name)
        assert caught.value.code is RefusalCode.AUTHENTICATION_FAILED
    await family.services.inbound_routing.settle()
    reads.clear()
    await family.use("other")
    assert not reads


async def test_routing_of_inbound_texts_follows_each_account(family: Family) -> None:
    routing, accounts = family.services.inbound_routing, family.services.accounts
    below = await family.use("below")
    routing._configured = {"4500000000": "below"}

    async def settled() -> None:
        await asyncio.sleep(0)
        await routing.settle()

    def may_receive() -> bool:
        return routing.find("4500000000", ("hello",)).account_id == below.account_id

    assert may_receive()
    await accounts.change("reseller", revoke=frozenset({Permission.RECEIVE}))
    await settled()
    assert not may_receive()
    await accounts.change("reseller", grant=frozenset({Permission.RECEIVE}))
    await settled()
    assert may_receive()
    await accounts.change("below", AccountFields(username="renamed"))
    await settled()
    assert routing.account_id_of("below") is None
    assert routing.account_id_of("renamed") == below.account_id
    renamed = await accounts.find("renamed")
    await family.services.account_tree.delete_as_operator(renamed, ())
    await settled()
    assert routing.account_id_of("renamed") is None
    assert routing.account_id_of("reseller") is not None
