"""Keywords: what an account reserves on numbers, and where texts are forwarded."""

from __future__ import annotations

import pytest

from dragoman.console.paging import PER_PAGE
from dragoman.core.accounts.model.accounts import Permission

from .conftest import Browser, Page

AT = "/console/keywords"
URL = "https://shop.example/sms?secret=1"


@pytest.fixture
async def sena(browser: Browser) -> Browser:
    """A browser of an account with a number, next to a shared number of another account."""
    services = browser.services
    await services.keywords.add_number(await services.accounts.find("sena"), "1204", shared=False)
    stranger = await services.accounts.find("stranger")
    await services.keywords.add_number(stranger, "1272", shared=True)
    await services.keywords.add_number(stranger, "1999", shared=False)
    await browser.sign_in("sena")
    return browser


def _goes_to(page: Page) -> list[str]:
    """Where the texts of each keyword go."""
    chosen: list[str] = page.tree.xpath("//tbody//select/option[@selected]/text()")
    return chosen


async def _changes(browser: Browser) -> list[tuple[str, str]]:
    account = await browser.services.accounts.find("sena")
    found = await browser.services.audit_log.changes(account, account, None, 20)
    return [(change.action, change.entry.subject) for change in reversed(found)]


async def test_keyword_is_reserved_forwarded_and_released(sena: Browser) -> None:
    page = await sena.get(AT)
    assert "1204 your account" in page.text
    assert "1272 shared" in page.text
    assert "1999" not in page.text
    page = await sena.send(page, "/console/services", url=URL, charset="utf-8")
    assert "shop.example utf-8" in page.text
    assert "secret" not in page.body.decode()
    page = await sena.send(page, AT, number="1272", keyword="pizza")
    assert "PIZZA 1272" in page.text
    assert _goes_to(page) == ["inbox only"]
    account = await sena.services.accounts.find("sena")
    ((view,), (service,)) = (
        await sena.services.keywords.keywords(account),
        await sena.services.keywords.forwardings(account),
    )
    assert service.dialect == "linkmobility"
    action = f"{AT}/{view.keyword.keyword_id}"
    page = await sena.send(page, action, service=str(service.forwarding_id))
    assert _goes_to(page) == ["shop.example"]
    page = await sena.send(page, AT, keyword="large", below=str(view.keyword.keyword_id))
    assert "PIZZA LARGE 1272" in page.text
    page = await sena.send(page, action, do="release")
    assert "It stays reserved for your account until the end of the month" in page.text
    assert "No keywords reserved yet." in page.text
    assert await _changes(sena) == [
        ("add_service", "shop.example"),
        ("reserve_keyword", "PIZZA …272"),
        ("attach_keyword", "PIZZA …272"),
        ("reserve_keyword", "LARGE …272"),
        ("delete_keyword", "PIZZA …272"),
    ]


async def test_keywords_are_shown_page_by_page(sena: Browser) -> None:
    account = await sena.services.accounts.find("sena")
    words = [f"WORD{number}" for number in range(PER_PAGE + 1)]
    for word in words:
        await sena.services.keywords.reserve(account, "1204", word)
    for query, shown, where in (
        ("", words[:PER_PAGE], "1–50 of 51"),
        ("?page=2", words[PER_PAGE:], "51–51 of 51"),
        ("?page=3", [], "of 51"),
    ):
        page = await sena.get(AT + query)
        rows = page.tree.xpath("//table[contains(@class, 'stack')]/tbody/tr/th")
        assert [row.text_content() for row in rows] == shown, query
        assert where in page.text
    assert "No keywords reserved yet." not in page.text


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"number": "1999", "keyword": "pizza"}, "number", "not allowed to use this number"),
        ({"number": "x", "keyword": "pizza"}, "number", "digits"),
        ({"number": "1272", "keyword": ""}, "keyword", "required"),
        ({"number": "1272", "keyword": "two words"}, "keyword", "one word"),
        ({"number": "1272", "keyword": "STOP"}, "keyword", "taken"),
        ({"number": "1272", "keyword": "*"}, "keyword", "taken"),
        ({"number": "1272", "keyword": "x" * 41}, "keyword", "40 characters"),
    ],
)
async def test_keyword_that_cannot_be_reserved_says_why_at_its_field(
    sena: Browser, typed: dict[str, str], field: str, words: str
) -> None:
    page = await sena.send(await sena.get(AT), AT, **typed)
    assert page.status == 400
    (said,) = page.tree.xpath("//p[@id=$id]/text()", id=f"{field}-problem")
    assert words in said
    assert page.fields(AT)["keyword"] == typed["keyword"]
    assert await _changes(sena) == []


@pytest.mark.parametrize("url", ["", "ftp://x", "https://user:pass@/", "https://" + "x" * 3_000])
async def test_service_that_cannot_be_called_is_refused(sena: Browser, url: str) -> None:
    page = await sena.send(await sena.get(AT), "/console/services", url=url)
    assert page.status == 400
    assert page.tree.xpath("//p[@id='url-problem']")
    assert page.fields("/console/services")["url"] == url


async def test_password_of_a_service_is_not_shown_and_not_lost(sena: Browser) -> None:
    services = sena.services
    account = await services.accounts.find("sena")
    page = await sena.send(await sena.get(AT), "/console/services", url="https://me:pw@a.example/")
    assert page.status == 200
    [service] = await services.keywords.forwardings(account)
    at = f"/console/services/{service.forwarding_id}"
    for typed, shown, stored in (
        (None, "https://me:***@a.example/", "https://me:pw@a.example/"),
        ("https://me:***@a.example/2", "https://me:***@a.example/2", "https://me:pw@a.example/2"),
        # What is hidden goes nowhere else, and is no password.
        ("https://me:***@b.example/", "https://me:***@a.example/2", "https://me:pw@a.example/2"),
    ):
        page = await sena.get(at)
        await sena.send(page, at, **({} if typed is None else {"url": typed}))
        page = await sena.get(at)
        assert (page.fields(at)["url"], "pw@" in page.text) == (shown, False)
        known = await services.keywords.forwarding(account, service.forwarding_id)
        assert known.url == stored


async def test_second_editor_of_a_service_or_keyword_overwrites_nothing(sena: Browser) -> None:
    services = sena.services
    account = await services.accounts.find("sena")
    service = await services.keywords.add_forwarding(
        account, dialect="linkmobility", url=URL, charset="", continuous=False
    )
    view = await services.keywords.reserve(account, "1204", "pizza")
    at = f"/console/services/{service.forwarding_id}"
    page = await sena.get(at)
    await sena.send(page, at, url="https://first.example/")
    second = await sena.send(page, at, url="https://second.example/")
    assert second.status == 409
    assert "Current value: https://first.example/" in second.text
    assert second.fields(at)["url"] == "https://second.example/"
    await sena.send(second, at)
    assert (await services.keywords.forwarding(account, service.forwarding_id)).url == (
        "https://second.example/"
    )
    listed = await sena.get(AT)
    await services.keywords.attach(account, view.keyword.keyword_id, service.forwarding_id)
    action = f"{AT}/{view.keyword.keyword_id}"
    assert (await sena.send(listed, action, do="release")).status == 409
    assert len(await services.keywords.keywords(account)) == 1


async def test_anothers_keywords_and_services_are_not_there(sena: Browser) -> None:
    services = sena.services
    stranger = await services.accounts.find("stranger")
    view = await services.keywords.reserve(stranger, "1272", "secretword")
    service = await services.keywords.add_forwarding(
        stranger,
        dialect="linkmobility",
        url="https://stranger.example/",
        charset="",
        continuous=False,
    )
    page = await sena.get(AT)
    assert "SECRETWORD" not in page.text
    assert "stranger.example" not in page.text
    token = page.fields("/console/sign-out")["form_token"]
    assert (await sena.get(f"/console/services/{service.forwarding_id}")).status == 404
    for path, more in (
        (f"{AT}/{view.keyword.keyword_id}", {"do": "release"}),
        (f"/console/services/{service.forwarding_id}", {"url": "https://x.example/"}),
        (AT, {"number": "1272", "keyword": "a", "service": str(service.forwarding_id)}),
        (AT, {"keyword": "a", "below": str(view.keyword.keyword_id)}),
    ):
        assert (await sena.post(path, form_token=token, **more)).status == 404


async def test_who_may_not_receive_changes_no_keyword(browser: Browser) -> None:
    await browser.services.accounts.create(
        "reader", password="correct horse battery", permissions=frozenset({Permission.INBOX})
    )
    await browser.sign_in("reader")
    page = await browser.get(AT)
    assert page.status == 200
    assert not page.tree.xpath("//main//form")
    token = page.fields("/console/sign-out")["form_token"]
    for path in (AT, f"{AT}/1", "/console/services", "/console/services/1"):
        assert (await browser.post(path, form_token=token)).status == 403
