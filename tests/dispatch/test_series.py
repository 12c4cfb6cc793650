"""The parts of a text that a customer cut itself, where carriers are chosen for each message."""

from __future__ import annotations

from typing import Any

from tests.passing_time import until

from dragoman.config.tables import RouteTable
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Format
from dragoman.core.messages.model.routing import Preference
from dragoman.protocols.gsm.segmentation import segment_text
from dragoman.testkit.simulator import Answer, Behaviour

NUMBER = "4520000000"
PARTS = segment_text("A long text of several parts. " * 14)
SHARED = RouteTable(
    name="shared", carriers=("one", "two"), choose=Preference.WEIGHTS, weights=(1, 1)
)


async def submit_parts(harness: Any, account: Any, reference: int) -> list[bytes]:
    """Submits a text in parts; returns what each is to be on the wire."""
    cut = PARTS.user_data(reference)
    for text, part in zip(PARTS.texts, cut, strict=True):
        await harness.submit(account, NUMBER, text=text, udh=part.udh, format=Format.GSM)
    return [part.udh + part.data for part in cut]


async def test_parts_go_to_one_carrier_as_they_came(make_harness: Any, make_simulator: Any) -> None:
    simulators = [await make_simulator(), await make_simulator()]
    one, two = simulators
    harness = await make_harness(carriers={"one": one.port, "two": two.port}, routes=[SHARED])
    account = await harness.account(credits=100)
    await until(lambda: all(carrier.up for carrier in harness.carriers.values()))
    sent = [await submit_parts(harness, account, reference) for reference in (1, 2)]
    await harness.until_states(account, State.DELIVERED, count=2 * PARTS.count)
    got = [[submit.pdu.short_message for submit in simulator.submits] for simulator in simulators]
    assert sorted(got) == sorted(sent)
    # Each has its own ID at its carrier, by which its own receipt came.
    assert await harness.balance(account) == (100 - 2 * PARTS.count, 0, 2 * PARTS.count)


async def test_parts_whose_answers_were_lost_are_sent_again_together(
    make_harness: Any, make_simulator: Any
) -> None:
    one, two = await make_simulator(), await make_simulator()
    one.default = two.default = Behaviour(answer=Answer.LOST, state=None)
    harness = await make_harness(
        carriers={"one": one.port, "two": two.port}, routes=[SHARED], response_timeout_s=0.2
    )
    account = await harness.account(credits=100)
    await until(lambda: all(carrier.up for carrier in harness.carriers.values()))
    sent = await submit_parts(harness, account, 1)
    await until(lambda: one.taken + two.taken >= PARTS.count)
    one.default = two.default = Behaviour()
    await harness.until_states(account, State.DELIVERED, count=PARTS.count)
    found = await harness.outbox(account)
    assert all(message.possible_duplicate for message in found)
    last = next(s for s in (one, two) if any(not submit.status for submit in s.submits))
    assert [submit.pdu.short_message for submit in last.submits][-PARTS.count :] == sent
