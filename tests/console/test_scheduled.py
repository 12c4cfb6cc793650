"""Scheduled messages: their list, another time for one, and cancelling it."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import Refused

from .conftest import NOW_MS, Browser

HOUR_MS = 3_600_000
LIST = "/console/messages?state=scheduled"


async def schedule(
    browser: Browser, username: str, *numbers: str, in_ms: int = HOUR_MS, text: str = "later"
) -> int:
    account = await browser.services.accounts.find(username)
    accepted = await browser.services.submission.submit(
        account,
        Submission(
            dialect="test",
            recipients=numbers,
            text=text,
            sender="Dragoman",
            due_ms=browser.clock.now_ms() + in_ms,
        ),
    )
    return accepted.batch_id


def _texts(page: Any) -> list[str]:
    return [" ".join(cell.itertext()) for cell in page.tree.xpath("//tbody/tr/td[@class='clip']")]


@pytest.fixture
async def scheduled(browser: Browser) -> tuple[Browser, dict[str, int]]:
    ids = {
        "own": await schedule(browser, "adam", "+4530123456", text="the red fox"),
        "child": await schedule(
            browser, "adams-child", "+4530123457", "+46701234567", in_ms=HOUR_MS // 2, text="soon"
        ),
        "other": await schedule(browser, "stranger", "+4530123458", text="secret"),
    }
    await browser.sign_in("adam")
    return browser, ids


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("", ["soon", "the red fox"]),
        ("&number=4530123456", ["the red fox"]),
        ("&text=RED", ["the red fox"]),
        ("&text=secret", []),
        ("&to=2026-09-21T15:00", ["soon"]),
        ("&from=2026-09-21T15:00", ["the red fox"]),
    ],
)
async def test_scheduled_messages_of_the_tree_are_listed_by_time(
    scheduled: Any, query: str, texts: list[str]
) -> None:
    browser, _ = scheduled
    page = await browser.get(LIST + query)
    assert page.status == 200
    assert _texts(page) == texts


async def test_live_log_shows_what_is_due_next(scheduled: Any) -> None:
    browser, _ = scheduled
    page = await browser.get("/console/live?state=scheduled")
    assert _texts(page) == ["soon", "the red fox"]
    page = await browser.get("/console/live?state=scheduled&to=%2B45")
    assert _texts(page) == ["the red fox"]


async def test_list_of_scheduled_messages_goes_on_behind_the_last_one(browser: Browser) -> None:
    for n in range(53):
        await schedule(browser, "sena", f"+45301234{n:02}", text=f"number {n}")
    await browser.sign_in("sena")
    page = await browser.get(LIST)
    first = _texts(page)
    (further,) = page.tree.xpath("//a[@rel='next']/@href")
    page = await browser.get(f"/console/messages{further}")
    assert first + _texts(page) == [f"number {n}" for n in range(53)]
    assert not page.tree.xpath("//a[@rel='next']")


async def test_scheduled_message_gets_another_time_once(scheduled: Any) -> None:
    browser, ids = scheduled
    action = f"/console/batches/{ids['child']}/schedule"
    first = await browser.get(action)
    second = await browser.get(action)
    assert "2026-09-21 14:43" in first.text
    page = await browser.send(first, action, due="2026-09-22T09:00")
    assert "The new time is saved." in page.text
    assert _texts(page) == ["the red fox", "soon"]
    page = await browser.post(action, **second.fields(action) | {"due": "2026-09-23T09:00"})
    assert page.status == 409
    assert "Someone else changed the time" in page.text
    assert page.fields(action)["due"] == "2026-09-23T09:00"  # what was typed is not lost
    page = await browser.send(page, action)
    assert "The new time is saved." in page.text
    log = await browser.get("/console/changes")
    assert f"changed the time of the batch {ids['child']}" in log.text


async def test_moved_message_keeps_its_validity_and_is_sent_at_its_new_time(
    scheduled: Any,
) -> None:
    browser, ids = scheduled
    services = browser.services
    batch = (await services.scheduled_batches.find(None, ids["own"])).due_ms
    validity_ms = await _validity_ms(browser, ids["own"])
    await services.scheduled_batches.move(None, ids["own"], batch + 5 * HOUR_MS, batch)
    assert await _validity_ms(browser, ids["own"]) == validity_ms
    browser.clock.advance(2 * 3600)
    assert not await _expand_due(browser, ids["own"])
    browser.clock.advance(5 * 3600)
    assert await _expand_due(browser, ids["own"])


@pytest.mark.parametrize(
    ("due", "words"),
    [
        ("", "Enter the time"),
        ("soon", "Invalid time"),
        ("2026-09-21T14:00", "in the past"),
        ("2036-09-21T14:00", "cannot be scheduled for this time"),
    ],
)
async def test_time_that_cannot_be_is_refused_and_kept(
    scheduled: Any, due: str, words: str
) -> None:
    browser, ids = scheduled
    action = f"/console/batches/{ids['own']}/schedule"
    page = await browser.get(action)
    page = await browser.post(action, **page.fields(action) | {"due": due})
    assert page.status == 400
    (said,) = page.tree.xpath("//p[@id='due-problem']/text()")
    assert words in said
    assert page.fields(action)["due"] == due
    assert (await browser.services.scheduled_batches.find(None, ids["own"])).due_ms == (
        NOW_MS + HOUR_MS
    )


async def test_message_that_is_due_can_no_longer_be_moved(scheduled: Any) -> None:
    browser, ids = scheduled
    action = f"/console/batches/{ids['own']}/schedule"
    page = await browser.get(action)
    browser.clock.advance(3601)
    assert (await browser.get(action)).status == 404
    page = await browser.post(action, **page.fields(action) | {"due": "2026-09-22T09:00"})
    assert page.status == 404
    with pytest.raises(Refused):
        await browser.services.scheduled_batches.find(None, ids["own"])
    assert not await browser.services.batches.move(
        ids["own"], NOW_MS + 9 * HOUR_MS, NOW_MS + HOUR_MS
    )


async def test_scheduled_message_is_cancelled_from_the_list(scheduled: Any) -> None:
    browser, ids = scheduled
    child = await browser.services.accounts.find("adams-child")
    page = await browser.get(LIST)
    page = await browser.send(page, f"/console/batches/{ids['child']}/cancel")
    assert "Cancelled. The credits were refunded." in page.text
    assert _texts(page) == ["the red fox"]
    assert (await browser.services.accounts.balance(child)).available == 5


async def test_other_trees_and_viewers_change_nothing(scheduled: Any) -> None:
    browser, ids = scheduled
    page = await browser.get(LIST)
    token = page.fields(f"/console/batches/{ids['own']}/cancel")
    for action in ("cancel", "schedule"):
        page = await browser.post(
            f"/console/batches/{ids['other']}/{action}", **token, due="2026-09-22T09:00"
        )
        assert page.status == 404
    viewer = browser.another()
    await viewer.sign_in("vera")
    assert (await viewer.get(f"/console/batches/{ids['own']}/schedule")).status == 403
    assert not (await viewer.get(LIST)).tree.xpath("//tbody//form")


async def _validity_ms(browser: Browser, batch_id: int) -> int:
    batch = await browser.services.batches._load_batch(batch_id)
    return batch.stored.expires_ms - batch.stored.due_ms


async def _expand_due(browser: Browser, batch_id: int) -> bool:
    """Lets what is due become messages; whether the batch has any then."""
    while await browser.services.batches._step():
        pass
    return any(message.batch.batch_id == batch_id for message in browser.services.live)
