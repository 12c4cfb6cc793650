"""Searches that somebody keeps."""

from __future__ import annotations

import pytest

from dragoman.core.accounts.model.people import Principal, Role
from dragoman.core.accounts.sql.saved_searches import MAX_SEARCHES

from .conftest import PASSWORD, Browser, Page

AT = "/console/messages"
SAVE = f"{AT}/searches"


async def _save(browser: Browser, query: str, name: str) -> Page:
    page = await browser.get(f"{AT}?{query}")
    return await browser.send(page, SAVE, name=name)


def _own(page: Page) -> list[tuple[str, str]]:
    return [(a.text_content(), a.get("href")) for a in page.tree.xpath("//a[@class='own']")]


async def test_a_search_is_kept_for_whoever_saved_it(browser: Browser) -> None:
    people, sena = browser.services.people, await browser.services.accounts.find("sena")
    _, token = await people.invite(sena, "anna", Role.VIEWER, by=Role.ADMINISTRATOR)
    await people.accept(token, PASSWORD, "192.0.2.1")
    await browser.sign_in("sena")
    anna = browser.another()
    await anna.sign_in("anna")
    page = await _save(browser, "state=failed&country=238", "Failed in Denmark")
    assert "The search is kept" in page.text
    assert _own(page) == [("Failed in Denmark", f"{AT}?state=failed&country=238")]
    assert _own(await anna.get(AT)) == []
    await _save(anna, "state=waiting", "Mine")
    assert [name for name, _ in _own(await anna.get(AT))] == ["Mine"]
    page = await browser.send(
        await browser.get(f"{AT}?state=failed&country=238"), SAVE, do="remove"
    )
    assert _own(page) == []
    assert len(_own(await anna.get(AT))) == 1


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("q=%2B4530123456", "a number"),
        ("q=12+34+56", "what may be one"),
        ("text=call+30123456", "one in words"),
        ("state=failed", ""),
        ("state=failed", "x" * 41),
        ("", "nothing"),
        ("nonsense=1", "nothing that is known"),
    ],
)
async def test_what_cannot_be_kept_is_not(browser: Browser, query: str, name: str) -> None:
    await browser.sign_in("sena")
    token = (await browser.get("/console/me")).fields("/console/sign-out")["form_token"]
    page = await browser.follow(await browser.post(SAVE, form_token=token, query=query, name=name))
    assert "cannot be kept" in page.text
    assert _own(page) == []


async def test_a_name_stands_for_the_last_search_and_searches_are_bounded(browser: Browser) -> None:
    await browser.sign_in("sena")
    await _save(browser, "state=failed", "Mine")
    page = await _save(browser, "state=waiting", "Mine")
    assert [href for _, href in _own(page)] == [f"{AT}?state=waiting"]
    sena = await browser.services.accounts.find("sena")
    for number in range(MAX_SEARCHES - 1):
        await browser.services.saved_searches.save(
            Principal(sena, None), f"more {number}", "state=failed"
        )
    page = await _save(browser, "state=sent", "one too many")
    assert "cannot be kept" in page.text


async def test_nobody_removes_what_another_keeps(browser: Browser) -> None:
    await browser.sign_in("sena")
    page = await _save(browser, "state=failed", "Mine")
    search = page.fields(SAVE)["search"]
    vera = browser.another()
    await vera.sign_in("vera")
    token = (await vera.get("/console/me")).fields("/console/sign-out")["form_token"]
    await vera.post(SAVE, form_token=token, do="remove", search=search)
    assert len(_own(await browser.get(AT))) == 1
