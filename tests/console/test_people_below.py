"""People of the accounts below one's own, who are managed from the page of such an account."""

from __future__ import annotations

import pytest

from dragoman.core.accounts.model.people import Role

from .conftest import HOST, PASSWORD, Browser

NAME = "anna@example.org"


async def test_people_of_an_account_below_are_managed_by_its_parent(browser: Browser) -> None:
    child = await browser.services.accounts.find("adams-child")
    at = f"/console/accounts/{child.account_id}/people"
    await browser.sign_in("adam")
    page = await browser.get(f"/console/accounts/{child.account_id}")
    assert at in page.tree.xpath("//main//a/@href")
    page = await browser.send(await browser.get(at), at, name=NAME, role="sender")
    (link,) = page.tree.xpath("//code/text()")
    anna = browser.another()
    page = await anna.get(str(link).removeprefix(f"https://{HOST}"))
    given = {"new_password": PASSWORD, "password_again": PASSWORD}
    await anna.send(page, "/console/invitation", **given)
    assert "adams-child" in (await anna.get("/console/me")).text
    person = await browser.services.people.find_by_name(NAME)
    assert person.account_id == child.account_id
    assert NAME in (await browser.get(at)).text
    assert NAME not in (await browser.get("/console/people")).text
    one = f"{at}/{person.person_id}"
    page = await browser.send(await browser.get(one), one, role="viewer")
    assert (page.status, "viewer" in page.text) == (200, True)
    page = await browser.send(await browser.get(at), f"{at}/policy", second_factor="yes")
    assert page.tree.xpath("//input[@name='second_factor']/@checked")
    page = await browser.send(await browser.get(one), f"{one}/act", do="disable")
    assert "disabled" in page.text
    assert (await anna.get("/console/me")).status == 401
    page = await browser.send(page, f"{one}/act", do="remove")
    assert NAME not in page.text
    log = await browser.get(f"/console/accounts/{child.account_id}/changes")
    for words in (f"invited {NAME} as sender", f"removed {NAME}", "made a second factor required"):
        assert words in log.text


@pytest.mark.parametrize(
    ("username", "status"), [("olga", 404), ("stranger", 403), ("sena", 403), ("adam", 200)]
)
async def test_people_of_accounts_elsewhere_do_not_exist(
    browser: Browser, username: str, status: int
) -> None:
    child = await browser.services.accounts.find("adams-child")
    person, _ = await browser.services.people.invite(child, NAME, Role.SENDER, by=Role.OPERATOR)
    at = f"/console/accounts/{child.account_id}/people"
    await browser.sign_in(username)
    assert (await browser.get(at)).status == status
    assert (await browser.get(f"{at}/{person.person_id}")).status == status
    own = await browser.services.accounts.find(username)
    own_at = f"/console/accounts/{own.account_id}/people/{person.person_id}"
    assert (await browser.get(own_at)).status in (403, 404)


async def test_roles_below_are_as_wide_as_ones_own_at_most(browser: Browser) -> None:
    child = await browser.services.accounts.find("adams-child")
    at = f"/console/accounts/{child.account_id}/people"
    await browser.sign_in("adam")
    page = await browser.get(at)
    offered = page.tree.xpath("//select[@id='role']/option/@value")
    assert offered == ["viewer", "sender", "manager", "administrator"]
    assert (await browser.send(page, at, name=NAME, role="operator")).status == 403
    own = await browser.services.accounts.find("adam")
    page = await browser.get(f"/console/accounts/{own.account_id}/people")
    assert (page.status, page.header("location")) == (303, "/console/people")
