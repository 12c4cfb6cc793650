"""Searches by key agree with a recount of the rows, page by page, whatever is asked."""

from __future__ import annotations

from typing import Any

import pytest

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
        monkeypatch.setattr(message_search, "MAX_RUNS", history.chance.choice((1, 25)))
        wanted = history.filter()
        found = await page_through(rows, by_key(wanted), history.chance.choice((1, 4, 50)))
        assert found == history.expected(wanted), wanted
