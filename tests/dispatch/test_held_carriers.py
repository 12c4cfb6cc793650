"""Carriers that are taken out of service: nothing new, and what is in flight comes home."""

from __future__ import annotations

from typing import Any

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.routing import Route

S = State


async def test_held_carrier_finishes_what_it_has_and_takes_nothing_new(
    make_rig: Any, simulator: Any
) -> None:
    simulator.answers.shut()
    rig = await make_rig(carriers={"smsc": simulator.port})
    account = await rig.account(credits=3)
    await rig.submit(account)
    await rig.until_states(account, S.SENDING)
    rig.dispatcher.hold("smsc", True)
    assert rig.dispatcher.is_held("smsc")
    await rig.submit(account, "4522222222")
    simulator.answers.open()
    await rig.until_states(account, S.DELIVERED, S.QUEUED)
    assert simulator.taken == 1
    rig.dispatcher.hold("smsc", False)
    await rig.until_states(account, S.DELIVERED, S.DELIVERED)
    assert await rig.balance(account) == (1, 0, 2)


async def test_route_of_a_held_carrier_takes_its_next_one(make_rig: Any, simulator: Any) -> None:
    rig = await make_rig(
        carriers={"first": simulator.port, "second": simulator.port},
        routes=[Route(name="default", carriers=("first", "second"))],
    )
    account = await rig.account(credits=3)
    rig.dispatcher.hold("first", True)
    await rig.submit(account)
    await rig.until_states(account, S.DELIVERED)
    assert [message.carrier for message in await rig.outbox(account)] == ["second"]
    rig.dispatcher.hold("first", False)
    await rig.submit(account, "4522222222")
    await rig.until_states(account, S.DELIVERED, S.DELIVERED)
    assert [message.carrier for message in await rig.outbox(account)] == ["second", "first"]
