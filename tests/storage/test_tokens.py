"""What is got for a password ends with it, or when an operator says so; on both databases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from dragoman.admin.accounts import revoke_tokens
from dragoman.admin.context import Admin
from dragoman.container import Services
from dragoman.core.accounts.account_tree import Changes
from dragoman.core.accounts.model.accounts import Account, CredentialKind, Permission
from dragoman.core.accounts.sql.scoped_tokens import LEEWAY_MS
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.clock import FixedClock

HERE = "127.0.0.1"


@pytest.fixture
async def house(make_harness: Any, database_url: str) -> Any:
    return await make_harness(database_url, start=False, carriers={}, clock=FixedClock())


async def is_in(asked: Awaitable[Any]) -> bool:
    """Whether a secret opens what it is for."""
    try:
        return bool(await asked)
    except Refused as refused:
        if refused.code is not RefusalCode.AUTHENTICATION_FAILED:
            raise
        return False


class Holder:
    """An account with one secret of every kind."""

    def __init__(self, services: Services, account: Account) -> None:
        self.services = services
        self.account = account

    async def get(self) -> dict[str, Callable[[], Awaitable[bool]]]:
        """How each of the new secrets is used, by what it is."""
        one, account = self.services, self.account
        access = await one.access_tokens.issue(account)
        login = await one.login_tokens.issue(account)
        scoped = await one.scoped_tokens.issue(account, ("all:any",))
        spent = await one.scoped_tokens.issue(account, ("all:any",))
        renewed = await one.scoped_tokens.refresh(spent.refresh_token, HERE)
        session = one.sessions.open(account.account_id)
        console = await one.console_sessions.open(account)
        link = await one.one_time_links.make(account)

        async def is_alive() -> bool:
            return one.sessions.is_alive(account.account_id, session)

        kind = CredentialKind.ACCESS_TOKEN
        return {
            "access token": lambda: is_in(one.accounts.authenticate_key(access, HERE, kind)),
            "login token": lambda: is_in(one.login_tokens.authenticate(login, HERE)),
            "scoped token": lambda: is_in(
                one.scoped_tokens.authenticate(scoped.access_token, HERE)
            ),
            "renewed token": lambda: is_in(
                one.scoped_tokens.authenticate(renewed.access_token, HERE)
            ),
            "refresh token": lambda: is_in(one.scoped_tokens.refresh(renewed.refresh_token, HERE)),
            "session": is_alive,
            "console session": lambda: is_in(one.console_sessions.find(console)),
            "link": lambda: is_in(one.one_time_links.redeem(link, HERE)),
        }


async def by_operator(services: Services, account: Account, _top: Account) -> None:
    await revoke_tokens(Admin(services=services), account.username)


async def by_password(services: Services, account: Account, _top: Account) -> None:
    await services.accounts.set_password(account, "another secret")


async def by_parent(services: Services, account: Account, top: Account) -> None:
    await services.account_tree.change(top, account.account_id, Changes(password="another secret"))


@pytest.mark.parametrize("end", [by_operator, by_password, by_parent])
async def test_every_token_and_session_ends(house: Any, end: Any) -> None:
    services: Services = house.services
    permissions = frozenset(Permission)
    top = (await services.accounts.create("top", permissions=permissions)).account
    made = await services.accounts.create("acme", parent=top)
    mine = await Holder(services, made.account).get()
    theirs = await Holder(services, top).get()
    assert [name for name, use in mine.items() if name != "link" and not await use()] == []
    await end(services, made.account, top)
    assert [name for name, use in mine.items() if await use()] == []
    assert [name for name, use in theirs.items() if not await use()] == []
    assert await is_in(services.accounts.authenticate_key(made.api_key, HERE))
    again = await Holder(services, made.account).get()
    assert [name for name, use in again.items() if not await use()] == []


async def test_the_operator_leaves_a_note(house: Any) -> None:
    services: Services = house.services
    account = (await services.accounts.create("acme")).account
    await by_operator(services, account, account)
    changes = await services.audit_log.changes(account, account, None, 10)
    assert [(one.action, one.by_command) for one in changes] == [("revoke_tokens", True)]


async def test_a_refresh_ends_its_predecessor_at_once(house: Any) -> None:
    services: Services = house.services
    tokens = services.scoped_tokens
    account = (await services.accounts.create("acme")).account
    first = await tokens.issue(account, ("all:any",))
    assert await is_in(tokens.authenticate(first.access_token, HERE))  # and is remembered
    second = await tokens.refresh(first.refresh_token, HERE)
    assert not await is_in(tokens.authenticate(first.access_token, HERE))
    assert not await is_in(tokens.refresh(first.refresh_token, HERE))
    assert await is_in(tokens.authenticate(second.access_token, HERE))


@pytest.mark.parametrize("revoked", [0, 1, 2])
async def test_a_revoked_family_is_dead(house: Any, revoked: int) -> None:
    services: Services = house.services
    tokens = services.scoped_tokens
    account = (await services.accounts.create("acme")).account
    other = await tokens.issue(account, ("all:any",))
    family = [await tokens.issue(account, ("all:any",))]
    for _ in range(2):
        family.append(await tokens.refresh(family[-1].refresh_token, HERE))
    assert await is_in(tokens.authenticate(family[-1].access_token, HERE))
    await tokens.revoke(account, family[revoked].token_id)
    assert not await is_in(tokens.authenticate(family[-1].access_token, HERE))
    assert not await is_in(tokens.refresh(family[-1].refresh_token, HERE))
    assert await is_in(tokens.authenticate(other.access_token, HERE))


@pytest.mark.parametrize(("late_ms", "alive"), [(LEEWAY_MS - 1, True), (LEEWAY_MS, False)])
async def test_a_refresh_token_that_comes_again_later_was_stolen(
    house: Any, late_ms: int, alive: bool
) -> None:
    services: Services = house.services
    tokens = services.scoped_tokens
    account = (await services.accounts.create("acme")).account
    first = await tokens.issue(account, ("all:any",))
    second = await tokens.refresh(first.refresh_token, HERE)
    services.clock.advance(late_ms / 1000)  # type: ignore[attr-defined]
    assert not await is_in(tokens.refresh(first.refresh_token, HERE))
    assert await is_in(tokens.authenticate(second.access_token, HERE)) is alive


async def test_codes_and_tokens_of_phones_end_and_phones_stay(house: Any) -> None:
    services: Services = house.services
    account = (await services.accounts.create("acme")).account
    registration = services.device_registration
    services.devices.carriers = ("phones",)  # type: ignore[misc]
    device, _ = await registration.enter(account, "", protocol="cht", name="Bench")
    code = await registration.create_code(account)
    token = await registration.create_token(account)
    assert await is_in(registration.by_code(code.code))
    assert await is_in(registration.by_token(token))
    await by_operator(services, account, account)
    assert not await is_in(registration.by_code(code.code))
    assert not await is_in(registration.by_token(token))
    assert services.devices.find(account, device.device_id).device_id == device.device_id
