"""Receipts and inbound texts: their octets, the bind that gets them, and what waits for one."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.passing_time import until

from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.callbacks import worker as worker_module
from dragoman.core.callbacks.calling import Called
from dragoman.core.callbacks.sql.callbacks import CallbackState
from dragoman.core.messages.model.callbacks import (
    SMPP,
    TextFacts,
    renderer_of_texts,
    url_of_binds,
)
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.messages.sql.tables import callbacks
from dragoman.protocols.smpp.constants import CommandStatus, MessageState
from dragoman.protocols.smpp.pdus import (
    BindReceiver,
    BindTransmitter,
    DeliverSm,
    Unbind,
)
from dragoman.protocols.smpp.tlvs import Tlv
from dragoman.testkit.simulator import Behaviour
from dragoman.testkit.simulator.wire import Delivery

from .conftest import NUMBER, SHARED, MakeSite, Site, submit

REPLY_TO = "4599000000"
KANNEL = re.compile(
    rb"id:(\S{1,64}) sub:(\d+) dlvrd:(\d+) submit date:(\d{1,14}) done date:(\d{1,14}) "
    rb"stat:(\S{1,10}) err:(\S{1,3}) text:(.*)",
    re.DOTALL,
)
"""How Kannel's bearerbox reads a receipt: with one sscanf of these fields in this order."""


def fields(receipt: DeliverSm) -> tuple[Any, ...]:
    match = KANNEL.fullmatch(receipt.short_message)
    assert match is not None, receipt.short_message
    return match.groups()


async def states_of(site: Site) -> list[int]:
    query = callbacks.select().order_by(callbacks.c.callback_id)
    return await site.services.storage.read(lambda c: [row.state for row in c.execute(query)])


@SHARED
@pytest.mark.parametrize(
    ("state", "words", "number"),
    [
        (MessageState.DELIVERED, (b"001", b"DELIVRD", b"000"), 2),
        (MessageState.UNDELIVERABLE, (b"000", b"UNDELIV", b"0A7"), 5),
        (MessageState.EXPIRED, (b"000", b"EXPIRED", b"0A7"), 3),
        (MessageState.REJECTED, (b"000", b"REJECTD", b"0A7"), 8),
    ],
)
async def test_a_receipt_as_kannel_and_jsmpp_read_it(
    shop: Site, state: MessageState, words: tuple[bytes, ...], number: int
) -> None:
    error = "000" if state is MessageState.DELIVERED else "0A7"
    shop.simulator.behave(NUMBER, Behaviour(state=state, error=error))
    esme = await shop.bind()
    answer = await esme.ask(
        submit(
            destination_addr=f"+{NUMBER}",
            registered_delivery=1,
            tlvs=(Tlv(0x0204, b"\x12\x34"), Tlv(0x1400, b"cost centre")),
        )
    )
    (receipt,) = await esme.until_delivered(1)
    message_id, sub, dlvrd, submitted, done, stat, err, text = fields(receipt)
    assert message_id.decode() == answer.message_id
    assert (sub, text) == (b"001", b"")
    assert (dlvrd, stat, err) == words
    assert len(submitted) == len(done) == 10
    assert (receipt.esm_class, receipt.data_coding, receipt.registered_delivery) == (4, 0, 0)
    assert (receipt.source_addr_ton, receipt.source_addr_npi) == (1, 1)
    assert receipt.source_addr == f"+{NUMBER}"
    assert (receipt.dest_addr_ton, receipt.destination_addr) == (5, "Dragoman")
    tlvs = {tlv.tag: tlv.value for tlv in receipt.tlvs}
    assert tlvs[0x001E] == answer.message_id.encode() + b"\0"
    assert tlvs[0x0427] == bytes((number,))
    assert tlvs[0x0204] == b"\x12\x34"
    assert (0x0423 in tlvs) is (number != 2)
    assert 0x1400 not in tlvs


async def test_a_failure_by_itself_has_its_number(site: Site) -> None:
    site.simulator.behave(NUMBER, Behaviour(status=CommandStatus.ESME_RINVDSTADR.value))
    esme = await site.bind()
    await esme.ask(submit(registered_delivery=1))
    (receipt,) = await esme.until_delivered(1)
    assert fields(receipt)[5:7] == (b"REJECTD", b"100")
    assert {t.tag: t.value for t in receipt.tlvs}[0x0423] == b"\x03\x00\x64"


@SHARED
@pytest.mark.parametrize(
    ("registered", "state", "kinds"),
    [
        (0, MessageState.DELIVERED, []),
        (1, MessageState.DELIVERED, [b"DELIVRD"]),
        (2, MessageState.DELIVERED, []),
        (2, MessageState.UNDELIVERABLE, [b"UNDELIV"]),
        (3, MessageState.UNDELIVERABLE, []),
        (0x11, MessageState.DELIVERED, [b"ENROUTE", b"DELIVRD"]),
        (0x10, MessageState.DELIVERED, [b"ENROUTE"]),
    ],
)
async def test_only_the_receipts_that_were_asked_for(
    shop: Site, registered: int, state: MessageState, kinds: list[bytes]
) -> None:
    shop.simulator.behave(NUMBER, Behaviour(state=state))
    esme = await shop.bind()
    await esme.ask(submit(registered_delivery=registered))
    other = "4500000001"
    await esme.ask(submit(registered_delivery=1, destination_addr=other))
    await until(lambda: any(pdu.source_addr == other for pdu in esme.delivered))
    own = [pdu for pdu in esme.delivered if pdu.source_addr == NUMBER]
    assert [fields(pdu)[5] for pdu in own] == kinds
    assert [pdu.esm_class for pdu in own] == [
        0x20 if kind == b"ENROUTE" else 0x04 for kind in kinds
    ]


async def test_dates_are_in_the_zone_of_the_account(site: Site) -> None:
    await site.services.accounts.change(
        site.account.username, AccountFields(time_zone="Pacific/Kiritimati")
    )
    esme = await site.bind()
    await esme.ask(submit(registered_delivery=1))
    (receipt,) = await esme.until_delivered(1)
    there = datetime.now(UTC) + timedelta(hours=14)
    assert fields(receipt)[3][:6].decode() in {
        f"{there:%y%m%d}",
        f"{there - timedelta(minutes=1):%y%m%d}",
    }


async def test_receivers_take_turns_and_transmitters_get_nothing(site: Site) -> None:
    transmitter = await site.bind(BindTransmitter)
    first, second = await site.bind(BindReceiver), await site.bind(BindReceiver)
    for _ in range(6):
        await transmitter.ask(submit(registered_delivery=1))
    await until(lambda: len(first.delivered) + len(second.delivered) == 6)
    assert (len(first.delivered), len(second.delivered)) == (3, 3)
    assert transmitter.delivered == []


async def test_receipts_wait_for_a_receiver_over_a_restart(make_site: MakeSite) -> None:
    site = await make_site()
    transmitter = await site.bind(BindTransmitter)
    ids = [(await transmitter.ask(submit(registered_delivery=1))).message_id for _ in range(5)]
    await until(lambda: site.gateway.callbacks_waiting() == 5)
    await site.stop()
    again = await make_site(simulator=site.simulator)
    assert again.gateway.callbacks_waiting() == 5
    receiver = await again.bind(BindReceiver)
    receipts = await receiver.until_delivered(5)
    assert [fields(receipt)[0].decode() for receipt in receipts] == ids

    async def all_delivered() -> bool:
        return set(await states_of(again)) == {CallbackState.DELIVERED}

    await until(all_delivered)
    assert again.gateway.callbacks_waiting() == 0


async def test_a_receipt_is_repeated_to_the_next_receiver_until_it_is_answered(
    site: Site,
) -> None:
    deaf = await site.bind(BindReceiver)
    deaf.silent = True
    transmitter = await site.bind(BindTransmitter)
    await transmitter.ask(submit(registered_delivery=1))
    (unanswered,) = await deaf.until_delivered(1)
    other = await site.bind(BindReceiver)
    await deaf.close()
    (again,) = await other.until_delivered(1)
    assert again.short_message == unanswered.short_message


async def test_a_receipt_that_the_last_receiver_did_not_answer_waits(site: Site) -> None:
    deaf = await site.bind()
    deaf.silent = True
    await deaf.ask(submit(registered_delivery=1))
    (unanswered,) = await deaf.until_delivered(1)
    await deaf.close()
    await until(lambda: not site.gateway.binds())
    back = await site.bind()
    (again,) = await back.until_delivered(1)
    assert again.short_message == unanswered.short_message
    await until(lambda: site.gateway.callbacks_waiting() == 0)


async def test_the_window_of_a_bind_is_kept(make_site: MakeSite) -> None:
    site = await make_site(window=3)
    esme = await site.bind()
    esme.silent = True
    for _ in range(8):
        await esme.ask(submit(registered_delivery=1))
    await until(lambda: site.simulator.receipts_acknowledged == 8)
    await esme.until_delivered(3)
    assert site.gateway.binds()[0].outstanding == 3
    assert len(esme.delivered) == 3


@pytest.mark.parametrize("status", [0x08, 0x14, 0x58, 0x64, 0xFE])
async def test_what_is_refused_for_now_comes_again(site: Site, status: int) -> None:
    esme = await site.bind()
    esme.statuses = [status]
    await esme.ask(submit(registered_delivery=1))
    await esme.until_delivered(1)
    await until(lambda: site.gateway.held_hosts())
    site.gateway.retry_callbacks(site.account.account_id)
    first, second = await esme.until_delivered(2)
    assert first.short_message == second.short_message


async def test_receipts_of_one_message_keep_their_order(site: Site) -> None:
    esme = await site.bind()
    esme.statuses = [0x14]
    await esme.ask(submit(registered_delivery=0x11))
    await until(lambda: site.simulator.receipts_acknowledged == 1)
    await until(lambda: site.gateway.held_hosts())
    site.gateway.retry_callbacks(site.account.account_id)
    receipts = await esme.until_delivered(3)
    assert [fields(pdu)[5] for pdu in receipts] == [b"ENROUTE", b"ENROUTE", b"DELIVRD"]


@pytest.mark.parametrize("status", [0x0B, 0x65, 0x0400])
async def test_what_is_refused_for_good_is_given_up(site: Site, status: int) -> None:
    esme = await site.bind()
    esme.statuses = [status]
    await esme.ask(submit(registered_delivery=1))
    await esme.until_delivered(1)

    async def given_up() -> bool:
        return await states_of(site) == [CallbackState.GIVEN_UP]

    await until(given_up)


async def test_only_so_many_are_kept_and_only_for_so_long(
    make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "UNREACHABLE_PAUSE_S", 0.05)
    site = await make_site(keep_most=3)
    transmitter = await site.bind(BindTransmitter)
    ids = [(await transmitter.ask(submit(registered_delivery=1))).message_id for _ in range(5)]
    await until(lambda: site.simulator.receipts_acknowledged == 5)
    await until(lambda: site.gateway.callbacks_waiting() == 3)
    receiver = await site.bind(BindReceiver)
    receipts = await receiver.until_delivered(3)
    assert [fields(receipt)[0].decode() for receipt in receipts] == ids[2:]
    await site.stop()
    again = await make_site(simulator=site.simulator, keep_s=0.2)
    transmitter = await again.bind(BindTransmitter)
    await transmitter.ask(submit(registered_delivery=1))
    await until(lambda: again.simulator.receipts_acknowledged == 6)
    await until(lambda: again.gateway.callbacks_waiting() == 0)
    assert (await states_of(again))[-1] == CallbackState.GIVEN_UP


async def test_the_story_of_a_message_tells_what_its_bind_answered(site: Site) -> None:
    esme = await site.bind()
    await esme.ask(submit(registered_delivery=1))
    await until(lambda: site.gateway.binds()[0].delivered == 1)
    await until(lambda: site.gateway.callbacks_waiting() == 0)
    (message,) = await site.messages()

    async def told() -> bool:
        story = await site.services.timelines.of_any_message(message.message_id)
        answers = [one.answer for call in story.callbacks for one in call.attempts]
        return answers == ["deliver_sm_resp 0x00000000 from 127.0.0.1"]

    await until(told)


async def test_a_text_goes_to_a_receiver_of_its_owner(site: Site) -> None:
    await site.services.keywords.add_number(site.account, REPLY_TO, shared=False)
    esme = await site.bind()
    await until(lambda: site.services.smpp_logins.of_account(site.account.account_id).receives)
    await site.simulator.send_text(NUMBER, REPLY_TO, "Hello back €")
    (text,) = await esme.until_delivered(1)
    assert (text.source_addr, text.destination_addr) == (NUMBER, REPLY_TO)
    assert (text.esm_class, text.data_coding, text.short_message) == (0, 0, b"Hello back \x1be")
    assert (text.source_addr_ton, text.dest_addr_ton) == (1, 1)
    await esme.ask(Unbind())
    await until(lambda: not site.gateway.binds())
    await site.simulator.send_text(NUMBER, REPLY_TO, "Добрый день")
    await until(lambda: site.gateway.callbacks_waiting() == 1)
    back = await site.bind(BindReceiver, version=0x33)
    (text,) = await back.until_delivered(1)
    assert (text.data_coding, text.short_message.decode("utf-16-be")) == (8, "Добрый день")


async def test_a_long_text_comes_in_parts_or_as_a_payload(site: Site) -> None:
    long = "A long text from a phone. " * 10
    for name, number, payload in (("parts", "4599000001", False), ("whole", "4599000002", True)):
        account = await site.account_with_login(name, payload=payload)
        await site.services.keywords.add_number(account, number, shared=False)
        esme = await site.bind(system_id=name)
        await until(lambda a=account: site.services.smpp_logins.of_account(a.account_id).receives)
        await site.simulator.send_text(NUMBER, number, long)
        if payload:
            (text,) = await esme.until_delivered(1)
            assert (text.short_message, text.esm_class) == (b"", 0)
            assert {t.tag: t.value for t in text.tlvs}[0x0424] == long.encode()
        else:
            first, second = await esme.until_delivered(2)
            assert (first.esm_class, second.esm_class) == (0x40, 0x40)
            assert first.short_message[:6][-2:] + second.short_message[:6][-2:] == b"\2\1\2\2"
            assert first.short_message[6:] + second.short_message[6:] == long.encode()


async def test_octets_come_with_their_header(site: Site) -> None:
    await site.services.keywords.add_number(site.account, REPLY_TO, shared=False)
    esme = await site.bind()
    await until(lambda: site.services.smpp_logins.of_account(site.account.account_id).receives)
    ports, data = bytes.fromhex("0605040b8423f0"), bytes(range(200))
    in_parts = [
        bytes((11, 0, 3, 7, 2, number)) + ports[1:] + data[start : start + 120]
        for number, start in ((1, 0), (2, 120))
    ]
    for octets in (ports + b"\x00\xff", *reversed(in_parts)):
        pdu = DeliverSm(
            source_addr=NUMBER,
            destination_addr=REPLY_TO,
            esm_class=0x40,
            data_coding=4,
            short_message=octets,
        )
        site.simulator.deliver(Delivery(pdu, system_id="dragoman"))
    whole, first, second = await esme.until_delivered(3)
    assert (whole.esm_class, whole.data_coding) == (0x40, 4)
    assert whole.short_message == ports + b"\x00\xff"
    assert (
        first.short_message[:12] == bytes((11,)) + ports[1:] + b"\0\3" + first.short_message[9:12]
    )
    assert first.short_message[10:12] + second.short_message[10:12] == b"\2\1\2\2"
    assert first.short_message[12:] + second.short_message[12:] == data


async def test_nothing_waits_for_an_account_that_never_had_a_receiver(site: Site) -> None:
    await site.services.keywords.add_number(site.account, REPLY_TO, shared=False)
    await site.bind(BindTransmitter)
    await site.simulator.send_text(NUMBER, REPLY_TO, "Hello")
    assert site.gateway.callbacks_waiting() == 0


@pytest.mark.parametrize(
    ("sender", "written"),
    [
        ("Банк", "????"),
        ("İş-Bank", "??-Bank"),
        ("Café", "Café"),
        ("A\0B", "A?B"),
        ("x" * 40, "x" * 20),
    ],
)
async def test_a_text_of_any_name_arrives_and_the_next_one_goes(
    site: Site, sender: str, written: str
) -> None:
    """A phone that is a carrier gets texts from names in any alphabet."""
    esme = await site.bind()
    called: list[Called] = []
    account_id = site.account.account_id
    for name in (sender, "Bank"):
        facts = TextFacts(inbound_id=1, sender=name, recipient=sender, text="Hello")
        callback = NewCallback(
            callback_id=1,
            account_id=account_id,
            message_id=1,
            dialect=renderer_of_texts(SMPP),
            origin=url_of_binds(account_id),
            url=url_of_binds(account_id),
            payload=msgspec.json.encode(facts).decode(),
            due_ms=0,
        )
        site.gateway.smpp_server.binds.deliver(callback, called.append)
    texts = await esme.until_delivered(2)
    assert [text.source_addr for text in texts] == [written, "Bank"]
    assert texts[0].destination_addr == written
    await until(lambda: len(called) == 2)


async def test_a_receipt_that_cannot_be_made_is_given_back_and_the_next_one_goes(
    site: Site,
) -> None:
    esme = await site.bind()
    answer = await esme.ask(submit(registered_delivery=1))
    (receipt,) = await esme.until_delivered(1)
    assert receipt.short_message.startswith(f"id:{answer.message_id} ".encode())
    called: list[Called] = []
    account_id = site.account.account_id
    for payload in ("no facts", '{"message_id":1,"batch_id":1,"state":8,"at_ms":1,"sender":"x"}'):
        callback = NewCallback(
            callback_id=1,
            account_id=account_id,
            message_id=1,
            dialect=SMPP,
            origin=url_of_binds(account_id),
            url=url_of_binds(account_id),
            payload=payload,
            due_ms=0,
        )
        site.gateway.smpp_server.binds.deliver(callback, called.append)
    assert not called  # never before it returns
    await until(lambda: len(called) == 2)
    assert [(one.status, one.ours) for one in called] == [(None, True)] * 2
    assert (await esme.ask(submit(registered_delivery=1))).command_status == 0
    await esme.until_delivered(2)
