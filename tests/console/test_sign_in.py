"""Signing in and out, and every way in which a session ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dragoman.core.accounts import accounts as accounts_module

from .conftest import PASSWORD, Browser


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts_module, "FIRST_DELAY_S", 0.0)


async def test_sign_in_opens_the_page_that_was_asked_for(browser: Browser) -> None:
    page = await browser.get("/console/accounts?name=se")
    assert (page.status, "Sign in" in page.text) == (401, True)
    page = await browser.send(page, "/console/sign-in", username="sena", password=PASSWORD)
    assert page.status == 200
    assert page.tree.xpath("//input[@name='name']/@value") == ["se"]


async def test_sign_in_says_the_same_for_a_wrong_password_and_an_unknown_name(
    browser: Browser,
) -> None:
    wrong = await browser.sign_in("sena", "wrong")
    unknown = await browser.sign_in("nobody", "wrong")
    assert wrong.status == unknown.status == 401
    assert "Incorrect username or password" in wrong.text
    assert wrong.text == unknown.text
    assert not browser.session


@pytest.mark.parametrize(("username", "password"), [("x" * 65, "a"), ("sena", "p" * 257)])
async def test_sign_in_refuses_what_no_account_has(
    browser: Browser, username: str, password: str
) -> None:
    assert (await browser.sign_in(username, password)).status == 401


async def test_sign_in_slows_down_as_guesses_fail(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def note(delay_s: float) -> None:
        waits.append(delay_s)

    monkeypatch.setattr(accounts_module, "FIRST_DELAY_S", 0.1)
    monkeypatch.setattr(accounts_module.asyncio, "sleep", note)
    for _ in range(8):
        await browser.sign_in("sena", "wrong")
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])


async def test_sign_in_explains_itself_to_a_browser_without_cookies(browser: Browser) -> None:
    page = await browser.get("/console/sign-in")
    fields = page.fields("/console/sign-in")
    browser.cookies.clear()
    fields |= {"username": "sena", "password": PASSWORD}
    page = await browser.post("/console/sign-in", **fields)
    assert page.status == 403
    assert "the browser blocks cookies" in page.text


async def test_cookies_are_bound_to_the_host_where_tls_is_spoken(browser: Browser) -> None:
    page = await browser.get("/console/sign-in")
    fields = page.fields("/console/sign-in")
    answer = await browser.post(
        "/console/sign-in", **fields | {"username": "sena", "password": PASSWORD}
    )
    assert answer.status == 303
    cookie = answer.header("set-cookie")
    name, _, rest = cookie.partition("=")
    assert name == "__Host-dragoman-session"
    assert rest.partition("; ")[2] == "Path=/; HttpOnly; SameSite=Lax; Secure"


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"])
async def test_cookies_are_plain_on_this_machine(browser: Browser, host: str) -> None:
    browser = browser.another(host)
    page = await browser.ask("GET", "/console/sign-in")
    cookie = page.header("set-cookie")
    assert cookie.startswith("dragoman-form-8080=")
    assert cookie.endswith("; Path=/console; HttpOnly; SameSite=Lax")


@pytest.mark.parametrize("header", ["forwarded", "x-forwarded-for", "x-forwarded-proto"])
async def test_cookies_are_bound_where_a_proxy_speaks_to_this_machine(
    browser: Browser, header: str
) -> None:
    browser = browser.another("127.0.0.1:8080")
    page = await browser.ask("GET", "/console/sign-in", **{header: "https"})
    assert page.header("set-cookie").startswith("__Host-dragoman-form=")


async def test_one_time_link_signs_in_once_and_only_by_a_button(browser: Browser) -> None:
    account = await browser.services.accounts.find("sena")
    token = await browser.services.one_time_links.make(account)
    await browser.get(f"/console/enter?k={token}")  # a mail program looks
    page = await browser.get(f"/console/enter?k={token}")
    assert not browser.session
    assert (await browser.send(page, "/console/enter")).status == 200
    assert browser.session

    other = browser.another()
    page = await other.send(await other.get(f"/console/enter?k={token}"), "/console/enter")
    assert (page.status, other.session) == (410, "")
    assert "has already been used" in page.text


async def test_one_time_link_is_too_old_after_a_minute(browser: Browser) -> None:
    account = await browser.services.accounts.find("sena")
    token = await browser.services.one_time_links.make(account)
    page = await browser.get(f"/console/enter?k={token}")
    browser.clock.advance(60)
    assert (await browser.send(page, "/console/enter")).status == 410


async def test_sign_out_ends_the_session_for_whoever_has_its_token(browser: Browser) -> None:
    page = await browser.sign_in("sena")
    token = browser.session
    page = await browser.send(page, "/console/sign-out")
    assert "You are signed out." in page.text
    assert browser.session == ""
    browser.cookies["__Host-dragoman-session"] = token
    assert (await browser.get()).status == 401


async def test_new_sign_in_ends_the_session_before_it(browser: Browser) -> None:
    await browser.sign_in("sena")
    old = browser.session
    await browser.sign_in("vera")
    thief = browser.another()
    thief.cookies["__Host-dragoman-session"] = old
    assert (await thief.get()).status == 401
    assert (await browser.get()).status == 200


async def test_sign_out_everywhere_ends_every_session_of_the_account(browser: Browser) -> None:
    page = await browser.sign_in("sena")
    second, vera = browser.another(), browser.another()
    await second.sign_in("sena")
    await vera.sign_in("vera")
    page = await browser.get("/console/me")
    assert len(page.tree.xpath("//section[h2='Sessions']//tbody/tr")) == 2
    (everywhere,) = [form for form in page.tree.forms if "everywhere" in dict(form.form_values())]
    await browser.post("/console/sign-out", **dict(everywhere.form_values()))
    assert [(await b.get()).status for b in (browser, second, vera)] == [401, 401, 200]


async def test_new_password_signs_out_everywhere(browser: Browser) -> None:
    await browser.sign_in("sena")
    second = browser.another()
    await second.sign_in("sena")
    page = await browser.send(
        await browser.get("/console/me"),
        "/console/me/password",
        current_password=PASSWORD,
        new_password="another horse",
        password_again="another horse",
    )
    assert "Password changed" in page.text
    assert [(await b.get()).status for b in (browser, second)] == [401, 401]
    assert (await second.sign_in("sena")).status == 401
    assert (await second.sign_in("sena", "another horse")).status == 200


@pytest.mark.parametrize("way", ["operator", "parent"])
async def test_password_set_by_others_signs_out_too(browser: Browser, way: str) -> None:
    services = browser.services
    await browser.sign_in("sena")
    sena = await services.accounts.find("sena")
    if way == "operator":
        await services.accounts.set_password(sena, "another horse")
    else:
        from dragoman.core.accounts.account_tree import Changes

        adam = await services.accounts.find("adam")
        child = await services.accounts.find("adams-child")
        await services.accounts.set_password(child, PASSWORD)
        await browser.sign_in("adams-child")
        await services.account_tree.change(
            adam, child.account_id, Changes(password="another horse")
        )
    assert (await browser.get()).status == 401


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"current_password": "wrong"}, "current_password", "Incorrect password"),
        ({"new_password": "short", "password_again": "short"}, "new_password", "At least 10"),
        ({"password_again": "different"}, "password_again", "do not match"),
        ({"new_password": "x" * 300, "password_again": "x" * 300}, "new_password", "256"),
    ],
)
async def test_new_password_is_refused_at_the_field_it_is_about(
    browser: Browser, fields: dict[str, str], field: str, words: str
) -> None:
    usual = {
        "current_password": PASSWORD,
        "new_password": "another horse",
        "password_again": "another horse",
    }
    await browser.sign_in("sena")
    page = await browser.send(
        await browser.get("/console/me"), "/console/me/password", **usual | fields
    )
    assert page.status == 400
    (said,) = page.tree.xpath("//p[@id=$id]/text()", id=f"{field}-problem")
    assert words in said
    assert page.tree.xpath("//input[@id=$id]/@aria-invalid", id=field) == ["true"]


async def test_session_dies_idle_and_of_age(browser: Browser) -> None:
    idle_s = browser.services.settings.console.idle_s
    await browser.sign_in("sena")
    browser.clock.advance(idle_s - 1)
    assert (await browser.get()).status == 200
    browser.clock.advance(idle_s - 1)
    assert (await browser.get()).status == 200  # the time began anew
    browser.clock.advance(idle_s)
    assert (await browser.get()).status == 401

    await browser.sign_in("sena")
    for _ in range(int(browser.services.settings.console.longest_s // (idle_s / 2))):
        assert (await browser.get()).status == 200
        browser.clock.advance(idle_s / 2)
    assert (await browser.get()).status == 401


async def test_what_was_entered_is_shown_without_what_nobody_typed(browser: Browser) -> None:
    """Marks, versions and rules that were left alone stood among the entries by their names."""
    at = "/console/campaigns/new"
    await browser.sign_in("sena")
    fields = (await browser.get(at)).fields(at)
    assert fields["mark"]
    browser.clock.advance(browser.services.settings.console.idle_s)
    typed = {"name": "Spring", "text": "Hello", "match": "all", "operation-0": "is"}
    page = await browser.post(at, **fields | typed)
    page = await browser.send(page, "/console/sign-in", username="sena", password=PASSWORD)
    shown = dict(zip(page.tree.xpath("//dt/text()"), page.tree.xpath("//dd//text()"), strict=False))
    assert (shown["Name"], shown["Text"]) == ("Spring", "Hello")
    assert not {"Mark", "Version", "Match", "Operation-0"} & set(shown)
    kept = page.fields(at)
    assert {name: kept[name] for name in typed} == typed
    assert kept["mark"] == fields["mark"]


async def test_session_outlives_a_restart(browser: Browser) -> None:
    from dragoman.assembly import build_services

    await browser.sign_in("sena")
    await browser.services.close()
    browser.services = build_services(browser.services.settings, browser.clock)
    await browser.services.open(migrate=False)
    again = Browser(browser.services, browser.clock)
    again.cookies = browser.cookies
    assert (await again.get()).status == 200


async def test_session_of_a_disabled_account_sees_nothing(browser: Browser) -> None:
    await browser.sign_in("sena")
    await browser.services.accounts.set_enabled("sena", False)
    assert (await browser.get()).status == 401


async def test_session_counts_only_where_the_account_may_be_used_from(browser: Browser) -> None:
    from dragoman.core.accounts.account_fields import AccountFields

    await browser.sign_in("sena")
    await browser.services.accounts.change("sena", AccountFields(allowed_addresses="198.51.100.7"))
    assert (await browser.get()).status == 401
    page = await browser.sign_in("sena")
    assert "cannot be used from your IP address" in page.text


async def test_sessions_of_an_account_are_bounded(browser: Browser) -> None:
    from dragoman.core.accounts.console_sessions import MAX_PER_ACCOUNT

    account = await browser.services.accounts.find("sena")
    sessions = browser.services.console_sessions
    tokens = []
    for _ in range(MAX_PER_ACCOUNT + 2):
        browser.clock.advance(1)
        tokens.append(await sessions.open(account))
    alive = await asyncio.gather(*(sessions.find(token) for token in tokens))
    assert [found is not None for found in alive] == [False] * 2 + [True] * MAX_PER_ACCOUNT


async def test_no_token_is_stored(browser: Browser) -> None:
    from sqlalchemy import select

    from dragoman.core.accounts.sql.tables import console_sessions

    await browser.sign_in("sena")

    def read(connection: Any) -> Any:
        return connection.execute(select(console_sessions)).all()

    rows = await browser.services.storage.read(read)
    assert len(rows) == 1
    assert browser.session.encode() not in repr(rows).encode()
