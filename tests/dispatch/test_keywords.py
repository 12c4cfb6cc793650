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
async def rig(make_rig: Any, simulator: Any, until: Any) -> Any:
    rig = await make_rig(carriers={"smsc": simulator.port}, clock=FixedClock())
    await until(lambda: rig.carriers["smsc"].up)
    rig.simulator = simulator
    return rig


async def say(rig: Any, text: str, number: str = "1272") -> tuple[int | None, str, str]:
    """A phone sends a text: whose it became, its keyword, and what was done with it."""
    await rig.simulator.send_text(ALICE, number, text)
    row = (await rig.rows(inbound_texts))[-1]
    return row["account_id"], row["keyword"], row["handling"]


async def forwarding(rig: Any, account: Account, url: str = URL, charset: str = "") -> int:
    made = await rig.keywords.add_forwarding(
        account, dialect="test", url=url, charset=charset, continuous=False
    )
    return int(made.forwarding_id)


async def test_a_text_goes_to_its_keyword_else_to_the_owner_else_to_nobody(rig: Any) -> None:
    owner, shop = await rig.account("owner"), await rig.account("shop")
    await rig.keywords.add_number(owner, "1272", shared=True)
    await rig.keywords.reserve(shop, "1272", "Pizza")
    assert await say(rig, "pizza hawaii") == (shop.account_id, "PIZZA", "kept")
    assert await say(rig, "\u200fPIZZA!") == (shop.account_id, "PIZZA", "kept")
    assert await say(rig, "pizzas") == (owner.account_id, "PIZZAS", "kept")
    assert await say(rig, " ") == (owner.account_id, "", "kept")
    assert await say(rig, "pizza", number="1919") == (None, "PIZZA", "kept")


async def test_a_text_is_forwarded_by_a_callback_of_the_same_transaction(rig: Any) -> None:
    shop = await rig.account("shop")
    await rig.keywords.add_number(shop, "+1272", shared=False)
    service = await forwarding(rig, shop, charset="latin1")
    await rig.keywords.reserve(shop, "1272", "pizza", forwarding_id=service)
    assert await say(rig, "Pizza æble\n") == (shop.account_id, "PIZZA", "forwarded")
    [row] = await rig.rows(callbacks)
    [text] = await rig.rows(inbound_texts)
    assert (row["dialect"], row["origin"], row["url"]) == ("test:text", "http://127.0.0.1:9", URL)
    assert msgspec.json.decode(row["payload"]) == {
        "inbound_id": text["inbound_id"], "sender": ALICE, "recipient": "1272",
        "text": "Pizza æble\n", "charset": "iso-8859-1",
    }  # fmt: skip
    assert [told.callback_id for told in rig.told] == [row["callback_id"]]


async def test_a_second_word_decides_below_its_main_keyword(rig: Any) -> None:
    shop = await rig.account("shop")
    await rig.keywords.add_number(shop, "1272", shared=False)
    one, two = await forwarding(rig, shop, URL + "/1"), await forwarding(rig, shop, URL + "/2")
    main = await rig.keywords.reserve(shop, "1272", "pizza", forwarding_id=one)
    main_id = main.keyword.keyword_id
    await rig.keywords.reserve(shop, "1272", "a", main_keyword_id=main_id, forwarding_id=two)
    await rig.keywords.reserve(shop, "1272", "b", main_keyword_id=main_id)
    for text in ("pizza a", "pizza b", "pizza c", "a"):
        await say(rig, text)
    urls = [row["url"].rpartition("/")[2] for row in await rig.rows(callbacks)]
    assert urls == ["2", "1", "1"]  # one that leads nowhere leaves its texts to the main one


async def test_the_catch_all_takes_what_fits_no_other(rig: Any) -> None:
    owner, other = await rig.account("owner"), await rig.account("other")
    await rig.keywords.add_number(owner, "1272", shared=True)
    with pytest.raises(Refused) as caught:
        await rig.keywords.reserve(other, "1272", CATCH_ALL)
    assert caught.value.code is RefusalCode.ALREADY_EXISTS
    service = await forwarding(rig, owner)
    await rig.keywords.reserve(owner, "1272", CATCH_ALL, forwarding_id=service)
    await rig.keywords.reserve(other, "1272", "mine")
    assert (await say(rig, "anything"))[::2] == (owner.account_id, "forwarded")
    assert (await say(rig, "mine"))[::2] == (other.account_id, "kept")


async def test_a_deleted_keyword_forwards_nothing_and_is_free_after_the_month(rig: Any) -> None:
    owner, other = await rig.account("owner"), await rig.account("other")
    await rig.keywords.add_number(owner, "1272", shared=True)
    service = await forwarding(rig, other)
    view = await rig.keywords.reserve(other, "1272", "word", forwarding_id=service)
    await rig.keywords.delete(other, view.keyword.keyword_id, "Europe/Copenhagen")
    [row] = await rig.rows(keywords)
    assert row["free_ms"] == 1_790_805_600_000  # 2026-10-01 00:00 in Copenhagen
    assert await say(rig, "word") == (other.account_id, "WORD", "kept")
    with pytest.raises(Refused) as caught:
        await rig.keywords.reserve(owner, "1272", "word")
    assert caught.value.code is RefusalCode.ALREADY_EXISTS
    rig.clock.advance((row["free_ms"] - rig.clock.now_ms()) / 1000)
    assert await say(rig, "word") == (owner.account_id, "WORD", "kept")
    await rig.keywords.reserve(owner, "1272", "word")


async def test_who_may_not_receive_gets_nothing_from_that_moment_on(rig: Any, until: Any) -> None:
    shop = await rig.account("shop")
    await rig.keywords.add_number(shop, "1272", shared=False)
    await rig.keywords.reserve(shop, "1272", "word")
    await rig.accounts.change("shop", revoke=frozenset({Permission.RECEIVE}))
    await until(lambda: rig.directory.find("1272", ()).account_id is None)
    assert (await say(rig, "hello"))[0] is None
    assert (await say(rig, "word"))[0] is None
    assert await say(rig, "stop") == (None, "STOP", "opted_out")  # that is not the account's to say
    assert rig.opt_outs.among(shop.account_id, "x", [ALICE]) == {ALICE}


async def test_the_database_wins_over_the_configuration(
    make_rig: Any, simulator: Any, until: Any
) -> None:
    rig = await make_rig(carriers={"smsc": simulator.port}, numbers={"1272": "one", "1273": "one"})
    rig.simulator = simulator
    await until(lambda: rig.carriers["smsc"].up)
    one, two = await rig.account("one"), await rig.account("two")
    rig.directory.accounts_changed()
    await until(lambda: rig.directory.number("1272") is not None)
    assert (await say(rig, "x"))[0] == one.account_id
    await rig.keywords.add_number(two, "1272", shared=False)
    assert (await say(rig, "x"))[0] == two.account_id
    assert (await say(rig, "x", "1273"))[0] == one.account_id
    assert [(n.number, bool(n.number_id)) for n in await rig.keywords.numbers()] == [
        ("1272", True), ("1273", False),
    ]  # fmt: skip
    await rig.keywords.remove_number("1272")
    assert (await say(rig, "x"))[0] == one.account_id


async def test_a_restart_knows_what_was_reserved(
    rig: Any, make_rig: Any, simulator: Any, until: Any
) -> None:
    shop = await rig.account("shop")
    await rig.keywords.add_number(shop, "1272", shared=False)
    service = await forwarding(rig, shop)
    await rig.keywords.reserve(shop, "1272", "word", forwarding_id=service)
    await rig.crash()
    second = await make_rig(carriers={"smsc": simulator.port})
    second.simulator = simulator
    await until(lambda: second.carriers["smsc"].up)
    assert await say(second, "word") == (shop.account_id, "WORD", "forwarded")
    assert len(await second.rows(callbacks)) == 1


async def test_a_number_with_keywords_stays(rig: Any) -> None:
    shop = await rig.account("shop")
    await rig.keywords.add_number(shop, "1272", shared=False)
    view = await rig.keywords.reserve(shop, "1272", "word")
    with pytest.raises(Refused):
        await rig.keywords.remove_number("1272")
    with pytest.raises(Refused) as caught:
        await rig.keywords.add_number(shop, "1272", shared=True)
    assert caught.value.code is RefusalCode.ALREADY_EXISTS
    await rig.keywords.delete(shop, view.keyword.keyword_id, "UTC")
    await rig.keywords.remove_number("1272")
