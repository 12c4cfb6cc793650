"""Operations on people, and those on accounts that go with them."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.container import Services
from dragoman.core.accounts import accounts as accounts_module
from dragoman.core.accounts.model.people import Person
from dragoman.core.model.errors import Refused

from .conftest import Caller

PASSWORD = "correct horse battery"
HERE = "127.0.0.1"


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts_module, "FIRST_DELAY_S", 0.0)


async def _invite(call: Caller, name: str = "Anna@Example.org", **more: str) -> Any:
    return await call("POST", "people", **{"name": name, "account": "shop", **more})


async def _accept(services: Services, invited: Any) -> Person:
    token = invited["link"].partition("?k=")[2]
    person = (await services.people.accept(token, PASSWORD, HERE)).person
    assert person is not None
    return person


@pytest.fixture
async def shop(services: Services) -> None:
    await services.accounts.create("shop", credits=10)


@pytest.mark.usefixtures("shop")
async def test_a_person_is_invited_changed_and_removed(call: Caller, services: Services) -> None:
    invited = await _invite(call, role="manager")
    assert invited["link"].startswith("/console/invitation?k=")
    assert (invited["person"]["name"], invited["person"]["role"]) == ("anna@example.org", "manager")
    person = await _accept(services, invited)
    token = await services.console_sessions.open(
        await services.accounts.find("shop"), person.person_id
    )
    at = ("people", "anna@example.org")
    assert (await call("PATCH", *at, role="viewer"))["role"] == "viewer"
    assert await services.console_sessions.find(token) is not None
    assert (await call("PATCH", *at, enabled=False))["enabled"] is False
    assert await services.console_sessions.find(token) is None
    (listed,) = (await call("GET", "people", account="shop"))["people"]
    assert (listed["enabled"], listed["has_password"], listed["account"]) == (False, True, "shop")
    with pytest.raises(Refused):
        await services.people.authenticate("anna@example.org", PASSWORD, HERE)
    assert (await call("DELETE", *at))["name"] == "anna@example.org"
    assert (await call("GET", "people"))["people"] == []
    assert (await _invite(call))["person"]["enabled"] is True  # the name is free


REFUSED: dict[str, tuple[tuple[str, ...], dict[str, Any], str]] = {
    "an unknown role": (("POST", "people"), {"name": "a", "role": "boss"}, "invalid_field"),
    "no name": (("POST", "people"), {"name": " "}, "invalid_field"),
    "the name of an account": (("POST", "people"), {"name": "shop"}, "already_exists"),
    "an operator of a plain account": (
        ("POST", "people"),
        {"name": "a", "role": "operator"},
        "permission_denied",
    ),
    "nobody": (("PATCH", "people", "nobody"), {"role": "viewer"}, "not_found"),
    "nobody's link": (("POST", "people", "nobody", "link"), {}, "not_found"),
    "nobody to remove": (("DELETE", "people", "nobody"), {}, "not_found"),
    "no account": (("DELETE", "accounts", "nobody"), {}, "not_found"),
}


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("case", REFUSED)
async def test_what_cannot_be_done_is_refused(call: Caller, case: str) -> None:
    address, given, code = REFUSED[case]
    assert await call.refused(*address, **given) == code
    assert (await call("GET", "people"))["people"] == []


@pytest.mark.usefixtures("shop")
async def test_an_account_cannot_take_the_name_of_a_person(
    call: Caller, services: Services
) -> None:
    await _invite(call, "anna")
    assert await call.refused("POST", "accounts", username="anna") == "already_exists"
    changed = await call.refused("PATCH", "accounts", "shop", new_username="anna")
    assert changed == "already_exists"


@pytest.mark.usefixtures("shop")
async def test_a_new_password_of_an_account_is_shown_once(call: Caller, services: Services) -> None:
    made = await call("POST", "accounts", "shop", "password")
    who = await services.people.authenticate("shop", made["password"], HERE)
    assert (who.account.username, who.person) == ("shop", None)
    given = await call("POST", "accounts", "shop", "password", password="another horse")
    assert given["password"] == ""
    await services.people.authenticate("shop", "another horse", HERE)


async def test_a_deleted_account_leaves_its_credits_above_and_its_names_free(
    call: Caller, services: Services
) -> None:
    await call("POST", "accounts", username="reseller", credits=15)
    await call("POST", "accounts", username="shop", credits=10, parent="reseller")
    await _accept(services, await _invite(call, "anna"))
    assert await call.refused("DELETE", "accounts", "reseller") == "invalid_field"
    assert (await call("DELETE", "accounts", "shop"))["username"] == "shop"
    assert (await call("GET", "accounts", "reseller"))["credits"] == 15
    with pytest.raises(Refused):
        await services.people.authenticate("anna", PASSWORD, HERE)
    await call("POST", "accounts", username="anna")
    await call("POST", "accounts", username="shop", credits=1)
    assert (await call("DELETE", "accounts", "shop"))["credits"] == 1


@pytest.mark.usefixtures("shop")
async def test_keys_are_made_changed_rotated_and_revoked(call: Caller, services: Services) -> None:
    at = ("accounts", "shop", "keys")
    made = await call("POST", *at, name="till", scopes=["linkmobility"], expires_in_s=3600)
    assert (len(made["api_key"]), made["scopes"], made["used_ms"]) == (64, ["linkmobility"], None)
    one = (*at, str(made["key_id"]))
    changed = await call("PATCH", *one, scopes=[], expires_in_s=0)
    assert (changed["name"], changed["scopes"], changed["expires_ms"]) == ("till", [], None)
    await services.accounts.authenticate_key(made["api_key"], HERE)
    listed = (await call("GET", *at))["keys"]
    assert [(key["name"], key["used_ms"] is not None) for key in listed] == [
        ("default", False),
        ("till", True),
    ]
    rotated = await call("POST", *one, "rotate", overlap_s=3600)
    assert (rotated["name"], rotated["key_id"] > made["key_id"]) == ("till", True)
    for key in (made, rotated):
        await services.accounts.authenticate_key(key["api_key"], HERE)
    left = (await call("DELETE", *one))["keys"]
    assert [key["key_id"] for key in left][1:] == [rotated["key_id"]]
    with pytest.raises(Refused):
        await services.accounts.authenticate_key(made["api_key"], HERE)


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("address", "given", "code"),
    [
        (("POST", "accounts", "shop", "keys"), {"name": "x", "scopes": ["nope"]}, "invalid_field"),
        (("POST", "accounts", "shop", "keys"), {"name": ""}, "invalid_field"),
        (("POST", "accounts", "shop", "keys"), {"name": "x", "expires_in_s": 0}, "invalid_field"),
        (("POST", "accounts", "y", "keys"), {"name": "x"}, "not_found"),
        (("DELETE", "accounts", "shop", "keys", "7"), {}, "not_found"),
        (("DELETE", "accounts", "shop", "keys", "x"), {}, "not_found"),
        (("POST", "accounts", "shop", "keys", "7", "rotate"), {}, "not_found"),
    ],
)
async def test_a_key_that_cannot_be_is_refused(
    call: Caller, address: tuple[str, ...], given: dict[str, Any], code: str
) -> None:
    assert await call.refused(*address, **given) == code
    assert len((await call("GET", "accounts", "shop", "keys"))["keys"]) == 1
