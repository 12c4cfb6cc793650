"""People of an account: invitations, roles, second factors, sessions, the audit log."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pyotp
import pytest

from dragoman.core.accounts import accounts as accounts_module
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.accounts.model.people import PERMISSIONS, Role
from dragoman.core.accounts.people import INVITATION_MS
from dragoman.core.accounts.sign_ins import MAX_WRONG, PENDING_S, Policy

from .conftest import HOST, PASSWORD, Browser, Page

NAME = "anna@example.org"
SECRET_OF = "//figcaption/code/text()"


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts_module, "FIRST_DELAY_S", 0.0)


async def _invite(browser: Browser, name: str = NAME, role: str = "sender") -> str:
    """The path of the link that an administrator is shown."""
    page = await browser.get("/console/people")
    page = await browser.send(page, "/console/people", name=name, role=role)
    (link,) = page.tree.xpath("//code/text()")
    assert link.startswith(f"https://{HOST}/console/invitation?k=")
    return str(link.removeprefix(f"https://{HOST}"))


async def _accept(browser: Browser, link: str, password: str = PASSWORD) -> Page:
    page = await browser.get(link)
    given = {"new_password": password, "password_again": password}
    return await browser.send(page, "/console/invitation", **given)


async def _join(browser: Browser, role: str = "sender", account: str = "adam") -> Browser:
    """Anna's browser, who was invited by an account and has signed in."""
    await browser.sign_in(account)
    anna = browser.another()
    await _accept(anna, await _invite(browser, role=role))
    return anna


async def _person(browser: Browser) -> Any:
    return await browser.services.people.find_by_name(NAME)


async def _act(browser: Browser, deed: str) -> Page:
    person = await _person(browser)
    at = f"/console/people/{person.person_id}"
    page = await browser.get(at)
    return await browser.send(page, f"{at}/act", do=deed)


async def _set_up(browser: Browser) -> tuple[pyotp.TOTP, list[str]]:
    """Turns a second factor on; what shows its codes, and the recovery codes."""
    page = await browser.get("/console/me/factor")
    totp = pyotp.TOTP(page.tree.xpath(SECRET_OF)[0])
    page = await browser.send(page, "/console/me/factor", code=_code(browser, totp))
    return totp, page.tree.xpath("//ul[@class='keys']//code/text()")


def _code(browser: Browser, totp: pyotp.TOTP) -> str:
    return totp.at(browser.clock.now_ms() // 1000)


async def test_an_invited_person_signs_in_by_their_own_name(browser: Browser) -> None:
    anna = await _join(browser)
    page = await anna.get("/console/me")
    assert (NAME in page.text, "adam" in page.text) == (True, True)
    page = await browser.another().sign_in(NAME.upper())
    assert page.status == 200
    listed = await browser.get("/console/people")
    assert NAME in listed.text
    assert "enabled" in listed.text


async def test_a_link_works_once_and_for_a_week(browser: Browser) -> None:
    await browser.sign_in("adam")
    link = await _invite(browser)
    anna, thief = browser.another(), browser.another()
    assert (await anna.get(link)).status == 200  # looking at it uses nothing up
    page = await anna.get(link)
    assert (await _accept(anna, link)).status == 200
    assert (await thief.get(link)).status == 410
    later = await thief.post("/console/invitation", **page.fields("/console/invitation"))
    assert later.status == 403  # another browser's form
    assert b"at least" not in (await thief.get(f"{link}x")).body
    second = await _invite(browser, "ben")
    browser.clock.advance(INVITATION_MS / 1000)
    assert (await thief.get(second)).status == 410


@pytest.mark.parametrize(
    ("name", "status"),
    [("", 400), ("x" * 255, 400), ("a\nb", 400), ("+4512345678", 400), ("sena", 400), (NAME, 200)],
)
async def test_names_are_one_space_with_those_of_accounts(
    browser: Browser, name: str, status: int
) -> None:
    await browser.sign_in("adam")
    page = await browser.get("/console/people")
    page = await browser.send(page, "/console/people", name=name, role="viewer")
    assert page.status == status
    if status == 200:
        page = await browser.get("/console/people")
        page = await browser.send(page, "/console/people", name=name, role="viewer")
        assert (page.status, "is taken" in page.text) == (400, True)


@pytest.mark.parametrize(
    ("role", "target", "status"),
    [
        ("viewer", "/console/messages", 200),
        ("viewer", "/console/compose", 403),
        ("viewer", "/console/people", 403),
        ("viewer", "/console/accounts/new", 403),
        ("sender", "/console/compose", 200),
        ("sender", "/console/people", 403),
        ("manager", "/console/people", 403),
        ("administrator", "/console/people", 200),
        ("administrator", "/console/accounts/new", 200),
        ("administrator", "/console/carriers", 403),
    ],
)
async def test_a_role_opens_pages(browser: Browser, role: str, target: str, status: int) -> None:
    anna = await _join(browser, role, account="olga")
    assert (await anna.get(target)).status == status


@pytest.mark.parametrize(("role", "status"), [("sender", 403), ("manager", 303)])
async def test_a_role_sends_forms(browser: Browser, role: str, status: int) -> None:
    anna = await _join(browser, role)
    token = (await anna.get("/console/me")).fields("/console/sign-out")["form_token"]
    given = {"form_token": token, "number": "+4512345678", "sender": "", "do": "add"}
    assert (await anna.post("/console/opt-outs", **given)).status == status


def test_each_role_includes_those_below_it() -> None:
    roles = list(Role)
    for wider, narrower in itertools.pairwise(roles):
        assert PERMISSIONS[wider] > PERMISSIONS[narrower]
        assert wider.includes(narrower)
        assert not narrower.includes(wider)


async def test_nobody_makes_a_role_wider_than_their_own(browser: Browser) -> None:
    anna = await _join(browser, "administrator", account="olga")
    page = await anna.get("/console/people")
    assert page.tree.xpath("//select[@id='role']/option/@value")[-1] == "administrator"
    page = await anna.send(page, "/console/people", name="ben", role="operator")
    assert page.status == 403
    operator = await _invite(browser, "ben", role="operator")
    assert operator
    ben = await browser.services.people.find_by_name("ben")
    at = f"/console/people/{ben.person_id}"
    token = (await anna.get("/console/people")).fields("/console/people")["form_token"]
    for deed in ("link", "disable", "remove", "factor"):
        page = await anna.post(f"{at}/act", form_token=token, do=deed)
        assert page.status == 403, deed


async def test_a_role_never_adds_to_the_account(browser: Browser) -> None:
    anna = await _join(browser, "administrator", account="sena")
    assert (await anna.get("/console/people")).status == 200
    assert (await anna.get("/console/accounts/new")).status == 403
    sena = await browser.services.accounts.find("sena")
    assert not sena.may(Permission.ADMINISTER)


async def test_people_of_others_do_not_exist(browser: Browser) -> None:
    await _join(browser, account="adam")
    person = await _person(browser)
    await browser.sign_in("olga")
    assert (await browser.get(f"/console/people/{person.person_id}")).status == 404


async def test_another_role_counts_at_once(browser: Browser) -> None:
    anna = await _join(browser, "viewer")
    at = f"/console/people/{(await _person(browser)).person_id}"
    page = await browser.get(at)
    assert (await browser.send(page, at, role="sender")).status == 200
    assert (await anna.get("/console/compose")).status == 200
    page = await browser.send(page, at, role="manager")  # of a page that is stale by now
    assert (page.status, "Someone else changed" in page.text) == (409, True)


@pytest.mark.parametrize(
    ("deed", "signs_in"), [("disable", False), ("remove", False), ("sessions", True)]
)
async def test_a_session_ends_with_what_it_was_for(
    browser: Browser, deed: str, signs_in: bool
) -> None:
    anna = await _join(browser)
    assert (await anna.get()).status == 200
    assert (await _act(browser, deed)).status == 200
    assert (await anna.get()).status == 401
    assert ((await anna.sign_in(NAME)).status == 200) is signs_in


async def test_a_removed_name_is_free_and_stays_in_the_audit_log(browser: Browser) -> None:
    anna = await _join(browser, "manager")
    page = await anna.get("/console/account")
    await anna.send(page, "/console/account", time_zone="Asia/Tokyo")
    await _act(browser, "remove")
    page = await browser.get("/console/changes")
    (row,) = [
        " ".join(" ".join(tr.itertext()).split())
        for tr in page.tree.xpath("//tbody/tr")
        if "changed the time zone" in "".join(tr.itertext())
    ]
    assert NAME in row
    assert await _invite(browser)


async def test_the_password_of_the_account_ends_no_session_of_a_person(browser: Browser) -> None:
    anna = await _join(browser)
    adam = await browser.services.accounts.find("adam")
    await browser.services.accounts.set_password(adam, "another horse")
    assert ((await browser.get()).status, (await anna.get()).status) == (401, 200)
    await browser.services.accounts.end_tokens(
        adam, browser.services.audit_log.command_entry(adam, "revoke_tokens")
    )
    assert (await anna.get()).status == 401


async def test_a_new_link_sets_a_new_password(browser: Browser) -> None:
    anna = await _join(browser)
    page = await _act(browser, "link")
    (link,) = page.tree.xpath("//code/text()")
    assert (await anna.get()).status == 200  # the link alone changes nothing
    other = browser.another()
    await _accept(other, str(link).removeprefix(f"https://{HOST}"), "another horse")
    assert (await anna.get()).status == 401
    assert (await anna.sign_in(NAME)).status == 401
    assert (await anna.sign_in(NAME, "another horse")).status == 200


async def test_a_person_changes_their_own_password_only(browser: Browser) -> None:
    anna = await _join(browser)
    given = {"new_password": "another horse", "password_again": "another horse"}
    page = await anna.get("/console/me")
    page = await anna.send(page, "/console/me/password", current_password="wrong", **given)
    assert page.status == 400
    page = await anna.send(page, "/console/me/password", current_password=PASSWORD, **given)
    assert "Password changed" in page.text
    assert (await anna.sign_in(NAME, "another horse")).status == 200
    assert (await browser.another().sign_in("adam")).status == 200


async def test_sessions_are_listed_and_ended_one_by_one(browser: Browser) -> None:
    anna = await _join(browser)
    phone = browser.another()
    await phone.sign_in(NAME)
    page = await anna.get("/console/me")
    assert page.text.count("192.0.2.1") == 2
    page = await anna.send(page, "/console/me/sessions")
    assert "Session ended" in page.text
    assert [(await one.get()).status for one in (anna, phone, browser)] == [200, 401, 200]
    token = page.fields("/console/sign-out")["form_token"]
    sena = browser.another()
    await sena.sign_in("sena")
    listed = await sena.get("/console/me")
    assert "192.0.2.1" in listed.text
    mark = (
        next(
            iter(
                await browser.services.console_sessions.list_all(
                    await browser.services.accounts.find("sena")
                )
            )
        )
        .digest[:8]
        .hex()
    )
    await anna.post("/console/me/sessions", form_token=token, session=mark)
    assert (await sena.get()).status == 200  # somebody else's


async def test_a_second_factor_is_asked_for_and_a_code_counts_once(browser: Browser) -> None:
    anna = await _join(browser)
    totp, recovery = await _set_up(anna)
    assert len(recovery) == 10
    other = browser.another()
    page = await other.sign_in(NAME)
    assert not other.session
    used = _code(browser, totp)
    page = await other.send(page, "/console/sign-in/code", code=used)
    assert (page.status, other.session) == (401, "")  # the code that turned it on
    browser.clock.advance(30)
    page = await other.send(page, "/console/sign-in/code", code=_code(browser, totp))
    assert page.status == 200
    third = browser.another()
    page = await third.sign_in(NAME)
    page = await third.send(page, "/console/sign-in/code", code=_code(browser, totp))
    assert page.status == 401
    page = await third.send(page, "/console/sign-in/code", code=recovery[0].upper())
    assert page.status == 200
    page = await other.sign_in(NAME)
    page = await other.send(page, "/console/sign-in/code", code=recovery[0])
    assert page.status == 401


def _wait(browser: Browser) -> None:
    browser.clock.advance(PENDING_S)


@pytest.mark.parametrize("spoil", [_wait, None])
async def test_a_sign_in_begins_anew_when_it_took_too_long(
    browser: Browser, spoil: Callable[[Browser], None] | None
) -> None:
    anna = await _join(browser)
    totp, _ = await _set_up(anna)
    other = browser.another()
    page = await other.sign_in(NAME)
    if spoil is None:
        for _ in range(MAX_WRONG):
            answer = await other.send(page, "/console/sign-in/code", code="000000")
            assert answer.status == 401
    else:
        spoil(browser)
    browser.clock.advance(30)
    page = await other.send(page, "/console/sign-in/code", code=_code(browser, totp))
    assert "Begin again" in page.text
    assert not other.session


async def test_a_second_factor_is_taken_away_by_its_owner_or_an_administrator(
    browser: Browser,
) -> None:
    anna = await _join(browser)
    totp, _ = await _set_up(anna)
    browser.clock.advance(30)
    at = "/console/me/factor/change"
    page = await anna.send(await anna.get("/console/me/factor"), at, code="123456", do="remove")
    assert page.status == 400
    page = await anna.send(page, at, code=_code(browser, totp), do="remove")
    assert "Second factor removed" in page.text
    await _set_up(anna)
    assert (await _act(browser, "factor")).status == 200
    assert (await anna.get()).status == 401
    assert (await anna.sign_in(NAME)).status == 200


@pytest.mark.parametrize("way", ["account", "administrators", "everyone"])
async def test_a_required_second_factor_is_set_up_at_the_next_sign_in(
    browser: Browser, way: str
) -> None:
    await browser.sign_in("adam")
    if way == "account":
        page = await browser.get("/console/people")
        await browser.send(page, "/console/people/policy", second_factor="yes")
    else:
        browser.services.sign_ins.policy = Policy(way)
    other = browser.another()
    await other.get("/console/messages?state=failed")
    page = await other.sign_in("adam")
    assert not other.session
    totp = pyotp.TOTP(page.tree.xpath(SECRET_OF)[0])
    page = await other.send(page, "/console/sign-in/factor", code="000000")
    assert page.status == 401
    page = await other.send(page, "/console/sign-in/factor", code=_code(browser, totp))
    assert "Recovery codes" in page.text
    assert (await other.get()).status == 200
    page = await other.get("/console/me/factor")
    assert "cannot be removed" in page.text
    sena = browser.another()
    page = await sena.sign_in("sena")
    asked = bool(page.tree.xpath("//form[@action='/console/sign-in/factor']"))
    assert asked is (way != "account")


async def test_a_link_of_an_api_asks_for_the_second_factor_too(browser: Browser) -> None:
    await browser.sign_in("sena")
    totp, _ = await _set_up(browser)
    sena = await browser.services.accounts.find("sena")
    token = await browser.services.one_time_links.make(sena)
    other = browser.another()
    page = await other.get(f"/console/enter?k={token}")
    page = await other.send(page, "/console/enter")
    assert not other.session
    browser.clock.advance(30)
    page = await other.send(page, "/console/sign-in/code", code=_code(browser, totp))
    assert (await other.get()).status == 200


async def test_what_was_entered_outlives_a_sign_in_with_a_code(browser: Browser) -> None:
    anna = await _join(browser, "manager")
    totp, _ = await _set_up(anna)
    fields = (await anna.get("/console/account")).fields("/console/account")
    browser.clock.advance(browser.services.settings.console.idle_s)
    page = await anna.post("/console/account", **fields | {"time_zone": "Asia/Tokyo"})
    page = await anna.send(page, "/console/sign-in", username=NAME, password=PASSWORD)
    page = await anna.send(page, "/console/sign-in/code", code=_code(browser, totp))
    assert "Asia/Tokyo" in page.text
    page = await anna.send(page, "/console/account")
    assert (await browser.services.accounts.find("adam")).time_zone == "Asia/Tokyo"


async def test_no_secret_of_a_person_is_stored_or_logged(
    browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    from sqlalchemy import select

    from dragoman.core.accounts.sql.tables import audit_entries, people, second_factors

    await browser.sign_in("adam")
    link = await _invite(browser)
    anna = browser.another()
    await _accept(anna, link)
    totp, recovery = await _set_up(anna)

    def read(connection: Any) -> str:
        tables = (people, second_factors, audit_entries)
        return repr([connection.execute(select(table)).all() for table in tables])

    kept = await browser.services.storage.read(read)
    kept += "".join(capsys.readouterr())
    for secret in (link.partition("k=")[2], totp.secret, PASSWORD, *recovery):
        assert secret not in kept
        assert secret.replace("-", "") not in kept


@pytest.mark.parametrize("role", ["viewer", "sender", "manager", "administrator"])
async def test_only_administrators_see_the_credentials_of_programs(
    browser: Browser, role: str
) -> None:
    anna = await _join(browser, role)
    account = await browser.services.accounts.find("adams-child")
    path = f"/console/accounts/{account.account_id}/credentials"
    page = await anna.get(path)
    may = role == "administrator"
    assert (page.status == 200) is may
    token = (await anna.get("/console/me")).tree.xpath("//input[@name='form_token']/@value")[0]
    shown = await anna.post(f"{path}/token", form_token=token, do="show")
    assert (shown.status == 200) is may
    assert (await browser.services.auth_tokens.of_account(account.account_id) is not None) is may
    link = (await anna.get(path.removesuffix("/credentials"))).tree.xpath(
        "//a[contains(@href, '/credentials')]"
    )
    assert bool(link) is may
