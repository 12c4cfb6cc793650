"""Texts by number and keyword, over real SMPP: whose they are, and where they are sent on to."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.inbound.model.keywords import CATCH_ALL
from dragoman.core.inbound.sql.tables import inbound_texts, keywords
from dragoman.core.messages.sql.tables import callbacks
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.clock import FixedClock

ALICE = "4511111111"
URL = "http://127.0.0.1:9/sms"


@pytest.fixture
async def harness(make_harness: Any, simulator: Any, until: Any) -> Any:
    harness = await make_harness(carriers={"smsc": simulator.port}, clock=FixedClock())
    await until(lambda: harness.carriers["smsc"].up)
    harness.simulator = simulator
    return harness


async def say(harness: Any, text: str, number: str = "1272") -> tuple[int | None, str, str]:
    """A phone sends a text: whose it became, its keyword, and what was done with it."""
    await harness.simulator.send_text(ALICE, number, text)
    row = (await harness.rows(inbound_texts))[-1]
    return row["account_id"], row["keyword"], row["handling"]


async def forwarding(harness: Any, account: Account, url: str = URL, charset: str = "") -> int:
    made = await harness.keywords.add_forwarding(
        account, dialect="test", url=url, charset=charset, continuous=False
    )
    return int(made.forwarding_id)


async def test_a_text_goes_to_its_keyword_else_to_the_owner_else_to_nobody(harness: Any) -> None:
    owner, shop = await harness.account("owner"), await harness.account("shop")
    await harness.keywords.add_number(owner, "1272", shared=True)
    await harness.keywords.reserve(shop, "1272", "Pizza")
    assert await say(harness, "pizza hawaii") == (shop.account_id, "PIZZA", "kept")
    assert await say(harness, "\u200fPIZZA!") == (shop.account_id, "PIZZA", "kept")
    assert await say(harness, "pizzas") == (owner.account_id, "PIZZAS", "kept")
    assert await say(harness, " ") == (owner.account_id, "", "kept")
    assert await say(harness, "pizza", number="1919") == (None, "PIZZA", "kept")


async def test_a_text_is_forwarded_by_a_callback_of_the_same_transaction(harness: Any) -> None:
    shop = await harness.account("shop")
    await harness.keywords.add_number(shop, "+1272", shared=False)
    service = await forwarding(harness, shop, charset="latin1")
    await harness.keywords.reserve(shop, "1272", "pizza", forwarding_id=service)
    assert await say(harness, "Pizza æble\n") == (shop.account_id, "PIZZA", "forwarded")
    [row] = await harness.rows(callbacks)
    [text] = await harness.rows(inbound_texts)
    assert (row["dialect"], row["origin"], row["url"]) == ("test:text", "http://127.0.0.1:9", URL)
    assert msgspec.json.decode(row["payload"]) == {
        "inbound_id": text["inbound_id"], "sender": ALICE, "recipient": "1272",
        "text": "Pizza æble\n", "charset": "iso-8859-1", "carrier": "smsc", "alphabet": "gsm7",
        "account_id": shop.account_id,
    }  # fmt: skip
    assert [told.callback_id for told in harness.stored_callbacks] == [row["callback_id"]]


async def test_a_second_word_decides_below_its_main_keyword(harness: Any) -> None:
    shop = await harness.account("shop")
    await harness.keywords.add_number(shop, "1272", shared=False)
    one, two = (
        await forwarding(harness, shop, URL + "/1"),
        await forwarding(harness, shop, URL + "/2"),
    )
    main = await harness.keywords.reserve(shop, "1272", "pizza", forwarding_id=one)
    main_id = main.keyword.keyword_id
    await harness.keywords.reserve(shop, "1272", "a", main_keyword_id=main_id, forwarding_id=two)
    await harness.keywords.reserve(shop, "1272", "b", main_keyword_id=main_id)
    for text in ("pizza a", "pizza b", "pizza c", "a"):
        await say(harness, text)
    urls = [row["url"].rpartition("/")[2] for row in await harness.rows(callbacks)]
    assert urls == ["2", "1", "1"]  # one that leads nowhere leaves its texts to the main one


async def test_the_catch_all_takes_what_fits_no_other(harness: Any) -> None:
    owner, other = await harness.account("owner"), await harness.account("other")
    await harness.keywords.add_number(owner, "1272", shared=True)
    with pytest.raises(Refused) as caught:
        await harness.keywords.reserve(other, "1272", CATCH_ALL)
    assert caught.value.code is RefusalCode.ALREADY_EXISTS
    service = await forwarding(harness, owner)
    await harness.keywords.reserve(owner, "1272", CATCH_ALL, forwarding_id=service)
    await harness.keywords.reserve(other, "1272", "mine")
    assert (await say(harness, "anything"))[::2] == (owner.account_id, "forwarded")
    assert (await say(harness, "mine"))[::2] == (other.account_id, "kept")


async def test_a_deleted_keyword_forwards_nothing_and_is_free_after_the_month(harness: Any) -> None:
    owner, other = await harness.account("owner"), await harness.account("other")
    await harness.keywords.add_number(owner, "1272", shared=True)
    service = await forwarding(harness, other)
    view = await harness.keywords.reserve(other, "1272", "word", forwarding_id=service)
    await harness.keywords.delete(other, view.keyword.keyword_id, "Europe/Copenhagen")
    [row] = await harness.rows(keywords)
    assert row["free_ms"] == 1_790_805_600_000  # 2026-10-01 00:00 in Copenhagen
    assert await say(harness, "word") == (other.account_id, "WORD", "kept")
    with pytest.raises(Refused) as caught:
        await harness.keywords.reserve(owner, "1272", "word")
    assert caught.value.code is RefusalCode.ALREADY_EXISTS
    harness.clock.advance((row["free_ms"] - harness.clock.now_ms()) / 1000)
    assert await say(harness, "word") == (owner.account_id, "WORD", "kept")
    await harness.keywords.reserve(owner, "1272", "word")


async def test_who_may_not_receive_gets_nothing_from_that_moment_on(
    harness: Any, until: Any
) -> None:
    shop = await harness.account("shop")
    await harness.keywords.add_number(shop, "1272", shared=False)
    await harness.keywords.reserve(shop, "1272", "word")
    await harness.accounts.change("shop", revoke=frozenset({Permission.RECEIVE}))
    await until(lambda: harness.inbound_routing.find("1272", ()).account_id is None)
    assert (await say(harness, "hello"))[0] is None
    assert (await say(harness, "word"))[0] is None
    assert await say(harness, "stop") == (
        None,
        "STOP",
        "opted_out",
    )  # that is not the account's to say
    assert harness.opt_outs.among(shop.account_id, "x", [ALICE]) == {ALICE}


async def test_the_database_wins_over_the_configuration(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    harness = await make_harness(
        carriers={"smsc": simulator.port}, numbers={"1272": "one", "1273": "one"}
    )
    harness.simulator = simulator
    await until(lambda: harness.carriers["smsc"].up)
    one, two = await harness.account("one"), await harness.account("two")
    harness.accounts.changed(())
    await until(lambda: harness.inbound_routing.number("1272") is not None)
    assert (await say(harness, "x"))[0] == one.account_id
    await harness.keywords.add_number(two, "1272", shared=False)
    assert (await say(harness, "x"))[0] == two.account_id
    assert (await say(harness, "x", "1273"))[0] == one.account_id
    assert [(n.number, bool(n.number_id)) for n in await harness.keywords.numbers()] == [
        ("1272", True), ("1273", False),
    ]  # fmt: skip
    await harness.keywords.remove_number("1272")
    assert (await say(harness, "x"))[0] == one.account_id


async def test_a_restart_knows_what_was_reserved(
    harness: Any, make_harness: Any, simulator: Any, until: Any
) -> None:
    shop = await harness.account("shop")
    await harness.keywords.add_number(shop, "1272", shared=False)
    service = await forwarding(harness, shop)
    await harness.keywords.reserve(shop, "1272", "word", forwarding_id=service)
    await harness.crash()
    second = await make_harness(carriers={"smsc": simulator.port})
    second.simulator = simulator
    await until(lambda: second.carriers["smsc"].up)
    assert await say(second, "word") == (shop.account_id, "WORD", "forwarded")
    assert len(await second.rows(callbacks)) == 1


async def test_a_number_with_keywords_stays(harness: Any) -> None:
    shop = await harness.account("shop")
    await harness.keywords.add_number(shop, "1272", shared=False)
    view = await harness.keywords.reserve(shop, "1272", "word")
    with pytest.raises(Refused):
        await harness.keywords.remove_number("1272")
    with pytest.raises(Refused) as caught:
        await harness.keywords.add_number(shop, "1272", shared=True)
    assert caught.value.code is RefusalCode.ALREADY_EXISTS
    await harness.keywords.delete(shop, view.keyword.keyword_id, "UTC")
    await harness.keywords.remove_number("1272")
