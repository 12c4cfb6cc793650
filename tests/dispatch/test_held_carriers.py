"""Carriers that are taken out of service: nothing new, and what is in flight comes home."""

from __future__ import annotations

from typing import Any

from dragoman.config.tables import RouteTable
from dragoman.core.messages.model.lifecycle import State

S = State


async def test_held_carrier_finishes_what_it_has_and_takes_nothing_new(
    make_harness: Any, simulator: Any
) -> None:
    simulator.answers.shut()
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account(credits=3)
    await harness.submit(account)
    await harness.until_states(account, S.SENDING)
    harness.dispatcher.hold("smsc", True)
    assert harness.dispatcher.is_held("smsc")
    await harness.submit(account, "4522222222")
    simulator.answers.open()
    await harness.until_states(account, S.DELIVERED, S.QUEUED)
    assert simulator.taken == 1
    harness.dispatcher.hold("smsc", False)
    await harness.until_states(account, S.DELIVERED, S.DELIVERED)
    assert await harness.balance(account) == (1, 0, 2)


async def test_route_of_a_held_carrier_takes_its_next_one(
    make_harness: Any, simulator: Any
) -> None:
    harness = await make_harness(
        carriers={"first": simulator.port, "second": simulator.port},
        routes=[RouteTable(name="default", carriers=("first", "second"))],
    )
    account = await harness.account(credits=3)
    harness.dispatcher.hold("first", True)
    await harness.submit(account)
    await harness.until_states(account, S.DELIVERED)
    assert [message.carrier for message in await harness.outbox(account)] == ["second"]
    harness.dispatcher.hold("first", False)
    await harness.submit(account, "4522222222")
    await harness.until_states(account, S.DELIVERED, S.DELIVERED)
    assert [message.carrier for message in await harness.outbox(account)] == ["second", "first"]
