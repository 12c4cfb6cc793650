"""The live log: what a frame holds, whose changes it tells, and that it keeps no session alive."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from dragoman.console.views.live import MAX_ROWS, render_frame
from dragoman.domain.errors import FailureCode
from dragoman.domain.lifecycle import State
from dragoman.domain.messages import Submission
from dragoman.services.feed import MAX_LISTENERS, FeedEvent, FeedPage, read_filter

from .conftest import NOW_MS, Browser


def _event(number: int, **more: Any) -> FeedEvent:
    fields: dict[str, Any] = {
        "at_ms": NOW_MS + number,
        "message_id": number,
        "batch_id": 1,
        "account_id": 2,
        "dialect": "test",
        "sender": "Drago\u202eman",
        "recipient": "4530123456",
        "parts": 1,
        "route": "default",
        "carrier": "smsc",
        "before": State.SENT,
        "state": State.UNDELIVERED,
        "failure": FailureCode.ABSENT_SUBSCRIBER,
        "detail": "",
    }
    return FeedEvent(**(fields | more))


class _Visit:
    """What a frame needs of a visit."""

    zone = ZoneInfo("Europe/Copenhagen")


def test_frame_holds_the_newest_changes_and_counts_the_others() -> None:
    page = FeedPage(events=tuple(_event(n) for n in range(MAX_ROWS + 5)), dropped=7)
    frame = msgspec.json.decode(render_frame(_Visit(), page))  # type: ignore[arg-type]
    assert (len(frame["rows"]), frame["skipped"], frame["dropped"]) == (MAX_ROWS, 5, 7)
    assert frame["rows"][-1] == {
        "time": "16:13:20.0",
        "id": str(MAX_ROWS + 4),
        "to": "+4530123456",
        "from": "DragoU+202Eman",
        "state": "undelivered",
        "route": "default",
        "why": "phone not reachable",
    }


async def test_page_shows_the_newest_messages_of_the_tree_that_fit(browser: Browser) -> None:
    house = browser.house
    for username, number in (
        ("adam", "+4530123456"),
        ("adams-child", "+4540123456"),
        ("stranger", "+4530999999"),
    ):
        account = await house.accounts.find(username)
        submission = Submission(dialect="test", recipients=(number,), text="hi", sender="Dragoman")
        await house.submission.submit(account, submission)
    await browser.sign_in("adam")
    for query, expected in (
        ("", {"+4530123456", "+4540123456"}),
        ("?to=%2B45+30", {"+4530123456"}),
        ("?state=queued&route=default&dialect=test", {"+4530123456", "+4540123456"}),
        ("?state=scheduled", set()),
        ("?dialect=other", set()),
        ("?route=other", set()),
    ):
        page = await browser.get(f"/console/live{query}")
        rows = page.tree.xpath("//tbody/tr")
        assert {row.xpath("td")[0].text_content() for row in rows} == expected, query


@pytest.mark.parametrize("query", ["to=x", "state=nothing"])
async def test_filter_that_cannot_be_read_is_said_at_its_field(
    browser: Browser, query: str
) -> None:
    await browser.sign_in("vera")
    page = await browser.get(f"/console/live?{query}")
    assert page.status == 400
    assert "This did not work" in page.text
    assert (await browser.get(f"/console/live/events?{query}")).status == 400


async def test_one_too_many_is_told_before_the_stream_begins(browser: Browser) -> None:
    await browser.sign_in("vera")
    with ExitStack() as listening:
        for _ in range(MAX_LISTENERS):
            listening.enter_context(browser.house.feed.listen(read_filter(accounts=None)))
        assert (await browser.get("/console/live/events")).status == 503


async def test_stream_keeps_no_session_from_idling(browser: Browser) -> None:
    await browser.sign_in("vera")
    idle_s = browser.house.settings.console.idle_s
    for _ in range(2):
        browser.clock.advance(idle_s * 0.6)
        page = await browser.get("/console/live/events?state=nothing")  # it ends at once
    assert page.status == 401
