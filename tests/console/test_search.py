"""The one search box, the filters, and what was found as a file."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Submission
from dragoman.core.messages.sql.tables import receipt_keys
from dragoman.core.model.errors import FailureCode
from dragoman.core.reporting import message_search
from dragoman.core.reporting.sql import message_search as sql
from dragoman.kit.ids import render_base64, render_dashed, render_hex

from .conftest import Browser
from .test_messages import _change, _numbers, _send


@pytest.fixture
async def sena(browser: Browser) -> Browser:
    """Three messages of `sena`, whose zone is that of Denmark, and one of somebody else's."""
    zone = AccountFields(time_zone="Europe/Copenhagen")
    await browser.services.accounts.change("sena", zone)
    for number, text, reference in (
        ("+4530123456", "the red fox", "first"),
        ("+46701234567", "the red 30123456 carpet", None),
        ("+306912345678", "a blue whale", "third"),
    ):
        account = await browser.services.accounts.find("sena")
        await browser.services.submission.submit(
            account,
            Submission(
                dialect="httpsms",
                recipients=(number,),
                text=text,
                sender="Dragoman",
                reference=reference,
            ),
        )
        browser.clock.advance(60)
    await _send(browser, "stranger", "+4530123456", text="the red panda")
    await browser.sign_in("sena")
    return browser


def _message_to(browser: Browser, number: str) -> Any:
    return next(m for m in browser.services.live if m.recipient == number and m.batch.stored.sender)


async def test_number_is_of_the_country_of_the_account_before_that_of_its_zone(
    sena: Browser,
) -> None:
    page = await sena.get("/console/account")
    await sena.send(page, "/console/account", time_zone="UTC")
    page = await sena.get("/console/messages?q=30+99+98+88")
    assert "Messages to +30999888." in page.text
    assert "Your account has no country" in page.text
    page = await sena.get("/console/account")
    page = await sena.send(page, "/console/account", country="DK")
    assert page.fields("/console/account")["country"] == "DK"
    page = await sena.get("/console/messages?q=30+99+98+88")
    assert "Messages to +4530999888 or +30999888." in page.text
    assert "no country" not in page.text
    page = await sena.get("/console/account")
    page = await sena.post("/console/account", **page.fields("/console/account") | {"country": "?"})
    assert page.status == 400
    assert "not a country by ISO 3166-1" in page.text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("+45 30 12 34 56", ["+4530123456"]),
        ("004530123456", ["+4530123456"]),
        ("30 12 34 56", ["+4530123456"]),
        ("30123456", ["+4530123456"]),
        ("4530123456", ["+4530123456"]),
        ("+45 (30) 12-34-56", ["+4530123456"]),
        ("+4530123457", []),
        ("red", ["+46701234567", "+4530123456"]),
        ("RED fox", ["+4530123456"]),
        ("panda", []),
        ("first", ["+4530123456"]),
        ("%", []),
    ],
)
async def test_box_takes_numbers_of_the_own_country_references_and_words(
    sena: Browser, query: str, expected: list[str]
) -> None:
    page = await sena.get(f"/console/messages?q={query.replace('+', '%2B').replace(' ', '+')}")
    assert page.status == 200
    assert _numbers(page) == expected
    assert page.tree.xpath("//input[@name='q']/@value") == [query]


@pytest.mark.parametrize("spell", [str, render_hex, render_base64, render_dashed])
async def test_box_opens_a_message_and_lists_a_batch_by_any_spelling(
    sena: Browser, spell: Any
) -> None:
    message = _message_to(sena, "46701234567")
    page = await sena.get(f"/console/messages?q={spell(message.message_id)}")
    assert page.header("location") == f"/console/messages/{message.message_id}"


async def test_number_can_be_looked_for_in_the_texts_instead(sena: Browser) -> None:
    page = await sena.get("/console/messages?q=30123456")
    (address,) = page.tree.xpath("//a[text()='Search the texts instead']/@href")
    assert _numbers(await sena.get(address)) == ["+46701234567"]


async def test_box_finds_by_the_id_of_a_carrier(sena: Browser) -> None:
    message = _message_to(sena, "4530123456")
    await _change(sena, message, State.SENT)
    key = {"carrier": "simulator", "key": "AbC-1", "part": 0, "message_id": message.message_id}
    with sena.services.storage._write_engine.begin() as connection:
        connection.execute(receipt_keys.insert().values(key))
    page = await sena.get("/console/messages?q=AbC-1")
    assert page.header("location") == f"/console/messages/{message.message_id}"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sender=dragoman", 3),
        ("sender=Other", 0),
        ("dialect=httpsms", 3),
        ("dialect=twilio", 0),
        ("route=default", 3),
        ("route=none", 0),
        ("country=238", 1),
        ("country=262", 0),
        ("cause=unknown_subscriber", 1),
        ("cause=barred", 0),
        ("state=failed", 1),
        ("state=failed,unknown", 1),
        ("state=undelivered", 1),
        ("state=queued", 2),
        ("state=waiting", 2),
        ("state=delivered", 0),
        ("account=sena", 3),
        ("period=24h", 3),
        ("state=undelivered&country=238&sender=Dragoman&q=fox", 1),
        ("state=undelivered&country=240", 0),
    ],
)
async def test_filters_narrow(sena: Browser, query: str, expected: int) -> None:
    message = _message_to(sena, "4530123456")
    await _change(
        sena, message, State.SENT, State.UNDELIVERED, failure=FailureCode.UNKNOWN_SUBSCRIBER
    )
    page = await sena.get(f"/console/messages?{query}")
    assert page.status == 200
    assert len(_numbers(page)) == expected
    name, value = query.split("&")[0].split("=")
    if name not in ("sender", "account", "q"):  # what is chosen stays chosen
        assert page.tree.xpath(f"//select[@name='{name}']/option[@selected]/@value") == [value]


async def test_search_that_looked_through_enough_says_so_and_goes_on(
    sena: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "TEXTS_LOOKED_AT", 1)
    page = await sena.get("/console/messages?q=fox")
    assert "older messages may match too" in page.text
    assert "No messages match" not in page.text
    for _ in range(2):
        (further,) = page.tree.xpath("//a[@rel='next']/@href")
        page = await sena.get(f"/console/messages{further}")
    assert _numbers(page) == ["+4530123456"]


async def test_file_has_what_was_found_and_its_page_says_how_far_it_is(sena: Browser) -> None:
    page = await sena.get("/console/messages?q=red")
    (address,) = page.tree.xpath("//a[text()='Download CSV']/@href")
    page = await sena.get(address)
    assert "Search red" in page.text
    (file,) = page.tree.xpath("//a[@id='export-file']/@href")
    (again,) = page.tree.xpath("//a[@id='export-again']/@href")
    (progress,) = page.tree.xpath("//a[@id='export-file']/@data-progress")
    assert (await sena.get(progress)).body == b'{"rows":null,"ended":""}'
    got = await sena.download(file)
    assert got.header("content-disposition") == 'attachment; filename="messages.csv"'
    rows = list(csv.DictReader(io.StringIO(got.body.decode())))
    assert [(row["to"], row["country"], row["account"]) for row in rows] == [
        ("46701234567", "Sweden", "sena"),
        ("4530123456", "Denmark", "sena"),
    ]
    assert rows[1]["reference"] == "first"
    assert rows[1]["accepted"].startswith("2026-09-21 16:13")  # in the zone of the account
    assert "carrier" not in rows[0]
    assert (await sena.get(progress)).body == b'{"rows":2,"ended":"done"}'
    assert "2 messages, complete." in (await sena.get(again)).text


async def test_file_is_made_in_pieces_and_holds_every_row_once(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_search, "CHUNK", 7)
    numbers = [f"+45301234{n:02}" for n in range(60)]
    await _send(browser, "sena", *numbers, text="=1+1")
    await browser.sign_in("sena")
    got = await browser.download("/console/messages/export.csv")
    rows = list(csv.DictReader(io.StringIO(got.body.decode())))
    assert sorted("+" + row["to"] for row in rows) == numbers
    assert {row["text"] for row in rows} == {"'=1+1"}  # no formula


async def test_file_of_a_search_that_cannot_be_read_is_no_file(sena: Browser) -> None:
    page = await sena.get("/console/messages/export.csv?state=gone")
    assert page.status == 400
    assert page.header("content-disposition") == ""
