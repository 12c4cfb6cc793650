"""Reports: early, late, doubled, misspelled, for others, in parts; stored, then acknowledged."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from sqlalchemy import Connection, insert
from tests.passing_time import PATIENCE_S, until
from tests.ports import free_port

from dragoman.core.delivery import receipts as receipts_module
from dragoman.core.delivery.receipts import Receipts
from dragoman.core.inbound.sql.tables import inbound_texts
from dragoman.core.messages.loader import MessageLoader
from dragoman.core.messages.model.lifecycle import ReceiptState, State
from dragoman.core.messages.model.messages import InboundPartReport, ReceiptReport
from dragoman.core.messages.sql.tables import message_events, parked_receipts, parts, receipt_keys
from dragoman.core.model.errors import StorageUnavailable
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.protocols.smpp.constants import MessageState
from dragoman.protocols.smpp.pdus import DeliverSm
from dragoman.storage.writer import Operation
from dragoman.testkit.simulator import Behaviour, IdStyle, ReceiptTiming
from dragoman.testkit.simulator.wire import Delivery

S = State
LONG = "x" * 400  # three parts


class Gate:
    """Holds up the writer: what is given to it meanwhile is not on disk."""

    def __init__(self, harness: Any) -> None:
        self._harness = harness
        self._entered = threading.Event()
        self._open = threading.Event()
        self._operation = Operation(self._wait, "wait")

    def _wait(self, _connection: Connection, items: list[None]) -> list[None]:
        self._entered.set()
        self._open.wait(PATIENCE_S)
        return items

    async def __aenter__(self) -> None:
        self._written = self._harness.storage.writer.write(self._operation, None)
        await until(self._entered.is_set)

    async def __aexit__(self, *_: object) -> None:
        self._open.set()
        await self._written


def report(
    message_id: str, state: ReceiptState, recipient: str = "4511111111", **more: Any
) -> ReceiptReport:
    return ReceiptReport(
        carrier="smsc",
        message_id=message_id,
        known_keys=more.pop("keys", None),
        state=state,
        recipient=recipient,
        **more,
    )


class Acknowledged(list[bool]):
    def __call__(self, stored: bool) -> None:
        self.append(stored)


async def tell(harness: Any, until: Any, *reports: ReceiptReport) -> None:
    """Hands in reports as a carrier does and waits until they are acknowledged."""
    for one in reports:
        acknowledged = Acknowledged()
        harness.receipts.receive(one, acknowledged)
        await until(lambda a=acknowledged: a == [True])


async def test_a_receipt_that_fails_costs_no_other_that_came_with_it_anything(
    make_harness: Any, simulator: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account, "4511111111", "4511111112", "4511111113")
    await harness.until_states(account, S.SENT, count=3)
    told = {number: Acknowledged() for number in "123"}
    reports = [
        (report(number, ReceiptState.DELIVERED, recipient=f"451111111{number}"), told[number])
        for number in told
    ]
    apply = receipts_module.state_of_receipt
    failing = iter([True, False, False])
    monkeypatch.setattr(
        receipts_module,
        "state_of_receipt",
        lambda state: 1 / 0 if next(failing) else apply(state),
    )
    harness.services.dispatcher.receipts_came(reports)
    assert told["1"] == [False], "it is to come again"
    await until(lambda: told["2"] == told["3"] == [True])
    assert sorted(await harness.states(account)) == sorted([S.SENT, S.DELIVERED, S.DELIVERED])


@pytest.mark.parametrize("remembered", [True, False], ids=["in-memory", "in-rows"])
async def test_how_well_receipts_fit_the_messages_of_a_partition(
    make_harness: Any, make_simulator: Any, remembered: bool
) -> None:
    """Bug: the ID of another number's message, read in another base, was a fit as well."""
    simulator = await make_simulator(first_id=32)
    if remembered:
        simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account, "4511111111")
    await harness.until_states(account, S.SENT if remembered else S.DELIVERED)
    if not remembered:
        await harness.until_forgotten()
    asked = [
        report("32", ReceiptState.DELIVERED, recipient="4511111111"),
        report("32", ReceiptState.DELIVERED, recipient="4599999999"),
        report("20", ReceiptState.DELIVERED, recipient="4511111111"),  # 0x20 is 32
        report("20", ReceiptState.DELIVERED, recipient="4599999999"),
        report("77", ReceiptState.DELIVERED, recipient="4511111111"),
    ]
    assert await harness.receipts.knows(asked) == [2, 2, 1, 0, 0]
    assert len(harness.live) == int(remembered), "none is kept for having been looked at"


async def test_a_report_before_the_response_is_matched(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.default = Behaviour(timing=ReceiptTiming.BEFORE_RESPONSE)
    simulator.answers.shut()
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account(credits=9)
    await harness.submit(account, *(f"45111111{n:02d}" for n in range(9)))
    await until(lambda: simulator.receipts_acknowledged == 9)
    assert await harness.states(account) == [S.SENDING] * 9
    simulator.answers.open()
    await harness.until_states(account, S.DELIVERED, count=9)
    assert await harness.balance(account) == (0, 0, 9)
    await harness.until_forgotten()


@pytest.mark.parametrize("style", IdStyle, ids=lambda style: style.name.lower())
@pytest.mark.parametrize("window", [1, 20])
@pytest.mark.parametrize("others", ["silent", "told"])
async def test_early_receipts_to_one_number_are_matched_by_small_ids(
    make_harness: Any, make_simulator: Any, style: IdStyle, window: int, others: str
) -> None:
    """Bug: 20 was read as hexadecimal 14 before the message with the ID 20 was answered."""
    converts = style in (IdStyle.HEX_THEN_DECIMAL, IdStyle.DECIMAL_THEN_HEX)
    # 8 … 67: both bases overlap. Where a carrier converts, only its setting can tell such apart.
    simulator = await make_simulator(first_id=1000 if converts else 8)
    simulator.id_style = style
    simulator.default = Behaviour(timing=ReceiptTiming.BEFORE_RESPONSE, state=None)
    harness = await make_harness(carriers={"smsc": simulator.port}, window=window)
    account = await harness.account()
    if others == "silent":  # their IDs are there to be confused with
        await asyncio.gather(*(harness.submit(account) for _ in range(20)))
        await harness.until_states(account, S.SENT, count=20)
    simulator.default = Behaviour(timing=ReceiptTiming.BEFORE_RESPONSE)
    await asyncio.gather(*(harness.submit(account) for _ in range(40)))
    silent = [S.SENT] * 20 if others == "silent" else []
    await harness.until_states(account, *silent, *[S.DELIVERED] * 40)
    assert harness.metrics.receipts["smsc", "late"] == 0


async def test_an_answer_takes_no_receipt_that_is_still_looked_up(
    make_harness: Any, make_simulator: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: the receipt 20 of an answered message with the ID 14 went to a later one with ID 20."""
    simulator = await make_simulator(first_id=16)  # hexadecimal 10: none is the same in both
    simulator.id_style = IdStyle.HEX_THEN_DECIMAL
    simulator.default = Behaviour(timing=ReceiptTiming.BEFORE_RESPONSE)
    simulator.behave("4512", Behaviour(state=None))
    harness = await make_harness(carriers={"smsc": simulator.port}, window=50)
    account = await harness.account()
    simulator.answers.shut()
    await harness.submit(account, *(f"451111111{n:02d}" for n in range(20)))
    await until(lambda: harness.metrics.receipts["smsc", "parked"] == 20)
    go_on, by_keys = asyncio.Event(), MessageLoader.by_keys

    async def by_keys_later(loader: MessageLoader, keys: Any) -> Any:
        await go_on.wait()
        return await by_keys(loader, keys)

    monkeypatch.setattr(MessageLoader, "by_keys", by_keys_later)
    simulator.answers.open()
    await harness.until_states(account, S.SENT, count=20)
    await harness.submit(account, *(f"451211111{n:02d}" for n in range(50, 70)))
    await harness.until_states(account, S.SENT, count=40)
    go_on.set()

    await harness.until_states(account, *[S.DELIVERED] * 20, *[S.SENT] * 20)


@pytest.mark.parametrize("style", IdStyle, ids=lambda style: style.name.lower())
@pytest.mark.parametrize("timing", ReceiptTiming, ids=lambda timing: timing.name.lower())
async def test_ids_in_any_spelling_are_matched_and_never_wrongly(
    make_harness: Any, make_simulator: Any, until: Any, style: IdStyle, timing: ReceiptTiming
) -> None:
    simulator = await make_simulator(first_id=8)  # 8 … 57: decimal and hexadecimal overlap
    simulator.id_style = style
    simulator.default = Behaviour(timing=timing, receipts=1)
    simulator.behave("4512", Behaviour(timing=timing, state=MessageState.UNDELIVERABLE))
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    numbers = [f"451{1 + n % 2}11111{n:02d}" for n in range(50)]
    await harness.submit(account, *numbers)
    ends = (S.DELIVERED, S.UNDELIVERED)
    await harness.until_states(account, *(ends[n % 2] for n in range(50)))
    await harness.until_forgotten()


async def test_a_doubled_report_changes_nothing_and_is_acknowledged(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.default = Behaviour(receipts=3)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await until(lambda: simulator.receipts_acknowledged == 3)
    assert await harness.states(account) == [S.DELIVERED]
    assert sum(harness.metrics.finals.values()) == 1
    await harness.until_forgotten()


async def test_a_report_over_another_link_is_matched(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.default = Behaviour(other_link=True)
    harness = await make_harness(carriers={"smsc": simulator.port}, links=2)
    account = await harness.account()
    await until(lambda: len(simulator.wires) == 2)
    await harness.submit(account, *(f"45111111{n:02d}" for n in range(20)))
    await harness.until_states(account, S.DELIVERED, count=20)


@pytest.mark.parametrize("style", [IdStyle.DECIMAL, IdStyle.HEX_THEN_DECIMAL], ids=str)
async def test_a_report_after_a_restart_is_matched_from_its_rows(
    make_harness: Any, make_simulator: Any, style: IdStyle
) -> None:
    simulator = await make_simulator(first_id=40)
    simulator.id_style = style
    simulator.receipts.shut()
    first = await make_harness(carriers={"smsc": simulator.port})
    account = await first.account(credits=20)
    await first.submit(account, *(f"45111111{n:02d}" for n in range(20)))
    await first.until_states(account, S.SENT, count=20)
    await first.stop()
    second = await make_harness(carriers={"smsc": simulator.port})
    assert len(second.live) == 0
    simulator.receipts.open()
    await second.until_states(account, S.DELIVERED, count=20)
    assert await second.balance(account) == (0, 0, 20)
    await second.until_forgotten()


async def test_a_late_report_is_not_given_to_a_newer_message_with_a_similar_id(
    make_harness: Any, make_simulator: Any, until: Any
) -> None:
    """Bug: a direct hit in memory won over the right message, which only SQL knew any more."""
    simulator = await make_simulator(first_id=0x31)
    simulator.id_style = IdStyle.HEX_THEN_DECIMAL
    simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account, "4511111111")  # its id is "31", in reports "49"
    await harness.until_states(account, S.SENT)
    simulator._next_id = 0x1F
    await harness.submit(account, "4522222222")  # its id is "1F", in reports "31"
    await harness.until_states(account, S.SENT, count=2)
    for live in list(harness.live):
        if live.recipient == "4522222222":
            harness.live.remove(live)  # as if long ago
    await tell(harness, until, report("31", ReceiptState.DELIVERED, "4522222222"))
    await harness.until_states(account, S.SENT, S.DELIVERED)


async def test_of_two_parked_reports_with_a_common_spelling_both_are_matched(
    make_harness: Any, make_simulator: Any, until: Any
) -> None:
    """Bug: the later of two parked reports took the other's place."""
    simulator = await make_simulator(first_id=0x31)
    simulator.id_style = IdStyle.HEX_LOWER
    simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await tell(
        harness,
        until,
        report("49", ReceiptState.DELIVERED, "4511111111"),  # 0x31
        report("31", ReceiptState.DELIVERED, "4522222222"),  # of nobody yet
    )
    await harness.submit(account, "4511111111")
    await harness.until_states(account, S.DELIVERED)


async def test_a_parked_report_is_matched_after_a_restart(
    make_harness: Any, make_simulator: Any, until: Any
) -> None:
    """Bug: parked rows did not keep the recipient, so converted spellings were not trusted."""
    simulator = await make_simulator(first_id=0x31)
    simulator.id_style = IdStyle.HEX_LOWER
    simulator.default = Behaviour(state=None)
    first = await make_harness(carriers={"smsc": simulator.port})
    account = await first.account()
    await tell(first, until, report("49", ReceiptState.DELIVERED))
    await first.stop()
    second = await make_harness(carriers={"smsc": simulator.port})
    await second.submit(account)
    await second.until_states(account, S.DELIVERED)


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("text", ["hello", LONG], ids=["one part", "three parts"])
async def test_matched_reports_are_parked_no_more(
    make_harness: Any, simulator: Any, until: Any, restarted: bool, text: str
) -> None:
    """Bug: they stood among those without a message, and were looked up again at each start."""
    simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    numbers = "1" if text == "hello" else "123"
    reports = [report(number, ReceiptState.DELIVERED) for number in numbers]
    await tell(harness, until, *reports, *reports, report("777", ReceiptState.DELIVERED))
    assert len(await harness.rows(parked_receipts)) == 2 * len(numbers) + 1
    if restarted:
        await harness.stop()
        harness = await make_harness(carriers={"smsc": simulator.port})
    await harness.submit(account, text=text)
    await harness.until_states(account, S.DELIVERED)

    async def only_unmatched() -> bool:
        rows = await harness.rows(parked_receipts)
        return [row["carrier_message_id"] for row in rows] == ["777"]

    await until(only_unmatched)
    await tell(harness, until, *reports)  # doubled once more, after the match
    assert await harness.states(account) == [S.DELIVERED]
    assert await only_unmatched()


async def test_a_crash_before_a_matched_report_is_dropped_changes_nothing(
    make_harness: Any, simulator: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.default = Behaviour(state=None)
    first = await make_harness(carriers={"smsc": simulator.port})
    account = await first.account()
    await tell(first, until, report("1", ReceiptState.DELIVERED))
    with monkeypatch.context() as dies:
        dies.setattr(Receipts, "_drop_row", lambda *_: lambda _stored: None)
        await first.submit(account)
        await first.until_states(account, S.DELIVERED)
        assert len(await first.rows(parked_receipts)) == 1
        await first.crash()
    second = await make_harness(carriers={"smsc": simulator.port})

    async def dropped() -> bool:
        return not await second.rows(parked_receipts)

    await until(dropped)
    assert await second.states(account) == [S.DELIVERED]
    assert [row["kind"] for row in await second.rows(message_events)] == ["parked_receipt"]


async def test_a_report_that_fits_nothing_is_parked_and_changes_nothing(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await harness.until_states(account, S.SENT)
    await tell(
        harness,
        until,
        report("777", ReceiptState.DELIVERED),
        report("01", ReceiptState.DELIVERED, "4599999999"),  # neither the id nor the recipient
        report("", ReceiptState.DELIVERED),
    )
    assert await harness.states(account) == [S.SENT]
    rows = await harness.rows(parked_receipts)
    assert [row["carrier_message_id"] for row in rows] == ["777", "01", ""]


# Carriers name an alias or a ported number, and the receipt was parked for ever.
@pytest.mark.parametrize("restarted", [False, True])
async def test_an_exact_id_is_enough_whatever_the_addresses(
    make_harness: Any, simulator: Any, until: Any, restarted: bool
) -> None:
    simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await harness.until_states(account, S.SENT)
    if restarted:
        await harness.stop()
        harness = await make_harness(carriers={"smsc": simulator.port})
    await tell(harness, until, report("1", ReceiptState.DELIVERED, "4599999999"))
    await harness.until_states(account, S.DELIVERED)


async def test_an_exact_id_is_not_enough_where_the_carrier_converts_ids(
    make_harness: Any, make_simulator: Any, until: Any
) -> None:
    simulator = await make_simulator(first_id=0x1F)
    simulator.id_style = IdStyle.HEX_LOWER
    simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account, "4511111111")  # its id is "1f", which is 31
    await harness.until_states(account, S.SENT)
    simulator._next_id = 0x31
    await harness.submit(account, "4522222222")  # its id is "31"
    await harness.until_states(account, S.SENT, count=2)
    await tell(harness, until, report("31", ReceiptState.DELIVERED, "4511111111"))
    await harness.until_states(account, S.DELIVERED, S.SENT)
    await tell(harness, until, report("31", ReceiptState.DELIVERED, "4599999999"))
    assert await harness.states(account) == [S.DELIVERED, S.SENT]
    assert len(await harness.rows(parked_receipts)) == 1


async def test_two_exact_ids_of_different_messages_are_not_enough(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account, "4511111111", "4522222222")
    await harness.until_states(account, S.SENT, count=2)
    await tell(harness, until, report("1", ReceiptState.DELIVERED, "4599999999", other_id="2"))
    assert await harness.states(account) == [S.SENT, S.SENT]


async def test_exact_ids_are_enough_where_they_count_up(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    """10 is also 16 in hexadecimal digits, and both are known."""
    simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account, *(f"45111111{n:02d}" for n in range(20)))
    await harness.until_states(account, S.SENT, count=20)
    for number in range(1, 21):
        await tell(harness, until, report(str(number), ReceiptState.DELIVERED, "4599999999"))
    await harness.until_states(account, S.DELIVERED, count=20)


async def test_an_id_alone_is_not_enough_for_a_message_sent_long_ago(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await harness.until_states(account, S.SENT)
    (message,) = harness.live
    message.sent_ms -= round(harness.receipts.park_s * 1000) + 60_000
    await tell(harness, until, report("1", ReceiptState.DELIVERED, "4599999999"))
    assert await harness.states(account) == [S.SENT]


async def test_the_id_in_the_text_counts_where_the_one_beside_it_is_unknown(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account, "4511111111", "4522222222")
    await harness.until_states(account, S.SENT, count=2)
    await tell(
        harness,
        until,
        report("777", ReceiptState.DELIVERED, "4511111111", other_id="1"),
        report("778", ReceiptState.DELIVERED, "4599999999", other_id="2"),
    )
    await harness.until_states(account, S.DELIVERED, count=2)


def unmarked(message_id: str, recipient: str) -> ReceiptReport:
    """What only looks like a receipt."""
    text = InboundPartReport(
        carrier="smsc",
        source=recipient,
        destination="1245",
        alphabet=Alphabet.GSM7,
        text=f"id:{message_id} stat:DELIVRD",
    )
    return report(message_id, ReceiptState.DELIVERED, recipient, text=text)


async def test_a_receipt_without_a_mark_is_one_if_its_id_is_ours(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await harness.until_states(account, S.SENT)
    await tell(
        harness,
        until,
        unmarked("777", "4511111111"),  # of nobody: a text
        unmarked("1", "4599999999"),  # a stranger's, who may have written it
    )
    assert await harness.states(account) == [S.SENT]
    kept = [(row["sender"], row["text"]) for row in await harness.rows(inbound_texts)]
    assert kept == [
        ("4511111111", "id:777 stat:DELIVRD"),
        ("4599999999", "id:1 stat:DELIVRD"),
    ]
    await tell(harness, until, unmarked("1", "4511111111"))
    await harness.until_states(account, S.DELIVERED)
    assert len(await harness.rows(inbound_texts)) == 2
    assert await harness.rows(parked_receipts) == []


@pytest.mark.parametrize("esm_class", [0x00, 0x08, 0x0C, 0x24])
async def test_a_receipt_in_a_plain_deliver_sm_is_one(
    make_harness: Any, simulator: Any, until: Any, esm_class: int
) -> None:
    simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await harness.until_states(account, S.SENT)
    pdu = DeliverSm(
        esm_class=esm_class,
        source_addr="4511111111",
        destination_addr="Dragoman",
        short_message=(
            b"id:1 sub:001 dlvrd:000 submit date:2611212100 done date:2611212101"
            b" stat:UNDELIV err:027 text:hello"
        ),
    )
    simulator.deliver(Delivery(pdu, system_id="dragoman"))
    await harness.until_states(account, S.UNDELIVERED)
    assert await harness.rows(inbound_texts) == []


async def test_a_receipt_without_a_mark_before_the_response_is_no_text(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.default = Behaviour(state=None)
    simulator.answers.shut()
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await until(lambda: simulator.submits)
    acknowledged = Acknowledged()
    harness.receipts.receive(unmarked("1", "4511111111"), acknowledged)
    await asyncio.sleep(0.05)
    assert acknowledged == []
    simulator.answers.open()
    await until(lambda: acknowledged == [True])
    await harness.until_states(account, S.DELIVERED)
    assert await harness.rows(inbound_texts) == []


@pytest.mark.parametrize("recipient", ["", "1204", "4511****11", "+45 secret", "Dragoman"])
async def test_an_exact_id_is_enough_where_a_report_names_nobody_we_could_compare(
    make_harness: Any, simulator: Any, until: Any, recipient: str
) -> None:
    simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await harness.until_states(account, S.SENT)
    await tell(harness, until, report("1", ReceiptState.DELIVERED, recipient))
    await harness.until_states(account, S.DELIVERED)


@pytest.mark.parametrize("recipient", ["4511111111", "+4511111111", "11111111", "004511111111"])
async def test_national_and_international_recipients_are_the_same(
    make_harness: Any, simulator: Any, until: Any, recipient: str
) -> None:
    simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await harness.until_states(account, S.SENT)
    await tell(harness, until, report("01", ReceiptState.DELIVERED, recipient))
    await harness.until_states(account, S.DELIVERED)


async def test_on_its_way_is_no_end(make_harness: Any, simulator: Any, until: Any) -> None:
    simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await harness.until_states(account, S.SENT)
    await tell(
        harness, until, report("1", ReceiptState.ENROUTE), report("1", ReceiptState.ACCEPTED)
    )
    assert await harness.states(account) == [S.SENT]
    await tell(harness, until, report("1", ReceiptState.UNKNOWN))
    await harness.until_states(account, S.UNKNOWN)
    await tell(harness, until, report("1", ReceiptState.DELIVERED))
    await harness.until_states(account, S.DELIVERED)


async def test_no_report_is_acknowledged_before_it_is_on_disk(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.default = Behaviour(receipts=2)
    simulator.receipts.shut()
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await harness.until_states(account, S.SENT)
    async with Gate(harness):
        simulator.receipts.open()
        await until(lambda: next(iter(harness.live)).state is S.DELIVERED)
        harness.receipts.receive(report("777", ReceiptState.DELIVERED), parked := Acknowledged())
        await asyncio.sleep(0.1)
        assert simulator.receipts_acknowledged == 0
        assert parked == []
    await until(lambda: simulator.receipts_acknowledged == 2 and parked == [True])


async def test_a_report_that_died_with_the_process_comes_again(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.receipts.shut()
    first = await make_harness(carriers={"smsc": simulator.port})
    account = await first.account()
    await first.submit(account)
    await first.until_states(account, S.SENT)
    first.die()
    simulator.receipts.open()
    (wire,) = simulator.wires
    await until(lambda: wire.session.outstanding == 1)
    await first.crash()
    assert simulator.receipts_acknowledged == 0
    second = await make_harness(carriers={"smsc": simulator.port})
    await second.until_states(account, S.DELIVERED)


async def part_states(harness: Any) -> list[int | None]:
    return [row["state"] for row in await harness.rows(parts)]


async def test_all_parts_delivered_is_delivered(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account(credits=3)
    await harness.submit(account, text=LONG)
    await harness.until_states(account, S.DELIVERED)
    assert simulator.phone("4511111111").received[0].text == LONG
    assert await part_states(harness) == [S.DELIVERED] * 3
    assert [row["carrier_message_id"] for row in await harness.rows(parts)] == ["1", "2", "3"]
    assert await harness.balance(account) == (0, 0, 3)
    assert sum(harness.metrics.finals.values()) == 1
    await harness.until_forgotten()


async def test_one_failed_part_fails_the_message_and_every_part_is_kept(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    """Bug: what was reported of other parts after the first failure was dropped."""
    simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account, text=LONG)
    await harness.until_states(account, S.SENT)
    await tell(harness, until, report("2", ReceiptState.UNDELIVERABLE, error="27"))
    assert await harness.states(account) == [S.UNDELIVERED]
    await tell(harness, until, report("1", ReceiptState.DELIVERED))
    await tell(harness, until, report("3", ReceiptState.DELIVERED))
    await tell(harness, until, report("2", ReceiptState.DELIVERED))  # contradicts: it had ended
    assert await part_states(harness) == [S.DELIVERED, S.UNDELIVERED, S.DELIVERED]
    assert await harness.states(account) == [S.UNDELIVERED]
    await harness.until_forgotten()


async def test_parts_reported_on_both_sides_of_a_restart_make_one_message(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.default = Behaviour(state=None)
    first = await make_harness(carriers={"smsc": simulator.port})
    account = await first.account()
    await first.submit(account, text=LONG)
    await first.until_states(account, S.SENT)
    await tell(first, until, report("3", ReceiptState.DELIVERED))
    await first.stop()
    second = await make_harness(carriers={"smsc": simulator.port})
    await tell(second, until, report("1", ReceiptState.DELIVERED))
    assert await second.states(account) == [S.SENT]
    await tell(second, until, report("2", ReceiptState.DELIVERED))
    await second.until_states(account, S.DELIVERED)
    assert await part_states(second) == [S.DELIVERED] * 3


async def test_reports_of_the_same_part_do_not_stand_for_the_others(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account, text=LONG)
    await harness.until_states(account, S.SENT)
    await tell(harness, until, *[report("1", ReceiptState.DELIVERED)] * 3)
    assert await harness.states(account) == [S.SENT]
    assert await part_states(harness) == [S.DELIVERED, None, None]


async def test_reports_wait_while_storage_is_away(
    make_harness: Any, simulator: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.default = Behaviour(state=None)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await harness.until_states(account, S.SENT)

    def away(*_: object) -> None:
        raise StorageUnavailable("away")

    acknowledged = Acknowledged()
    with monkeypatch.context() as outage:
        outage.setattr(harness.storage.writer._runner, "run", away)
        harness.receipts.receive(report("1", ReceiptState.DELIVERED), acknowledged)
        await until(lambda: harness.storage.writer.trouble)
        await asyncio.sleep(0.1)
        assert acknowledged == []
    await until(lambda: acknowledged == [True])
    assert await harness.states(account) == [S.DELIVERED]


@pytest.mark.parametrize(("text", "part"), [("hello", 0), (LONG, 1)])
async def test_a_receipt_of_a_message_that_only_waits_here_is_not_acknowledged(
    make_harness: Any, until: Any, text: str, part: int
) -> None:
    """Bug: a former owner of a partition acknowledged what the next one's carrier had sent.

    It had read the rows of messages that the next one accepted; their receipts it took for late.
    """
    harness = await make_harness(carriers={"smsc": free_port()})
    account = await harness.account()
    await harness.submit(account, text=text)
    (message,) = harness.live
    with_key = Operation(
        lambda connection, items: [
            connection.execute(
                insert(receipt_keys).values(
                    carrier="smsc", key="77", message_id=message.message_id, part=part
                )
            ).rowcount
            for _ in items
        ],
        "with_key",
    )
    await harness.storage.writer.write(with_key, None)
    acknowledged = Acknowledged()
    harness.receipts.receive(report("77", ReceiptState.DELIVERED), acknowledged)
    await until(lambda: acknowledged)
    assert acknowledged == [False]
    assert await harness.states(account) == [S.QUEUED]
    assert await harness.rows(parts) == []


async def test_what_comes_while_a_gateway_closes_is_answered(
    make_harness: Any, make_simulator: Any, until: Any
) -> None:
    """Bug: in a cluster its link stayed, and whoever sent it waited for an answer for ever."""
    simulator = await make_simulator()
    simulator.receipts.shut()
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await harness.until_states(account, S.SENT)
    harness.storage.writer.give_up("another node owns the partition")
    acknowledged = Acknowledged()
    harness.receipts.receive(report("1", ReceiptState.DELIVERED), acknowledged)
    harness.receipts.receive(report("none", ReceiptState.DELIVERED), acknowledged)
    await until(lambda: len(acknowledged) == 2)
    assert acknowledged == [False, False]


async def test_a_text_like_a_receipt_does_not_wait_for_ever(
    make_harness: Any, simulator: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even while a phone keeps a message for its sender."""
    monkeypatch.setattr(receipts_module, "PUT_OFF_S", 0.001)
    simulator.answers.shut()
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await until(lambda: simulator.submits)
    await tell(harness, until, unmarked("777", "4511111111"))
    assert [row["sender"] for row in await harness.rows(inbound_texts)] == ["4511111111"]
    simulator.answers.open()
