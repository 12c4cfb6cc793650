"""The benchmarks of the console work: small runs, whose figures nobody looks at."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from dragoman.console.views import PAGES
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.messages.sql.statistics import count_by_hour
from dragoman.core.messages.sql.tables import messages
from dragoman.storage.engine import Storage

ROOT = Path(__file__).parents[2]
MESSAGES = 400
ACCOUNTS = 40


@pytest.fixture(autouse=True)
def _benchmarks() -> Iterator[None]:
    sys.path.insert(0, str(ROOT))
    yield
    sys.path.remove(str(ROOT))


def test_month_has_the_messages_that_its_counters_tell_of(database_url: str) -> None:
    from benchmarks import month

    storage = Storage(database_url)
    try:
        made = month.fill(storage, MESSAGES, ACCOUNTS)
        with storage._read_engine.connect() as connection:
            stored = connection.execute(
                select(messages.c.account_id, func.count()).group_by(messages.c.account_id)
            ).all()
            for account_id, number in stored:
                hours = count_by_hour(connection, [account_id], "outbox", "mcc:status")
                assert sum(hour.counted for hour in hours) == number
    finally:
        storage.close()
    assert made.accounts == ACCOUNTS
    assert sum(number for _, number in stored) == MESSAGES
    assert len(stored) > 5


def test_every_page_is_asked_for(tmp_path: Path) -> None:
    from benchmarks import pages

    url = f"sqlite:///{tmp_path / 'month.db'}"
    figures = list(pages.run(tmp_path / "k", url, MESSAGES, accounts=ACCOUNTS, runs=1))
    operator = Account(account_id=1, permissions=frozenset(Permission), username="o", wallet_id=1)
    asked = [page for page in PAGES if page.path not in pages.NOT_ASKED]
    expected = {page.address for page in asked if page.show and not page.background}
    assert {figure.page for figure in figures if figure.reader == "operator"} == expected
    assert expected == {page.address for page in pages.pages_to_ask(operator)}
    odd = {f"{one.page} {one.filter}" for one in figures if not set(one.statuses) <= {200, 303}}
    assert odd == set()


def test_live_log_shows_what_is_accepted(tmp_path: Path) -> None:
    from benchmarks import live

    delay, turns = live.run(tmp_path / "l", 1, rate=40, seconds=0.5)
    assert delay.messages
    assert [turn.listeners for turn in turns] == [0, 1, 10]
    assert [turn.shown > 0 for turn in turns] == [False, True, True]
    assert [turn.flaws for turn in turns] == [(), (), ()]
