"""The simulator does what a script tells it, seen through our own carrier."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.passing_time import until

from dragoman.core.messages.model.lifecycle import ReceiptState
from dragoman.core.messages.model.outcomes import Accepted
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.protocols.smpp.codec import encode
from dragoman.protocols.smpp.constants import MessageState
from dragoman.protocols.smpp.pdus import BindTransceiver, SubmitSm, Unbind
from dragoman.testkit.simulator import Behaviour, ReceiptStyle, ReceiptTiming, Simulator
from dragoman.testkit.simulator.schedule import Schedule
from dragoman.testkit.simulator.smsc import SESSION


@pytest.mark.parametrize("style", ReceiptStyle)
@pytest.mark.parametrize(
    "state",
    [
        MessageState.DELIVERED,
        MessageState.EXPIRED,
        MessageState.UNDELIVERABLE,
        MessageState.REJECTED,
        MessageState.DELETED,
    ],
)
async def test_every_state_is_reported_in_every_style(
    simulator: Any, events: Any, connect: Any, outgoing: Any, state: MessageState, style: Any
) -> None:
    simulator.default = Behaviour(state=state, style=style, error="027")
    carrier = await connect()
    carrier.send(outgoing(1))
    await events.until(lambda: events.receipts)
    assert events.receipts[0].state == ReceiptState(state.value)
    shown = simulator.phone("4511111111").received
    assert bool(shown) is (state is MessageState.DELIVERED)


async def test_longest_prefix_decides_and_rules_run_out(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.default = Behaviour(status=0x0B)
    simulator.behave("45", Behaviour())
    simulator.behave("4511", Behaviour(status=0x0A), times=2)
    carrier = await connect()
    for number in range(4):
        carrier.send(outgoing(number, recipient="4511111111"))
    carrier.send(outgoing(4, recipient="4611111111"))
    await events.until(lambda: len(events.outcomes) == 5)
    assert Counter(submit.status for submit in simulator.submits) == {0x0A: 2, 0: 2, 0x0B: 1}
    assert isinstance(events.outcomes[3], Accepted)


async def test_message_without_report_and_message_that_wants_none(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.behave("4511", Behaviour(state=None))
    carrier = await connect()
    carrier.send(outgoing(1, recipient="4511111111"))
    carrier.send(outgoing(2, recipient="4522222222", wants_receipt=False))
    carrier.send(outgoing(3, recipient="4533333333"))
    await events.until(lambda: events.receipts)
    assert [receipt.message_id for receipt in events.receipts] == ["3"]
    assert len(events.outcomes) == 3


async def test_delayed_report_comes_after_the_outcome(
    events: Any, make_simulator: Any, connect: Any, outgoing: Any
) -> None:
    simulator = await make_simulator(clock=events.clock.monotonic)
    simulator.default = Behaviour(answer_delay_s=50.0, receipt_delay_s=50.0)
    carrier = await connect(port=simulator.port, response_timeout_s=1e6)
    carrier.send(outgoing(1))
    await events.until(lambda: simulator.taken)
    assert events.outcomes == {}
    events.clock.advance_with_timers(50)
    await events.until(lambda: events.outcomes)
    assert events.receipts == []
    events.clock.advance_with_timers(50)
    await events.until(lambda: events.receipts)


async def test_shut_gates_hold_up_responses_and_receipts(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.answers.shut()
    simulator.receipts.shut()
    carrier = await connect()
    for number in range(3):
        carrier.send(outgoing(number))
    await events.until(lambda: simulator.taken == 3)
    simulator.receipts.open()
    simulator.receipts.shut()
    assert (events.outcomes, events.receipts) == ({}, [])
    simulator.answers.open()
    await events.until(lambda: len(events.outcomes) == 3)
    assert events.receipts == []
    simulator.receipts.open()
    await events.until(lambda: len(events.receipts) == 3)
    assert [receipt.message_id for receipt in events.receipts] == ["1", "2", "3"]


async def test_receipt_may_come_while_its_response_is_held_up(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.default = Behaviour(timing=ReceiptTiming.BEFORE_RESPONSE)
    simulator.answers.shut()
    carrier = await connect()
    carrier.send(outgoing(1))
    await events.until(lambda: events.receipts)
    assert events.outcomes == {}
    simulator.answers.open()
    await events.until(lambda: events.outcomes)


async def test_nothing_is_sent_over_a_link_whose_unbind_waits_for_answers(
    simulator: Any, events: Any, connect: Any
) -> None:
    """Bug: it raised, and nothing that was due later was sent any more, to anybody."""
    simulator.answers.shut()
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    bind = BindTransceiver(system_id="dragoman", password="secret")
    submit = SubmitSm(source_addr="1204", destination_addr="4511111111", short_message=b"x")
    writer.write(encode(bind, 1))
    await reader.read(1)
    writer.write(encode(submit, 2) + encode(Unbind(), 3))
    try:
        await events.until(lambda: simulator.taken == 1)
        await connect()
        await simulator.send_text("4511111111", "1204", "over the other link")
        assert not reader.at_eof()
    finally:
        writer.close()
    assert [text.text for text in events.texts] == ["over the other link"]


async def test_what_comes_behind_a_bind_is_taken_without_anything_behind_it(
    make_simulator: Any, events: Any
) -> None:
    """Bug: it was taken when the next octets came, or when time for a bind was over."""
    simulator = await make_simulator(session=replace(SESSION, session_init_timeout_s=1e6))
    _, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    submit = SubmitSm(source_addr="1204", destination_addr="4511111111", short_message=b"x")
    writer.write(encode(BindTransceiver(system_id="dragoman"), 1) + encode(submit, 2))
    try:
        await events.until(lambda: simulator.taken == 1)
        assert simulator.submits[0].system_id == "dragoman"
    finally:
        writer.close()


async def test_what_fails_costs_nothing_else_its_turn() -> None:
    done: list[str] = []
    schedule = Schedule(asyncio.get_running_loop().time)
    asyncio.get_running_loop().set_exception_handler(lambda _, context: done.append("failed"))
    schedule.after(0.0, lambda: 1 / 0)
    schedule.after(0.0, lambda: done.append("next"))
    schedule.after(0.01, lambda: done.append("later"))
    await until(lambda: len(done) == 3)
    assert done == ["failed", "next", "later"]


async def test_submits_are_kept_with_what_the_phone_shows(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    carrier = await connect()
    carrier.send(outgoing(1, "flash", message_class=0, sender="1245"))
    await events.until(lambda: events.outcomes)
    (submit,) = simulator.submits
    assert (submit.system_id, submit.status, submit.message_id) == ("dragoman", 0, "1")
    (shown,) = simulator.phone("4511111111").received
    assert (shown.sender, shown.text, shown.flash) == ("1245", "flash", True)
    assert shown.alphabet is Alphabet.GSM7


async def test_ledger_has_a_line_for_each_submit_taken(
    events: Any, make_carrier: Any, outgoing: Any, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    simulator = Simulator(ledger=ledger, remember=2)
    await simulator.start()
    simulator.behave("4599", Behaviour(status=0x0B))
    carrier = make_carrier(events, simulator.port)
    await carrier.start()
    await events.until(lambda: carrier.up)
    for number in range(5):
        carrier.send(outgoing(number, "æ€", recipient=f"451111111{number}"))
    carrier.send(outgoing(9, recipient="4599999999"))
    await events.until(lambda: len(events.outcomes) == 6)
    lines = ledger.read_text().splitlines()
    assert lines == [f"451111111{n}\t\t{'æ€'.encode().hex()}\t{n + 1}" for n in range(5)]
    assert len(simulator.submits) == len(simulator.phones) == 2
    await carrier.stop(1)
    await simulator.stop()


async def test_throttling_status_is_given_when_too_fast(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.throttle(0.001, burst=1, status=0x14)
    carrier = await connect()
    for number in range(5):
        carrier.send(outgoing(number))
    await events.until(lambda: simulator.refused)
    simulator.throttle(None)
    await events.until(lambda: len(events.outcomes) == 5)
    assert {submit.status for submit in simulator.submits} == {0, 0x14}
    refused = simulator.refused
    carrier.send(outgoing(6))
    await events.until(lambda: 6 in events.outcomes)
    assert simulator.refused == refused


async def test_window_of_the_smsc_is_kept_by_refusing_more(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.window = 3
    simulator.answers.shut()
    carrier = await connect()
    for number in range(5):
        carrier.send(outgoing(number))
    await events.until(lambda: simulator.refused == 2)
    simulator.answers.open()
    await events.until(lambda: len(events.outcomes) == 5)
    assert simulator.refused >= 2
    assert simulator.taken == 5
