"""Programs that write what none should, octet by octet as the table has it."""

from __future__ import annotations

import asyncio
import struct

import pytest
from tests.passing_time import until
from tests.smpp_server.esme import submit

from dragoman.protocols.smpp.codec import encode
from dragoman.protocols.smpp.pdus import (
    BindTransceiver,
    BindTransceiverResp,
    DeliverSm,
    DeliverSmResp,
    GenericNack,
    Outbind,
    Pdu,
    SubmitSmResp,
    UnbindResp,
)

from .conftest import PASSWORD, Site


def header(length: int, command_id: int, sequence: int) -> bytes:
    return struct.pack(">IIII", length, command_id, 0, sequence)


def grown(pdu: Pdu, sequence: int, more: bytes) -> bytes:
    """A PDU with octets behind its last field, which its length counts."""
    data = encode(pdu, sequence) + more
    return len(data).to_bytes(4, "big") + data[4:]


# What is written, and how many of it are submits that count.
ODDITIES = {
    "nothing": (b"", 0),
    "number_zero": (encode(submit(), 0), 1),
    "number_too_large": (encode(submit(), 0xFFFFFFFF), 1),
    "number_used_twice": (encode(submit(), 5) * 2, 2),
    "response_to_nothing": (encode(DeliverSmResp(), 4711), 0),
    "response_of_the_server": (encode(SubmitSmResp(message_id="x"), 1), 0),
    "unbind_response": (encode(UnbindResp(), 1), 0),
    "generic_nack": (header(16, 0x80000000, 4711), 0),
    "generic_nack_without_a_number": (header(16, 0x80000000, 0), 0),
    "unknown_request": (header(20, 0x0000FFFF, 9) + b"what", 0),
    "unknown_response": (header(20, 0x8000FFFF, 9) + b"what", 0),
    "second_bind": (encode(BindTransceiver(system_id="acme"), 9), 0),
    "delivery_by_a_client": (encode(DeliverSm(short_message=b"hi"), 9), 0),
    "outbind_by_a_client": (encode(Outbind(system_id="acme"), 9), 0),
    "enquire_link_with_a_body": (header(20, 0x00000015, 9) + b"ping", 0),
    "submit_without_fields": (header(16, 0x00000004, 9), 0),
    "one_nul_too_many": (grown(submit(), 9, b"\0"), 1),
    "parameter_of_no_octets": (grown(submit(), 9, b"\x02\x04\0\0\x00\x05\0\0"), 1),
    "place_of_no_octets": (grown(submit(), 9, b"\x02\x0c\0\0\x02\x0e\0\0\x02\x0f\0\0"), 1),
    "parameter_too_long": (grown(submit(), 9, b"\x02\x04\0\x04\0\0\0\x02"), 1),
    "parameter_cut": (grown(submit(), 9, b"\x14\x01\xff\xff" + b"x"), 0),
}


@pytest.mark.parametrize("piece", [None, 1, 7])
async def test_no_oddity_costs_a_bind_or_a_submit(site: Site, piece: int | None) -> None:
    expected = 0
    for name, (octets, count) in ODDITIES.items():
        esme = await site.bind()
        octets += encode(submit(), 77)
        for start in range(0, len(octets), piece or len(octets)):
            esme.write_octets(octets[start : start + (piece or len(octets))])
            await asyncio.sleep(0)
        await until(lambda e=esme: e.closed or 77 in e.answers, name)
        assert not esme.closed, name
        assert esme.answers[77].command_status == 0, name
        expected += count + 1
        assert len(await site.messages()) == expected, name
        await esme.close()


@pytest.mark.parametrize("answer", [BindTransceiverResp(), GenericNack(), UnbindResp()])
async def test_an_answer_behind_a_bind_costs_no_bind(site: Site, answer: Pdu) -> None:
    esme = await site.connect()
    bind = BindTransceiver(system_id="acme", password=PASSWORD)
    esme.write_octets(encode(bind, 1) + encode(answer, 1) + encode(submit(), 2))
    await until(lambda: 2 in esme.answers or esme.closed, "the answer to the submit")
    assert not esme.closed
    assert [esme.answers[number].command_status for number in (1, 2)] == [0, 0]
    await esme.close()


@pytest.mark.parametrize("length", [0, 15, 0x00020001, 0xFFFFFFFF])
async def test_a_lie_about_the_length_costs_the_bind_and_no_message(
    site: Site, length: int
) -> None:
    esme = await site.bind()
    assert (await esme.ask(submit())).command_status == 0
    esme.write_octets(encode(submit(), 7) * 2 + header(length, 0x00000004, 9))
    await esme.until_closed()
    await until(lambda: not site.gateway.binds())
    assert len(await site.messages()) == 3
    assert esme.answers[7].command_status == 0
    assert esme.answers[0].command_status == 2
