"""An SMSC that takes everything: counts each text, and reports delivery where it is asked to.

    python smsc_sink.py PORT [--receipts] [--numbered] [--watch TEXT]

On SIGTERM it prints one JSON line: submits, distinct (destination and text), receipts, seconds from
the first submit to the last, and whether every submit came once; on SIGUSR1 too, and then counts
anew. With --numbered each text has a number of ten digits: then how many numbers came how often,
which takes little memory, in place of what is distinct. With --watch: when each submit came, and
each text with that beginning. It shares no code with Dragoman, so that every gateway is measured by
the same instrument.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import struct
import time
from typing import cast

from benchmarks.instruments.numbers_seen import Numbers

HEAD = struct.Struct(">IIII")
BINDS = (0x01, 0x02, 0x09)
SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK = 0x04, 0x05, 0x06, 0x15
RESPONSE = 0x80000000


class Tally:
    """What arrived."""

    def __init__(self) -> None:
        self.number = 0
        """Of the last submit; what its message ID is made of."""
        self.begin()

    def begin(self) -> None:
        """Counts from 0."""
        self.submits = 0
        self.receipts = 0
        self.first = 0.0
        self.last = 0.0
        self.seen: set[int] = set()
        self.numbers = Numbers()
        self.watched: list[tuple[str, float]] = []
        self.times: list[float] = []

    def summary(self) -> dict[str, object]:
        seconds = self.last - self.first
        return {
            "submits": self.submits,
            "distinct": len(self.seen),
            "receipts": self.receipts,
            "seconds": round(seconds, 2),
            "per_second": round(self.submits / seconds) if seconds > 0 else 0,
            "doubled": self.submits - len(self.seen),
            "numbers": self.numbers.counted(),
            "watched": self.watched,
            "times": self.times,
        }


class SinkLink(asyncio.Protocol):
    """One bound connection."""

    def __init__(self, tally: Tally, options: argparse.Namespace) -> None:
        self._tally = tally
        self._receipts = options.receipts
        self._numbered = options.numbered
        self._watch = options.watch.encode()
        self._rest = b""
        self._sequence = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio.Transport.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at = 0
        answers: list[bytes] = []
        reports: list[bytes] = []
        while len(data) - at >= HEAD.size:
            length, command, _, sequence = HEAD.unpack_from(data, at)
            if len(data) - at < length:
                break
            if command == SUBMIT_SM:
                answers.append(self._take(data[at : at + length], sequence, reports))
            elif command in BINDS:
                answers.append(HEAD.pack(21, command | RESPONSE, 0, sequence) + b"sink\0")
            elif command in (UNBIND, ENQUIRE_LINK):
                answers.append(HEAD.pack(16, command | RESPONSE, 0, sequence))
            at += length
        self._rest = data[at:]
        if answers or reports:
            self._transport.write(b"".join(answers + reports))

    def _take(self, pdu: bytes, sequence: int, reports: list[bytes]) -> bytes:
        tally = self._tally
        now = time.time()
        tally.first, tally.last = tally.first or now, now
        tally.submits += 1
        tally.number += 1
        service_end = pdu.index(0, 16)
        source_end = pdu.index(0, service_end + 3)
        target_end = pdu.index(0, source_end + 3)
        schedule_end = pdu.index(0, target_end + 4)
        validity_end = pdu.index(0, schedule_end + 1)
        source = pdu[service_end + 1 : source_end + 1]
        target = pdu[source_end + 1 : target_end + 1]
        wants_receipt = pdu[validity_end + 1] & 1
        text = pdu[validity_end + 6 : validity_end + 6 + pdu[validity_end + 5]]
        if self._numbered:
            tally.numbers.note(text)
        else:
            tally.seen.add(hash((target, text)))
        if self._watch:
            tally.times.append(now)
            if text.startswith(self._watch):
                tally.watched.append((text.decode(), now))
        message_id = b"%d" % tally.number
        if self._receipts and wants_receipt:
            reports.append(self._report(message_id, source, target))
        return (
            HEAD.pack(17 + len(message_id), SUBMIT_SM | RESPONSE, 0, sequence) + message_id + b"\0"
        )

    def _report(self, message_id: bytes, source: bytes, target: bytes) -> bytes:
        self._tally.receipts += 1
        self._sequence = self._sequence % 0x7FFFFFFF + 1
        date = time.strftime("%y%m%d%H%M").encode()
        text = b"id:%s sub:001 dlvrd:001 submit date:%s done date:%s stat:DELIVRD err:000 text:" % (
            message_id,
            date,
            date,
        )
        body = b"\0" + target + source + b"\x04" + bytes(8) + bytes([len(text)]) + text
        return HEAD.pack(16 + len(body), DELIVER_SM, 0, self._sequence) + body


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--receipts", action="store_true")
    parser.add_argument("--numbered", action="store_true")
    parser.add_argument("--watch", default="")
    options = parser.parse_args()
    tally, stop = Tally(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)

    def tell() -> None:
        print(json.dumps(tally.summary()), flush=True)
        tally.begin()

    loop.add_signal_handler(signal.SIGUSR1, tell)
    await loop.create_server(lambda: SinkLink(tally, options), "127.0.0.1", options.port)
    print("ready", flush=True)
    await stop.wait()
    print(json.dumps(tally.summary()), flush=True)


if __name__ == "__main__":
    try:
        import uvloop
    except ImportError:
        asyncio.run(main())
    else:
        uvloop.run(main())
