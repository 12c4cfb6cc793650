"""Texts from phones, over real SMPP: stored before they are acknowledged, whole in any order."""

from __future__ import annotations

from typing import Any

from dragoman.core.inbound.sql.tables import inbound_parts, inbound_texts
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
