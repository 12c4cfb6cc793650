"""The account repository: credentials, their end, and names that exist once."""

from __future__ import annotations

import asyncio
from typing import Any

from dragoman.core.accounts.model.accounts import Account, CredentialKind, Permission
from dragoman.core.accounts.model.allowed_addresses import parse_allowed_addresses
from dragoman.core.accounts.sql import account_tree, accounts
from dragoman.core.model.errors import RefusalCode, Refused

KEY = CredentialKind.API_KEY


def new_account(rows: Any, username: str, *digests: bytes, **more: Any) -> accounts.NewAccount:
    account = Account(
        account_id=rows.ids.next(), username=username, wallet_id=rows.ids.next(), **more
    )
    return accounts.NewAccount(
        account=account,
        unlimited=True,
        credentials=tuple(credential(rows, account.account_id, digest) for digest in digests),
        created_ms=rows.clock.now_ms(),
    )


def credential(rows: Any, account_id: int, digest: bytes) -> accounts.NewCredential:
    return accounts.NewCredential(
        credential_id=rows.ids.next(),
        account_id=account_id,
        kind=KEY.value,
        digest=digest,
        created_ms=rows.clock.now_ms(),
    )


async def test_an_account_comes_back_as_it_was_stored(rows: Any) -> None:
    new = new_account(
        rows,
        "bürger",
        b"\x00\xff",
        path="a/b",
        permissions=frozenset({Permission.SEND, Permission.LEGACY_LOGIN}),
        allowed_addresses=parse_allowed_addresses("192.0.2.0/24"),
        time_zone="Europe/Copenhagen",
        default_sender="Shop",
        max_parts=3,
        max_recipients=7,
    )
    await rows.write(accounts.create, new)
    read = rows.storage.read
    assert await read(lambda c: accounts.find_by_username(c, "bürger")) == new.account
    assert await read(lambda c: accounts.find_by_id(c, new.account.account_id)) == new.account
    assert await read(lambda c: accounts.find_by_digest(c, KEY, b"\x00\xff")) == new.account
    assert await read(lambda c: accounts.find_by_digest(c, "password", b"\x00\xff")) is None
    assert await read(accounts.load_all) == [new.account]


async def test_a_name_exists_once_even_within_one_group(rows: Any) -> None:
    new = [new_account(rows, name) for name in ("one", "one", "two")]
    results = await asyncio.gather(
        *(rows.write(accounts.create, item) for item in new), return_exceptions=True
    )
    assert results[0] is None
    assert isinstance(results[1], Refused)
    assert results[1].code is RefusalCode.ALREADY_EXISTS
    assert results[2] is None
    assert [a.username for a in await rows.storage.read(accounts.load_all)] == ["one", "two"]


async def test_rotation_ends_the_old_credentials_of_its_kinds_only(rows: Any) -> None:
    new = new_account(rows, "one", b"old")
    await rows.write(accounts.create, new)
    account_id = new.account.account_id
    rotation = accounts.CredentialRotation(
        account_id=account_id,
        revoke_kinds=(KEY.value,),
        credentials=(credential(rows, account_id, b"new"),),
        at_ms=rows.clock.now_ms(),
    )
    await rows.write(accounts.rotate, rotation)
    read = rows.storage.read
    assert await read(lambda c: accounts.find_by_digest(c, KEY, b"old")) is None
    assert await read(lambda c: accounts.find_by_digest(c, KEY, b"new")) == new.account
    assert await read(lambda c: accounts.load_digests(c, account_id, KEY)) == [b"new"]
    rotation = accounts.CredentialRotation(
        account_id=account_id, revoke_kinds=("password",), credentials=(), at_ms=1
    )
    await rows.write(accounts.rotate, rotation)
    assert await read(lambda c: accounts.load_digests(c, account_id, KEY)) == [b"new"]


async def test_a_disabled_account_says_so(rows: Any) -> None:
    account = await rows.account()
    change = account_tree.AccountChange(account_id=account.account_id, at_ms=1, enabled=False)
    await rows.write(account_tree.change, change)
    found = await rows.storage.read(lambda c: accounts.find_by_username(c, "acme"))
    assert found.enabled is False
