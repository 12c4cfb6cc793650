"""Making and deleting accounts: secrets shown once, nothing wider than one's own, nothing lost."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest

from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, CredentialKind, Permission
from dragoman.core.model.errors import Refused

from .conftest import PASSWORD, Browser

NEW = "/console/accounts/new"


async def _form(browser: Browser, username: str = "adam") -> dict[str, str]:
    await browser.sign_in(username)
    return (await browser.get(NEW)).fields(NEW)


async def _make(browser: Browser, fields: dict[str, str], *may: str, **more: str) -> Any:
    pairs = [pair for pair in (fields | more).items() if pair[0] != "may"]
    pairs += [("may", name) for name in may]
    origin = f"https://{browser.host}"
    return await browser.ask("POST", NEW, urlencode(pairs).encode(), origin=origin)


async def test_account_is_made_with_secrets_that_are_shown_once(browser: Browser) -> None:
    fields = await _form(browser)
    page = await _make(browser, fields, "send", username="café 7", credits="20")
    assert page.status == 200
    password, key = page.tree.xpath("//code[@class='key']/text()")
    services = browser.services
    account = await services.accounts.authenticate_key(key, "192.0.2.1")
    assert (account.username, account.permissions) == ("café 7", {Permission.SEND})
    await services.accounts.authenticate_password(
        "café 7", password, "192.0.2.1", CredentialKind.PASSWORD
    )
    adam = await services.accounts.find("adam")
    assert account.parent_id == adam.account_id
    assert (await services.accounts.balance(account)).available == 20
    assert (await services.accounts.balance(adam)).available == 1_000 - 5 - 20
    (address,) = page.tree.xpath("//main//a[@class='button']/@href")
    own = await browser.get(address)
    assert "café 7 enabled" in own.text
    assert not {password, key} & set(re.findall(r"\S+", own.text))
    assert "adam created the account" in (await browser.get(f"{address}/changes")).text


async def test_form_that_is_sent_twice_makes_one_account_and_shows_the_same(
    browser: Browser,
) -> None:
    fields = await _form(browser)
    first, second = [
        await _make(browser, fields, "send", username="twice", credits="1") for _ in range(2)
    ]
    shown = [page.tree.xpath("//code[@class='key']/text()") for page in (first, second)]
    assert shown[0] == shown[1]
    assert len(shown[0]) == 2


async def test_password_that_its_maker_chose_is_not_shown(browser: Browser) -> None:
    fields = await _form(browser)
    page = await _make(browser, fields, username="chosen", credits="0", password=PASSWORD)
    assert len(page.tree.xpath("//code[@class='key']")) == 1
    assert PASSWORD not in page.text
    await browser.another().sign_in("chosen", PASSWORD)


async def test_usual_permissions_are_checked_and_none_is_wider_than_the_makers(
    browser: Browser,
) -> None:
    await browser.sign_in("adam")
    page = await browser.get(NEW)
    boxes = {
        box.get("value"): box.get("checked") for box in page.tree.xpath("//input[@name='may']")
    }
    assert set(boxes) == DEFAULT_PERMISSIONS | {Permission.ADMINISTER}
    assert {name for name, checked in boxes.items() if checked} == DEFAULT_PERMISSIONS
    fields = page.fields(NEW)
    await _make(browser, fields, "send", "operate", "premium", username="wide", credits="1")
    account = await browser.services.accounts.find("wide")
    assert account.permissions == {Permission.SEND}


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"username": ""}, "username", "required"),
        ({"username": "x" * 65}, "username", "1 to 64"),
        ({"username": "a\u202eb"}, "username", "printable"),
        ({"username": "stranger"}, "username", "taken"),
        ({"credits": ""}, "credits", "needs one"),
        ({"credits": "-1"}, "credits", "whole number"),
        ({"credits": "1" * 5_000}, "credits", "whole number"),
        ({"credits": "999999"}, "credits", "Not enough"),
        ({"password": "short"}, "password", "10 characters"),
        ({"password": "x" * 1_001}, "password", "10 characters"),
        ({"default_sender": "much too long a name"}, "default_sender", "Invalid sender"),
        ({"allowed_addresses": "300.1.1.1"}, "allowed_addresses", "300.1.1.1"),
    ],
)
async def test_account_that_cannot_be_made_says_why_at_its_field(
    browser: Browser, typed: dict[str, str], field: str, words: str
) -> None:
    fields = await _form(browser) | {"username": "fresh", "credits": "1"} | typed
    page = await _make(browser, fields, "send")
    assert page.status == 400
    (said,) = page.tree.xpath("//p[@id=$id]/text()", id=f"{field}-problem")
    assert words in said
    kept = page.fields(NEW)
    assert kept["username"] == fields["username"]
    assert kept["credits"] == fields["credits"]
    assert kept["password"] == ""
    with pytest.raises(Refused):
        await browser.services.accounts.find("fresh")
    adam = await browser.services.accounts.find("adam")
    assert (await browser.services.accounts.balance(adam)).available == 995


@pytest.mark.parametrize("username", ["vera", "sena"])
async def test_who_administers_nobody_makes_and_deletes_nobody(
    browser: Browser, username: str
) -> None:
    await browser.sign_in(username)
    assert NEW not in (await browser.get("/console/accounts")).body.decode()
    account = await browser.services.accounts.find(username)
    for path in (NEW, f"/console/accounts/{account.account_id}/delete"):
        assert (await browser.get(path)).status == 403
        token = (await browser.get("/console/account")).fields("/console/account")["form_token"]
        assert (await browser.post(path, form_token=token, username="x")).status == 403


async def _deletion(browser: Browser, username: str = "adams-child") -> str:
    account = await browser.services.accounts.find(username)
    return f"/console/accounts/{account.account_id}/delete"


async def test_deleted_account_ends_and_leaves_its_credits(browser: Browser) -> None:
    key = await browser.services.accounts.rotate_key("adams-child")
    await browser.sign_in("adam")
    path = await _deletion(browser)
    page = await browser.get(path)
    assert "currently 5, are returned to your account" in page.text
    page = await browser.send(page, path)
    assert "Account deleted." in page.text
    assert "adams-child" not in page.tree.xpath("//tbody//bdi/text()")
    accounts = browser.services.accounts
    with pytest.raises(Refused):
        await accounts.authenticate_key(key, "192.0.2.1")
    adam = await accounts.find("adam")
    assert (await accounts.balance(adam)).available == 1_000
    assert (await browser.get(path)).status == 404
    changes = await browser.get(f"/console/accounts/{adam.account_id}/changes")
    assert "adam deleted the account adams-child" in changes.text


async def test_account_that_changed_meanwhile_is_not_deleted_unseen(browser: Browser) -> None:
    await browser.sign_in("adam")
    path = await _deletion(browser)
    stale = await browser.get(path)
    child = await browser.services.accounts.find("adams-child")
    await browser.services.accounts.top_up(child, 7, "more")
    page = await browser.send(stale, path)
    assert page.status == 409
    assert "changed after you opened the page" in page.text
    assert "currently 12" in page.text
    assert (await browser.services.accounts.find("adams-child")).enabled
    assert "Account deleted." in (await browser.send(page, path)).text


async def test_account_with_others_below_it_cannot_be_deleted(browser: Browser) -> None:
    services = browser.services
    await browser.sign_in("adam")
    path = await _deletion(browser)
    stale = await browser.get(path)
    child = await services.accounts.find("adams-child")
    await services.accounts.create("grandchild", parent=child, credits=0)
    for page in (await browser.get(path), await browser.send(stale, path)):
        assert "It has a subaccount. Delete it first." in page.text
        assert not page.tree.xpath("//main//form")
    assert (await services.accounts.find("adams-child")).enabled


@pytest.mark.parametrize(("username", "status"), [("adam", 403), ("stranger", 404), ("olga", 404)])
async def test_neither_ones_own_nor_anothers_account_can_be_deleted(
    browser: Browser, username: str, status: int
) -> None:
    page = await browser.sign_in("adam")
    path = await _deletion(browser, username)
    assert (await browser.get(path)).status == status
    token = page.fields("/console/sign-out")["form_token"]
    assert (await browser.post(path, form_token=token, version="x")).status == status
    assert (await browser.services.accounts.find(username)).enabled
