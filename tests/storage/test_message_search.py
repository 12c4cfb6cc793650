"""Searches by key agree with a recount of the rows, page by page, and read indexes alone."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, event

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.sql import statistics
from dragoman.core.model.errors import FailureCode
from dragoman.core.reporting.model.message_search import MessageFilter
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.core.reporting.sql import message_search

from .test_search import History


def by_key(wanted: OutboxFilter) -> MessageFilter:
    """The same question; a batch and a sender besides others are asked for alone."""
    return MessageFilter(
        account_ids=(wanted.account_id, *wanted.below),
        recipients=(wanted.recipient,) if wanted.recipient else (),
        batch_ids=None if wanted.batch_id is None else (wanted.batch_id,),
        sender=wanted.sender.upper(),
        mccs=wanted.mccs,
        states=wanted.states,
        text=wanted.text,
        from_ms=wanted.from_ms,
        to_ms=wanted.to_ms,
    )


async def page_through(rows: Any, wanted: MessageFilter, limit: int) -> list[int]:
    found: list[int] = []
    before: int | None = None
    for _ in range(1_000):
        below = before
        page = await rows.storage.read(
            lambda c: message_search.find_messages(c, wanted, below, limit)  # noqa: B023
        )
        ids = [message.message_id for message in page.messages]
        assert len(ids) <= limit
        assert page.before is not None or page.looked_to_ms is None
        found += ids
        if page.before is None:
            return found
        assert below is None or page.before < below  # it goes on
        before = page.before
    raise AssertionError("no end")


@pytest.mark.parametrize("seed", range(3))
async def test_pages_by_key_find_what_a_recount_finds(
    rows: Any, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(rows, seed)
    await history.make()
    for _ in range(60):
        monkeypatch.setattr(message_search, "LOOKED_AT", history.chance.choice((3, 10, 10_000)))
        monkeypatch.setattr(message_search, "TEXTS_LOOKED_AT", history.chance.choice((2, 9, 9_000)))
        monkeypatch.setattr(message_search, "FEW", history.chance.choice((1, 20)))
        monkeypatch.setattr(statistics, "FEW_COUNTS", history.chance.choice((1, 5, 1_000)))
        monkeypatch.setattr(message_search, "MAX_RUNS", history.chance.choice((1, 25)))
        wanted = history.filter()
        found = await page_through(rows, by_key(wanted), history.chance.choice((1, 4, 50)))
        assert found == history.expected(wanted), wanted


QUESTIONS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a number": {"recipients": ("4511111111",)},
    "two numbers": {"recipients": ("4511111111", "4522222222")},
    "a number, failed": {"recipients": ("4511111111",), "states": (State.UNDELIVERED,)},
    "a batch": {"batch_ids": (1,)},
    "messages": {"message_ids": (1, 2)},
    "failed": {"states": (State.UNDELIVERED, State.EXPIRED)},
    "a cause": {"failures": (FailureCode.ABSENT_SUBSCRIBER,)},
    "delivered": {"states": (State.DELIVERED,)},
    "waiting": {"states": (State.QUEUED, State.SENDING)},
    "a country": {"mccs": ("240",)},
    "a country, failed": {"mccs": ("240",), "states": (State.UNDELIVERED,)},
    "a route": {"route": "default"},
    "a carrier": {"carrier": "nobody"},
    "a sender": {"sender": "Shop"},
    "an API": {"dialect": "httpsms"},
    "words": {"text": ("red",)},
    "a time": {"from_ms": 1_790_000_000_000, "to_ms": 1_790_000_100_000},
}


@pytest.mark.parametrize("number", [1, 3, 30], ids=["one account", "a few", "many"])
async def test_no_search_reads_the_whole_table(rows: Any, number: int) -> None:
    account = await rows.account()
    await rows.accepted(account, ["4511111111"])
    account_ids = (account.account_id, *range(1, number))
    for question, asked in QUESTIONS.items():
        wanted = MessageFilter(account_ids=account_ids, **asked)
        plans = await rows.storage.read(lambda c: explain(c, wanted))  # noqa: B023
        for plan in plans:
            assert "Seq Scan on messages" not in plan, question
            assert not plan.startswith("SCAN messages") or "INDEX" in plan, (question, plan)


async def test_a_country_nobody_sends_to_is_not_looked_for_among_all_others(
    rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took 0.23 s of 1,000,000 messages: the counts of everything were read, hour by hour."""
    monkeypatch.setattr(message_search, "LOOKED_AT", 1)
    account = await rows.account()
    await rows.accepted(account, ["4511111111", "4522222222"])
    wanted = MessageFilter(account_ids=(account.account_id, *range(1, 30)), mccs=("602",))
    plans = await rows.storage.read(lambda c: explain(c, wanted, "FROM hourly_statistics"))
    counts = [plan for plan in plans if "hourly_statistics" in plan]
    assert counts
    assert all("ix_hourly_statistics_of_country" in plan for plan in counts), counts


@pytest.mark.parametrize("asked", [{"text": ("hello",)}, {"states": (State.QUEUED,)}])
async def test_what_is_frequent_in_a_large_tree_is_found_without_its_counters(
    rows: Any, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any]
) -> None:
    """On PostgreSQL those of 2,000 accounts took 60 ms of pages that took 100 to 150."""
    monkeypatch.setattr(message_search, "LOOKED_AT", 3)
    monkeypatch.setattr(message_search, "TEXTS_LOOKED_AT", 3)
    monkeypatch.setattr(message_search, "_waits", lambda _wanted: False)
    account = await rows.account()
    await rows.accepted(account, [f"451111111{number}" for number in range(9)])
    wanted = MessageFilter(account_ids=(account.account_id, *range(1, 30)), **asked)
    plans = await rows.storage.read(lambda c: explain(c, wanted, "FROM hourly_statistics", 2))
    assert plans == []


def explain(
    connection: Connection, wanted: MessageFilter, reads: str = "FROM messages", limit: int = 50
) -> list[str]:
    """The steps of the plans of a search's statements that read messages, or another table."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    event.listen(connection, "before_cursor_execute", note)
    message_search.find_messages(connection, wanted, 1 << 52, limit)
    event.remove(connection, "before_cursor_execute", note)
    prefix = "EXPLAIN QUERY PLAN "
    if connection.dialect.name != "sqlite":
        prefix = "EXPLAIN "
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    plans = []
    for statement, values in asked:
        if statement.lstrip().upper().startswith("SELECT") and reads in statement:
            plan = connection.exec_driver_sql(prefix + statement, values).all()
            plans += [str(row[-1]) for row in plan]
    return plans
