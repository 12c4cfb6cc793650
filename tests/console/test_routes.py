"""Routes: the way of a message told before it is sent, and a new configuration."""

from __future__ import annotations

import pytest

from .conftest import Browser


async def test_operator_sees_the_way_of_a_message(browser: Browser) -> None:
    await browser.sign_in("olga")
    page = await browser.get("/console/routes")
    assert "default nothing: takes all simulator the first that is up 3 1 min" in page.text
    page = await browser.get("/console/routes?to=%2B4512345678&account=adam&text=Hello&sender=Shop")
    assert page.status == 200
    assert "Route default the route takes every number" in page.text
    assert "Country Denmark MCC 238" in page.text
    assert "simulator down unknown – – – Shop" in page.text


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("to=12", "Number : Not a valid phone number"),
        ("to=4512345678&account=nobody", "Account : Not found."),
        ("to=%3Cscript%3E&text=%00", "Number : Not a valid phone number"),
    ],
)
async def test_what_cannot_be_explained_is_told(
    browser: Browser, query: str, complaint: str
) -> None:
    await browser.sign_in("olga")
    page = await browser.get(f"/console/routes?{query}")
    assert page.status == 200
    assert f"There was a problem {complaint}" in page.text
    assert b"<script>" not in page.body


async def test_configuration_is_checked_first_and_then_taken(browser: Browser) -> None:
    await browser.sign_in("olga")
    page = await browser.get("/console/routes")
    page = await browser.send(page, "/console/routes", do="check")
    assert browser.machine.reloads == [True]
    assert "route swedish: new" in page.text
    assert "taken at the next start: http" in page.text
    page = await browser.send(page, "/console/routes", do="apply")
    assert browser.machine.reloads == [True, False]
    assert "The new configuration is in effect." in page.body.decode()
    changes = await browser.get("/console/changes")
    assert "took a changed configuration" in changes.text


async def test_mistakes_of_a_configuration_are_shown(browser: Browser) -> None:
    await browser.sign_in("olga")
    page = await browser.get("/console/routes")
    browser.machine.mistake = "dragoman.toml: routes.x.carriers: missing"
    page = await browser.send(page, "/console/routes", do="apply")
    assert page.status == 422
    assert "routes.x.carriers: missing" in page.text


@pytest.mark.parametrize("username", ["adam", "sena", "vera"])
async def test_others_have_no_such_page(browser: Browser, username: str) -> None:
    await browser.sign_in(username)
    assert (await browser.get("/console/routes")).status == 403
    assert (await browser.get("/console/routes?to=4512345678")).status == 403
