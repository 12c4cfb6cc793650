"""Subaccounts: made, listed, acted for, suspended and closed by the account above them."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.core.accounts.account_tree import NOT_BY_DEFAULT
from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, Permission

from .conftest import OTHER_SID, OTHER_TOKEN, SID, TOKEN

MAIN_SID, MAIN_TOKEN = "AC" + "9" * 32, "the-main-token-of-all"
MAIN = (MAIN_SID, MAIN_TOKEN)
ACCOUNTS = "/2010-04-01/Accounts.json"


@pytest.fixture
async def main(gate: Any) -> Any:
    """An account with 100 credits that may have subaccounts."""
    permissions = DEFAULT_PERMISSIONS | {Permission.ADMINISTER}
    created = await gate.services.accounts.create("main", credits=100, permissions=permissions)
    await gate.services.auth_tokens.set(created.account, public_id=MAIN_SID, token=MAIN_TOKEN)
    return created.account


async def make(gate: Any, **form: str) -> Any:
    answer = await gate.call("POST", ACCOUNTS, form, login=MAIN)
    assert answer.status == 201, answer.body
    return answer.json


def path_of(sid: str, rest: str = "") -> str:
    return f"/2010-04-01/Accounts/{sid}{rest}.json"


async def code(gate: Any, *arguments: Any, login: tuple[str, str] = MAIN) -> tuple[int, int]:
    answer = await gate.call(*arguments, login=login)
    return answer.status, answer.json.get("code", 0) if answer.body else 0


async def send(gate: Any, sid: str, login: tuple[str, str]) -> Any:
    form = {"To": "+4512345678", "From": "Shop", "Body": "Hello"}
    return await gate.call("POST", path_of(sid, "/Messages"), form, login=login)


async def test_a_subaccount_sends_at_the_cost_of_the_one_above(gate: Any, main: Any) -> None:
    made = await make(gate, FriendlyName="Shop")
    assert (made["friendly_name"], made["status"], made["type"]) == ("Shop", "active", "Full")
    assert made["owner_account_sid"] == MAIN_SID
    own = (made["sid"], made["auth_token"])
    for login in (own, MAIN):
        answer = await send(gate, made["sid"], login)
        assert answer.status == 201, answer.body
        assert answer.json["account_sid"] == made["sid"]
    await gate.end()
    assert (await gate.services.accounts.balance(main)).available == 98
    for login in (own, MAIN):
        balance = await gate.call("GET", path_of(made["sid"], "/Balance"), login=login)
        assert balance.json["balance"] == "98.00"
        listed = await gate.call("GET", path_of(made["sid"], "/Messages"), login=login)
        assert len(listed.json["messages"]) == 2
    listed = await gate.call("GET", path_of(MAIN_SID, "/Messages"), login=MAIN)
    assert listed.json["messages"] == []
    account = await gate.services.accounts.find("Shop")
    assert account.permissions == main.permissions - NOT_BY_DEFAULT


async def test_accounts_are_listed_and_filtered(gate: Any, main: Any) -> None:
    first, second = await make(gate, FriendlyName="Shop"), await make(gate, FriendlyName="Shop")
    assert first["sid"] != second["sid"]  # names need not differ
    third = await make(gate)
    assert third["friendly_name"].startswith("SubAccount Created at ")

    async def listed(query: str = "") -> list[str]:
        answer = await gate.call("GET", ACCOUNTS + query, login=MAIN)
        return [account["sid"] for account in answer.json["accounts"]]

    assert await listed() == [MAIN_SID, first["sid"], second["sid"], third["sid"]]
    assert await listed("?FriendlyName=Shop") == [first["sid"], second["sid"]]
    assert await listed("?Status=suspended") == []
    page = (await gate.call("GET", ACCOUNTS + "?PageSize=3", login=MAIN)).json
    follow = (await gate.call("GET", page["next_page_uri"], login=MAIN)).json
    assert [account["sid"] for account in follow["accounts"]] == [third["sid"]]
    own = (first["sid"], first["auth_token"])
    answer = await gate.call("GET", ACCOUNTS, login=own)
    assert [account["sid"] for account in answer.json["accounts"]] == [first["sid"]]


async def test_one_is_suspended_resumed_renamed_and_closed(gate: Any, main: Any) -> None:
    made = await make(gate, FriendlyName="Shop")
    sid, own = made["sid"], (made["sid"], made["auth_token"])
    for status, sends in (("suspended", False), ("active", True), ("closed", False)):
        answer = await gate.call("POST", path_of(sid), {"Status": status}, login=MAIN)
        assert (answer.status, answer.json["status"]) == (200, status)
        fetched = await gate.call("GET", path_of(sid), login=MAIN)
        assert fetched.json["status"] == status
        assert ((await send(gate, sid, own)).status == 201) is sends
        by_main = await send(gate, sid, MAIN)
        assert (by_main.status, by_main.json.get("code")) == (
            (201, None) if sends else (403, 20005)
        )
    assert await code(gate, "POST", path_of(sid), {"Status": "active"}) == (400, 20001)
    renamed = await gate.call("POST", path_of(sid), {"FriendlyName": "Old shop"}, login=MAIN)
    assert (renamed.json["friendly_name"], renamed.json["status"]) == ("Old shop", "closed")
    changes = await gate.services.audit_log.changes_below(main, None, 10)
    assert [change.action for change in changes][:4] == ["shut", "open", "shut", "create"]


async def test_who_may_not(gate: Any, main: Any) -> None:
    made = await make(gate, FriendlyName="Shop")
    own = (made["sid"], made["auth_token"])
    key = (await gate.call("POST", path_of(MAIN_SID, "/Keys"), {}, login=MAIN)).json
    by_key = (key["sid"], key["secret"])
    other, plain = (OTHER_SID, OTHER_TOKEN), (SID, TOKEN)
    refusals = {
        "an account without the permission": (("POST", ACCOUNTS, {}), plain, (403, 20403)),
        "a subaccount": (("POST", ACCOUNTS, {}), own, (403, 20403)),
        "a key": (("POST", ACCOUNTS, {}), by_key, (401, 20003)),
        "a key about one below": (("GET", path_of(made["sid"])), by_key, (401, 20003)),
        "a stranger": (("GET", path_of(made["sid"])), other, (401, 20003)),
        "one below about the one above": (("GET", path_of(MAIN_SID)), own, (401, 20003)),
        "itself": (("POST", path_of(MAIN_SID), {"Status": "closed"}), MAIN, (403, 20403)),
        "no status": (("POST", path_of(made["sid"]), {"Status": "x"}), MAIN, (400, 20001)),
        "a name too long": (("POST", ACCOUNTS, {"FriendlyName": "x" * 65}), MAIN, (400, 20001)),
    }
    for case, (arguments, login, expected) in refusals.items():
        assert await code(gate, *arguments, login=login) == expected, case
