"""Two people edit one thing: the second is told what is stored, and keeps what was typed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.accounts.model.senders import SenderDetails

from .conftest import Browser, Page

Fields = dict[str, str]


class Form:
    """A form two people have open; each fills it in."""

    def __init__(
        self,
        open_page: Callable[[Browser], Awaitable[tuple[str, str]]],
        first: Fields,
        second: Fields,
        stored: str = "",
    ) -> None:
        self.open_page = open_page
        """The page that the form is on, and the form's action."""
        self.first = first
        self.second = second
        self.stored = stored
        """What the second is told of what the first stored."""


async def _account(browser: Browser, rest: str) -> tuple[str, str]:
    child = await browser.services.accounts.find("olgas-child")
    page = f"/console/accounts/{child.account_id}"
    return page, page + rest


async def _sender(browser: Browser) -> tuple[str, str]:
    child = await browser.services.accounts.find("olgas-child")
    sender = await browser.services.senders.find_by_name(child, "Harbour")
    page = "/console/senders?state=all"
    return page, f"/console/senders/{child.account_id}/{sender.sender_id}"


async def _own(_browser: Browser) -> tuple[str, str]:
    return "/console/account", "/console/account"


FORMS = {
    "addresses": Form(
        lambda browser: _account(browser, "/access"),
        {"allowed_addresses": "192.0.2.1"},
        {"allowed_addresses": "192.0.2.2"},
        "Current value: 192.0.2.1",
    ),
    "permissions": Form(
        lambda browser: _account(browser, "/access"),
        {"may": "send"},
        {"may": "receive"},
        "Current value: send messages",
    ),
    "key": Form(
        lambda browser: _account(browser, "/key"), {}, {"mark": "another"}, "Someone else created"
    ),
    "sender": Form(_sender, {"do": "approve"}, {"do": "refuse"}, "It is now approved"),
    "time zone": Form(
        _own,
        {"time_zone": "Europe/Copenhagen"},
        {"time_zone": "Asia/Tokyo"},
        "Current value: Europe/Copenhagen",
    ),
}


@pytest.fixture
async def olga(browser: Browser) -> Browser:
    """An operator with an account below, which asked for a sender."""
    services = browser.services
    olga = await services.accounts.find("olga")
    child = (await services.accounts.create("olgas-child", parent=olga)).account
    await services.senders.ask_for(child, "Harbour", SenderDetails())
    await browser.sign_in("olga")
    return browser


async def _state(browser: Browser) -> Any:
    """What the forms change."""
    services = browser.services
    child = await services.accounts.find("olgas-child")
    return (
        sorted(child.permissions),
        child.allowed_addresses.text,
        await services.audit_log.key_times(child),
        (await services.senders.find_by_name(child, "Harbour")).state,
        (await services.accounts.find("olga")).time_zone,
    )


@pytest.mark.parametrize("case", FORMS)
async def test_second_of_two_editors_overwrites_nothing_unseen(olga: Browser, case: str) -> None:
    form = FORMS[case]
    path, action = await form.open_page(olga)
    page = await olga.get(path)
    mine, theirs = page.fields(action), page.fields(action)
    before = await _state(olga)
    olga.clock.advance(1)
    assert (await olga.post(action, **mine | form.first)).status in {200, 303}
    stored = await _state(olga)
    assert stored != before
    refused = await olga.post(action, **theirs | form.second)
    assert refused.status == 409
    assert form.stored in refused.text
    assert await _state(olga) == stored
    kept = refused.fields(action)
    for name, value in form.second.items():
        if name not in {"do", "mark"}:
            assert kept[name] == value, "what was typed is gone"
    assert kept.get("version") != theirs["version"]
    # With what is stored before their eyes, they may insist.
    olga.clock.advance(1)
    assert (await olga.post(action, **kept | form.second)).status in {200, 303}
    assert await _state(olga) != stored


@pytest.mark.parametrize("case", [name for name in FORMS if name != "key"])
async def test_two_editors_at_the_same_moment_do_not_both_win(olga: Browser, case: str) -> None:
    form = FORMS[case]
    path, action = await form.open_page(olga)
    fields = (await olga.get(path)).fields(action)
    answers: list[Page] = await asyncio.gather(
        *(olga.post(action, **fields | typed) for typed in (form.first, form.second))
    )
    assert sorted(answer.status for answer in answers) == [303, 409]


SWITCHES = {
    "account": (lambda browser: _account(browser, "/state"), "shut"),
    "carrier": (lambda _browser: _both("/console/carriers"), "drain"),
}


async def _both(path: str) -> tuple[str, str]:
    return path, path


@pytest.mark.parametrize("case", SWITCHES)
async def test_switch_that_somebody_else_made_already_is_said_and_not_noted_twice(
    olga: Browser, case: str
) -> None:
    open_page, do = SWITCHES[case]
    path, action = await open_page(olga)
    page = await olga.get(path)
    assert "Saved." in (await olga.send(page, action, do=do)).text
    assert "No changes." in (await olga.send(page, action, do=do)).text
    account = await olga.services.accounts.find("olga" if case == "carrier" else "olgas-child")
    reader = await olga.services.accounts.find("olga")
    assert len(await olga.services.audit_log.changes(reader, account, None, 10)) == 1


async def test_key_of_a_form_that_is_sent_twice_is_one_key(olga: Browser) -> None:
    path, action = await _account(olga, "/key")
    fields = (await olga.get(path)).fields(action)
    shown = [
        (await olga.post(action, **fields)).tree.xpath("//code[@class='key']/text()")
        for _ in range(2)
    ]
    assert shown[0] == shown[1] != []
    assert (await olga.services.accounts.authenticate_key(shown[0][0], "192.0.2.1")).may(
        Permission.SEND
    )


async def test_text_of_a_template_that_was_deleted_meanwhile_can_be_saved_as_a_new_one(
    olga: Browser,
) -> None:
    """Bug: the second editor got a page that said "not found", and the text was gone."""
    templates, account = olga.services.text_templates, await olga.services.accounts.find("olga")
    made = await templates.create(account, "Storm", "Closed today.")
    action = f"/console/templates/{made.template_id}"
    fields = (await olga.get(action)).fields(action)
    assert (await olga.post(action, **fields | {"do": "delete"})).status == 303
    refused = await olga.post(action, **fields | {"text": "Closed until Monday."})
    assert refused.status == 409
    assert "Someone else deleted this template." in refused.text
    again = refused.fields("/console/templates")
    assert (again["name"], again["text"]) == ("Storm", "Closed until Monday.")
    assert (await olga.post("/console/templates", **again)).status == 303
    assert [one.text for one in await templates.list_all(account)] == ["Closed until Monday."]
    assert (await olga.post(action, **fields | {"do": "delete"})).status == 404
