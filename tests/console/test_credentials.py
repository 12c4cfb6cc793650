"""The page with an account's SID, auth token and API keys of Twilio."""

from __future__ import annotations

import pytest

from dragoman.core.model.errors import Refused

from .conftest import Browser, Page


async def path_of(browser: Browser, username: str = "adams-child") -> str:
    account = await browser.services.accounts.find(username)
    return f"/console/accounts/{account.account_id}/credentials"


def secrets_of(page: Page) -> list[str]:
    return [str(text) for text in page.tree.xpath("//code[@class='key']/text()")]


async def test_a_token_is_shown_when_it_is_asked_for_and_that_is_noted(browser: Browser) -> None:
    await browser.sign_in("adam")
    path = await path_of(browser)
    (link,) = (await browser.get(path.removesuffix("/credentials"))).tree.xpath(
        "//a[contains(@href, '/credentials')]/@href"
    )
    assert link == path
    page = await browser.get(path)
    assert secrets_of(page) == []
    fields = page.fields(f"{path}/token")
    page = await browser.post(f"{path}/token", **fields, do="show")
    (token,) = secrets_of(page)
    account = await browser.services.accounts.find("adams-child")
    known = await browser.services.auth_tokens.of_account(account.account_id)
    assert known is not None
    assert (known.token, known.public_id in page.text) == (token, True)
    assert token not in (await browser.get(path)).text
    changes = await browser.get(path.replace("/credentials", "/changes"))
    assert "adam looked at the auth token" in changes.text
    assert token not in changes.text


async def test_a_token_is_replaced_once(browser: Browser) -> None:
    account = await browser.services.accounts.find("adams-child")
    old = await browser.services.auth_tokens.ensure(account)
    await browser.sign_in("adam")
    path = await path_of(browser)
    fields = (await browser.get(path)).fields(f"{path}/token")
    browser.clock.advance(1)
    page = await browser.post(f"{path}/token", **fields, do="replace")
    (new,) = secrets_of(page)
    assert new != old.token
    assert old.public_id in page.text
    late = await browser.post(f"{path}/token", **fields, do="replace")
    assert (late.status, secrets_of(late)) == (409, [])
    known = await browser.services.auth_tokens.of_account(account.account_id)
    assert known is not None
    assert known.token == new


async def test_a_key_is_made_once_shown_once_and_revoked(browser: Browser) -> None:
    await browser.sign_in("adam")
    path = await path_of(browser)
    fields = (await browser.get(path)).fields(f"{path}/keys") | {"name": "robot"}
    first, second = [await browser.post(f"{path}/keys", **fields) for _ in range(2)]
    assert secrets_of(first) == secrets_of(second)
    sid, secret = secrets_of(first)
    services = browser.services
    account = await services.accounts.find("adams-child")
    assert await services.key_pairs.account_of(sid, secret) == account.account_id
    page = await browser.get(path)
    assert sid in page.text
    assert secret not in page.text
    assert "robot" in page.text
    page = await browser.send(page, f"{path}/keys/remove")
    assert sid not in (await browser.follow(page)).text
    assert await services.key_pairs.account_of(sid, secret) is None
    changes = (await browser.get(path.replace("/credentials", "/changes"))).text
    assert "adam created the API key robot" in changes
    assert "adam revoked the API key robot" in changes


async def test_a_name_too_long(browser: Browser) -> None:
    await browser.sign_in("adam")
    path = await path_of(browser)
    fields = (await browser.get(path)).fields(f"{path}/keys") | {"name": "x" * 65}
    page = await browser.post(f"{path}/keys", **fields)
    assert (page.status, secrets_of(page)) == (400, [])


async def test_who_may_not(browser: Browser) -> None:
    services = browser.services
    other = await services.accounts.find("adams-child")
    await services.auth_tokens.ensure(other)
    stranger = await services.key_pairs.create(await services.accounts.find("adam"), "adam's")
    await browser.sign_in("adam")
    path = await path_of(browser)
    fields = (await browser.get(path)).fields(f"{path}/keys")
    token = fields["form_token"]
    # A key of another account cannot be ended by way of this one.
    page = await browser.post(f"{path}/keys/remove", form_token=token, sid=stranger.key.sid)
    assert page.status == 404
    assert await services.key_pairs.account_of(stranger.key.sid, stranger.secret) is not None
    with pytest.raises(Refused):
        await services.account_tree.find(other, (await services.accounts.find("adam")).account_id)
