"""What stands between a request and a view: forms from elsewhere, other accounts, errors."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from .conftest import PASSWORD, Browser, Page

ZONE = "Europe/Copenhagen"


async def _zone(browser: Browser) -> str:
    return (await browser.services.accounts.find("sena")).time_zone


async def test_form_with_the_token_of_its_session_is_taken(browser: Browser) -> None:
    await browser.sign_in("sena")
    page = await browser.get("/console/account")
    page = await browser.send(page, "/console/account", time_zone=ZONE)
    assert "Saved." in page.text
    assert await _zone(browser) == ZONE


@pytest.mark.parametrize("token", ["", "0" * 40, "ü", "another session"])
async def test_forged_form_changes_nothing(browser: Browser, token: str) -> None:
    if token == "another session":
        other = browser.another()
        await other.sign_in("vera")
        token = (await other.get("/console/account")).fields("/console/account")["form_token"]
    await browser.sign_in("sena")
    fields = (await browser.get("/console/account")).fields("/console/account")
    page = await browser.post(
        "/console/account", **fields | {"form_token": token, "time_zone": ZONE}
    )
    assert page.status == 403
    assert "Nothing was changed" in page.text
    assert await _zone(browser) == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site", "origin": "https://sms.example.org"},
        {"sec_fetch_site": "same-site"},
    ],
)
async def test_form_from_another_site_is_refused_whatever_it_holds(
    browser: Browser, headers: dict[str, str]
) -> None:
    await browser.sign_in("sena")
    fields = (await browser.get("/console/account")).fields("/console/account")
    body = urlencode(fields | {"time_zone": ZONE}).encode()
    page = await browser.ask("POST", "/console/account", body, **headers)
    assert page.status == 403
    assert await _zone(browser) == ""


async def test_sign_in_cannot_be_forged_either(browser: Browser) -> None:
    await browser.get("/console/sign-in")
    page = await browser.post(
        "/console/sign-in", username="sena", password=PASSWORD, form_token="0" * 40
    )
    assert (page.status, browser.session) == (403, "")


async def test_form_of_a_stale_session_waits_until_its_sender_has_signed_in(
    browser: Browser,
) -> None:
    await browser.sign_in("sena")
    fields = (await browser.get("/console/account")).fields("/console/account")
    browser.clock.advance(browser.services.settings.console.idle_s)
    page = await browser.post("/console/account", **fields | {"time_zone": ZONE})
    assert page.status == 401
    assert "Your input was kept" in page.text
    page = await browser.send(page, "/console/sign-in", username="sena", password=PASSWORD)
    assert ZONE in page.text
    assert await _zone(browser) == ""  # nothing goes without its sender's word
    page = await browser.send(page, "/console/account")
    assert "Saved." in page.text
    assert await _zone(browser) == ZONE


async def test_passwords_of_a_stale_form_are_not_kept(browser: Browser) -> None:
    await browser.sign_in("sena")
    fields = (await browser.get("/console/me")).fields("/console/me/password")
    browser.clock.advance(browser.services.settings.console.idle_s)
    secret = {name: "a-secret" for name in fields if "password" in name}
    page = await browser.post("/console/me/password", **fields | secret)
    assert page.status == 401
    assert b"a-secret" not in page.body


async def test_second_of_two_editors_gets_a_conflict(browser: Browser) -> None:
    await browser.sign_in("sena")
    other = browser.another()
    await other.sign_in("sena")
    first, second = await browser.get("/console/account"), await other.get("/console/account")
    await browser.send(first, "/console/account", time_zone=ZONE)
    page = await other.send(second, "/console/account", time_zone="Asia/Tokyo")
    assert page.status == 409
    assert "Someone else changed this" in page.text
    assert await _zone(browser) == ZONE


async def test_refused_value_stays_in_the_form_beside_its_problem(browser: Browser) -> None:
    await browser.sign_in("sena")
    page = await browser.send(
        await browser.get("/console/account"), "/console/account", time_zone='"><b>Nowhere'
    )
    assert page.status == 400
    chosen = page.tree.xpath("//select[@id='time_zone']/option[@selected]/@value")
    assert chosen == ['"><b>Nowhere']
    assert page.tree.xpath("//p[@id='time_zone-problem']/text()") == [
        "Invalid value: must be an IANA time zone such as Europe/Copenhagen."
    ]


@pytest.mark.parametrize(
    ("method", "target", "body", "content_type", "status"),
    [
        ("GET", "/console/nothing", b"", "", 404),
        ("GET", "/console/static/console.css", b"", "", 404),
        ("GET", "/console/static/../middleware.py", b"", "", 404),
        ("PUT", "/console/account", b"", "", 405),
        ("GET", "/console/sign-out", b"", "", 405),
        ("POST", "/console/account", b"{}", "application/json", 415),
        ("POST", "/console/account", b"a=%ff", "application/x-www-form-urlencoded", 400),
        ("POST", "/console/account", b"a" * 300_000, "application/x-www-form-urlencoded", 413),
        ("POST", "/console/account", b"a=1&" * 2_000, "application/x-www-form-urlencoded", 413),
    ],
)
async def test_request_that_no_view_takes_gets_a_page(
    browser: Browser, method: str, target: str, body: bytes, content_type: str, status: int
) -> None:
    await browser.sign_in("sena")
    page = await browser.ask(method, target, body, content_type=content_type)
    assert page.status == status
    assert page.tree.xpath("//h1")
    assert "default-src 'none'" in page.header("content-security-policy")


async def test_every_page_forbids_what_it_does_not_need(browser: Browser) -> None:
    await browser.sign_in("olga")
    for target in ("/console", "/console/accounts", "/console/account", "/console/sign-in"):
        page = await browser.get(target)
        policy = page.header("content-security-policy")
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert page.header("cache-control") == "no-store"
        assert page.header("x-content-type-options") == "nosniff"
        assert not page.tree.xpath("//script[not(@src)] | //style | //@style | //@onclick")
        for address in page.tree.xpath("//link/@href | //script/@src | //img/@src"):
            file = await browser.get(address)
            assert file.status == 200
            assert file.header("cache-control") == "public, max-age=31536000, immutable"


async def test_accounts_shows_the_own_tree_only(browser: Browser) -> None:
    await browser.sign_in("adam")
    page = await browser.get("/console/accounts")
    names = page.tree.xpath("//tbody/tr/th//bdi/text()")
    assert names == ["adam", "adams-child"]
    await browser.sign_in("adams-child", PASSWORD)
    await browser.sign_in("sena")
    page = await browser.get("/console/accounts")
    assert page.tree.xpath("//tbody/tr/th//bdi/text()") == ["sena"]


@pytest.mark.parametrize(
    ("username", "role"),
    [("olga", "operator"), ("adam", "administrator"), ("sena", "sender"), ("vera", "viewer")],
)
async def test_role_follows_from_permissions(browser: Browser, username: str, role: str) -> None:
    page = await browser.sign_in(username)
    assert page.tree.xpath("//*[@class='role']/text()") == [role]


async def test_url_for_received_texts_is_set_and_used(browser: Browser) -> None:
    await browser.sign_in("adam")
    services, at, url = browser.services, "/console/account/texts", "https://shop.example/mo"
    page = await browser.get("/console/account")
    done = await browser.send(page, at, texts_kannel=url)
    assert "Saved." in (await browser.follow(done)).text
    account = await services.accounts.find("adam")
    stored = services.webhooks.find(account.account_id, "kannel", "incoming")
    assert stored is not None
    assert stored.url == url
    late = await browser.send(page, at, texts_kannel="https://late.example/")
    assert late.status == 409
    again = await browser.get("/console/account")
    refused = await browser.send(again, at, texts_kannel="ftp://shop.example/")
    assert refused.status == 400
    await browser.send(again, at, texts_kannel="")
    assert services.webhooks.find(account.account_id, "kannel", "incoming") is None


async def test_urls_for_delivery_reports_are_set_changed_and_removed(browser: Browser) -> None:
    await browser.sign_in("sena")
    account = await browser.services.accounts.find("sena")
    webhooks, at = browser.services.webhooks, "/console/account/reports"

    async def save(url: str) -> Page:
        page = await browser.get("/console/account")
        return await browser.send(page, at, reports_smsend=url)

    url = "https://shop.example/dlr?token=x"
    page = await browser.follow(await save(url))
    assert page.tree.xpath("//input[@id='reports_smsend']/@value") == [url]
    assert webhooks.report_url(account.account_id, "smsend") == url
    assert webhooks.report_url(account.account_id, "httpsms") == ""
    refused = await save("ftp://shop.example/")
    assert (refused.status, "Invalid callback URL" in refused.text) == (400, True)
    assert refused.tree.xpath("//input[@id='reports_smsend']/@value") == ["ftp://shop.example/"]
    before = await browser.get("/console/account")
    await save("")
    assert webhooks.report_url(account.account_id, "smsend") == ""
    late = await browser.send(before, at, reports_smsend="https://late.example/")
    assert (late.status, "Someone else changed the URLs" in late.text) == (409, True)
    changes = await browser.services.audit_log.changes(account, account, None, 10)
    assert [(one.action, one.entry.subject) for one in changes] == [
        ("webhook", "delivery of smsend")
    ] * 2
