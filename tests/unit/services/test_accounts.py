"""Who is calling: keys, passwords, addresses, and their end at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import select

from dragoman.core.accounts import accounts as accounts_module
from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.credentials import DECOY, digest_of_key, md5_of_password
from dragoman.core.accounts.model.accounts import CredentialKind, Permission
from dragoman.core.accounts.sql.tables import accounts as account_table
from dragoman.core.accounts.sql.tables import credentials
from dragoman.core.billing.sql.tables import ledger_entries
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.clock import SystemClock
from dragoman.kit.ids import IdSource

HERE = "127.0.0.1"
PASSWORD, MD5 = CredentialKind.PASSWORD, CredentialKind.LEGACY_MD5
C = RefusalCode


@pytest.fixture
async def accounts(storage: Any, monkeypatch: pytest.MonkeyPatch) -> Accounts:
    """Accounts over both databases; failures are answered quickly."""
    monkeypatch.setattr(accounts_module, "FIRST_DELAY_S", 0.0)
    clock = SystemClock()
    return Accounts(storage=storage, ids=IdSource(clock), clock=clock)


async def refusal(awaitable: Any) -> RefusalCode:
    with pytest.raises(Refused) as caught:
        await awaitable
    return caught.value.code


async def test_a_new_account_gets_in_with_what_it_was_given(accounts: Accounts) -> None:
    made = await accounts.create("acme", credits=10)
    assert len(made.api_key) == 64
    for _ in range(2):  # the second time from memory
        found = await accounts.authenticate_key(made.api_key, HERE)
        assert found == made.account
        found = await accounts.authenticate_password("acme", made.password, HERE, PASSWORD)
        assert found == made.account
    balance = await accounts.balance(made.account)
    assert (balance.available, balance.unlimited) == (10, False)
    assert (await accounts.balance((await accounts.create("free")).account)).unlimited


@pytest.mark.parametrize(
    ("username", "password", "kind"),
    [
        ("acme", "wrong", PASSWORD),
        ("nobody", "secret", PASSWORD),
        ("acme", md5_of_password("secret"), MD5),
        ("acme", md5_of_password("secret"), PASSWORD),
        ("acme", "", PASSWORD),
        ("acme", "\udc80", PASSWORD),
        ("ac\0me", "secret", PASSWORD),
        ("\ud800", "secret", PASSWORD),
    ],
)
async def test_wrong_names_and_passwords_are_one_refusal(
    accounts: Accounts, username: str, password: str, kind: CredentialKind
) -> None:
    """Bug: a name or password with half a surrogate pair raised UnicodeEncodeError."""
    await accounts.create("acme", password="secret")
    attempt = accounts.authenticate_password(username, password, HERE, kind)
    assert await refusal(attempt) is C.AUTHENTICATION_FAILED


async def test_the_old_login_works_only_where_it_was_switched_on(accounts: Accounts) -> None:
    await accounts.create("new", password="secret")
    old = await accounts.create("old", password="secret", legacy_md5=True)
    md5 = md5_of_password("secret")
    assert await accounts.authenticate_password("old", md5, HERE, MD5) == old.account
    assert Permission.LEGACY_LOGIN in old.account.permissions
    assert (
        await refusal(accounts.authenticate_password("new", md5, HERE, MD5))
        is C.AUTHENTICATION_FAILED
    )


async def test_an_unknown_key_is_refused(accounts: Accounts) -> None:
    assert await refusal(accounts.authenticate_key("no such key", HERE)) is C.AUTHENTICATION_FAILED
    assert await refusal(accounts.authenticate_key("\ud800", HERE)) is C.AUTHENTICATION_FAILED


async def test_a_rotated_key_is_refused_from_that_moment_on(accounts: Accounts) -> None:
    made = await accounts.create("acme", api_key="k" * 16)
    await accounts.authenticate_key("k" * 16, HERE)
    key = await accounts.rotate_key("acme")
    assert await refusal(accounts.authenticate_key("k" * 16, HERE)) is C.AUTHENTICATION_FAILED
    assert await accounts.authenticate_key(key, HERE) == made.account


async def test_what_was_read_before_a_rotation_is_not_remembered_after_it(
    accounts: Accounts, storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await accounts.create("acme")
    read, was_read, go_on = storage.read, asyncio.Event(), asyncio.Event()

    async def slow_read(query: Any) -> Any:
        result = await read(query)
        was_read.set()
        await go_on.wait()
        return result

    monkeypatch.setattr(storage, "read", slow_read)
    early = asyncio.create_task(accounts.authenticate_key(made.api_key, HERE))
    await was_read.wait()
    monkeypatch.setattr(storage, "read", read)
    await accounts.rotate_key("acme")
    go_on.set()
    await early
    assert await refusal(accounts.authenticate_key(made.api_key, HERE)) is C.AUTHENTICATION_FAILED


async def test_a_disabled_account_is_shut_out_and_let_in_again(accounts: Accounts) -> None:
    made = await accounts.create("acme")
    await accounts.authenticate_key(made.api_key, HERE)
    await accounts.set_enabled("acme", False)
    assert await refusal(accounts.authenticate_key(made.api_key, HERE)) is C.AUTHENTICATION_FAILED
    await accounts.set_enabled("acme", True)
    assert (await accounts.authenticate_key(made.api_key, HERE)).enabled


async def test_other_addresses_are_refused_even_from_memory(accounts: Accounts) -> None:
    made = await accounts.create("acme", allowed_addresses="192.0.2.1")
    assert await accounts.authenticate_key(made.api_key, "192.0.2.1") == made.account
    assert await refusal(accounts.authenticate_key(made.api_key, HERE)) is C.ADDRESS_NOT_ALLOWED


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"username": ""}, C.INVALID_FIELD),
        ({"username": "x" * 65}, C.INVALID_FIELD),
        ({"username": "a\0b"}, C.INVALID_FIELD),
        ({"username": "acme", "credits": -1}, C.INVALID_FIELD),
        ({"username": "acme", "api_key": "short"}, C.INVALID_FIELD),
        ({"username": "acme", "allowed_addresses": "not one"}, C.INVALID_FIELD),
        ({"username": "taken"}, C.ALREADY_EXISTS),
    ],
    ids=str,
)
async def test_an_impossible_account_is_refused_whole(
    accounts: Accounts, storage: Any, fields: dict[str, Any], code: RefusalCode
) -> None:
    await accounts.create("taken")
    assert await refusal(accounts.create(**fields)) is code
    assert [account.username for account in await accounts.list_all()] == ["taken"]


@pytest.mark.parametrize("call", ["find", "rotate_key"])
async def test_an_account_that_does_not_exist_is_not_found(accounts: Accounts, call: str) -> None:
    assert await refusal(getattr(accounts, call)("nobody")) is C.NOT_FOUND


async def test_no_secret_is_stored(accounts: Accounts, storage: Any) -> None:
    made = await accounts.create("acme", password="open sesame", legacy_md5=True)

    def everything(connection: Any) -> str:
        tables = (credentials, account_table, ledger_entries)
        return repr([tuple(row) for table in tables for row in connection.execute(select(table))])

    stored = await storage.read(everything)
    secrets = [made.api_key, "open sesame", md5_of_password("open sesame")]
    assert not any(secret in stored for secret in secrets)
    assert repr(digest_of_key(made.api_key))[2:20] in stored  # the search above can find things


async def test_a_name_that_does_not_exist_costs_a_real_hash() -> None:
    decoy = DECOY
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(decoy, "anything")
    assert not PasswordHasher().check_needs_rehash(decoy)


async def test_failures_are_answered_ever_more_slowly_but_never_locked(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await accounts.create("acme")
    waits: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    monkeypatch.setattr(accounts_module, "FIRST_DELAY_S", 0.1)
    monkeypatch.setattr(accounts_module.asyncio, "sleep", note)
    for _ in range(9):
        await refusal(accounts.authenticate_key("wrong", HERE))
    await refusal(accounts.authenticate_key("wrong", "192.0.2.9"))
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 0.1]
    assert await accounts.authenticate_key(made.api_key, HERE) == made.account


async def test_credits_are_added_and_never_taken_below_zero(accounts: Accounts) -> None:
    made = await accounts.create("acme", credits=5)
    await accounts.top_up(made.account, 7, "invoice 1")
    assert await refusal(accounts.top_up(made.account, -13, "")) is C.INSUFFICIENT_CREDIT
    await accounts.top_up(made.account, -12, "refund")
    assert (await accounts.balance(made.account)).available == 0


async def test_some_accounts_are_listed_with_all_below_them(accounts: Accounts) -> None:
    top = (await accounts.create("top")).account
    below = (await accounts.create("below", parent=top)).account
    lowest = (await accounts.create("lowest", parent=below)).account
    other = (await accounts.create("other")).account
    assert await accounts.list_some([top.account_id]) == [top, below, lowest]
    assert await accounts.list_some([lowest.account_id, other.account_id]) == [lowest, other]
    assert await accounts.list_some([0]) == []
