"""A carrier and an SMSC over real sockets: order, faults, reconnection, draining."""

from __future__ import annotations

import asyncio
import random
import socket
from collections import Counter
from typing import Any

import pytest
import structlog.testing
import uvloop
from tests.passing_time import PATIENCE_S

from dragoman.config import Secret
from dragoman.core.messages.model.outcomes import Accepted, Deferred, Rejected, Unknown
from dragoman.core.model.errors import FailureCode, RetryCode
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.protocols.smpp.constants import CommandStatus
from dragoman.protocols.smpp.message_ids import stored_keys
from dragoman.testkit.simulator import Answer, Behaviour, IdStyle, ReceiptTiming, Simulator

from .conftest import RESPONSE_TIMEOUT_S

LONG = "A rather long text that needs several parts, æøå €. " * 8


async def test_text_arrives_and_its_receipt_comes_back(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    carrier = await connect()
    assert (carrier.up, carrier.capacity) == (True, 10)
    carrier.send(outgoing(1, "hej ✓"))
    assert events.outcomes == {}
    await events.until(lambda: events.receipts)
    assert events.outcomes == {1: Accepted(carrier_ids=("1",), link="test-1")}
    (text,) = simulator.phone("4511111111").received
    assert (text.sender, text.text, text.alphabet) == ("Dragoman", "hej ✓", Alphabet.UCS2)
    assert events.receipts[0].message_id == "1"


async def test_what_a_turn_of_the_loop_brings_is_reported_at_once_outcomes_first(
    simulator: Any, events: Any, connect: Any, outgoing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    carrier = await connect()
    (link,) = carrier.links
    read: list[bytes] = []
    monkeypatch.setattr(link, "data_received", read.append)
    for number in (1, 2):
        carrier.send(outgoing(number))
    await events.until(lambda: b"".join(read).count(b"id:") == 2)
    monkeypatch.undo()
    for octets in read:
        link.data_received(octets)
    assert events.reported == []
    await asyncio.sleep(0)
    assert events.reported == [(2, 0), (0, 2)]
    assert {*events.outcomes} == {1, 2}


@pytest.mark.parametrize(
    ("profile", "parts"), [("default", 3), ("sar", 3), ("payload", 1), ("latin1", 7)]
)
async def test_long_text_arrives_whole_with_every_marking(
    simulator: Any, events: Any, connect: Any, outgoing: Any, profile: str, parts: int
) -> None:
    carrier = await connect(profile=profile)
    carrier.send(outgoing(1, LONG))
    await events.until(lambda: events.outcomes)
    (outcome,) = events.outcomes.values()
    assert isinstance(outcome, Accepted)
    assert len(outcome.carrier_ids) == len(simulator.submits) == parts
    assert [one.text for one in simulator.phone("4511111111").received] == [LONG]


async def test_parts_stay_together_on_one_link_and_in_order(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    carrier = await connect(links=3)
    assert carrier.capacity == 30
    for number in range(12):
        carrier.send(outgoing(number, LONG, recipient=f"45{number:08d}"))
    await events.until(lambda: len(events.outcomes) == 12)
    links: dict[str, list[tuple[int, int]]] = {}
    for submit in simulator.submits:
        place = links.setdefault(submit.pdu.destination_addr, [])
        place.append((submit.link, submit.content.number))
    assert all([number for _, number in places] == [1, 2, 3] for places in links.values())
    assert all(len({link for link, _ in places}) == 1 for places in links.values())
    assert len({places[0][0] for places in links.values()}) == 3


@pytest.mark.parametrize("status", [CommandStatus.ESME_RTHROTTLED, CommandStatus.ESME_RMSGQFUL])
async def test_throttling_keeps_the_order_and_loses_nothing(
    simulator: Any, events: Any, connect: Any, outgoing: Any, status: int
) -> None:
    simulator.throttle(60, burst=10, status=status)
    carrier = await connect(window=1)
    for number in range(40):
        carrier.send(outgoing(number))
    await events.until(lambda: len(events.outcomes) == 40)
    assert events.order == list(range(40))
    assert all(isinstance(outcome, Accepted) for outcome in events.outcomes.values())
    assert simulator.refused > 0
    assert simulator.taken == 40
    assert carrier.links[0].pace.throttled == simulator.refused


# One number that was answered so for ever held everything behind it.
@pytest.mark.parametrize("window", [1, 10])
@pytest.mark.parametrize("status", [CommandStatus.ESME_RTHROTTLED, CommandStatus.ESME_RMSGQFUL])
async def test_one_throttled_number_does_not_hold_the_others(
    simulator: Any, events: Any, connect: Any, outgoing: Any, status: int, window: int
) -> None:
    simulator.behave("4599999999", Behaviour(status=status))
    carrier = await connect(window=window)
    for number in range(3):
        carrier.send(outgoing(number, recipient="4599999999"))
    for number in range(3, 40):
        carrier.send(outgoing(number, recipient=f"45{number:08d}"))
    # The full number's come back to their route, from where they are cancelled or tried again.
    await events.until(lambda: len(events.outcomes) == 40)
    held = [events.outcomes[number] for number in range(3)]
    assert all(isinstance(one, Deferred) and one.code is RetryCode.CARRIER_BUSY for one in held)
    assert all(isinstance(events.outcomes[number], Accepted) for number in range(3, 40))


async def test_one_throttled_message_does_not_hold_others_to_its_number(
    simulator: Any, events: Any, connect: Any, outgoing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = simulator._rules.find

    def find(pdu: Any, default: Behaviour, **more: Any) -> Behaviour:
        if pdu.short_message == b"spam":
            return Behaviour(status=CommandStatus.ESME_RTHROTTLED)
        return usual(pdu, default, **more)  # type: ignore[no-any-return]

    monkeypatch.setattr(simulator._rules, "find", find)
    carrier = await connect(window=1)
    carrier.send(outgoing(0, "spam"))
    sent = 0
    while 0 not in events.outcomes:  # the others are taken all the time
        sent += 1
        carrier.send(outgoing(sent))
        await events.until(lambda number=sent: number in events.outcomes)
        await asyncio.sleep(0.01)
    assert isinstance(events.outcomes.pop(0), Deferred)
    refused = simulator.refused
    carrier.send(outgoing(0, "spam"))
    await events.until(lambda: 0 in events.outcomes)
    assert (events.outcomes[0].retry_in_s, simulator.refused) == (1.0, refused + 1)


# Its parts waited on the link, where it could neither be cancelled nor expire.
@pytest.mark.parametrize("window", [1, 2, 10])
@pytest.mark.parametrize("alone", [False, True])
async def test_text_of_several_parts_goes_back_whole_where_none_was_taken(
    simulator: Any, events: Any, connect: Any, outgoing: Any, window: int, alone: bool
) -> None:
    simulator.behave("4599999999", Behaviour(status=CommandStatus.ESME_RMSGQFUL))
    carrier = await connect(window=window)
    carrier.send(outgoing(0, LONG, recipient="4599999999"))
    if not alone:
        carrier.send(outgoing(1))
        await events.until(lambda: 1 in events.outcomes)
    await events.until(lambda: 0 in events.outcomes)
    outcome = events.outcomes[0]
    assert isinstance(outcome, Deferred)
    assert (outcome.code, outcome.retry_in_s) == (RetryCode.CARRIER_BUSY, 1.0)
    await events.until(lambda: carrier.links[0].load == 0)
    # Once its number is free it is sent, as a message of its own.
    simulator.behave("4599999999", Behaviour())
    carrier.send(outgoing(2, LONG, recipient="4599999999"))
    await events.until(lambda: 2 in events.outcomes)
    assert isinstance(events.outcomes[2], Accepted)
    assert [one.text for one in simulator.phone("4599999999").received] == [LONG]


async def test_text_of_which_a_part_was_taken_waits_until_it_expires(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.throttle(0.001, burst=1)
    carrier = await connect(window=1)
    until_ms = events.clock.now_ms() + 60_000
    carrier.send(outgoing(0, LONG, validity_until_ms=until_ms))
    await events.until(lambda: simulator.refused >= 5)
    assert events.outcomes == {}
    events.clock.advance(61)
    await events.until(lambda: events.outcomes)
    assert events.outcomes[0] == Unknown(
        detail="some parts were taken, then ESME_RTHROTTLED (0x00000058)",
        carrier_ids=("1", None, None),
        link="test-1",
    )


async def test_text_that_has_expired_leaves_a_throttled_link(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.throttle(0.001, burst=1)
    carrier = await connect(window=1)
    until_ms = events.clock.now_ms() + 60_000
    for number in range(4):
        carrier.send(outgoing(number, recipient=f"45{number:08d}", validity_until_ms=until_ms))
    await events.until(lambda: simulator.refused >= 2)
    assert list(events.outcomes) == [0]
    events.clock.advance(61)
    await events.until(lambda: len(events.outcomes) == 4)
    assert all(isinstance(events.outcomes[number], Deferred) for number in range(1, 4))


async def test_order_is_kept_where_every_number_is_throttled(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.behave("45", Behaviour(status=CommandStatus.ESME_RTHROTTLED), times=7)
    carrier = await connect(window=1)
    for number in range(10):
        carrier.send(outgoing(number, recipient=f"45{number:08d}"))
    await events.until(lambda: len(events.outcomes) == 10)
    assert all(isinstance(outcome, Accepted) for outcome in events.outcomes.values())
    assert events.order == list(range(10))
    assert carrier.links[0].pace.throttled == simulator.refused == 7


async def test_stop_returns_what_was_set_aside(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.behave("4599999999", Behaviour(status=CommandStatus.ESME_RMSGQFUL))
    carrier = await connect(window=1)
    carrier.send(outgoing(0, LONG, recipient="4599999999"))
    carrier.send(outgoing(1))
    await events.until(lambda: 1 in events.outcomes)
    await carrier.stop(0.1)
    assert isinstance(events.outcomes[0], Deferred)
    assert events.outcomes[0].code is RetryCode.DRAINING


async def test_throttled_parts_of_a_full_window_all_arrive_once(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.throttle(100, burst=5)
    carrier = await connect(links=2)
    for number in range(20):
        carrier.send(outgoing(number, LONG, recipient=f"45{number:08d}"))
    await events.until(lambda: len(events.outcomes) == 20)
    assert simulator.refused > 0
    assert all(isinstance(outcome, Accepted) for outcome in events.outcomes.values())
    for number in range(20):
        assert [one.text for one in simulator.phone(f"45{number:08d}").received] == [LONG]


async def test_agreed_rate_is_kept_over_all_links(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    carrier = await connect(links=2, rate_per_s=100)
    began = asyncio.get_running_loop().time()
    for number in range(45):
        carrier.send(outgoing(number))
    await events.until(lambda: len(events.outcomes) == 45)
    # Five may go at once; the others are 10 ms apart, whatever the machine does.
    assert asyncio.get_running_loop().time() - began >= 0.39


async def test_urgent_messages_go_before_what_waits_in_line(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    carrier = await connect()
    for number in range(6):
        carrier.send(outgoing(number, recipient=f"45{number:08d}"))
    for number in (8, 9):
        carrier.send(outgoing(number, LONG, recipient=f"45{number:08d}", urgent=True))
    await events.until(lambda: len(events.outcomes) == 8)
    to = [int(submit.pdu.destination_addr[2:]) for submit in simulator.submits]
    assert to == [8, 8, 8, 9, 9, 9, 0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (
            Behaviour(status=0x0B),
            Rejected(
                code=FailureCode.INVALID_DESTINATION,
                detail="ESME_RINVDSTADR (0x0000000B)",
                carrier_ids=(None,),
                link="test-1",
            ),
        ),
        (
            Behaviour(status=0x4A1),
            Rejected(
                code=FailureCode.REFUSED_BY_CARRIER,
                detail="vendor status (0x000004A1)",
                carrier_ids=(None,),
                link="test-1",
            ),
        ),
        (
            Behaviour(status=0x08),
            Deferred(
                code=RetryCode.CARRIER_BUSY,
                retry_in_s=5.0,
                detail="ESME_RSYSERR (0x00000008)",
                link="test-1",
            ),
        ),
        (
            Behaviour(answer=Answer.LOST),
            Unknown(detail="the SMSC did not answer in time", carrier_ids=(None,), link="test-1"),
        ),
        (
            Behaviour(answer=Answer.RESET_BEFORE),
            Unknown(detail="the connection was lost", carrier_ids=(None,), link="test-1"),
        ),
        (Behaviour(answer=Answer.RESET_AFTER), Accepted(carrier_ids=("1",), link="test-1")),
        (Behaviour(answer_delay_s=0.05), Accepted(carrier_ids=("1",), link="test-1")),
    ],
)
async def test_every_fate_of_a_submit_has_its_outcome(
    simulator: Any, events: Any, connect: Any, outgoing: Any, behaviour: Behaviour, outcome: Any
) -> None:
    simulator.default = behaviour
    carrier = await connect()
    carrier.send(outgoing(1))
    if behaviour.answer is Answer.LOST:
        await events.until(lambda: simulator.taken)
        events.clock.advance_with_timers(RESPONSE_TIMEOUT_S)
    await events.until(lambda: events.outcomes)
    assert events.outcomes == {1: outcome}


async def test_text_with_a_refused_part_is_rejected_and_the_rest_is_not_sent(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.behave("4511111111", Behaviour(), times=1)
    simulator.behave("45", Behaviour(status=0x0B))
    carrier = await connect(window=1)
    carrier.send(outgoing(1, LONG))
    carrier.send(outgoing(2, recipient="46"))
    await events.until(lambda: len(events.outcomes) == 2)
    rejected = events.outcomes[1]
    assert isinstance(rejected, Rejected)
    assert rejected.carrier_ids == ("1", None, None)
    assert len(simulator.submits) == 3


async def test_reset_makes_the_written_unknown_and_the_others_deferred(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.default = Behaviour(answer=Answer.LOST)
    carrier = await connect(window=4)
    for number in range(10):
        carrier.send(outgoing(number))
    await events.until(lambda: simulator.taken == 4)
    simulator.reset_links()
    await events.until(lambda: len(events.outcomes) == 10)
    kinds = [type(events.outcomes[number]) for number in range(10)]
    assert kinds == [Unknown] * 4 + [Deferred] * 6
    assert events.outcomes[9] == Deferred(
        code=RetryCode.LINK_DOWN, retry_in_s=1.0, detail="the link went down", link="test-1"
    )


@pytest.mark.parametrize("seed", range(4))
async def test_outcomes_are_true_while_links_are_cut_at_random(
    simulator: Any, events: Any, connect: Any, outgoing: Any, seed: int
) -> None:
    chance = random.Random(seed)
    simulator.default = Behaviour(answer_delay_s=0.002)
    carrier = await connect(links=3, window=8)
    for number in range(600):
        carrier.send(outgoing(number, LONG if number % 7 == 0 else "hi", f"45{number:08d}"))
        if chance.random() < 0.1:
            await asyncio.sleep(chance.choice([0, 0.001, 0.003]))
        if chance.random() < 0.02 and simulator.wires:
            chance.choice(simulator.wires).reset()
        if chance.random() < 0.01:
            await events.until(lambda: carrier.up)
    await events.until(lambda: len(events.outcomes) == 600)
    taken = Counter(submit.pdu.destination_addr for submit in simulator.submits)
    kinds = Counter(type(outcome) for outcome in events.outcomes.values())
    for number, outcome in events.outcomes.items():
        arrived, parts = taken[f"45{number:08d}"], 3 if number % 7 == 0 else 1
        if isinstance(outcome, Accepted):
            assert arrived == len(outcome.carrier_ids)
        elif isinstance(outcome, Deferred):
            assert arrived == 0
        else:
            assert isinstance(outcome, Unknown)
            assert arrived <= parts
    assert min(kinds[Accepted], kinds[Unknown], kinds[Deferred]) > 0


async def test_link_comes_back_by_itself(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    carrier = await connect()
    simulator.reset_links()
    await events.until(lambda: not carrier.up)
    carrier.send(outgoing(1))
    await events.until(lambda: 1 in events.outcomes)
    assert isinstance(events.outcomes[1], Deferred)
    await events.until(lambda: carrier.up)
    carrier.send(outgoing(2))
    await events.until(lambda: 2 in events.outcomes)
    assert isinstance(events.outcomes[2], Accepted)
    assert carrier.links[0].reconnects >= 1


async def test_smsc_that_is_not_there_yet_is_found_later(events: Any, connect: Any) -> None:
    with socket.socket() as placeholder:
        placeholder.bind(("127.0.0.1", 0))
        port = placeholder.getsockname()[1]
    carrier = await connect(port=port, wait=False)
    await events.until(lambda: carrier.links[0].last_error.startswith("cannot connect"))
    assert (carrier.up, carrier.capacity) == (False, 0)
    simulator = Simulator(port=port)
    await simulator.start()
    await events.until(lambda: carrier.up)
    await carrier.stop(1)
    await simulator.stop()


@pytest.mark.parametrize("status", [CommandStatus.ESME_RINVPASWD, 0x450])
async def test_refused_bind_is_told_and_tried_again(
    simulator: Any, events: Any, connect: Any, status: int
) -> None:
    simulator.bind_status = status
    carrier = await connect(wait=False)
    await events.until(lambda: "bind refused" in carrier.links[0].last_error)
    assert f"{int(status):08X}" in carrier.links[0].last_error
    simulator.bind_status = 0
    await events.until(lambda: carrier.up)


# Such a server never got a link up, its yes was no answer, and its receipts came for ever.
async def test_peer_that_leaves_strays_in_every_pdu_is_understood(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.stray = b"\x14\x01\x00\x09hi"
    with structlog.testing.capture_logs() as logs:
        carrier = await connect()
        for number in range(3):
            carrier.send(outgoing(number))
        await events.until(lambda: len(events.receipts) == 3)
    assert [outcome.carrier_ids for outcome in events.outcomes.values()] == [("1",), ("2",), ("3",)]
    assert carrier.links[0].cut_pdus == 7  # the bind, three answers, three receipts
    assert [one["event"] for one in logs].count("smpp_stray_octets") == 1


async def test_long_credentials_are_sent_as_given(
    simulator: Any, events: Any, connect: Any
) -> None:
    simulator.accounts = {"dragoman": "a-password-of-28-characters!"}
    carrier = await connect(password=Secret("a-password-of-28-characters!"))
    assert carrier.up


# The task of the link ended, and the carrier stayed down until a restart.
async def test_link_survives_any_failure_of_connecting(
    monkeypatch: pytest.MonkeyPatch, events: Any, connect: Any, simulator: Any
) -> None:
    loop = asyncio.get_running_loop()
    create_connection = loop.create_connection
    failures = [ValueError("certificate without a key"), RuntimeError("odd"), RuntimeError("odd")]

    async def fail_first(*args: Any, **more: Any) -> Any:
        if failures:
            raise failures.pop(0)
        return await create_connection(*args, **more)

    monkeypatch.setattr(loop, "create_connection", fail_first)
    with structlog.testing.capture_logs() as logs:
        carrier = await connect(wait=False)
        await events.until(lambda: carrier.links[0].last_error)
        assert carrier.links[0].last_error == "cannot connect: certificate without a key"
        await events.until(lambda: carrier.up)
    assert [one["event"] for one in logs].count("smpp_connecting_failed") == 1


async def test_half_open_link_is_noticed(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    carrier = await connect(enquire_interval_s=5, enquire_timeout_s=5)
    simulator.silent = True
    carrier.send(outgoing(1))
    await asyncio.sleep(0)

    def noticed() -> bool:
        events.clock.advance_with_timers(1)
        return not carrier.up

    await events.until(noticed)
    assert isinstance(events.outcomes[1], Unknown)
    simulator.silent = False
    await events.until(lambda: carrier.up)


async def test_one_byte_at_a_time_changes_nothing(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.write_size = 1
    carrier = await connect()
    for number in range(5):
        carrier.send(outgoing(number, LONG))
    await events.until(lambda: len(events.receipts) == 15)
    assert all(isinstance(outcome, Accepted) for outcome in events.outcomes.values())


async def test_receipt_is_not_acknowledged_before_it_is_stored(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    events.kept = []
    carrier = await connect()
    carrier.send(outgoing(1))
    await events.until(lambda: events.receipts)
    carrier.send(outgoing(2))
    await events.until(lambda: 2 in events.outcomes)
    assert simulator.receipts_acknowledged == 0
    for on_stored in events.kept:
        on_stored(True)
        on_stored(True)
    await events.until(lambda: simulator.receipts_acknowledged == 2)


async def test_receipt_that_could_not_be_stored_comes_again(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.redeliver_after_s = 0.01
    events.kept = []
    carrier = await connect()
    carrier.send(outgoing(1))
    await events.until(lambda: events.receipts)
    events.kept.pop()(False)
    await events.until(lambda: len(events.receipts) == 2)
    assert events.receipts[0] == events.receipts[1]
    events.kept.pop()(True)
    await events.until(lambda: simulator.receipts_acknowledged == 1)


async def test_receipt_unacknowledged_at_a_reset_comes_again_on_the_next_link(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.redeliver_after_s = 0.01
    events.kept = []
    carrier = await connect()
    carrier.send(outgoing(1))
    await events.until(lambda: events.receipts)
    simulator.reset_links()
    await events.until(lambda: not carrier.up)
    events.kept.pop()(True)
    await events.until(lambda: len(events.receipts) == 2)
    events.kept.pop()(True)
    await events.until(lambda: simulator.receipts_acknowledged == 1)


async def test_more_receipts_than_can_wait_are_told_to_come_again(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.redeliver_after_s = 0.01
    events.kept = []
    carrier = await connect(unacknowledged=2)
    for number in range(6):
        carrier.send(outgoing(number))
    await events.until(lambda: len(events.outcomes) == 6)
    events.kept, kept = None, events.kept
    assert len(kept) == 2
    for on_stored in kept:
        on_stored(True)
    await events.until(lambda: simulator.receipts_acknowledged == 6)
    assert Counter(receipt.message_id for receipt in events.receipts) == Counter("123456")


@pytest.mark.parametrize("timing", ReceiptTiming)
@pytest.mark.parametrize("style", IdStyle)
async def test_receipt_finds_its_message_whatever_the_spelling_and_the_order(
    simulator: Any,
    events: Any,
    connect: Any,
    outgoing: Any,
    style: IdStyle,
    timing: ReceiptTiming,
) -> None:
    simulator.id_style = style
    simulator.default = Behaviour(timing=timing, receipts=2)
    carrier = await connect()
    carrier.send(outgoing(1))
    await events.until(lambda: len(events.receipts) == 2)
    (outcome,) = events.outcomes.values()
    assert isinstance(outcome, Accepted)
    stored = set(stored_keys(outcome.carrier_ids[0]))
    assert all(stored & set(receipt.keys) for receipt in events.receipts)


async def test_receipt_over_another_link_arrives(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.default = Behaviour(other_link=True)
    carrier = await connect(bind="transmitter", receiver_links=1)
    assert carrier.capacity == 10
    carrier.send(outgoing(1))
    await events.until(lambda: events.receipts)
    assert simulator.receipts_acknowledged in (0, 1)
    await events.until(lambda: simulator.receipts_acknowledged == 1)


async def test_text_from_a_phone_arrives_in_parts_in_any_order(
    simulator: Any, events: Any, connect: Any
) -> None:
    await connect(links=2)
    await simulator.send_text("4522222222", "1245", LONG, order=[2, 0, 1], spread=True)
    parts = sorted(events.texts, key=lambda part: part.number)
    assert sorted(part.number for part in parts) == [1, 2, 3]
    assert {part.total for part in parts} == {3}
    assert "".join(part.text for part in parts) == LONG
    assert {(part.source, part.destination) for part in parts} == {("4522222222", "1245")}


async def test_text_of_a_phone_waits_for_a_link(simulator: Any, events: Any, connect: Any) -> None:
    sending = asyncio.create_task(
        simulator.send_text("4522222222", "1245", "hello", system_id="dragoman")
    )
    await asyncio.sleep(0.01)
    assert not sending.done()
    await connect()
    await sending
    assert events.texts[0].text == "hello"


async def test_stop_finishes_what_is_in_flight_and_gives_back_the_rest(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.answers.shut()
    carrier = await connect(window=2)
    for number in range(5):
        carrier.send(outgoing(number))
    await events.until(lambda: simulator.taken == 2)
    stopping = asyncio.create_task(carrier.stop(PATIENCE_S))
    await asyncio.sleep(0)
    simulator.answers.open()
    await stopping
    kinds = [type(events.outcomes[number]) for number in range(5)]
    assert kinds == [Accepted, Accepted, Deferred, Deferred, Deferred]
    assert events.outcomes[4].code is RetryCode.DRAINING
    assert simulator.taken == 2
    assert (carrier.up, carrier.capacity) == (False, 0)
    carrier.send(outgoing(9))
    await events.until(lambda: 9 in events.outcomes)
    assert events.outcomes[9].code is RetryCode.DRAINING


async def test_stopped_carrier_can_be_started_again(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    carrier = await connect()
    await carrier.stop(1)
    await carrier.start()
    await events.until(lambda: carrier.up)
    carrier.send(outgoing(1))
    await events.until(lambda: events.outcomes)
    assert isinstance(events.outcomes[1], Accepted)


async def test_stop_sends_the_rest_of_a_text_that_has_begun(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.answers.shut()
    carrier = await connect(window=1)
    carrier.send(outgoing(1, LONG))
    carrier.send(outgoing(2, LONG))
    await events.until(lambda: simulator.taken == 1)
    stopping = asyncio.create_task(carrier.stop(PATIENCE_S))
    await asyncio.sleep(0)
    simulator.answers.open()
    await stopping
    assert isinstance(events.outcomes[1], Accepted)
    assert isinstance(events.outcomes[2], Deferred)


async def test_stop_does_not_wait_longer_than_told(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    simulator.default = Behaviour(answer=Answer.LOST)
    carrier = await connect()
    carrier.send(outgoing(1))
    await events.until(lambda: simulator.taken == 1)
    async with asyncio.timeout(PATIENCE_S):
        await carrier.stop(0.05)
    assert isinstance(events.outcomes[1], Unknown)


async def test_stop_of_a_silent_smsc_tells_every_outcome(
    simulator: Any, events: Any, connect: Any, outgoing: Any
) -> None:
    carrier = await connect(window=1, unbind_timeout_s=0.1)
    simulator.silent = True
    carrier.send(outgoing(1))
    carrier.send(outgoing(2))
    await asyncio.sleep(0.02)
    await carrier.stop(0.05)
    assert isinstance(events.outcomes[1], Unknown)
    assert isinstance(events.outcomes[2], Deferred)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"sender": "Žluťoučký"}, FailureCode.INVALID_SENDER),
        ({"sender": "x" * 40}, FailureCode.INVALID_SENDER),
        ({"recipient": "4" * 40}, FailureCode.INVALID_DESTINATION),
    ],
)
async def test_what_does_not_fit_the_protocol_is_rejected_and_others_pass(
    simulator: Any, events: Any, connect: Any, outgoing: Any, more: dict[str, str], code: str
) -> None:
    carrier = await connect()
    carrier.send(outgoing(1, **more))
    carrier.send(outgoing(2))
    await events.until(lambda: len(events.outcomes) == 2)
    assert events.outcomes[1].code is code
    assert isinstance(events.outcomes[2], Accepted)


def test_the_same_works_on_uvloop(make_events: Any, make_carrier: Any, outgoing: Any) -> None:
    async def story() -> None:
        events = make_events()
        simulator = Simulator()
        await simulator.start()
        carrier = make_carrier(events, simulator.port)
        await carrier.start()
        await events.until(lambda: carrier.up)
        carrier.send(outgoing(1, LONG))
        await events.until(lambda: len(events.receipts) == 3)
        simulator.reset_links()
        await events.until(lambda: not carrier.up)
        await events.until(lambda: carrier.up)
        await carrier.stop(1)
        await simulator.stop()
        assert isinstance(events.outcomes[1], Accepted)

    uvloop.run(story())
