"""Cursors of received texts: whoever asks how often, each text is given out once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest
from tests.passing_time import PATIENCE_S

from dragoman.core.inbound.model.inbound import StoredInbound, TextKind, TextSearch
from dragoman.core.inbound.sql import inbound, received_texts
from dragoman.core.inbound.sql.inbound import NewInbound
from dragoman.core.inbound.sql.received_texts import TextFetch
from dragoman.core.writer_process import start_writer
from dragoman.storage.engine import Storage

SIMS = ("393400000001", "393400000002", "393400000003")
EVERYTHING = 1 << 53


def text_of(account_id: int, inbound_id: int, number: str, **more: Any) -> NewInbound:
    return NewInbound(
        text=StoredInbound(
            **{
                "inbound_id": inbound_id,
                "account_id": account_id,
                "carrier": "main",
                "sender": "393356242290",
                "recipient": number,
                "text": "hello",
                "alphabet": "gsm7",
                "keyword": "HELLO",
                "parts": 1,
                "complete": True,
                **more,
            }
        )
    )


def fetch(
    account_id: int, numbers: Sequence[str] = (), limit: int = 100, before_id: int = EVERYTHING
) -> TextFetch:
    return TextFetch(
        account_id=account_id, numbers=tuple(numbers), before_id=before_id, limit=limit
    )


async def test_each_text_is_given_once_when_many_ask_at_the_same_time(
    rows: Any, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(received_texts, "LOOKED_THROUGH", 7)
    account, stranger = await rows.account("acme"), await rows.account("stranger")
    choose = random.Random(4)
    expected: list[int] = []
    given: list[int] = []
    finished = asyncio.Event()

    async def bring() -> None:
        for _ in range(30):
            group = []
            for _ in range(choose.randint(1, 10)):
                expected.append(rows.ids.next())
                group.append(text_of(account.account_id, expected[-1], choose.choice(SIMS)))
                group.append(text_of(stranger.account_id, rows.ids.next(), SIMS[0]))
            await asyncio.gather(*(rows.write(inbound.store_texts, text) for text in group))
        finished.set()

    async def ask(numbers: Sequence[str], limit: int) -> None:
        last = False
        while not last:
            last = finished.is_set()
            item = fetch(account.account_id, numbers, limit, rows.ids.last + 1)
            while await storage.read(lambda c, item=item: received_texts.has_new(c, item)):  # type: ignore[misc]
                found = await rows.write(received_texts.fetch, item)
                assert found == sorted(found)
                assert len(found) <= limit
                given.extend(found)

    wishes: list[tuple[Sequence[str], int]] = [
        ((), 1),
        ((), 5),
        ((), 100),
        (SIMS[:1], 1),
        (SIMS[1:], 3),
        (SIMS[:2], 100),
    ]
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(bring(), *(ask(*wish) for wish in wishes * 2))
    assert sorted(given) == expected
    left = await rows.write(received_texts.fetch, fetch(stranger.account_id, limit=1_000))
    assert len(left) == len(expected)


async def test_text_waits_when_an_earlier_one_is_not_on_disk_yet(rows: Any) -> None:
    account = await rows.account()
    early, late = rows.ids.next(), rows.ids.next()
    await rows.write(inbound.store_texts, text_of(account.account_id, late, SIMS[0]))
    for numbers in ((), SIMS[:1]):
        wanted = fetch(account.account_id, numbers, before_id=early)
        assert await rows.write(received_texts.fetch, wanted) == []
    await rows.write(inbound.store_texts, text_of(account.account_id, early, SIMS[0]))
    assert await rows.write(received_texts.fetch, fetch(account.account_id)) == [early, late]


async def test_step_ends_when_it_has_looked_through_enough(
    rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(received_texts, "LOOKED_THROUGH", 4)
    account = await rows.account()
    ids = [rows.ids.next() for _ in range(6)]
    for index, inbound_id in enumerate(ids):
        number = SIMS[1] if index == 5 else SIMS[0]
        await rows.write(inbound.store_texts, text_of(account.account_id, inbound_id, number))
    by_number = fetch(account.account_id, SIMS[:1])
    assert await rows.write(received_texts.fetch, by_number) == ids[:5]
    assert await rows.write(received_texts.fetch, fetch(account.account_id)) == []
    assert await rows.write(received_texts.fetch, fetch(account.account_id)) == ids[5:]


@pytest.mark.process
async def test_texts_are_given_across_the_channel_when_a_process_writes(
    database_url: str, make_rows: Any
) -> None:
    storage = Storage(database_url, writer=start_writer())
    storage.start()
    try:
        rows = make_rows(storage)
        account = await rows.account()
        ids = [rows.ids.next() for _ in range(3)]
        for inbound_id in ids:
            await rows.write(inbound.store_texts, text_of(account.account_id, inbound_id, SIMS[0]))
        assert await rows.write(received_texts.fetch, fetch(account.account_id)) == ids
        assert await rows.write(received_texts.fetch, fetch(account.account_id)) == []
    finally:
        await storage.stop()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(TextKind.STOP, [1, 2]), (TextKind.CONTACT, [3]), (TextKind.OTHER, [4]), (None, [1, 2, 3, 4])],
)
async def test_page_holds_the_kind_when_one_is_wanted(
    rows: Any, storage: Storage, kind: TextKind | None, expected: list[int]
) -> None:
    account = await rows.account()
    kinds = (
        {"handling": "opted_out", "keyword": "STOP"},
        {"handling": "opted_out", "keyword": "CONTACT"},
        {"keyword": "CONTACT"},
        {"keyword": "CONTACTS"},
    )
    ids = [rows.ids.next() for _ in kinds]
    for inbound_id, more in zip(ids, kinds, strict=True):
        new = text_of(account.account_id, inbound_id, SIMS[0], **more)
        await rows.write(inbound.store_texts, new)
    wanted = TextSearch(account_id=account.account_id, numbers=SIMS, kind=kind)
    page = await storage.read(lambda c: received_texts.search(c, wanted, 0, 10))
    assert [ids.index(text.inbound_id) + 1 for text in reversed(page.texts)] == expected
    assert page.total == len(expected)
