"""Contacts, campaigns, templates, answers and alerts, as the command line asks for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dragoman.admin.client import Failed

from .conftest import Caller

SHOP = ("accounts", "shop")


@pytest.fixture
async def shop(call: Caller) -> Caller:
    await call("POST", "accounts", username="shop", credits=100)
    return call


async def _members(shop: Caller) -> None:
    for number, city in (("+4530123451", "Ribe"), ("+4530123452", "Odense")):
        await shop("POST", *SHOP, "contacts", mobile=number, list="Members", fields={"City": city})


async def test_contacts_are_added_listed_and_deleted(shop: Caller) -> None:
    await _members(shop)
    lists = await shop("GET", *SHOP, "lists")
    assert [(one["name"], one["contacts"]) for one in lists["lists"]] == [("Members", 2)]
    found = await shop("GET", *SHOP, "contacts", field="City", value="Ribe")
    assert [one["mobile"] for one in found["contacts"]] == ["4530123451"]
    await shop("DELETE", *SHOP, "contacts", "+4530123451")
    assert (await shop("GET", *SHOP, "contacts", list="Members"))["total"] == 1
    await shop("DELETE", *SHOP, "lists", "Members")
    assert (await shop("GET", *SHOP, "lists"))["lists"] == []


async def test_rows_that_are_sent_again_are_stored_once(shop: Caller) -> None:
    begun = await shop("POST", *SHOP, "imports", list="New", drop_duplicates=False)
    rows = [["+4530123451", "Zoë"], ["nobody", "Max"]]
    for _ in range(2):
        added = await shop(
            *("POST", *SHOP, "imports", begun["key"], "rows"),
            fields=["Name"],
            rows=rows,
            digest="first",
        )
    assert [(one["index"], one["fault"]) for one in added["refused"]] == [(1, "mobile")]
    assert (await shop("GET", *SHOP, "contacts", list="New"))["total"] == 1


async def test_campaign_goes_from_draft_to_stop(shop: Caller) -> None:
    await _members(shop)
    await shop("PUT", *SHOP, "templates", "hello", text="Hi from [City]")
    [template] = (await shop("GET", *SHOP, "templates"))["templates"]
    made = await shop(
        *("POST", *SHOP, "campaigns"),
        name="Spring",
        text=template["text"],
        lists=["Members"],
        sender="Shop",
        rules=[{"field": "City", "operation": "is", "value": "ribe"}],
        local=f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%dT%H:%M}",
    )
    campaign = (*SHOP, "campaigns", str(made["campaign_id"]))
    counted = await shop("POST", *campaign, "estimate")
    assert (counted["recipients"], counted["credits"]) == (1, 1)
    sample = {"number": "4530123451", "text": "Hi from Ribe", "problem": ""}
    assert counted["samples"] == [sample]
    assert counted["zones"] == [{"zone": "Europe/Copenhagen", "recipients": 1}]
    started = await shop("POST", *campaign, "actions", action="start")
    assert started["state"] == "running"
    for action, state in (("pause", "paused"), ("resume", "running"), ("stop", "stopped")):
        assert (await shop("POST", *campaign, "actions", action=action))["state"] == state
    with pytest.raises(Failed):
        await shop("POST", *campaign, "actions", action="resume")
    [listed] = (await shop("GET", *SHOP, "campaigns"))["campaigns"]
    assert listed["name"] == "Spring"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"lists": ["Nobody"]}, "not_found"),
        ({"due_ms": 1}, "invalid_schedule"),
        ({"rules": [{"field": "City", "operation": "like", "value": "x"}]}, "invalid_field"),
        ({"from_minute": 600, "to_minute": 60}, "invalid_field"),
        ({"per_minute": -1}, "invalid_field"),
        ({"local": "at nine"}, "invalid_schedule"),
    ],
)
async def test_campaign_that_cannot_be_is_refused(
    shop: Caller, wrong: dict[str, Any], code: str
) -> None:
    await _members(shop)
    fields = {"name": "N", "text": "Hi", "lists": ["Members"], "sender": "Shop"} | wrong
    with pytest.raises(Failed) as failed:
        await shop("POST", *SHOP, "campaigns", **fields)
    assert failed.value.code == code
    assert (await shop("GET", *SHOP, "campaigns"))["campaigns"] == []


async def test_answers_are_set_and_removed(shop: Caller) -> None:
    await shop("PUT", *SHOP, "answers", "stop", text="Bye")
    await shop("PUT", *SHOP, "answers", "stop", text="", number="1272")
    listed = (await shop("GET", *SHOP, "answers"))["answers"]
    assert [(one["number"], one["text"]) for one in listed] == [("", "Bye"), ("1272", "")]
    await shop("DELETE", *SHOP, "answers", "stop")
    with pytest.raises(Failed) as failed:
        await shop("DELETE", *SHOP, "answers", "stop")
    assert failed.value.code == "not_found"
    with pytest.raises(Failed):
        await shop("PUT", *SHOP, "answers", "maybe", text="?")
    assert (await shop("GET", *SHOP, "conversations"))["conversations"] == []
    thread = await shop("GET", *SHOP, "conversations", "+4530123451")
    assert (thread["texts"], thread["answer_from"]) == ([], "")


async def test_rules_of_alerts_are_added_and_removed(shop: Caller) -> None:
    rules = (*SHOP, "alert-rules")
    added = await shop(
        "POST", *rules, name="Low", kind="credits", limit=10, mails=["ops@example.org"]
    )
    assert (added["kind"], added["limit"]) == ("credits", 10)
    for kind, code in (("disk", "permission_denied"), ("weather", "invalid_field")):
        with pytest.raises(Failed) as failed:
            await shop("POST", *rules, name="x", kind=kind, mails=["ops@example.org"])
        assert failed.value.code == code
    told = await shop("POST", *rules, str(added["rule_id"]), "test")
    assert told["told"] == ["mail: not reached, no gateway is running"]
    await shop("DELETE", *rules, str(added["rule_id"]))
    assert (await shop("GET", *rules))["rules"] == []
    assert (await shop("GET", *SHOP, "alerts"))["alerts"] == []
