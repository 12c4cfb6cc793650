"""A customer's program for tests: over a socket, with our codec, answering as it is told to."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec
from tests.passing_time import until

from dragoman.protocols.smpp.codec import Framer, decode, encode
from dragoman.protocols.smpp.pdus import (
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    Pdu,
    SubmitSm,
    Unbind,
    UnbindResp,
)

NUMBER: Final = "4512345678"


class Esme:
    """A customer's program over a socket; every PDU that it reads is kept."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._framer = Framer()
        self._sequence = 0
        self.answers: dict[int, Pdu] = {}
        self.delivered: list[DeliverSm] = []
        self.raw = b""
        """Everything that was read."""
        self.statuses: list[int] = []
        """What the next deliver_sm are answered with; 0 once there are none."""
        self.silent = False
        """Whether deliver_sm and enquire_link are not answered."""
        self.unbound = False
        self.closed = False
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            while data := await self._reader.read(65536):
                self.raw += data
                for frame in self._framer.feed(data):
                    self._take(decode(frame))
        except OSError:
            pass
        self.closed = True

    def _take(self, pdu: Pdu) -> None:
        number = pdu.sequence_number
        if isinstance(pdu, DeliverSm):
            self.delivered.append(pdu)
            if not self.silent:
                status = self.statuses.pop(0) if self.statuses else 0
                self.write(DeliverSmResp(command_status=status, sequence_number=number))
        elif isinstance(pdu, EnquireLink):
            if not self.silent:
                self.write(EnquireLinkResp(sequence_number=number))
        elif isinstance(pdu, Unbind):
            self.unbound = True
            self.write(UnbindResp(sequence_number=number))
        else:
            self.answers[number] = pdu

    def write(self, *pdus: Pdu) -> None:
        self._writer.write(b"".join(map(encode, pdus)))

    def write_octets(self, octets: bytes) -> None:
        self._writer.write(octets)

    def send(self, pdu: Pdu) -> int:
        """Sends a request under a sequence number of its own."""
        self._sequence += 1
        self.write(msgspec.structs.replace(pdu, sequence_number=self._sequence))
        return self._sequence

    async def ask(self, pdu: Pdu) -> Any:
        """Sends a request and returns its answer."""
        number = self.send(pdu)
        await until(lambda: number in self.answers or self.closed, f"answer to {pdu}")
        return self.answers[number]

    async def until_delivered(self, count: int) -> list[DeliverSm]:
        await until(lambda: len(self.delivered) >= count, f"{count} deliver_sm")
        return self.delivered

    async def until_closed(self) -> None:
        await until(lambda: self.closed, "the end of the connection")

    async def close(self) -> None:
        self._writer.close()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)


def submit(text: bytes = b"Hello", **more: Any) -> SubmitSm:
    """A usual submit_sm."""
    fields = {
        "source_addr_ton": 5,
        "source_addr": "Dragoman",
        "dest_addr_ton": 1,
        "dest_addr_npi": 1,
        "destination_addr": NUMBER,
        "short_message": text,
        **more,
    }
    return SubmitSm(**fields)
