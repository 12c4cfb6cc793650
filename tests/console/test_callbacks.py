"""The callbacks workbench: lists, making callbacks again, hosts, tests, unmatched receipts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sqlalchemy import insert, select

from dragoman.core.callbacks.model.hosts import CallbackHost, PausedHost
from dragoman.core.messages.model.callbacks import CallbackFacts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.sql.tables import callbacks, parked_receipts

from .conftest import NOW_MS, Browser

GOOD, BAD = "https://good.example", "https://bad.example:8443"
LIST = "/console/callbacks"


async def _add(browser: Browser, username: str, origin: str, state: int, **more: Any) -> int:
    account = await browser.services.accounts.find(username)
    callback_id = browser.services.ids.next()
    facts = CallbackFacts(
        message_id=callback_id,
        batch_id=1,
        state=State.DELIVERED,
        at_ms=NOW_MS,
        recipient=more.pop("recipient", "4530123456"),
        sender="Shop",
    )
    row = {
        "callback_id": callback_id,
        "account_id": account.account_id,
        "message_id": callback_id,
        "dialect": "httpsms",
        "origin": origin,
        "url": f"{origin}/dlr?secret=1",
        "payload": msgspec.json.encode(facts).decode(),
        "state": state,
        "attempts": 0 if state == 0 else 2,
        "next_attempt_ms": NOW_MS - 5_000,
        "answered_ms": None if state == 0 else NOW_MS,
        "answer_status": {0: None, 1: 200, 2: 500}[state],
        "answer": None if state == 0 else "<i>oh</i>",
        **more,
    }
    with browser.services.storage._write_engine.begin() as connection:
        connection.execute(insert(callbacks).values(row))
    return callback_id


@pytest.fixture
async def sena(browser: Browser) -> tuple[Browser, dict[str, int]]:
    ids = {
        "waiting": await _add(browser, "sena", BAD, 0),
        "delivered": await _add(browser, "sena", GOOD, 1),
        "given_up": await _add(browser, "sena", BAD, 2),
        "again": await _add(browser, "sena", BAD, 2),
        "other": await _add(browser, "stranger", BAD, 2),
    }
    await browser.sign_in("sena")
    account = await browser.services.accounts.find("sena")
    browser.machine.callback_hosts_now = (
        CallbackHost(
            account_id=account.account_id,
            origin=BAD,
            waiting=1,
            calling=0,
            reason="it answered 503",
            since_ms=NOW_MS - 60_000,
            next_try_ms=NOW_MS + 30_000,
        ),
    )
    return browser, ids


def _shown(page: Any) -> list[int]:
    links = page.tree.xpath("//section[.//h2[@id='calls']]//tbody//th/a/@href")
    return [int(link.rpartition("/")[2]) for link in links]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["again", "given_up", "delivered", "waiting"]),
        ("?state=waiting", ["waiting"]),
        ("?state=given_up", ["again", "given_up"]),
        ("?state=delivered", ["delivered"]),
        ("?host=https://good.example", ["delivered"]),
        ("?host=good.example", ["delivered"]),
        ("?host=bad.example&state=waiting", ["waiting"]),
        ("?host=bad.example&state=given_up", ["again", "given_up"]),
        ("?account=sena&state=delivered", ["delivered"]),
    ],
)
async def test_callbacks_are_listed_by_state_host_and_account(
    sena: Any, query: str, names: list[str]
) -> None:
    browser, ids = sena
    page = await browser.get(LIST + query)
    assert page.status == 200
    assert _shown(page) == [ids[name] for name in names]
    assert "secret" not in page.body.decode()


@pytest.mark.parametrize(
    ("state", "is_offered"), [("waiting", False), ("given_up", True), ("delivered", True)]
)
async def test_replay_is_offered_where_a_row_can_be_chosen(
    sena: Any, state: str, is_offered: bool
) -> None:
    browser, _ = sena
    page = await browser.get(f"{LIST}?state={state}")
    assert ("Replay selected" in page.text) is is_offered


@pytest.mark.parametrize("query", ["state=gone", "account=stranger"])
async def test_unknown_state_or_account_is_refused(sena: Any, query: str) -> None:
    browser, _ = sena
    page = await browser.get(f"{LIST}?{query}")
    assert page.status == 400
    assert page.tree.xpath("//*[@role='alert']//li")


async def test_next_try_is_that_of_the_host_and_never_in_the_past(sena: Any) -> None:
    browser, ids = sena
    page = await browser.get(f"{LIST}?state=waiting")
    assert "waiting, next try 2026-09-21 14:13:50" in page.text
    assert "failing since 2026-09-21 14:12 : it answered 503" in page.text
    browser.machine.callback_hosts_now = ()
    page = await browser.get(f"{LIST}/{ids['waiting']}")
    assert "Next try now" in page.text


async def test_nothing_is_due_now_at_a_host_that_is_paused(sena: Any) -> None:
    """The list said "due now" of callbacks that wait until somebody resumes their host."""
    browser, _ = sena
    [host] = browser.machine.callback_hosts_now
    browser.machine.callback_hosts_now = (
        msgspec.structs.replace(host, next_try_ms=None, is_paused=True),
    )
    page = await browser.get(f"{LIST}?state=waiting")
    assert "waiting, until the host is resumed" in page.text
    assert "due now" not in page.text


async def test_callback_shows_its_payload_and_every_call(sena: Any) -> None:
    browser, ids = sena
    page = await browser.get(f"{LIST}/{ids['given_up']}")
    assert "<i>oh</i>" in page.text  # as text
    assert '"recipient": "4530123456"' in page.text
    assert '"state": "delivered"' in page.text
    assert (await browser.get(f"{LIST}/{ids['other']}")).status == 404
    assert (await browser.get(f"{LIST}/99999999999999999999")).status == 404


async def _states(browser: Browser) -> dict[int, int]:
    with browser.services.storage._write_engine.begin() as connection:
        rows = connection.execute(select(callbacks.c.callback_id, callbacks.c.state)).all()
    return {row[0]: row[1] for row in rows}


async def test_one_callback_is_made_again_and_keeps_its_calls(sena: Any) -> None:
    browser, ids = sena
    heard: list[Any] = []
    browser.services.callback_lists.replayed.subscribe(lambda *facts: heard.append(facts))
    page = await browser.get(f"{LIST}/{ids['delivered']}")
    page = await browser.send(page, f"{LIST}/replay", callback=str(ids["delivered"]))
    account = await browser.services.accounts.find("sena")
    assert heard == [(account.account_id, GOOD, 1, ids["delivered"])]
    assert (await _states(browser))[ids["delivered"]] == 0
    assert "The callbacks are being replayed." in page.body.decode()
    assert "200 <i>oh</i>" in page.text  # the call before


async def test_some_or_all_of_a_host_are_made_again(sena: Any) -> None:
    browser, ids = sena
    page = await browser.get(f"{LIST}?state=given_up")
    fields = page.fields(f"{LIST}/replay")
    chosen = [ids["given_up"], ids["other"], ids["waiting"]]
    body = "&".join(f"callback={one}" for one in chosen)
    token = "&".join(f"{k}={v}" for k, v in fields.items() if k != "callback")
    answer = await browser.ask(
        "POST", f"{LIST}/replay", f"{token}&{body}".encode(), origin=f"https://{browser.host}"
    )
    assert answer.status == 303
    states = await _states(browser)
    assert [states[ids[name]] for name in ("given_up", "again", "other")] == [0, 2, 2]
    page = await browser.get(f"{LIST}/{ids['again']}")
    fields = page.fields(f"{LIST}/replay")  # the last form: all of the host
    assert (await browser.post(f"{LIST}/replay", **fields)).status == 303
    states = await _states(browser)
    assert [states[ids[name]] for name in ("again", "other")] == [0, 2]


async def test_replaying_nothing_says_so(sena: Any) -> None:
    """A press of the button with no callback selected led to a page that was not there."""
    browser, _ = sena
    page = await browser.get(f"{LIST}?state=given_up")
    before = await _states(browser)
    fields = page.fields(f"{LIST}/replay")
    fields.pop("callback", None)
    page = await browser.follow(await browser.post(f"{LIST}/replay", **fields))
    assert "select callbacks first" in page.text
    assert page.tree.xpath("//option[@selected]/@value") == ["given_up"]
    assert await _states(browser) == before


async def test_all_of_a_host_are_replayed_from_the_list(sena: Any) -> None:
    """The button was on the page of a callback alone, and there was no way to it for many."""
    browser, ids = sena
    assert "Replay all" not in (await browser.get(f"{LIST}?state=given_up")).text
    page = await browser.get(f"{LIST}?state=given_up&host={BAD}")
    fields = page.fields(f"{LIST}/replay")  # the last form
    assert "callback" not in fields
    assert (await browser.post(f"{LIST}/replay", **fields)).status == 303
    states = await _states(browser)
    assert [states[ids[name]] for name in ("given_up", "again", "other")] == [0, 0, 2]


async def test_callback_whose_number_was_deleted_is_not_made_again(sena: Any) -> None:
    browser, _ = sena
    callback_id = await _add(browser, "sena", GOOD, 1, recipient="0")
    page = await browser.get(f"{LIST}/{callback_id}")
    page = await browser.send(page, f"{LIST}/replay", callback=str(callback_id))
    assert "Nothing to replay" in page.body.decode()
    assert (await _states(browser))[callback_id] == 1


async def test_host_is_paused_resumed_and_tried(sena: Any) -> None:
    browser, _ = sena
    lists, account = browser.services.callback_lists, await browser.services.accounts.find("sena")
    heard: list[Any] = []
    lists.paused.subscribe(heard.append)
    lists.unpaused.subscribe(lambda *facts: heard.append(facts))
    page = await browser.get(LIST)
    page = await browser.send(page, f"{LIST}/retry")
    assert browser.machine.retried == [(account.account_id, BAD, None)]
    page = await browser.send(page, f"{LIST}/pause", do="pause")
    assert "Paused." in page.body.decode()
    await browser.send(page, f"{LIST}/pause", do="pause")  # twice is once
    await browser.send(page, f"{LIST}/pause", do="resume")
    assert heard == [
        PausedHost(account_id=account.account_id, origin=BAD, since_ms=NOW_MS),
        (account.account_id, BAD),
    ]
    log = (await browser.get("/console/changes")).text
    for words in ("retried callbacks", "paused callbacks", "resumed callbacks"):
        assert f"{words} to {BAD}" in log


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("https://shop.example/dlr", 200, "Answered 200 after 12 ms. <b>thanks</b>"),
        ("ftp://shop.example", 400, "Enter an http or https address."),
        ("", 400, "Enter an http or https address."),
    ],
)
async def test_url_is_tried(sena: Any, url: str, status: int, words: str) -> None:
    browser, _ = sena
    page = await browser.get(LIST)
    fields = page.fields(f"{LIST}/test") | {"url": url, "dialect": "httpsms"}
    page = await browser.post(f"{LIST}/test", **fields)
    assert page.status == status
    assert words in page.text
    assert page.fields(f"{LIST}/test")["url"] == url
    assert len(browser.machine.tested) == (status == 200)


@pytest.mark.parametrize("action", ["replay", "retry", "pause", "test"])
async def test_viewers_and_strangers_change_nothing(sena: Any, action: str) -> None:
    browser, ids = sena
    page = await browser.get(LIST)
    fields = page.fields(f"{LIST}/pause")
    viewer = browser.another()
    await viewer.sign_in("vera")
    token = (await viewer.get("/console/account")).fields("/console/sign-out")
    assert (await viewer.post(f"{LIST}/{action}", **fields | token)).status == 403
    if action != "test":
        stranger = browser.another()
        await stranger.sign_in("stranger")
        token = (await stranger.get("/console/account")).fields("/console/sign-out")
        assert (await stranger.post(f"{LIST}/{action}", **fields | token)).status == 404
    assert (await _states(browser))[ids["given_up"]] == 2


async def test_receipts_that_match_nothing_are_for_operators(browser: Browser) -> None:
    row = {
        "receipt_id": browser.services.ids.next(),
        "carrier": "simulator",
        "carrier_message_id": "AbC-1",
        "keys": "AbC-1",
        "recipient": "4530123456",
        "state": 5,
        "error": "006",
        "raw": "id:AbC-1 <b>",
    }
    with browser.services.storage._write_engine.begin() as connection:
        connection.execute(insert(parked_receipts).values(row))
    await browser.sign_in("olga")
    page = await browser.get(f"{LIST}/receipts?carrier=simulator")
    assert "AbC-1" in page.text
    assert "undeliverable ( 006 ) id:AbC-1 <b>" in page.text
    page = await browser.get(f"{LIST}/receipts?carrier=other")
    assert "Every receipt was matched" in page.text
    other = browser.another()
    await other.sign_in("adam")
    assert (await other.get(f"{LIST}/receipts")).status == 403
