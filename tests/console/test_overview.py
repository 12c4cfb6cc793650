"""The overview: figures of the own tree, in pages, charts and files."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from dragoman.console.charts import Column, draw_columns
from dragoman.console.tables import render_csv
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import FailureCode
from dragoman.core.reporting import traffic
from dragoman.core.reporting.traffic import Share

from .conftest import Browser
from .test_messages import _numbers


async def _send(browser: Browser, username: str, number: str, *states: State) -> None:
    """Sends a message and takes it through states, a second each."""
    services = browser.services
    account = await services.accounts.find(username)
    await services.submission.submit(
        account,
        Submission(dialect="test", recipients=(number,), text="hello", sender="Dragoman"),
    )
    message = max(services.live, key=lambda message: message.message_id)
    for state in states:
        browser.clock.advance(1)
        done: list[bool] = []
        failure = FailureCode.ABSENT_SUBSCRIBER if state is State.UNDELIVERED else FailureCode.NONE
        services.delivery.change(message, state, done.append, carrier="simulator", failure=failure)
        await services.storage.writer.write(_nothing(), None)
        assert done == [True]


def _nothing() -> Any:
    from dragoman.storage.probe import probe

    return probe


@pytest.fixture
async def day(browser: Browser) -> Browser:
    sent, delivered = State.SENT, State.DELIVERED
    await _send(browser, "adam", "+4530123456", sent, delivered)
    await _send(browser, "adam", "+4530123457", sent, delivered)
    await _send(browser, "adams-child", "+4520123456", sent, State.UNDELIVERED)
    await _send(browser, "adams-child", "+46701234567", sent)
    await _send(browser, "stranger", "+4915112345678", sent, delivered)
    return browser


async def test_overview_counts_the_own_tree(day: Browser) -> None:
    page = await day.sign_in("adam")
    assert "Sent 4 " in page.text
    assert "66.7% 2 of 3" in page.text
    assert "Median delivery ≤ 1 s" in page.text
    assert "Denmark messages 3 66.7% median ≤ 1 s p95 ≤ 1 s failed 1 phone" in page.text
    assert "Sweden messages 1 –" in page.text
    assert "Germany" not in page.text
    titles = page.tree.xpath("//*[local-name()='svg'][@aria-label]/@aria-label")
    assert titles == [  # each broad and slim, of which a screen shows one
        *["Messages sent in 24 hours"] * 2,
        *["Delivered messages by delivery time"] * 2,
    ]
    assert "Within Delivered 1 s 2 2 s 0" in page.text


@pytest.mark.parametrize("time", ["24h", "7d"])
async def test_counts_of_a_large_tree_are_kept_and_are_the_same(
    day: Browser, monkeypatch: pytest.MonkeyPatch, time: str
) -> None:
    day.clock.advance(5 * 3600)
    await _send(day, "adam", "+4530123456", State.SENT, State.DELIVERED)
    await day.sign_in("adam")
    small = await day.get(f"/console/figures.csv?time={time}")
    monkeypatch.setattr(traffic, "LARGE_TREE", 1)
    read: list[Any] = []
    count = traffic.count_by_period

    def counted(*given: Any, **more: Any) -> Any:
        read.append(more["stretches"])
        return count(*given, **more)

    monkeypatch.setattr(traffic, "count_by_period", counted)
    for is_known in (False, True):
        large = await day.get(f"/console/figures.csv?time={time}")
        await day.services.traffic.days.settle()
        assert large.body == small.body
        assert (len(read) == 1) is is_known
        read.clear()
    compared = await day.get(f"/console?time={time}&compare=1")
    assert "none before" in compared.text or "0 before" in compared.text


async def test_overview_shows_the_queue_to_the_operator_only(day: Browser) -> None:
    assert "Queued now" not in (await day.sign_in("adam")).text
    assert (
        "Queued now Route Messages Oldest default 3 1 min 15 s" in (await day.sign_in("olga")).text
    )


@pytest.mark.parametrize(("time", "periods"), [("24h", 24), ("7d", 7), ("30d", 30), ("x", 24)])
async def test_figures_come_as_a_file(day: Browser, time: str, periods: int) -> None:
    await day.sign_in("adam")
    page = await day.get(f"/console/figures.csv?time={time}")
    assert page.header("content-type") == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(page.body.decode())))
    times = [row for row in rows if row[0] == "time"]
    assert len(times) == periods
    assert times[-1][2:6] == ["4", "2", "1", "1"]
    assert rows[1] == ["all", "", "4", "2", "1", "1", "0", "0.6667", "1.0", "1.0", "4", "0.00"]
    assert [
        *("country", "238", "3", "2", "0", "1", "", "0.6667", "1.0", "1.0", "3", "0.00"),
    ] in rows
    assert ["route", "default", "4", "2", "1", "1", "", "0.6667", "1.0", "1.0"] in rows
    assert ["failure by country", "238 absent_subscriber", "1"] in rows


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+45", "'+45"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ('a,"b', '"a,""b"'),
        ("half \ud83d", "half ?"),
    ],
)
def test_a_file_runs_nothing_in_a_spreadsheet(text: str, written: str) -> None:
    assert render_csv(["a", "b"], [[text, -1]]).decode() == f"a,b\r\n{written},-1\r\n"


def test_a_delivery_time_is_the_end_of_the_step_that_holds_the_share() -> None:
    share = Share(name="", times={"1": 50, "10": 44, "60": 5, "longer": 1})
    bounds = [share.delivered_within_s(part) for part in (0.5, 0.51, 0.95, 0.99, 1)]
    assert bounds == [1, 10, 60, 60, float("inf")]
    assert Share(name="").delivered_within_s(0.5) is None


def test_a_chart_escapes_and_reaches_its_top() -> None:
    columns = [
        Column(label="<b>", title="a&b", values=(3, 5)),
        Column(label="", title="", values=(0, 0)),
    ]
    svg = str(draw_columns('"Sent"', ("delivered", "failed"), columns))
    assert "<b>" not in svg
    assert "a&amp;b" in svg
    assert svg.count('<rect class="delivered"') == svg.count('<rect class="failed"') == 2
    assert ">8</text>" in svg
    assert "style" not in svg


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("4", ["+46701234567", "+4520123456", "+4530123457", "+4530123456"]),
        ("2", ["+4530123457", "+4530123456"]),
        ("Denmark", ["+4520123456", "+4530123457", "+4530123456"]),
        ("Sweden", ["+46701234567"]),
        ("default", ["+46701234567", "+4520123456", "+4530123457", "+4530123456"]),
        ("phone unreachable", ["+4520123456"]),
        ("phone unreachable (1)", ["+4520123456"]),
        ("14:00", ["+46701234567", "+4520123456", "+4530123457", "+4530123456"]),
    ],
)
async def test_every_figure_leads_to_its_messages(
    day: Browser, words: str, numbers: list[str]
) -> None:
    page = await day.sign_in("adam")
    links = page.tree.xpath("//main//a[normalize-space(.)=$words]/@href", words=words)
    assert links
    for link in links:
        found = await day.get(link)
        assert _numbers(found) == numbers, link


async def test_bar_leads_to_the_messages_of_its_time(day: Browser) -> None:
    page = await day.sign_in("adam")
    *_, last = page.tree.xpath("//*[local-name()='svg'][@role='group']//a/@href")
    assert len(_numbers(await day.get(last))) == 4
    first = page.tree.xpath("//*[local-name()='svg'][@role='group']//a/@href")[0]
    assert _numbers(await day.get(first)) == []


async def test_days_are_chosen_and_compared_with_those_before(day: Browser) -> None:
    day.clock.advance(24 * 3600)
    await _send(day, "adam", "+4530123456", State.SENT, State.DELIVERED)
    await day.sign_in("adam")
    page = await day.get("/console?from=2026-09-22&to=2026-09-22&compare=1")
    assert "Sent 1 -75%, 4 before" in page.text
    assert "66.7% before" in page.text
    assert "Charged 1 credit -75%, 4 before" in page.text
    page = await day.get("/console?from=2026-09-20&to=2026-09-23")
    assert "Sent 5 " in page.text
    page = await day.get("/console?time=24h&compare=1")
    assert "before" in page.text
    file = await day.get("/console/figures.csv?from=2026-09-21&to=2026-09-21")
    assert file.body.decode().splitlines()[1].startswith("all,,4,2,1,1,")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=yesterday", "from"),
        ("from=2026-09-22&to=2026-09-21", "to"),
        ("from=2020-01-01&to=2026-09-21", "from"),
        ("from=0001-01-01&to=0001-01-01", "from"),
        ("to=9999-12-31", "from"),
    ],
)
async def test_days_that_cannot_be_are_refused(browser: Browser, query: str, field: str) -> None:
    await browser.sign_in("adam")
    page = await browser.get(f"/console?{query}")
    assert page.status == 400
    assert page.tree.xpath("//p[@id=$id]", id=f"{field}-problem")


async def test_what_is_refunded_is_not_counted_as_charged(browser: Browser) -> None:
    await _send(browser, "adam", "+4530123456", State.SENT, State.UNDELIVERED)
    await _send(browser, "adam", "+4530123457", State.CANCELLED)
    page = await browser.sign_in("adam")
    assert "Charged 1 credit " in page.text


async def test_report_has_a_line_for_each_account_and_month(day: Browser) -> None:
    day.clock.advance(20 * 24 * 3600)
    await _send(day, "adam", "+4530123456", State.SENT, State.DELIVERED)
    await day.sign_in("adam")
    file = await day.download("/console/report.csv")
    assert file.body.decode().splitlines() == [
        "account,month,sent,delivered,in progress,failed,cancelled,received,credits,price",
        "adam,2026-09,2,2,0,0,0,0,2,0.00",
        "adam,2026-10,1,1,0,0,0,0,1,0.00",
        "adams-child,2026-09,2,0,1,1,0,0,2,0.00",
    ]


async def test_empty_overview_says_the_first_step(browser: Browser) -> None:
    page = await browser.sign_in("sena")
    assert page.tree.xpath("//a[text()='Send a first message']/@href") == ["/console/compose"]
