"""Several API keys of an account, in the console and in the APIs that take one."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.core.accounts import accounts as accounts_module
from dragoman.core.accounts.model.people import Role
from dragoman.core.model.errors import Refused

from .conftest import PASSWORD, Browser, Page

ADDRESS = "192.0.2.1"


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts_module, "FIRST_DELAY_S", 0.0)


class Call:
    """A call of an API, as a key sees it."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def scope_names(self) -> tuple[str, ...]:
        return self._names


PING = Call("linkmobility", "linkmobility_get_v2_ping_format")


async def _at(browser: Browser, name: str = "adam") -> str:
    account = await browser.services.accounts.find(name)
    return f"/console/accounts/{account.account_id}/keys"


async def _create(browser: Browser, at: str, **fields: str) -> tuple[Page, str]:
    page = await browser.send(await browser.get(at), at, **{"name": "shop", **fields})
    (secret,) = page.tree.xpath("//section[@role='status']//code/text()")
    return page, str(secret)


async def _works(browser: Browser, key: str, call: Any = PING, address: str = ADDRESS) -> bool:
    try:
        await browser.services.accounts.authenticate_key(key, address, call=call)
    except Refused:
        return False
    return True


async def test_keys_are_made_seen_and_revoked_one_by_one(browser: Browser) -> None:
    await browser.sign_in("adam")
    at = await _at(browser)
    page, shop = await _create(browser, at, name="shop")
    page, alarm = await _create(browser, at, name="alarm")
    assert [await _works(browser, key) for key in (shop, alarm)] == [True, True]
    page = await browser.get(at)
    names = [a.text_content() for a in (await browser.get(at)).tree.xpath("//tbody//a")]
    assert names == ["default", "shop", "alarm"]
    (link,) = [a for a in page.tree.xpath("//tbody//a") if "shop" in a.text_content()]
    page = await browser.get(link.get("href"))
    assert "never" not in page.text.partition("Last used")[2][:20]
    page = await browser.send(page, f"{link.get('href')}/revoke")
    assert "API key revoked" in page.text
    assert [await _works(browser, key) for key in (shop, alarm)] == [False, True]


LIMITED: dict[str, tuple[dict[str, str], Any, str, bool]] = {
    "within its API": ({"api": "linkmobility"}, PING, ADDRESS, True),
    "of another API": ({"api": "httpsms"}, PING, ADDRESS, False),
    "within its call": ({"calls": "linkmobility_get_v2_ping_format"}, PING, ADDRESS, True),
    "of another call": ({"calls": "linkmobility_post_message"}, PING, ADDRESS, False),
    "of no call that is known": ({"api": "linkmobility"}, None, ADDRESS, False),
    "from where it may": ({"allowed_addresses": "192.0.2.0/24"}, PING, ADDRESS, True),
    "from elsewhere": ({"allowed_addresses": "198.51.100.1"}, PING, ADDRESS, False),
    "before its last day": ({"expires": "2026-09-21"}, PING, ADDRESS, True),
}


@pytest.mark.parametrize("case", LIMITED)
async def test_a_key_is_good_for_what_it_was_made_for(browser: Browser, case: str) -> None:
    fields, call, address, works = LIMITED[case]
    await browser.sign_in("adam")
    _, key = await _create(browser, await _at(browser), **fields)
    for _ in range(2):  # the second time from memory
        assert await _works(browser, key, call, address) is works
    browser.clock.advance(11 * 3600)  # midnight UTC has passed
    assert await _works(browser, key, call, address) is (works and "expires" not in fields)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"calls": "nothing_like_it"}, "calls"),
        ({"calls": "linkmobility;drop"}, "calls"),
        ({"allowed_addresses": "somewhere"}, "allowed_addresses"),
        ({"expires": "2026-09-20"}, "expires"),
        ({"expires": "tomorrow"}, "expires"),
        ({"expires": "9999-12-31"}, "expires"),
    ],
)
async def test_a_key_is_refused_at_the_field_it_is_about(
    browser: Browser, fields: dict[str, str], field: str
) -> None:
    await browser.sign_in("adam")
    at = await _at(browser)
    page = await browser.send(await browser.get(at), at, **{"name": "shop", **fields})
    assert page.status == 400
    assert page.tree.xpath("//p[@id=$id]", id=f"{field}-problem")
    adam = await browser.services.accounts.find("adam")
    assert len(await browser.services.api_keys.of_account(adam)) == 1


async def test_a_form_sent_twice_makes_one_key(browser: Browser) -> None:
    await browser.sign_in("adam")
    at = await _at(browser)
    fields = (await browser.get(at)).fields(at) | {"name": "shop"}
    first, second = await browser.post(at, **fields), await browser.post(at, **fields)
    secrets = [
        page.tree.xpath("//section[@role='status']//code/text()") for page in (first, second)
    ]
    assert secrets[0] == secrets[1]
    adam = await browser.services.accounts.find("adam")
    assert len(await browser.services.api_keys.of_account(adam)) == 2


async def test_a_rotated_key_overlaps_and_keeps_its_limits(browser: Browser) -> None:
    await browser.sign_in("adam")
    at = await _at(browser)
    _, old = await _create(browser, at, api="linkmobility")
    adam = await browser.services.accounts.find("adam")
    key = (await browser.services.api_keys.of_account(adam))[-1]
    page = await browser.get(f"{at}/{key.key_id}")
    page = await browser.send(page, f"{at}/{key.key_id}/rotate", overlap="1")
    (new,) = page.tree.xpath("//section[@role='status']//code/text()")
    for key_ in (old, str(new)):
        assert await _works(browser, key_)
        assert not await _works(browser, key_, Call("httpsms"))
    browser.clock.advance(3600)
    assert [await _works(browser, key_) for key_ in (old, str(new))] == [False, True]
    keys = await browser.services.api_keys.of_account(adam)
    assert [key.name for key in keys] == ["default", "shop"]


async def test_the_second_of_two_editors_gets_a_conflict(browser: Browser) -> None:
    await browser.sign_in("adam")
    at = await _at(browser)
    _, secret = await _create(browser, at)
    adam = await browser.services.accounts.find("adam")
    key = (await browser.services.api_keys.of_account(adam))[-1]
    here = f"{at}/{key.key_id}"
    page = await browser.get(here)
    await browser.send(page, here, api="httpsms")
    assert not await _works(browser, secret)  # at once, though it was in memory
    page = await browser.send(page, here, name="store")
    assert (page.status, "Someone else changed" in page.text) == (409, True)


@pytest.mark.parametrize(
    ("role", "own", "below"), [("manager", 403, 403), ("administrator", 200, 200)]
)
async def test_keys_are_for_administrators(
    browser: Browser, role: str, own: int, below: int
) -> None:
    people, adam = browser.services.people, await browser.services.accounts.find("adam")
    _, token = await people.invite(adam, "anna", Role(role), by=Role.ADMINISTRATOR)
    await people.accept(token, PASSWORD, ADDRESS)
    await browser.sign_in("anna")
    assert (await browser.get(await _at(browser))).status == own
    assert (await browser.get(await _at(browser, "adams-child"))).status == below
    stranger = await browser.get(await _at(browser, "stranger"))
    assert stranger.status == (404 if own == 200 else 403)


async def test_a_use_is_stored_without_a_write_for_each(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    sena = await browser.services.accounts.find("sena")
    key = await browser.services.accounts.rotate_key("sena")
    writes: list[str] = []
    writer = browser.services.storage.writer
    write = writer.write

    async def note(operation: Any, item: Any) -> Any:
        writes.append(operation.name)
        return await write(operation, item)

    monkeypatch.setattr(writer, "write", note)
    for _ in range(100):
        assert await _works(browser, key)
    assert writes == []
    await browser.services.accounts.note_key_uses()
    await browser.services.accounts.note_key_uses()
    assert writes == ["note_api_key_uses"]
    (found,) = await browser.services.api_keys.of_account(sena)
    assert (found.name, found.used_ms) == ("default", browser.clock.now_ms())
