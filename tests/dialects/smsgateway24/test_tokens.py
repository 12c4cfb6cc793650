"""Who is calling: tokens that programs get for a name and password, that expire and end."""

from __future__ import annotations

import re

import msgspec
import pytest

from dragoman.admin.accounts import revoke_tokens
from dragoman.admin.context import Admin
from dragoman.core.accounts.login_tokens import LoginTokens
from dragoman.core.accounts.model.accounts import CredentialKind
from dragoman.core.model.errors import Refused
from dragoman.kit.clock import FixedClock

from .conftest import HERE, PASSWORD, WAYS, Gate

DAY_S = 24 * 3600.0
WRONG = b'{"error":1,"message":"Login or password incorrect"}'


@pytest.mark.parametrize("way", WAYS)
async def test_a_token_comes_for_name_and_password(gate: Gate, way: str) -> None:
    given = {"email": "acme", "pass": PASSWORD}
    answer = await gate.call("gettoken", way, **given)
    token = answer.json["token"]
    assert re.fullmatch("[0-9a-f]{32}", token)
    expected = b'{"error":0,"message":"OK","token":"%s"}' % token.encode()
    assert answer == (200, "application/json", expected)
    await gate.ok("getallsms", token=token)


BAD_LOGINS = {
    "wrong password": ({"email": "acme", "pass": "guess"}, WRONG),
    "unknown name": ({"email": "nobody", "pass": PASSWORD}, WRONG),
    "name beyond all": ({"email": "a" * 1000, "pass": PASSWORD}, WRONG),
    "no password": ({"email": "acme"}, b'{"error":1,"message":"Parameter pass is required"}'),
    "no name": ({"pass": PASSWORD}, b'{"error":1,"message":"Parameter email is required"}'),
}


@pytest.mark.parametrize("case", BAD_LOGINS)
async def test_a_bad_login_is_refused(gate: Gate, case: str) -> None:
    given, expected = BAD_LOGINS[case]
    answer = await gate.call("gettoken", **given)
    assert (answer.status, answer.body) == (200, expected)


async def test_an_account_that_is_shut_out_gets_none(gate: Gate) -> None:
    await gate.services.accounts.set_enabled("acme", enabled=False)
    assert await gate.refused("gettoken", email="acme", **{"pass": PASSWORD}) == (
        "Login or password incorrect"
    )
    assert await gate.refused("getallsms") == "Token is not valid"


async def test_a_key_of_another_kind_is_no_token(gate: Gate) -> None:
    access_token = await gate.services.access_tokens.issue(gate.account)
    assert await gate.refused("getallsms", token=access_token) == "Token is not valid"
    token = await gate.services.login_tokens.issue(gate.account)
    with pytest.raises(Refused):
        await gate.services.accounts.authenticate_key(token, HERE, CredentialKind.ACCESS_TOKEN)


async def test_the_operator_ends_tokens(gate: Gate) -> None:
    token = await gate.services.login_tokens.issue(gate.account)
    await gate.ok("getallsms", token=token)
    await revoke_tokens(Admin(services=gate.services), "acme")
    assert await gate.refused("getallsms", token=token) == "Token is not valid"
    again = await gate.services.login_tokens.issue(gate.account)
    assert again != token
    await gate.ok("getallsms", token=again)


class Aged:
    """Login tokens on a clock that stands still until it is told."""

    def __init__(self, gate: Gate, life_s: float) -> None:
        self.clock = FixedClock(gate.services.clock.now_ms())
        self.account = gate.account
        services = gate.services
        services.accounts.credentials._clock = self.clock
        self._build = lambda: LoginTokens(
            storage=services.storage, accounts=services.accounts, clock=self.clock, life_s=life_s
        )
        self.tokens = self._build()

    def restart(self) -> None:
        self.tokens = self._build()

    async def is_good(self, token: str) -> bool:
        try:
            await self.tokens.authenticate(token, HERE)
        except Refused:
            return False
        return True


async def test_a_token_is_good_for_its_life_also_over_a_restart(gate: Gate) -> None:
    aged = Aged(gate, 30 * DAY_S)
    token = await aged.tokens.issue(aged.account)
    aged.clock.advance(30 * DAY_S - 1)
    assert await aged.is_good(token)
    aged.restart()
    assert await aged.is_good(token)
    aged.clock.advance(1)
    assert not await aged.is_good(token)


async def test_a_program_that_asks_often_gets_the_same_token_while_it_is_young(gate: Gate) -> None:
    aged = Aged(gate, 30 * DAY_S)
    token = await aged.tokens.issue(aged.account)
    aged.clock.advance(15 * DAY_S - 1)
    assert await aged.tokens.issue(aged.account) == token
    aged.clock.advance(1)
    newer = await aged.tokens.issue(aged.account)
    assert newer != token
    assert await aged.is_good(token)


async def test_a_token_without_a_life_lives_for_ever(gate: Gate) -> None:
    aged = Aged(gate, 0)
    token = await aged.tokens.issue(aged.account)
    aged.clock.advance(10_000 * DAY_S)
    assert await aged.is_good(token)
    assert await aged.tokens.issue(aged.account) == token


async def test_an_old_token_is_told_from_a_wrong_one(gate: Gate) -> None:
    gate.services.login_tokens._life_ms = 1
    token = await gate.services.login_tokens.issue(gate.account)
    gate.services.login_tokens._clock = FixedClock(gate.services.clock.now_ms() + 1_000)
    answer = await gate.call("getallsms", token=token)
    assert answer.body == msgspec.json.encode({"error": 1, "message": "Token has expired"})
