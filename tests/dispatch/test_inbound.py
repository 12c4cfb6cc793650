"""Texts from phones, over real SMPP: stored before they are acknowledged, whole in any order."""

from __future__ import annotations

import asyncio
from typing import Any

from dragoman.core.inbound.repeats import Repeats
from dragoman.core.inbound.sql.tables import inbound_parts, inbound_texts
from dragoman.core.messages.model.messages import InboundPartReport
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.protocols.gsm.national import Language
from dragoman.protocols.gsm.segmentation import Repertoire

LONG = "A text that a phone sends in several parts. " * 10


async def texts_of(harness: Any) -> list[tuple[str, str, str, int, bool]]:
    return [
        (row["sender"], row["recipient"], row["text"], row["parts"], row["complete"])
        for row in await harness.rows(inbound_texts)
    ]


async def test_a_text_is_stored_and_acknowledged(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    await until(lambda: harness.carriers["smsc"].up)
    await simulator.send_text("4511111111", "1272", "stop it")
    assert await texts_of(harness) == [("4511111111", "1272", "stop it", 1, True)]
    [row] = await harness.rows(inbound_texts)
    assert (row["keyword"], row["account_id"]) == ("STOP", None)


async def test_parts_make_one_text_whatever_their_order(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port}, links=2)
    await until(lambda: harness.carriers["smsc"].up)
    await simulator.send_text("4511111111", "1272", LONG, order=[2, 0, 1], spread=True)
    await until(lambda: _stored(harness, 1))
    assert await texts_of(harness) == [("4511111111", "1272", LONG, 3, True)]
    assert await harness.rows(inbound_parts) == []


async def test_a_text_with_national_tables_is_whole(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    await until(lambda: harness.carriers["smsc"].up)
    text = "Iğdır'dan Şırnak'a çok güzel bir gün geçirdik, teşekkürler. " * 4
    turkish = Repertoire(national=(Language.TURKISH,))
    await simulator.send_text("4511111111", "1272", text, order=[1, 0], repertoire=turkish)
    await until(lambda: _stored(harness, 1))
    assert await texts_of(harness) == [("4511111111", "1272", text, 2, True)]
    [row] = await harness.rows(inbound_texts)
    assert row["alphabet"] == "gsm7"


async def test_a_part_that_comes_twice_changes_nothing(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    await until(lambda: harness.carriers["smsc"].up)
    await simulator.send_text("4511111111", "1272", LONG, order=[0, 0, 1, 2, 2])
    await until(lambda: _stored(harness, 1))
    await until(lambda: _no_parts(harness))
    assert await texts_of(harness) == [("4511111111", "1272", LONG, 3, True)]


async def test_parts_of_before_a_crash_are_completed_after_it(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    first = await make_harness(carriers={"smsc": simulator.port})
    await until(lambda: first.carriers["smsc"].up)
    await simulator.send_text("4511111111", "1272", LONG, order=[2, 0])
    await first.crash()
    simulator._next_reference -= 1  # the rest of the same text
    second = await make_harness(carriers={"smsc": simulator.port})
    await until(lambda: second.carriers["smsc"].up)
    await simulator.send_text("4511111111", "1272", LONG, order=[1])
    await until(lambda: _stored(second, 1))
    assert await texts_of(second) == [("4511111111", "1272", LONG, 3, True)]


async def test_a_text_with_nul_and_markup_is_kept_as_text(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    await until(lambda: harness.carriers["smsc"].up)
    await simulator.send_text("4511111111", "1272", "æ\0<b>\u202e日")
    assert [text for _, _, text, _, _ in await texts_of(harness)] == ["æ\ufffd<b>\u202e日"]


async def _stored(harness: Any, count: int) -> bool:
    return len(await harness.rows(inbound_texts)) == count


async def _no_parts(harness: Any) -> bool:
    return not await harness.rows(inbound_parts)


def given(text: str = "hello", **more: Any) -> InboundPartReport:
    return InboundPartReport(
        carrier="smsc",
        source="4511111111",
        destination="1272",
        alphabet=Alphabet.GSM7,
        text=text,
        **more,
    )


async def receive(harness: Any, *reports: InboundPartReport) -> list[bool]:
    """Whether each is on disk, as its carrier is told."""
    loop = asyncio.get_running_loop()
    stored: list[asyncio.Future[bool]] = []
    for report in reports:  # all of them before the first is on disk
        stored.append(loop.create_future())
        harness.services.inbound.receive(report, stored[-1].set_result)
    return await asyncio.gather(*stored)


async def test_a_text_with_the_carriers_id_is_stored_once_over_a_restart(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    """Bug: the IDs were in memory alone, and the text stood in the inbox twice after a start."""
    first = await make_harness(carriers={"smsc": simulator.port})
    one, other = given(provider_id="t-1"), given("again", provider_id="t-2")
    parts = [given(n, provider_id=f"t-3 {n}", reference=7, total=2, number=int(n)) for n in "12"]
    assert await receive(first, one, one, *parts, *parts) == [True] * 6, "also while it is stored"
    assert await receive(first, one) == [True]
    await until(lambda: _stored(first, 2))
    await first.crash()
    second = await make_harness(carriers={"smsc": simulator.port})
    assert await receive(second, one, other, *parts) == [True] * 4
    assert [text for _, _, text, _, _ in await texts_of(second)] == ["hello", "12", "again"]
    assert await second.rows(inbound_parts) == []


async def test_texts_without_an_id_are_all_stored(make_harness: Any, simulator: Any) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    assert await receive(harness, given(), given()) == [True, True]
    assert len(await texts_of(harness)) == 2


async def test_a_text_that_fails_is_heard_of_and_is_taken_when_it_comes_again(
    make_harness: Any, simulator: Any, monkeypatch: Any
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    inbound, text = harness.services.inbound, given(provider_id="t-1")
    with monkeypatch.context() as failing:
        failing.setattr(type(inbound), "_text", lambda *_, **__: 1 / 0)
        assert await receive(harness, text) == [False]
    assert await receive(harness, text) == [True]
    assert len(await texts_of(harness)) == 1


def test_a_text_that_was_not_stored_is_taken_when_it_comes_again() -> None:
    repeats, told = Repeats(), list[bool]()
    ended = repeats.first(("smsc", "t-1"), told.append)
    assert ended is not None
    assert repeats.first(("smsc", "t-1"), told.append) is None, "it is under way"
    assert repeats.first(("other", "t-1"), told.append) is not None, "another carrier's"
    ended(False)
    assert told == [False, False]
    assert repeats.first(("smsc", "t-1"), told.append) is not None


def test_what_is_remembered_of_texts_is_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr("dragoman.core.inbound.repeats.REMEMBERED", 3)
    repeats = Repeats()
    repeats.restore(("smsc", str(n)) for n in range(5))
    new = [n for n in range(5) if repeats.first(("smsc", str(n)), lambda _: None) is not None]
    assert new == [0, 1]
