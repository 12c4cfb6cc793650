"""The operations over a real socket, to real services on SQLite."""

from __future__ import annotations

import os
from typing import Any

import msgspec
import pytest

from dragoman.admin.client import Failed
from dragoman.admin.operations import build_admin
from dragoman.admin.remote import TokenGuard
from dragoman.console.labels import describe_change
from dragoman.container import Services
from dragoman.core.accounts.model.accounts import CredentialKind, Permission
from dragoman.core.accounts.model.senders import SenderDetails
from dragoman.core.model.errors import Refused
from dragoman.web.openapi import render_openapi

from .conftest import Caller


async def test_an_account_is_created_changed_and_disabled(call: Caller, services: Services) -> None:
    created = await call(
        "POST", "accounts", username="shop", credits=5, allowed_addresses="10.0.0.0/8"
    )
    assert created["account"]["credits"] == 5
    assert len(created["api_key"]) == 64
    account = await services.accounts.authenticate_key(created["api_key"], "10.1.2.3")
    assert account.username == "shop"

    rotated = await call("POST", "accounts", "shop", "key", api_key="a-key-of-my-own-choice")
    assert (rotated["api_key"], rotated["password"]) == ("a-key-of-my-own-choice", None)

    assert (await call("POST", "accounts", "shop", "disable"))["enabled"] is False
    listed = (await call("GET", "accounts"))["accounts"]
    assert [(one["username"], one["enabled"]) for one in listed] == [("shop", False)]
    assert (await call("POST", "accounts", "shop", "enable"))["enabled"] is True


async def test_credits_of_a_subaccount_come_from_the_account_above(call: Caller) -> None:
    await call("POST", "accounts", username="wholesale", credits=100)
    made = await call("POST", "accounts", username="kiosk", parent="wholesale", credits=30)
    assert made["account"]["credits"] == 30
    credits = {
        one["username"]: one["credits"] for one in (await call("GET", "accounts"))["accounts"]
    }
    assert (credits["wholesale"], credits["kiosk"]) == (70, 30)
    for more in ({"credits": 71}, {}):  # more than it has, and without a limit
        with pytest.raises(Failed, match=r"insufficient credit|permission denied"):
            await call("POST", "accounts", username="other", parent="wholesale", **more)


async def test_an_account_is_made_below_another_and_changed(call: Caller) -> None:
    root = await call(
        "POST",
        "accounts",
        username="reseller",
        grant=["administer", "premium"],
        revoke=["inbox"],
    )
    usual = ["administer", "any_sender", "premium", "receive", "send"]
    assert root["account"]["permissions"] == usual
    made = await call(
        "POST",
        "accounts",
        username="shop",
        parent="reseller",
        time_zone="Europe/Oslo",
        prefixes="47",
        profile="zumosms",
        grant=["charity"],
    )
    shop = made["account"]
    assert shop["permissions"] == ["any_sender", "premium", "receive", "send"]
    assert (shop["parent"], shop["time_zone"], shop["prefixes"]) == (
        "reseller", "Europe/Oslo", "47",
    )  # fmt: skip
    store = await call(
        "PATCH",
        "accounts",
        "shop",
        new_username="store",
        credits=7,
        revoke=["premium"],
        profile="link",
        country="no",
    )
    assert store["country"] == "NO"
    assert await call.refused("PATCH", "accounts", "store", country="XX") == "invalid_field"
    assert (store["username"], store["credits"], store["profile"]) == ("store", 7, "link")
    assert store["permissions"] == ["any_sender", "receive", "send"]


async def test_a_name_with_a_slash_is_one_step_of_the_path(
    call: Caller, services: Services
) -> None:
    await services.accounts.create("a/b c", password="x")
    assert (await call("POST", "accounts", "a/b c", "disable"))["username"] == "a/b c"


async def test_a_message_is_sent_from_the_only_account_and_found(
    call: Caller, services: Services
) -> None:
    await services.accounts.create("shop", default_sender="Shop")
    sent = await call("POST", "messages", recipients=["+4512345678"], text="hello")
    assert (sent["account"], sent["parts"], sent["gateway"]) == ("shop", 1, True)
    batch = await call("GET", "status", str(sent["batch_id"]))
    assert (batch["kind"], batch["state"], batch["recipients"]) == ("batch", "running", 1)
    [message] = batch["messages"]
    assert message["state"] == "queued"
    assert await call("GET", "status", str(message["message_id"])) == message
    story = await call("GET", "messages", str(sent["batch_id"]))
    assert story["message_id"] == message["message_id"]
    cancelled = await call("POST", "messages", str(sent["batch_id"]), "cancel")
    assert cancelled == {"message_id": message["message_id"], "account": "shop"}
    again = await call("POST", "messages", str(message["message_id"]), "resend")
    assert (again["account"], again["recipients"]) == ("shop", 1)


async def test_a_batch_of_several_is_no_message(call: Caller, services: Services) -> None:
    await services.accounts.create("shop", default_sender="Shop")
    sent = await call("POST", "messages", recipients=["+4512345678", "+4512345679"], text="x")
    assert await call.refused("GET", "messages", str(sent["batch_id"])) == "not_found"


async def test_a_number_with_keywords_lives_its_life(call: Caller, services: Services) -> None:
    for name in ("owner", "shop"):
        await services.accounts.create(name, password="x")
    added = await call("POST", "numbers", account="owner", number="+1272", shared=True)
    assert added == {"number": "1272", "account": "owner", "shared": True, "configured": False}
    assert (await call("GET", "numbers"))["numbers"] == [added]

    pizza = {"account": "shop", "number": "1272", "keyword": "pizza"}
    url = "https://shop.example/sms"
    reserved = await call("POST", "keywords", **pizza, url=url)
    assert (reserved["keyword"], reserved["url"], reserved["below"]) == ("PIZZA", url, "")
    below = await call(
        "POST", "keywords", account="shop", number="1272", keyword="ja", below="pizza", url=url
    )
    assert below["service_id"] == reserved["service_id"]  # one URL, one forwarding
    attached = await call("PUT", "keywords", "1272", "pizza", account="shop")
    assert (attached["service_id"], attached["url"]) == (None, "")
    listed = (await call("GET", "keywords", account="shop"))["keywords"]
    assert [(k["keyword"], k["below"], k["url"]) for k in listed] == [
        ("PIZZA", "", ""), ("JA", "PIZZA", url),
    ]  # fmt: skip
    assert (await call("GET", "keywords"))["keywords"] == listed
    await call.refused("DELETE", "numbers", "1272")
    assert await call("DELETE", "keywords", "1272", "pizza", account="shop") == listed[0]
    assert (await call("GET", "keywords"))["keywords"] == []
    assert await call("DELETE", "numbers", "+1272") == added
    assert (await call("GET", "numbers"))["numbers"] == []


async def test_the_keyword_for_all_other_texts_has_a_path(call: Caller, services: Services) -> None:
    await services.accounts.create("shop", password="x")
    await call("POST", "numbers", account="shop", number="1272")
    await call("POST", "keywords", account="shop", number="1272", keyword="*")
    deleted = await call("DELETE", "keywords", "1272", "*", account="shop")
    assert deleted["keyword"] == "*"


async def test_opt_outs_are_entered_listed_in_pages_and_removed(
    call: Caller, services: Services
) -> None:
    await services.accounts.create("shop", password="x", default_sender="Shop")
    path = ("accounts", "shop", "opt-outs")
    for number in ("+4511111111", "+4522222222"):
        await call("POST", *path, recipient=number)
    only = await call("POST", *path, recipient="4511111111", sender="+4570101010")
    assert only["sender"] == "4570101010"
    first = await call("GET", *path, limit=2)
    assert [one["recipient"] for one in first["opt_outs"]] == ["4511111111", "4522222222"]
    second = await call("GET", *path, after=first["after"])
    assert ([one["sender"] for one in second["opt_outs"]], second["after"]) == (
        ["4570101010"], None,
    )  # fmt: skip
    sent = await call("POST", "messages", recipients=["+4522222222"], text="hello")
    [message] = (await call("GET", "status", str(sent["batch_id"])))["messages"]
    assert (message["state"], message["failure"]) == ("rejected", "opted_out")
    removed = await call("DELETE", *path, "+4522222222")
    assert removed["recipient"] == "4522222222"
    assert await call.refused("DELETE", *path, "+4522222222") == "not_found"
    assert (await call("DELETE", *path, "4511111111", sender="4570101010"))["sender"]


async def test_senders_are_listed_approved_and_rejected(call: Caller, services: Services) -> None:
    account = (await services.accounts.create("shop", password="x")).account
    for sender in ("Shop", "Deli"):
        await services.senders.ask_for(account, sender, SenderDetails(company="Shop Ltd"))
    listed = await call("GET", "senders", pending="true")
    assert [(one["account"], one["sender"], one["state"]) for one in listed["senders"]] == [
        ("shop", "Shop", "pending"),
        ("shop", "Deli", "pending"),
    ]
    path = ("accounts", "shop", "senders", "Shop")
    assert (await call("PUT", *path, approved=True))["state"] == "approved"
    assert await services.accounts.approved_senders(account) == {"Shop"}
    assert (await call("GET", "senders", pending="true"))["total"] == 1
    decided = await call("PUT", *path, approved=False, by_authority=True)
    assert decided["state"] == "rejected_by_authority"
    assert await services.accounts.approved_senders(account) == frozenset()
    page = await call("GET", "senders", account="shop", offset=1, limit=1)
    assert ([one["sender"] for one in page["senders"]], page["total"]) == (["Deli"], 2)


async def test_credits_of_types_are_added_and_taken(call: Caller, services: Services) -> None:
    await services.accounts.create("shop", password="x", credits=5)
    path = ("accounts", "shop", "credits")
    added = await call("POST", *path, message_type="GP", credits=7)
    assert added["credits"] == {"N": 7, "L": 5, "LL": 5, "EE": 5}
    assert (await call("POST", *path, message_type="N", credits=-3))["credits"]["N"] == 4
    assert (await call("GET", *path))["credits"]["N"] == 4
    assert await call.refused("POST", *path, message_type="XX") == "invalid_field"


async def test_message_types_are_narrowed_by_name_and_freed_again(
    call: Caller, services: Services
) -> None:
    await services.accounts.create("shop", password="x")
    path = ("accounts", "shop")
    assert (await call("PATCH", *path, message_types=["GP", "LL"]))["message_types"] == ["LL", "N"]
    assert not (await services.accounts.find("shop")).may_send_type("EE")
    assert (await call("PATCH", *path))["message_types"] == ["LL", "N"]
    assert await call.refused("PATCH", *path, message_types=["N", "XX"]) == "invalid_field"
    assert (await call("PATCH", *path, message_types=[]))["message_types"] is None


async def test_email_service_is_shown_and_changed_field_by_field(
    call: Caller, services: Services
) -> None:
    account = (await services.accounts.create("shop", password="x")).account
    path = ("accounts", "shop", "email")
    shown = await call("GET", *path)
    assert (shown["account"], shown["enabled"], shown["bandwidth"], shown["expiry"]) == (
        "shop", True, 0.0, "",
    )  # fmt: skip
    assert await services.mailings.service_of(account) is None
    await call("PATCH", *path, bandwidth=500, expiry="2027-01-31")
    off = await call("PATCH", *path, enabled=False)
    assert (off["enabled"], off["bandwidth"], off["expiry"]) == (False, 500.0, "2027-01-31")
    for wrong in ({"expiry": "soon"}, {"bandwidth": -1.0}, {"billing": "x" * 65}):
        assert await call.refused("PATCH", *path, **wrong) == "invalid_field"
    stored = await services.mailings.service_of(account)
    assert stored is not None
    assert (stored.enabled, stored.bandwidth, stored.expiry) == (False, 500.0, "2027-01-31")


async def test_revoked_tokens_and_ended_sessions_are_refused(
    call: Caller, services: Services
) -> None:
    account = (await services.accounts.create("shop", password="x")).account
    token = await services.access_tokens.issue(account)
    session = services.sessions.open(account.account_id)
    await services.accounts.authenticate_key(token, "", CredentialKind.ACCESS_TOKEN)
    await call("DELETE", "accounts", "shop", "tokens")
    assert not services.sessions.is_alive(account.account_id, session)
    with pytest.raises(Refused):
        await services.accounts.authenticate_key(token, "", CredentialKind.ACCESS_TOKEN)


async def test_admin_tokens_are_created_listed_and_revoked(
    call: Caller, services: Services
) -> None:
    created = await call("POST", "tokens", name="ops")
    assert await services.admin_tokens.authenticate(created["token"]) == "ops"
    assert await call.refused("POST", "tokens", name="ops") == "already_exists"
    assert await call.refused("POST", "tokens", name="../x") == "invalid_field"
    listed = await call("GET", "tokens")
    assert [(one["name"], one["token"]) for one in listed["tokens"]] == [("ops", "")]
    assert listed["remote"] is False
    assert (await call("DELETE", "tokens", "ops"))["tokens"] == []
    assert await call.refused("DELETE", "tokens", "ops") == "not_found"
    with pytest.raises(Refused):
        await services.admin_tokens.authenticate(created["token"])


NUMBER = "+4512345678"
SHOP = ("accounts", "shop")
CHANGES: dict[str, tuple[tuple[Any, ...], dict[str, Any], str | None]] = {
    "create": (("POST", "accounts"), {"username": "new"}, "created the account"),
    "set": (
        ("PATCH", *SHOP),
        {"grant": ["premium"], "time_zone": "Europe/Oslo"},
        "changed the account: may premium, time zone",
    ),
    "rename": (
        ("PATCH", *SHOP),
        {"new_username": "store"},
        "changed the account: its name was shop",
    ),
    "nothing": (("PATCH", *SHOP), {}, None),
    "credits": (("PATCH", *SHOP), {"credits": -2}, "changed the account: -2 credits"),
    "shut": (("POST", *SHOP, "disable"), {}, "disabled the account"),
    "open": (("POST", *SHOP, "enable"), {}, "enabled the account"),
    "key": (("POST", *SHOP, "key"), {}, "created a new API key and revoked the old ones"),
    "password": (
        ("POST", *SHOP, "password"),
        {},
        "set a new password and ended all sessions and tokens",
    ),
    "shown": (("GET", *SHOP), {}, None),
    "invitation": (
        ("POST", "people"),
        {"account": "shop", "name": "anna", "role": "viewer"},
        "invited anna as viewer",
    ),
    "typed credits": (
        ("POST", *SHOP, "credits"),
        {"message_type": "N", "credits": 3},
        "changed the account: +3 credits of N",
    ),
    "credits shown": (("GET", *SHOP, "credits"), {}, None),
    "days": (
        ("PATCH", *SHOP),
        {"texts_days": 7, "numbers_days": 0},
        "changed the account: texts days, numbers days",
    ),
    "tokens": (("DELETE", *SHOP, "tokens"), {}, "revoked all tokens and sessions"),
    "mail": (
        ("PATCH", *SHOP, "email"),
        {"bandwidth": 5},
        "changed the account: e-mail service: bandwidth",
    ),
    "no mail": (("PATCH", *SHOP, "email"), {}, None),
    "number": (
        ("POST", "numbers"),
        {"account": "shop", "number": NUMBER},
        "assigned the number …678 to the account",
    ),
    "opt-out": (
        ("POST", *SHOP, "opt-outs"),
        {"recipient": NUMBER},
        "added an opt-out for …678",
    ),
    "webhook": (
        ("PUT", "webhooks"),
        {"account": "shop", "event": "delivery", "url": "https://shop.example/"},
        "changed the webhook delivery of smsgateway24",
    ),
    "auth token": (("GET", *SHOP, "auth-token"), {}, "set the auth token"),
    "another auth token": (
        ("POST", *SHOP, "auth-token"),
        {"account_sid": f"AC{'1' * 32}", "auth_token": "known-from-elsewhere"},
        "set the auth token",
    ),
    "read": (("GET", "accounts"), {}, None),
}


@pytest.mark.parametrize("case", CHANGES)
async def test_what_an_operation_changes_is_in_the_audit_log(
    call: Caller, services: Services, case: str
) -> None:
    address, given, words = CHANGES[case]
    shop = (await services.accounts.create("shop", credits=10)).account
    await call(*address, **given)
    if case == "create":
        shop = await services.accounts.find("new")
    found = await services.audit_log.changes(shop, shop, None, 10)
    said = [describe_change(change.action, change.entry.subject) for change in found]
    assert said == ([words] if words else [])
    assert all(change.by_command for change in found)


async def test_a_number_is_exported_and_erased(call: Caller, services: Services) -> None:
    for name in ("shop", "other"):
        await services.accounts.create(name, default_sender="Shop")
    shop = await services.accounts.find("shop")
    await services.opt_outs.add(shop, NUMBER)
    assert await call.refused("POST", "privacy", "erase", number="911") == "invalid_recipient"
    nobodys = await call("POST", "privacy", "export", number=NUMBER, account="other")
    assert nobodys == {"rows": [], "cursor": None}
    page = await call("POST", "privacy", "export", number=NUMBER)
    assert [(one["account"], one["table"]) for one in page["rows"]] == [("shop", "opt_outs")]
    rest = await call("POST", "privacy", "export", number=NUMBER, cursor=page["cursor"])
    assert rest == {"rows": [], "cursor": None}
    erased = await call("POST", "privacy", "erase", number=NUMBER)
    assert erased == {"rows": {}, "opt_outs": 1, "needed": 0}
    again = await call("POST", "privacy", "erase", number=NUMBER)
    assert again == {"rows": {}, "opt_outs": 0, "needed": 0}
    found = await services.audit_log.changes(shop, shop, None, 10)
    assert [describe_change(one.action, one.entry.subject) for one in found] == [
        "erased the number …678",
        "exported what is known of the number …678",
    ]


@pytest.mark.parametrize("days", [-2, 36_501])
async def test_days_that_are_none_are_refused(call: Caller, services: Services, days: int) -> None:
    await services.accounts.create("shop")
    assert await call.refused("PATCH", "accounts", "shop", texts_days=days) == "invalid_field"
    kept = await call("PATCH", "accounts", "shop", texts_days=7, messages_days=0)
    assert (kept["texts_days"], kept["numbers_days"], kept["messages_days"]) == (7, None, 0)
    assert (await call("PATCH", "accounts", "shop", texts_days=-1))["texts_days"] is None


async def test_a_carrier_is_held_and_enabled(call: Caller, services: Services) -> None:
    owner = (await services.accounts.create("owner", permissions=frozenset(Permission))).account
    shop = (await services.accounts.create("shop")).account
    switched: list[tuple[str, bool]] = []
    services.carrier_switches.changed.subscribe(lambda name, held: switched.append((name, held)))
    for held in (True, True, False):
        answer = await call("PUT", "carriers", "simulator", held=held)
        assert answer == {"carrier": "simulator", "held": held, "in_flight": 0, "gateway": True}
        assert await services.carrier_switches.is_held("simulator") is held
    assert switched == [("simulator", True), ("simulator", False)]
    changes = await services.audit_log.changes(owner, owner, None, 10)
    assert [(one.action, one.entry.subject) for one in changes] == [
        ("enable_carrier", "simulator"),
        ("drain_carrier", "simulator"),
    ]
    assert await services.audit_log.changes(shop, shop, None, 10) == []


REFUSED: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "no such permission": (
        ("POST", "accounts"),
        {"username": "x", "grant": ["fly"]},
        "invalid_field",
    ),
    "no such parent": (("POST", "accounts"), {"username": "x", "parent": "y"}, "not_found"),
    "no such zone": (("POST", "accounts"), {"username": "x", "time_zone": "Mars"}, "invalid_field"),
    "a name that is taken": (("POST", "accounts"), {"username": "taken"}, "already_exists"),
    "no account to change": (("PATCH", "accounts", "y"), {"credits": 1}, "not_found"),
    "no account to send": (
        ("POST", "messages"),
        {"recipients": ["4512345678"], "text": "x", "account": "y"},
        "not_found",
    ),
    "no account with a key": (("POST", "accounts", "y", "key"), {}, "not_found"),
    "no such message": (("GET", "status", "1"), {}, "not_found"),
    "no identifier at all": (("GET", "status", "x"), {}, "not_found"),
    "a number above all identifiers": (("GET", "status", "9" * 16), {}, "not_found"),
    "no message to show": (("GET", "messages", "x"), {}, "not_found"),
    "a key too short": (("POST", "accounts"), {"username": "a", "api_key": "k"}, "invalid_field"),
    "no owner of a number": (
        ("POST", "numbers"),
        {"account": "y", "number": "1272"},
        "not_found",
    ),
    "no number to remove": (("DELETE", "numbers", "1272"), {}, "not_found"),
    "no digits to remove": (("DELETE", "numbers", "x"), {}, "invalid_field"),
    "no account to opt out of": (
        ("POST", "accounts", "y", "opt-outs"),
        {"recipient": "4512345678"},
        "not_found",
    ),
    "no sender to approve": (
        ("PUT", "accounts", "taken", "senders", "Shop"),
        {"approved": True},
        "not_found",
    ),
    "no carrier of that name": (("PUT", "carriers", "x"), {"held": True}, "not_found"),
    "no tokens to revoke": (("DELETE", "accounts", "y", "tokens"), {}, "not_found"),
    "no account for credits": (
        ("POST", "accounts", "y", "credits"),
        {"message_type": "N", "credits": 1},
        "not_found",
    ),
    "an address that is none": (
        ("POST", "accounts"),
        {"username": "a", "allowed_addresses": "x"},
        "invalid_field",
    ),
    "a field that is unknown": (("PUT", "carriers", "x"), {"hold": 1}, "malformed_request"),
    "a field of another type": (("POST", "messages"), {"text": 1}, "malformed_request"),
    "an unknown path": (("GET", "nothing"), {}, "unknown_path"),
    "another method": (("PATCH", "accounts"), {}, "wrong_method"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refusal_keeps_its_code(call: Caller, services: Services, case: str) -> None:
    address, given, code = REFUSED[case]
    await services.accounts.create("taken")
    assert await call.refused(*address, **given) == code


async def test_an_account_must_be_named_unless_there_is_one(
    call: Caller, services: Services
) -> None:
    message = {"recipients": ["4512345678"], "text": "x"}
    assert await call.refused("POST", "messages", **message) == "missing_field"
    for name in ("one", "two"):
        await services.accounts.create(name, default_sender="Shop")
    assert await call.refused("POST", "messages", **message) == "missing_field"
    await call("POST", "accounts", "one", "disable")
    refused = await call.refused("POST", "messages", **message, account="one")
    assert refused == "permission_denied"


async def test_the_overview_and_the_diagnosis_are_answered(call: Caller) -> None:
    overview = await call("GET", "status")
    assert (overview["running"], overview["pid"], overview["accounts"]) == (True, os.getpid(), 0)
    checks = (await call("GET", "diagnosis"))["checks"]
    findings = {check["name"]: check["finding"] for check in checks}
    assert findings["database"] == "ok"
    assert findings["carriers"] == "problem"
    assert all(check["remedy"] for check in checks if check["finding"] != "ok")


async def test_the_document_describes_every_operation(call: Caller, services: Services) -> None:
    document = await call("GET", "openapi.json")
    dialect = build_admin(call.admin)
    rendered = render_openapi(dialect, version=document["info"]["version"])
    assert document == msgspec.json.decode(msgspec.json.encode(rendered))
    described = [one for item in document["paths"].values() for one in item.values()]
    assert len(described) == len(dialect.operations)
    assert all(one["summary"] for one in described)
    unnamed = {
        name for name, one in document["components"]["schemas"].items() if "prefixItems" in str(one)
    }
    assert unnamed == set()
    assert {one.path for one in dialect.operations if one.body and one.query} == set()
    remote = build_admin(call.admin, TokenGuard(services.admin_tokens, services.clock))
    missing = {one.path for one in dialect.operations} - {one.path for one in remote.operations}
    assert missing == {"/admin/v1/tokens", "/admin/v1/tokens/{name}"}


@pytest.mark.parametrize(
    ("path", "status", "type"),
    [
        ("/accounts", "400", "application/problem+json"),
        ("/accounts", "422", "application/problem+json"),
        ("/accounts/{username}", "404", "application/problem+json"),
        ("/events", "401", "application/problem+json"),
        ("/events", "200", "application/jsonl"),
        ("/status", "503", "application/problem+json"),
    ],
)
async def test_the_document_declares_what_refusals_and_streams_are(
    call: Caller, path: str, status: str, type: str
) -> None:
    """Bug: of refusals it had one status, and as `application/json`."""
    document = await call("GET", "openapi.json")
    assert list(document["paths"][f"/admin/v1{path}"]["get"]["responses"][status]["content"]) == [
        type
    ]


@pytest.mark.parametrize("given", [{"route": "nope"}, {"dialect": "nope"}, {"states": "nope"}])
async def test_following_what_there_is_not_is_refused(call: Caller, given: dict[str, str]) -> None:
    """Bug: `dragoman tail --route nope` waited in silence."""
    assert await call.refused("GET", "events", **given) == "invalid_field"
