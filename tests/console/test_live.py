"""The live log: what a frame holds, whose changes it tells, and that it keeps no session alive."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from dragoman.console.views import live
from dragoman.console.views.live import MAX_ROWS, render_frame
from dragoman.container import Services
from dragoman.core.messages.feed import MAX_LISTENERS, FeedEvent, FeedPage, read_filter
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import FailureCode

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


class _PageRequest:
    """What a frame needs of a visit."""

    zone = ZoneInfo("Europe/Copenhagen")

    def __init__(self, services: Services | None = None) -> None:
        self.services = services


def test_frame_says_changes_in_words_and_counts_those_left_out() -> None:
    page = FeedPage(events=tuple(_event(n) for n in range(3)), dropped=7, skipped=5)
    frame = msgspec.json.decode(render_frame(_PageRequest(), page))  # type: ignore[arg-type]
    assert (len(frame["rows"]), frame["skipped"], frame["dropped"]) == (3, 5, 7)
    assert frame["rows"][-1] == {
        "time": "16:13:20.0",
        "id": "2",
        "to": "+4530123456",
        "from": "DragoU+202Eman",
        "state": "undelivered",
        "kind": "undelivered",
        "route": "default",
        "why": "phone unreachable",
    }


async def test_stream_shows_the_newest_changes_and_ends_to_come_again_at_once(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = browser.services
    account = await services.accounts.find("adam")
    numbers = tuple(f"45{n:08}" for n in range(MAX_ROWS + 5))
    stream = live._frames(_PageRequest(services), read_filter(accounts=None))  # type: ignore[arg-type]
    assert await anext(stream) == b"retry: 1000\nevent: open\ndata: null\n\n"
    submission = Submission(dialect="test", recipients=numbers, text="hi", sender="Dragoman")
    await services.submission.submit(account, submission)
    name, data = (await anext(stream)).split(b"\ndata: ")
    frame = msgspec.json.decode(data)
    assert name == b"event: changes"
    assert [row["to"] for row in frame["rows"]] == [f"+{number}" for number in numbers[5:]]
    assert (frame["skipped"], frame["dropped"]) == (5, 0)
    await stream.aclose()
    assert services.feed.listeners == ()
    monkeypatch.setattr(live, "LONGEST_S", 0.0)
    stream = live._frames(_PageRequest(services), read_filter(accounts=None))  # type: ignore[arg-type]
    assert [frame async for frame in stream][1:] == [b"retry: 20\n:\n\n"]


async def test_page_shows_the_newest_messages_of_the_tree_that_fit(browser: Browser) -> None:
    services = browser.services
    for username, number in (
        ("adam", "+4530123456"),
        ("adams-child", "+4540123456"),
        ("stranger", "+4530999999"),
    ):
        account = await services.accounts.find(username)
        submission = Submission(dialect="test", recipients=(number,), text="hi", sender="Dragoman")
        await services.submission.submit(account, submission)
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
    assert "There was a problem" in page.text
    assert (await browser.get(f"/console/live/events?{query}")).status == 400


async def test_one_too_many_is_told_before_the_stream_begins(browser: Browser) -> None:
    await browser.sign_in("vera")
    with ExitStack() as listening:
        for _ in range(MAX_LISTENERS):
            listening.enter_context(browser.services.feed.listen(read_filter(accounts=None)))
        assert (await browser.get("/console/live/events")).status == 503


async def test_stream_keeps_no_session_from_idling(browser: Browser) -> None:
    await browser.sign_in("vera")
    idle_s = browser.services.settings.console.idle_s
    for _ in range(2):
        browser.clock.advance(idle_s * 0.6)
        page = await browser.get("/console/live/events?state=nothing")  # it ends at once
    assert page.status == 401


async def test_first_page_is_ordered_by_the_time_it_shows(browser: Browser) -> None:
    account = await browser.services.accounts.find("sena")
    batches = []
    for number in ("+4530123451", "+4530123452", "+4530123453"):
        browser.clock.advance(1)
        accepted = await browser.services.submission.submit(
            account,
            Submission(dialect="httpsms", recipients=(number,), text="Hi", sender="Dragoman"),
        )
        batches.append(accepted.batch_id)
    browser.clock.advance(60)
    await browser.services.batches.cancel(account, batches[0])
    await browser.sign_in("sena")
    page = await browser.get("/console/live")
    times = page.tree.xpath("//tbody//time/@datetime")
    numbers = [cell.text for cell in page.tree.xpath("//tbody/tr/td[1]")]
    assert numbers == ["+4530123451", "+4530123453", "+4530123452"]
    assert times == sorted(times, reverse=True)
