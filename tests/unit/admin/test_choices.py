"""What has a few values only names all of them where it is given another."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from dragoman.admin.client import Failed
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.accounts.model.people import Role
from dragoman.core.alerts.model.rules import AlertKind
from dragoman.core.messages.model.state_choices import STATES_BY_NAME
from dragoman.core.model.errors import FailureCode
from dragoman.dialects import DIALECTS

from .conftest import Caller

WRONG = "nonesuch"
HOOK = {"account": "shop", "url": "https://shop.example", "dialect": "linkmobility"}
GIVEN: list[tuple[str, str, dict[str, Any], Iterable[str]]] = [
    ("POST", "people", {"name": "a@example.org", "account": "shop", "role": WRONG}, Role),
    ("POST", "accounts", {"username": "other", "grant": [WRONG]}, Permission),
    ("GET", "messages", {"states": WRONG}, STATES_BY_NAME),
    ("GET", "messages", {"cause": WRONG}, filter(None, FailureCode)),
    ("GET", "events", {"states": WRONG}, STATES_BY_NAME),
    ("GET", "events", {"dialect": WRONG}, DIALECTS),
    ("PUT", "webhooks", {**HOOK, "event": WRONG}, ("delivery", "incoming")),
    ("PUT", "webhooks", {**HOOK, "event": "delivery", "dialect": WRONG}, DIALECTS),
    ("POST", "accounts/shop/keys", {"name": "till", "scopes": [WRONG]}, ("linkmobility", "native")),
    ("POST", "accounts/shop/alert-rules", {"name": "a", "kind": WRONG}, AlertKind),
    ("PUT", f"accounts/shop/answers/{WRONG}", {"text": "x"}, ("stop", "start", "help")),
]


async def test_a_wrong_choice_is_told_the_right_ones(call: Caller) -> None:
    await call.services.accounts.create("shop")
    for method, path, given, choices in GIVEN:
        with pytest.raises(Failed) as caught:
            await call(method, *path.split("/"), **given)
        said = str(caught.value)
        assert [str(one) for one in choices if str(one) not in said] == [], (path, said)


async def test_an_action_that_campaigns_do_not_have(call: Caller) -> None:
    await call.services.accounts.create("shop")
    account = await call.services.accounts.find("shop")
    book = await call.services.contacts.create_list(account, "Friends")
    made = await asyncio.wait_for(
        call(
            *("POST", "accounts", "shop", "campaigns"),
            name="News",
            text="Hello",
            lists=[str(book.list_id)],
        ),
        30,
    )
    path = ("accounts", "shop", "campaigns", str(made["campaign_id"]), "actions")
    with pytest.raises(Failed) as caught:
        await call("POST", *path, action=WRONG)
    for action in ("start", "pause", "resume", "stop", "remove"):
        assert action in str(caught.value)
