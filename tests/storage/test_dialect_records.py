"""Records of dialects: one account's each, in the order they were made, and not without end."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.core.accounts import dialect_records as module
from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.dialect_records import DialectRecords
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.clock import FixedClock
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage


class House:
    """Two accounts and their records over a database."""

    def __init__(self, storage: Storage) -> None:
        clock = FixedClock(1_790_000_000_000)
        self.storage, self.ids = storage, IdSource(clock)
        self.accounts = Accounts(storage=storage, ids=self.ids, clock=clock)
        self.records = DialectRecords(storage=storage, ids=self.ids)


@pytest.fixture
async def house(storage: Storage) -> Any:
    house: Any = House(storage)
    house.mine = (await house.accounts.create("mine")).account
    house.other = (await house.accounts.create("other")).account
    return house


async def test_a_record_is_kept_changed_and_removed(house: Any) -> None:
    made = await house.records.put(house.mine, "d", "keys", "one", b'{"a":1}')
    assert await house.records.find("d", "keys", "one") == made
    changed = await house.records.put(house.mine, "d", "keys", "one", b'{"a":2}')
    assert (changed.position, changed.content) == (made.position, b'{"a":2}')
    fresh = DialectRecords(storage=house.storage, ids=house.ids)
    assert await fresh.find("d", "keys", "one") == changed
    assert await fresh.find("d", "keys", "two") is None
    assert await fresh.find("e", "keys", "one") is None
    assert await house.records.remove(house.mine, "d", "keys", "one")
    assert not await house.records.remove(house.mine, "d", "keys", "one")
    assert await house.records.find("d", "keys", "one") is None


async def test_an_account_lists_its_own_newest_first(house: Any) -> None:
    for account, name in ((house.mine, "a"), (house.other, "b"), (house.mine, "c")):
        await house.records.put(account, "d", "keys", name, b"{}")
    await house.records.put(house.mine, "d", "services", "e", b"{}")
    found = await house.records.of_account(house.mine, "d", "keys")
    assert [record.name for record in found] == ["c", "a"]


async def test_another_accounts_record_is_neither_replaced_nor_removed(house: Any) -> None:
    made = await house.records.put(house.mine, "d", "keys", "one", b"{}")
    with pytest.raises(Refused) as refused:
        await house.records.put(house.other, "d", "keys", "one", b'{"evil":1}')
    assert refused.value.code is RefusalCode.ALREADY_EXISTS
    assert not await house.records.remove(house.other, "d", "keys", "one")
    assert await house.records.find("d", "keys", "one") == made


async def test_there_are_not_too_many(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RECORDS", 2)
    for name in ("a", "b", "b"):
        await house.records.put(house.mine, "d", "keys", name, b"{}")
    with pytest.raises(Refused) as refused:
        await house.records.put(house.mine, "d", "keys", "c", b"{}")
    assert refused.value.code is RefusalCode.INVALID_FIELD
    await house.records.put(house.other, "d", "keys", "c", b"{}")
