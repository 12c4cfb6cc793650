"""A carrier and an SMSC that writes what no SMSC should, octet by octet as the test has it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from tests.passing_time import until

from dragoman.core.messages.model.lifecycle import ReceiptState
from dragoman.core.messages.model.outcomes import Accepted, Deferred, Unknown
from dragoman.protocols.smpp.codec import Framer, decode, encode
from dragoman.protocols.smpp.pdus import (
    Bind,
    BindTransceiver,
    BindTransceiverResp,
    DeliverSm,
    DeliverSmResp,
    GenericNack,
    Outbind,
    Pdu,
    QuerySm,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)

RECEIPT = DeliverSm(
    esm_class=4,
    source_addr="4511111111",
    short_message=b"id:7b sub:001 dlvrd:001 submit date:2611212100 done date:2611212101 "
    b"stat:DELIVRD err:000 text:hi",
)


class OddSmsc:
    """One connection of a carrier; what it reads is kept, what it writes is the test's affair."""

    def __init__(self) -> None:
        self.read: list[Pdu] = []
        self.connections = 0
        self.at_eof = False
        self.binds_itself = True
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.close()
            await self._server.wait_closed()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, *pieces: bytes | tuple[Pdu, int]) -> None:
        """Writes octets, and PDUs with their numbers, at once."""
        assert self._writer is not None
        self._writer.write(
            b"".join(one if isinstance(one, bytes) else encode(*one) for one in pieces)
        )

    async def until_read(self, kind: type[Pdu], count: int = 1) -> list[Any]:
        await until(lambda: len(self.of(kind)) >= count, f"{count} {kind.__name__}")
        return self.of(kind)

    def of(self, kind: type[Pdu]) -> list[Any]:
        return [pdu for pdu in self.read if isinstance(pdu, kind)]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.connections += 1
        self.at_eof = False
        framer = Framer()
        while data := await reader.read(65536):
            for frame in framer.feed(data):
                pdu = decode(frame)
                self.read.append(pdu)
                if isinstance(pdu, Bind) and self.binds_itself:
                    self.write((BindTransceiverResp(system_id="odd"), pdu.sequence_number))
                elif isinstance(pdu, Unbind):
                    self.write((UnbindResp(), pdu.sequence_number))
        self.at_eof = True
        writer.close()


@pytest.fixture
async def smsc() -> AsyncIterator[OddSmsc]:
    odd = OddSmsc()
    yield odd
    await odd.stop()


@pytest.fixture
def carrier(smsc: OddSmsc, connect: Any) -> Callable[..., Awaitable[Any]]:
    """Returns a function that makes a carrier to the odd SMSC."""

    async def make(**more: Any) -> Any:
        return await connect(port=await smsc.start(), **more)

    return make


# It was refused 0x04, and the receipt was lost.
async def test_receipt_before_the_bind_response_arrives(
    smsc: OddSmsc, events: Any, carrier: Any
) -> None:
    smsc.binds_itself = False
    await carrier(wait=False)
    (bind,) = await smsc.until_read(BindTransceiver)
    smsc.write((RECEIPT, 1), (BindTransceiverResp(), bind.sequence_number), (RECEIPT, 2))
    answers = await smsc.until_read(DeliverSmResp, 2)
    assert [(one.sequence_number, one.command_status) for one in answers] == [(1, 0), (2, 0)]
    assert [one.state for one in events.receipts] == [ReceiptState.DELIVERED] * 2


# What was sent was unknown, although its response was on its way.
async def test_responses_behind_an_unbind_count(
    smsc: OddSmsc, events: Any, carrier: Any, outgoing: Any
) -> None:
    dragoman = await carrier(window=2)
    for number in range(4):
        dragoman.send(outgoing(number))
    first, second = await smsc.until_read(SubmitSm, 2)
    smsc.write((Unbind(), 99))
    await events.until(lambda: len(events.outcomes) == 2)
    assert all(isinstance(events.outcomes[number], Deferred) for number in (2, 3))
    assert (dragoman.up, smsc.of(UnbindResp)) == (False, [])
    for submit, name in ((first, "a"), (second, "b")):
        smsc.write((SubmitSmResp(message_id=name), submit.sequence_number))
    await events.until(lambda: len(events.outcomes) == 4)
    accepted = [Accepted(carrier_ids=(name,), link="test-1") for name in "ab"]
    assert [events.outcomes[number] for number in (0, 1)] == accepted
    await smsc.until_read(UnbindResp)
    await until(lambda: smsc.connections == 2, "the next link")


async def test_receipt_before_an_unbind_is_acknowledged_once_it_is_stored(
    smsc: OddSmsc, events: Any, carrier: Any
) -> None:
    await carrier()
    events.kept = []
    smsc.write((RECEIPT, 7), (Unbind(), 8))
    await events.until(lambda: events.kept)
    assert smsc.of(UnbindResp) == []
    events.kept.pop()(True)
    await smsc.until_read(UnbindResp)
    assert smsc.of(DeliverSmResp) == [DeliverSmResp(sequence_number=7)]
    await until(lambda: smsc.connections == 2, "the next link")


async def test_unbind_of_an_smsc_that_answers_nothing_more_ends_in_time(
    smsc: OddSmsc, events: Any, carrier: Any, outgoing: Any
) -> None:
    dragoman = await carrier(unbind_timeout_s=0.1)
    dragoman.send(outgoing(1))
    await smsc.until_read(SubmitSm)
    smsc.write((Unbind(), 8))
    await smsc.until_read(UnbindResp)
    await events.until(lambda: events.outcomes)
    assert events.outcomes[1] == Unknown(
        detail="the peer unbound", carrier_ids=(None,), link="test-1"
    )


async def test_stop_waits_for_responses_behind_an_unbind(
    smsc: OddSmsc, events: Any, carrier: Any, outgoing: Any
) -> None:
    dragoman = await carrier()
    dragoman.send(outgoing(1))
    (submit,) = await smsc.until_read(SubmitSm)
    smsc.write((Unbind(), 8))
    await events.until(lambda: not dragoman.up)
    stopping = asyncio.create_task(dragoman.stop(5.0))
    await asyncio.sleep(0)
    smsc.write((SubmitSmResp(message_id="a"), submit.sequence_number))
    await stopping
    assert events.outcomes == {1: Accepted(carrier_ids=("a",), link="test-1")}


def header(length: int, command_id: int, status: int, sequence: int) -> bytes:
    return struct.pack(">IIII", length, command_id, status, sequence)


def grown(pdu: Pdu, sequence: int, more: bytes) -> bytes:
    """A PDU with octets behind its last field, which its length counts."""
    data = encode(pdu, sequence) + more
    return len(data).to_bytes(4, "big") + data[4:]


ODDITIES = {
    "nothing": b"",
    "number_zero": encode(RECEIPT, 0),
    "number_too_large": encode(RECEIPT, 0xFFFFFFFF),
    "number_used_twice": encode(RECEIPT, 5) * 2,
    "response_to_nothing": encode(SubmitSmResp(message_id="x"), 4711),
    "bind_response_again": encode(BindTransceiverResp(), 1),
    "unbind_response": encode(UnbindResp(), 4711),
    "generic_nack": header(16, 0x80000000, 3, 4711),
    "generic_nack_without_a_number": header(16, 0x80000000, 2, 0),
    "generic_nack_with_a_body": header(20, 0x80000000, 2, 0) + b"oops",
    "unknown_request": header(20, 0x0000FFFF, 0, 9) + b"what",
    "unknown_response": header(20, 0x8000FFFF, 0, 9) + b"what",
    "bind_from_the_server": encode(BindTransceiver(system_id="odd"), 9),
    "submit_from_the_server": encode(SubmitSm(short_message=b"hi"), 9),
    "query_from_the_server": encode(QuerySm(message_id="7b"), 9),
    "outbind": encode(Outbind(system_id="odd"), 9),
    "alert_without_its_end": header(18, 0x00000102, 0, 9) + b"\0\0",
    "enquire_link_with_a_body": header(20, 0x00000015, 0, 9) + b"ping",
    "delivery_without_fields": header(16, 0x00000005, 0, 9),
    "delivery_with_a_status": header(16, 0x00000005, 8, 9),
    "parameter_of_no_octets": grown(RECEIPT, 9, b"\x04\x27\0\0"),
    "parameter_too_long": grown(RECEIPT, 9, b"\x04\x27\0\x04\0\0\0\x02"),
    "parameter_cut": grown(RECEIPT, 9, b"\x14\x01\xff\xff" + b"x"),
    "reference_of_no_octets": grown(RECEIPT, 9, b"\x02\x0c\0\0\x02\x0e\0\0\x02\x0f\0\0"),
    "id_without_its_end": grown(RECEIPT, 9, b"\0\x1e\0\x02" + b"7b"),
}


@pytest.mark.parametrize("piece", [None, 1, 7])
@pytest.mark.parametrize("oddity", ODDITIES)
async def test_no_oddity_costs_a_link_or_a_message(
    smsc: OddSmsc, events: Any, carrier: Any, outgoing: Any, oddity: str, piece: int | None
) -> None:
    dragoman = await carrier()
    dragoman.send(outgoing(1))
    (submit,) = await smsc.until_read(SubmitSm)
    octets = b"".join(
        (
            ODDITIES[oddity],
            encode(RECEIPT, 77),
            encode(SubmitSmResp(message_id="a"), submit.sequence_number),
        )
    )
    for start in range(0, len(octets), piece or len(octets)):
        smsc.write(octets[start : start + (piece or len(octets))])
        if piece is not None and start % 8 == 0:
            await asyncio.sleep(0)
    await until(lambda: any(one.sequence_number == 77 for one in smsc.of(DeliverSmResp)))
    assert [one.command_status for one in smsc.of(DeliverSmResp) if one.sequence_number == 77] == [
        0
    ]
    await events.until(lambda: events.outcomes)
    assert events.outcomes == {1: Accepted(carrier_ids=("a",), link="test-1")}
    assert {receipt.message_id for receipt in events.receipts} == {"7b"}
    assert (smsc.connections, dragoman.up) == (1, True)


@pytest.mark.parametrize("length", [0, 4, 15, 0x00020001, 0x7FFFFFFF, 0xFFFFFFFF])
async def test_a_lie_about_the_length_costs_the_link_and_nothing_before_it(
    smsc: OddSmsc, events: Any, carrier: Any, outgoing: Any, length: int
) -> None:
    dragoman = await carrier()
    dragoman.send(outgoing(1))
    (submit,) = await smsc.until_read(SubmitSm)
    smsc.write(
        (RECEIPT, 7),
        (SubmitSmResp(message_id="a"), submit.sequence_number),
        header(length, 0x00000005, 0, 9),
    )
    await events.until(lambda: events.outcomes and events.receipts)
    assert events.outcomes == {1: Accepted(carrier_ids=("a",), link="test-1")}
    await smsc.until_read(GenericNack)
    await until(lambda: smsc.connections == 2, "the next link")
    await events.until(lambda: dragoman.up)
