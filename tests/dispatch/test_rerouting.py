"""Waiting messages change their route; credits balance whatever happens on the way."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import select

from dragoman.config.tables import RouteTable
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.routing import Preference
from dragoman.core.messages.sql.tables import messages

S = State


async def routes_of(harness: Any) -> list[str]:
    return [row["route"] for row in await harness.rows(messages)]


async def test_what_waits_on_a_stuck_route_goes_to_its_fallback(
    make_harness: Any, make_simulator: Any
) -> None:
    one, two = await make_simulator(), await make_simulator()
    harness = await make_harness(
        carriers={"one": one.port, "two": two.port},
        routes=[
            RouteTable(
                name="danish",
                prefixes=("45",),
                carriers=("one",),
                fallback="rest",
                fallback_after_s=0,
            ),
            RouteTable(name="rest", carriers=("two",)),
        ],
    )
    account = await harness.account(credits=10)
    harness.dispatcher.hold("one", True)
    for number in range(5):
        await harness.submit(account, f"452000000{number}")
    assert await harness.balance(account) == (5, 5, 0)
    await harness.rerouting.check()
    await harness.until_states(account, S.DELIVERED, count=5)
    assert await routes_of(harness) == ["rest"] * 5
    assert (one.taken, two.taken) == (0, 5)
    assert await harness.balance(account) == (5, 0, 5)
    harness.dispatcher.hold("one", False)
    await harness.submit(account, "4520000009")
    await harness.until_states(account, S.DELIVERED, count=6)
    assert one.taken == 1


async def test_messages_left_in_rows_follow(
    make_harness: Any, make_simulator: Any, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    monkeypatch.setattr("dragoman.core.delivery.backlog.MAX_QUEUED", 4)
    one, two = await make_simulator(), await make_simulator()
    harness = await make_harness(
        carriers={"one": one.port, "two": two.port},
        routes=[
            RouteTable(
                name="danish",
                prefixes=("45",),
                carriers=("one",),
                fallback="rest",
                fallback_after_s=0,
            ),
            RouteTable(name="rest", carriers=("two",)),
        ],
    )
    account = await harness.account(credits=30)
    harness.dispatcher.hold("one", True)
    for number in range(20):
        await harness.submit(account, f"45200000{number:02}")

    async def all_moved() -> bool:
        await harness.rerouting.check()
        return await routes_of(harness) == ["rest"] * 20

    await until(all_moved)
    await harness.until_states(account, S.DELIVERED, count=20)
    assert await harness.balance(account) == (10, 0, 20)


@pytest.mark.parametrize("seed", range(8))
async def test_credits_balance_over_any_course_of_events(
    make_harness: Any, make_simulator: Any, seed: int, until: Any
) -> None:
    """Carriers are held and released, links are lost, messages are moved and cancelled."""
    chance = random.Random(seed)
    first, second, third = [await make_simulator() for _ in range(3)]
    harness = await make_harness(
        carriers={"first": first.port, "second": second.port, "third": third.port},
        routes=[
            RouteTable(
                name="shared",
                prefixes=("45",),
                carriers=("first", "second"),
                choose=Preference.WEIGHTS,
                weights=(2, 1),
                fallback="rest",
                fallback_after_s=0,
            ),
            RouteTable(name="rest", carriers=("third", "first")),
        ],
        window=3,
    )
    account = await harness.account(credits=200)
    sent = 0
    for _ in range(25):
        match chance.randrange(6):
            case 0:
                harness.dispatcher.hold(chance.choice(["first", "second"]), chance.random() < 0.6)
            case 1:
                gate = chance.choice([first, second]).answers
                gate.shut() if chance.random() < 0.5 else gate.open()
            case 2:
                await harness.rerouting.check()
            case _:
                count = chance.randrange(1, 6)
                numbers = [f"45200{sent + at:05}" for at in range(count)]
                text = chance.choice(["short", "long " * 40])
                await harness.submit(account, *numbers, text=text)
                sent += count
        await assert_balanced(harness, account)
    for simulator in (first, second):
        simulator.answers.open()
    for name in ("first", "second"):
        harness.dispatcher.hold(name, False)
    await harness.until_states(account, S.DELIVERED, count=sent)
    paid = sum(row["credits"] for row in await harness.rows(messages))
    assert await harness.balance(account) == (200 - paid, 0, paid)
    assert first.taken + second.taken + third.taken == sum(
        row["parts"] for row in await harness.rows(messages)
    )


async def assert_balanced(harness: Any, account: Any) -> None:
    """What is held is what the unsent messages cost, and nothing appears or vanishes."""

    def read(connection: Any) -> tuple[int, list[Any]]:
        rows = connection.execute(select(messages.c.state, messages.c.credits)).all()
        held = sum(row.credits for row in rows if row.state <= S.SENDING)
        return held, rows

    held, rows = await harness.storage.read(read)
    available, held_now, spent = await harness.balance(account)
    assert available + held_now + spent == 200
    # Between the two readings a message may have been sent.
    assert held_now <= held
    assert available == 200 - sum(row.credits for row in rows)
