"""Our carrier against an SMSC not written here, and a client not written here against ours."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import smpp34
from tests.passing_time import PATIENCE_S

from dragoman.core.messages.model.lifecycle import ReceiptState
from dragoman.core.messages.model.outcomes import Accepted, Rejected
from dragoman.protocols.smpp.constants import CommandStatus
from dragoman.testkit.simulator import Behaviour, Simulator

LONG = "A rather long text that needs several parts, æøå €. " * 8


class ForeignSmsc:
    """Serves smpp34's server: accepts, refuses 4599…, reports each message as delivered."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.server = smpp34.Server("127.0.0.1", port, system_id="FOREIGN")
        self.clients: dict[str, smpp34.Esme] = {}
        self.received: list[Any] = []
        self.statuses: list[int] = []
        self._reports: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        while True:
            event = await self.server.next()
            if isinstance(event, smpp34.Esme):
                self.clients[event.session_id] = event
            elif isinstance(event, smpp34.SubmitSmEvent):
                self.received.append(event)
                if event.destination_addr.startswith("4599"):
                    event.reject(smpp34.ESME_RINVDSTADR)
                    continue
                number = f"{len(self.received):08X}"
                event.accept(number)
                report = asyncio.create_task(self._report(event, int(number, 16)))
                self._reports.add(report)
                report.add_done_callback(self._reports.discard)

    async def _report(self, submit: Any, number: int) -> None:
        response = await self.clients[submit.session_id].deliver_sm(
            submit.source_addr,
            source_addr=submit.destination_addr,
            esm_class=4,
            short_message=f"id:{number} sub:001 dlvrd:001 submit date:2611212100 "
            f"done date:2611212101 stat:DELIVRD err:000 text:".encode(),
        )
        self.statuses.append(response.command_status)


@pytest.fixture
async def foreign_smsc() -> AsyncIterator[ForeignSmsc]:
    with socket.socket() as placeholder:
        placeholder.bind(("127.0.0.1", 0))
        port = placeholder.getsockname()[1]
    smsc = ForeignSmsc(port)
    await smsc.server.start()
    serving = asyncio.create_task(smsc.serve())
    yield smsc
    serving.cancel()
    await asyncio.wait([serving])
    await smsc.server.stop()


async def test_our_carrier_sends_to_a_foreign_smsc_and_reads_its_receipts(
    foreign_smsc: ForeignSmsc, events: Any, connect: Any, outgoing: Any
) -> None:
    carrier = await connect(port=foreign_smsc.port, links=2)
    for number in range(50):
        carrier.send(outgoing(number, f"text {number}", recipient=f"45{number:08d}"))
    carrier.send(outgoing(98, LONG))
    carrier.send(outgoing(99, recipient="4599000000"))
    await events.until(lambda: len(events.outcomes) == 52 and len(events.receipts) == 53)
    assert isinstance(events.outcomes[99], Rejected)
    assert all(isinstance(events.outcomes[number], Accepted) for number in range(50))
    assert len(events.outcomes[98].carrier_ids) == 3
    plain = sorted(event.short_message for event in foreign_smsc.received if event.esm_class == 0)
    assert plain == sorted([b"hello", *(f"text {number}".encode() for number in range(50))])
    for receipt in events.receipts:
        assert receipt.state is ReceiptState.DELIVERED
    taken = {
        int(one, 16)
        for outcome in events.outcomes.values()
        if isinstance(outcome, Accepted)
        for one in outcome.carrier_ids
    }
    assert {int(receipt.message_id) for receipt in events.receipts} == taken
    await events.until(lambda: len(foreign_smsc.statuses) == 53)
    assert set(foreign_smsc.statuses) == {0}


async def test_our_carrier_reads_texts_of_a_foreign_smsc(
    foreign_smsc: ForeignSmsc, events: Any, connect: Any
) -> None:
    await connect(port=foreign_smsc.port)
    await events.until(lambda: foreign_smsc.clients)
    (client,) = foreign_smsc.clients.values()
    response = await client.deliver_sm(
        "1245",
        source_addr="4522222222",
        data_coding=8,
        tlvs=[smpp34.Tlv(smpp34.TLV_MESSAGE_PAYLOAD, "hej ✓".encode("utf-16-be"))],
    )
    assert response.is_success
    (text,) = events.texts
    assert (text.source, text.destination, text.text) == ("4522222222", "1245", "hej ✓")


async def test_foreign_client_talks_to_our_simulator(simulator: Simulator) -> None:
    simulator.behave("4599", Behaviour(status=CommandStatus.ESME_RINVDSTADR))
    client = smpp34.Client("127.0.0.1", simulator.port, "dragoman", "secret", bind_type="TRX")
    smsc = await client.connect()
    responses = await asyncio.gather(
        *(
            smsc.submit_sm(
                f"45{number:08d}",
                f"text {number}".encode(),
                source_addr="1245",
                registered_delivery=1,
            )
            for number in range(30)
        )
    )
    assert sorted(int(response.message_id) for response in responses) == list(range(1, 31))
    refused = await smsc.submit_sm("4599000000", b"no", source_addr="1245")
    assert refused.command_status == CommandStatus.ESME_RINVDSTADR
    receipts = [await asyncio.wait_for(smsc.next(), PATIENCE_S) for _ in range(30)]
    assert {receipt.esm_class for receipt in receipts} == {4}
    assert {b"stat:DELIVRD" in receipt.short_message for receipt in receipts} == {True}
    assert simulator.phone("4500000007").received[0].text == "text 7"
    await simulator.send_text("4522222222", "1245", "hej", system_id="dragoman")
    text = await asyncio.wait_for(smsc.next(), PATIENCE_S)
    assert (text.source_addr, text.short_message) == ("4522222222", b"hej")
    await smsc.unbind()
    await client.stop()


async def test_foreign_client_with_a_wrong_password_is_refused() -> None:
    simulator = Simulator(accounts={"dragoman": "secret"})
    await simulator.start()
    client = smpp34.Client("127.0.0.1", simulator.port, "dragoman", "wrong", connect_timeout_ms=500)
    with pytest.raises(smpp34.SmppError):
        await client.connect()
    await client.stop()
    assert all(not wire.session.bound for wire in simulator.wires)
    await simulator.stop()
