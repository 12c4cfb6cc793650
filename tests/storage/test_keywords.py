"""Keywords and opt-outs in rows: who is first has it, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dragoman.core.inbound.model.inbound import (
    Forwarding,
    Keyword,
    Number,
    OptOut,
    OptOutKey,
    StoredInbound,
)
from dragoman.core.inbound.sql import inbound, keywords, opt_outs
from dragoman.core.inbound.sql.inbound import NewInbound
from dragoman.core.inbound.sql.keywords import (
    KeywordAttachment,
    KeywordDeletion,
    KeywordReservation,
)
from dragoman.core.inbound.sql.tables import inbound_texts
from dragoman.core.inbound.sql.tables import opt_outs as opt_out_rows
from dragoman.core.messages.sql.tables import callbacks
from dragoman.core.model.errors import RefusalCode, Refused

DAY_MS = 24 * 3600 * 1000


def reservation(rows: Any, account: Any, keyword: str, **more: Any) -> KeywordReservation:
    wanted = Keyword(
        **{
            "keyword_id": rows.ids.next(),
            "account_id": account.account_id,
            "number": "1272",
            "main_keyword_id": 0,
            "keyword": keyword,
            "forwarding_id": None,
            "free_ms": 0,
            **more,
        }
    )
    return KeywordReservation(keyword=wanted, now_ms=rows.clock.now_ms())


async def reserve(rows: Any, account: Any, keyword: str, **more: Any) -> int:
    return int(
        await rows.write(keywords.reserve_keyword, reservation(rows, account, keyword, **more))
    )


async def forward(rows: Any, account: Any) -> int:
    new = Forwarding(
        forwarding_id=rows.ids.next(), account_id=account.account_id, kind="http", dialect="test",
        url="http://a.example/", charset="", continuous=True,
    )  # fmt: skip
    await rows.write(keywords.add_forwarding, new)
    return new.forwarding_id


async def test_of_many_who_want_a_keyword_at_once_one_has_it(rows: Any) -> None:
    wanting = [await rows.account(f"a{n}") for n in range(5)]
    results = await asyncio.gather(
        *(reserve(rows, account, "WORD") for account in wanting), return_exceptions=True
    )
    assert isinstance(results[0], int)
    assert [result.code for result in results[1:]] == [RefusalCode.ALREADY_EXISTS] * 4
    stored = await rows.storage.read(lambda c: keywords.load_all(c, rows.clock.now_ms()))
    assert [(k.account_id, k.keyword) for k in stored.keywords] == [(wanting[0].account_id, "WORD")]


async def test_the_same_word_may_stand_on_two_numbers_and_below_two_words(rows: Any) -> None:
    shop = await rows.account()
    one, two = await reserve(rows, shop, "ONE"), await reserve(rows, shop, "TWO")
    await reserve(rows, shop, "ONE", number="1273")
    await reserve(rows, shop, "JA", main_keyword_id=one)
    await reserve(rows, shop, "JA", main_keyword_id=two)
    views = await rows.storage.read(lambda c: keywords.load_keywords(c, shop.account_id))
    assert [(v.keyword.keyword, v.has_subkeywords) for v in views] == [
        ("ONE", True), ("TWO", True), ("ONE", False), ("JA", False), ("JA", False),
    ]  # fmt: skip
    found = await rows.storage.read(
        lambda c: keywords.find_keyword_on(c, shop.account_id, "1272", "JA")
    )
    assert found.keyword.main_keyword_id == one


async def test_a_deleted_keyword_is_held_with_those_below_it_until_it_is_free(rows: Any) -> None:
    shop, other = await rows.account("shop"), await rows.account("other")
    service = await forward(rows, shop)
    main = await reserve(rows, shop, "WORD", forwarding_id=service)
    await reserve(rows, shop, "JA", main_keyword_id=main)
    deletion = KeywordDeletion(
        account_id=shop.account_id, keyword_id=main, free_ms=rows.clock.now_ms() + DAY_MS
    )
    strange = KeywordDeletion(account_id=other.account_id, keyword_id=main, free_ms=1)
    assert await rows.write(keywords.delete_keyword, strange) is False
    assert await rows.write(keywords.delete_keyword, deletion) is True
    assert await rows.write(keywords.delete_keyword, deletion) is False
    assert await rows.storage.read(lambda c: keywords.load_keywords(c)) == []
    with pytest.raises(Refused):
        await reserve(rows, other, "WORD")
    assert await reserve(rows, shop, "WORD") == main  # it takes it back, service and all
    view = await rows.storage.read(lambda c: keywords.find_keyword(c, shop.account_id, main))
    assert (view.keyword.forwarding_id, view.has_subkeywords) == (service, False)
    assert await rows.write(keywords.delete_keyword, deletion) is True
    rows.clock.advance(DAY_MS / 1000)
    assert await reserve(rows, other, "WORD") != main
    stored = await rows.storage.read(lambda c: keywords.load_all(c, rows.clock.now_ms()))
    assert [keyword.account_id for keyword in stored.keywords] == [other.account_id]


async def test_nobody_attaches_what_is_anothers(rows: Any) -> None:
    shop, other = await rows.account("shop"), await rows.account("other")
    mine, theirs = await forward(rows, shop), await forward(rows, other)
    keyword_id = await reserve(rows, shop, "WORD")
    for account, forwarding_id, result in (
        (other, theirs, False), (shop, mine, True), (shop, None, True),
    ):  # fmt: skip
        attachment = KeywordAttachment(
            account_id=account.account_id, keyword_id=keyword_id, forwarding_id=forwarding_id
        )
        assert await rows.write(keywords.attach_keyword, attachment) is result
    with pytest.raises(Refused):
        await rows.write(
            keywords.attach_keyword,
            KeywordAttachment(
                account_id=shop.account_id, keyword_id=keyword_id, forwarding_id=theirs
            ),
        )
    with pytest.raises(Refused):
        await reserve(rows, shop, "JA", main_keyword_id=keyword_id, number="1273")
    with pytest.raises(Refused):
        await reserve(rows, other, "JA", main_keyword_id=keyword_id)


async def test_an_account_has_so_many_and_no_more(
    rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keywords, "MAX_KEYWORDS", 2)
    monkeypatch.setattr(keywords, "MAX_FORWARDINGS", 1)
    shop = await rows.account()
    await reserve(rows, shop, "A")
    await reserve(rows, shop, "B")
    with pytest.raises(Refused):
        await reserve(rows, shop, "C")
    await forward(rows, shop)
    with pytest.raises(Refused):
        await forward(rows, shop)


async def test_numbers_are_there_once_and_go_without_keywords(rows: Any) -> None:
    shop = await rows.account()
    number = Number(number="1272", account_id=shop.account_id, number_id=rows.ids.next())
    await rows.write(keywords.add_number, number)
    with pytest.raises(Refused):
        await rows.write(keywords.add_number, number)
    await reserve(rows, shop, "A")
    with pytest.raises(Refused):
        await rows.write(keywords.remove_number, "1272")
    assert await rows.write(keywords.remove_number, "1273") is False
    assert await rows.storage.read(keywords.load_numbers) == [number]


async def test_texts_of_one_group_opt_out_and_in_in_their_order(rows: Any) -> None:
    shop = await rows.account()

    def text(*, out: tuple[str, ...] = (), back: tuple[str, ...] = ()) -> NewInbound:
        inbound_id = rows.ids.next()
        return NewInbound(
            text=StoredInbound(
                inbound_id=inbound_id, account_id=shop.account_id, carrier="c", sender="45",
                recipient="1272", text="STOP", alphabet="gsm7", keyword="STOP", parts=1,
                complete=True, handling="opted_out",
            ),
            opt_outs=tuple(
                OptOut(
                    opt_out_id=rows.ids.next(), account_id=shop.account_id, sender="",
                    recipient=recipient, inbound_id=inbound_id,
                )
                for recipient in out
            ),
            opt_ins=tuple(
                OptOutKey(account_id=shop.account_id, sender="", recipient=recipient)
                for recipient in back
            ),
        )  # fmt: skip

    first = text(out=("4511111111", "4522222222"))
    group = [
        first,
        text(out=("4511111111",)),
        text(back=("4511111111",)),
        text(out=("4533333333",)),
    ]
    await asyncio.gather(*(rows.write(inbound.store_texts, item) for item in group))
    again = text(out=("4522222222",))
    await rows.write(inbound.store_texts, again)
    page = await rows.storage.read(lambda c: opt_outs.load_page(c, shop.account_id, 0, 10))
    assert [(row.recipient, row.inbound_id) for row in page] == [
        ("4522222222", first.text.inbound_id),  # the first time counts
        ("4533333333", group[3].text.inbound_id),
    ]
    assert len(await rows.all(inbound_texts)) == 5
    assert await rows.all(callbacks) == []
    assert len(await rows.all(opt_out_rows)) == 2
