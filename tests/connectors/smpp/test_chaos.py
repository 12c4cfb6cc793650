"""A carrier behind a network that cuts in the middle of a PDU, stalls and drips."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dragoman.core.messages.model.outcomes import Accepted, Unknown
from dragoman.testkit.chaos_proxy import ChaosProxy
from dragoman.testkit.simulator import Simulator


@pytest.fixture
async def proxy(simulator: Simulator) -> AsyncIterator[ChaosProxy]:
    proxy = ChaosProxy(simulator.host, simulator.port)
    await proxy.start()
    yield proxy
    await proxy.stop()


@pytest.mark.parametrize("octets", [1, 10, 17, 30, 60])
async def test_cut_in_mid_pdu_leaves_the_outcome_unknown_and_the_link_comes_back(
    proxy: ChaosProxy, simulator: Any, events: Any, connect: Any, outgoing: Any, octets: int
) -> None:
    carrier = await connect(port=proxy.port)
    proxy.cut_after = octets
    carrier.send(outgoing(1))
    await events.until(lambda: events.outcomes)
    assert isinstance(events.outcomes[1], Unknown)
    await events.until(lambda: carrier.up)
    carrier.send(outgoing(2))
    await events.until(lambda: 2 in events.outcomes)
    assert isinstance(events.outcomes[2], Accepted)


async def test_stalled_network_is_noticed_and_left(
    proxy: ChaosProxy, events: Any, connect: Any, outgoing: Any
) -> None:
    carrier = await connect(port=proxy.port, enquire_interval_s=5, enquire_timeout_s=5)
    proxy.stall()
    carrier.send(outgoing(1))
    await asyncio.sleep(0)

    def noticed() -> bool:
        events.clock.advance_with_timers(1)
        return not carrier.up

    await events.until(noticed)
    assert isinstance(events.outcomes[1], Unknown)
    proxy.resume()
    await events.until(lambda: carrier.up)


async def test_dripping_network_changes_nothing(
    proxy: ChaosProxy, simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    proxy.piece_size = 3
    carrier = await connect(port=proxy.port)
    for number in range(20):
        carrier.send(outgoing(number))
    await events.until(lambda: len(events.receipts) == 20)
    assert all(isinstance(outcome, Accepted) for outcome in events.outcomes.values())


async def test_refused_connections_are_tried_again(
    proxy: ChaosProxy, events: Any, connect: Any
) -> None:
    proxy.refusing = True
    carrier = await connect(port=proxy.port, wait=False)
    await events.until(lambda: carrier.links[0].last_error)
    proxy.refusing = False
    await events.until(lambda: carrier.up)
