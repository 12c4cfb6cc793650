"""Theme and shortcuts of a browser, and what every page links to."""

from __future__ import annotations

import json

import pytest

from .conftest import Browser

AT = "/console/display"


@pytest.mark.parametrize(
    ("theme", "keys", "shown", "has_script"),
    [
        ("dark", "on", ["dark"], True),
        ("light", "", ["light"], False),
        ("", "on", [], True),
        ('"><b>', "on", [], True),
    ],
)
async def test_a_choice_is_kept_in_the_browser(
    browser: Browser, theme: str, keys: str, shown: list[str], has_script: bool
) -> None:
    await browser.sign_in("sena")
    fields = (await browser.get(AT)).fields(AT)
    page = await browser.follow(await browser.post(AT, **fields | {"theme": theme, "keys": keys}))
    assert page.status == 200
    for target in (AT, "/console/sign-in"):
        page = await browser.get(target)
        assert page.tree.xpath("/html/@data-theme") == shown
        signed_in = target == AT
        assert bool(page.tree.xpath("//body/@data-shortcuts")) is (has_script and signed_in)
    other = await browser.another().get("/console/sign-in")
    assert other.tree.xpath("/html/@data-theme") == []


async def test_there_is_a_key_for_each_page_that_one_may_open(browser: Browser) -> None:
    await browser.sign_in("sena")
    page = await browser.get(AT)
    told = json.loads(page.tree.xpath("//body/@data-shortcuts")[0])
    listed = page.tree.xpath("//tbody//th")
    assert sorted(" ".join(one.xpath("kbd/text()")) for one in listed) == list(told)
    assert {"conversations", "contacts", "campaigns", "callbacks"} <= {
        target.removeprefix("/console/") for target in told.values()
    }
    for target in told.values():
        if target != "search":
            assert (await browser.get(target)).status == 200, target
    viewer = browser.another()
    await viewer.sign_in("vera")
    page = await viewer.get(AT)
    told = json.loads(page.tree.xpath("//body/@data-shortcuts")[0])
    assert not {"/console/contacts", "/console/conversations"} & set(told.values())
    assert "/console/messages" in told.values()


async def test_console_and_documentation_link_to_each_other(browser: Browser) -> None:
    page = await browser.sign_in("sena")
    assert page.tree.xpath("//footer/a/@href") == ["/docs", AT]
    assert (await browser.get("/console/sign-in")).tree.xpath("//footer/a/@href") == ["/docs"]


@pytest.mark.parametrize(
    ("headers", "warns"),
    [
        ({}, True),
        ({"sec_fetch_site": "none"}, False),
        ({"x_forwarded_proto": "https"}, False),
        ({"x_forwarded_proto": "http", "sec_fetch_site": "none"}, True),
        ({"host": "localhost:8080"}, False),
        ({"host": "127.0.0.1"}, False),
    ],
)
async def test_sign_in_page_says_that_plain_http_will_not_do(
    browser: Browser, headers: dict[str, str], warns: bool
) -> None:
    page = await browser.ask("GET", "/console/sign-in", **headers)
    assert ("plain HTTP" in page.text) is warns
