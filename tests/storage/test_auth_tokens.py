"""Auth tokens: sealed in their rows, one of an account, and never another account's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.auth_tokens import AuthTokens
from dragoman.core.model.errors import RefusalCode, Refused, StorageUnavailable
from dragoman.kit.clock import FixedClock
from dragoman.kit.ids import IdSource
from dragoman.kit.sealing import Sealer
from dragoman.storage.engine import Storage

NOW_MS = 1_790_000_000_000
SID = "AC" + "1" * 32


class House:
    """Accounts and their tokens over a database."""

    def __init__(self, storage: Storage, key_file: Path) -> None:
        clock = FixedClock(NOW_MS)
        self.storage = storage
        self.accounts = Accounts(storage=storage, ids=IdSource(clock), clock=clock)
        self.tokens = self.over(key_file)

    def over(self, key_file: Path) -> AuthTokens:
        return AuthTokens(
            storage=self.storage,
            accounts=self.accounts,
            sealer=Sealer(key_file),
            clock=FixedClock(NOW_MS),
        )


@pytest.fixture
def house(storage: Storage, tmp_path: Path) -> House:
    return House(storage, tmp_path / "key")


async def test_a_token_is_made_once_and_kept_sealed(house: House, tmp_path: Path) -> None:
    account = (await house.accounts.create("acme")).account
    token = await house.tokens.ensure(account)
    assert await house.tokens.ensure(account) == token
    again = house.over(tmp_path / "key")
    assert await again.find(token.public_id) == token
    assert await again.of_account(account.account_id) == token

    def read(connection: Any) -> bytes:
        return bytes(connection.execute(text("SELECT token FROM auth_tokens")).scalar_one())

    assert token.token.encode() not in await house.storage.read(read)


async def test_a_known_one_takes_its_place_at_once(house: House) -> None:
    account = (await house.accounts.create("acme")).account
    old = await house.tokens.ensure(account)
    new = await house.tokens.set(account, public_id=SID, token="known-from-elsewhere")
    assert (new.public_id, new.token) == (SID, "known-from-elsewhere")
    assert await house.tokens.find(old.public_id) is None
    assert (await house.tokens.authenticate(SID, new.token, "192.0.2.1")).username == "acme"
    fresh = await house.tokens.set(account)
    assert fresh.public_id == SID
    assert fresh.token not in (old.token, new.token)
    with pytest.raises(Refused) as refused:
        await house.tokens.authenticate(SID, new.token, "192.0.2.1")
    assert refused.value.code is RefusalCode.AUTHENTICATION_FAILED


@pytest.mark.parametrize(
    ("public_id", "token"),
    [
        *(("AC1", ""), ("AC" + "G" * 32, ""), (SID + "\n", "")),
        *(("", "short"), ("", "x" * 129), ("", "å" * 20)),
    ],
)
async def test_what_is_none_is_refused(house: House, public_id: str, token: str) -> None:
    account = (await house.accounts.create("acme")).account
    with pytest.raises(Refused) as refused:
        await house.tokens.set(account, public_id=public_id, token=token)
    assert refused.value.code is RefusalCode.INVALID_FIELD


async def test_the_identifier_of_another_account_is_refused(house: House) -> None:
    mine = (await house.accounts.create("mine")).account
    other = (await house.accounts.create("other")).account
    await house.tokens.set(mine, public_id=SID)
    with pytest.raises(Refused) as refused:
        await house.tokens.set(other, public_id=SID)
    assert refused.value.code is RefusalCode.ALREADY_EXISTS


@pytest.mark.parametrize(
    ("public_id", "token"),
    [
        *((SID, "wrong-wrong-wrong"), (SID, "\ud800"), ("", "")),
        ("AC" + "2" * 32, "known-from-elsewhere"),
    ],
)
async def test_a_wrong_one_lets_nobody_in(house: House, public_id: str, token: str) -> None:
    account = (await house.accounts.create("acme")).account
    await house.tokens.set(account, public_id=SID, token="known-from-elsewhere")
    with pytest.raises(Refused) as refused:
        await house.tokens.authenticate(public_id, token, "192.0.2.1")
    assert refused.value.code is RefusalCode.AUTHENTICATION_FAILED


async def test_a_lost_key_is_an_outage_of_tokens_only(house: House, tmp_path: Path) -> None:
    account = (await house.accounts.create("acme")).account
    token = await house.tokens.ensure(account)
    lost = house.over(tmp_path / "lost")
    with pytest.raises(StorageUnavailable):
        await lost.authenticate(token.public_id, token.token, "192.0.2.1")
    with pytest.raises(StorageUnavailable):
        await lost.of_account(account.account_id)
