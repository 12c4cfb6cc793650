"""Customers that send anything, beside one that works: nothing of theirs reaches it or stays."""

from __future__ import annotations

import asyncio
import random

import structlog.testing
from tests.passing_time import until

from dragoman.protocols.smpp.codec import encode
from dragoman.protocols.smpp.pdus import (
    BindTransceiver,
    CancelSm,
    DataSm,
    DeliverSmResp,
    EnquireLink,
    Pdu,
    QuerySm,
    ReplaceSm,
    SmeAddress,
    SubmitMulti,
    SubmitSm,
)
from dragoman.protocols.smpp.tlvs import Tlv

from .conftest import NUMBER, PASSWORD, Site, submit

STREAMS = 60
PDUS = 40
GOOD = 100
SEEDS: tuple[Pdu, ...] = (
    submit(b"Hello", registered_delivery=1),
    submit(b"\x05\x00\x03\x07\x02\x01one", esm_class=0x40),
    SubmitSm(destination_addr=NUMBER, data_coding=8, short_message="é".encode("utf-16-be")),
    SubmitMulti(dest_address=(SmeAddress(1, 1, NUMBER),), short_message=b"Hello"),
    DataSm(destination_addr=NUMBER, tlvs=(Tlv(0x0424, b"Hello"),)),
    QuerySm(message_id="7", source_addr="Dragoman"),
    CancelSm(source_addr="Dragoman", destination_addr=NUMBER),
    ReplaceSm(message_id="7", short_message=b"x"),
    BindTransceiver(system_id="bad", password=PASSWORD),
    DeliverSmResp(),
    EnquireLink(),
)


def mutated(chance: random.Random) -> bytes:
    """A PDU with some octets changed; its length is mostly right."""
    frame = bytearray(encode(chance.choice(SEEDS)))
    for _ in range(chance.choice((0, 1, 1, 2, 8))):
        frame[chance.randrange(4, len(frame))] = chance.randrange(256)
    if chance.random() < 0.2:
        frame = frame[: chance.randrange(16, len(frame) + 1)]
    if chance.random() < 0.98:
        frame[:4] = len(frame).to_bytes(4, "big")
    return bytes(frame)


async def pester(site: Site, chance: random.Random) -> None:
    """One connection after another, some of them bound, each of which sends nonsense."""
    for _ in range(STREAMS):
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        if chance.random() < 0.8:
            writer.write(encode(BindTransceiver(system_id="bad", password=PASSWORD)))
            await reader.read(16)
        writer.write(b"".join(mutated(chance) for _ in range(PDUS)))
        if chance.random() < 0.5:
            writer.write_eof()
            while await reader.read(65536):
                pass
        writer.transport.abort()


async def test_nonsense_of_some_harms_nobody_else(site: Site) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    await site.account_with_login("bad", max_binds=50)
    good = await site.bind()
    with structlog.testing.capture_logs() as logs:
        pestering = [
            asyncio.create_task(pester(site, random.Random(seed + number))) for number in range(4)
        ]
        ids = [(await good.ask(submit(registered_delivery=1))).message_id for _ in range(GOOD)]
        await asyncio.gather(*pestering)
        await good.until_delivered(GOOD)
    # The last of them may be accepted only after they are gone.
    await until(lambda: len(site.gateway.smpp_server._connections) == 1)
    assert len(site.gateway.binds()) == 1
    assert all(ids)
    assert {pdu.tlvs[0].value[:-1].decode() for pdu in good.delivered} == set(ids)
    assert [line for line in logs if line["log_level"] == "error"] == []
    assert not site.gateway.smpp_server._unbound
