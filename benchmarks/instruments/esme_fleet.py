"""Programs of a customer: they bind, submit as fast as they are answered, and take receipts.

    python esme_fleet.py PORT --system-id ID --password WORD [--binds 4] [--window 100]
                         [--seconds S] [--idle] [--quiet S] [--registered 1] [--messages N]

Each bind keeps a window of submit_sm unanswered; every text has a number of its own. With
--messages they submit so many, and are done with the last receipt at the latest after --seconds.
With --idle they only stay bound, until a line comes on standard input. Prints one JSON line. It
shares no code with Dragoman.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import struct
import sys
import time
from typing import cast

HEAD = struct.Struct(">IIII")
BIND_TRANSCEIVER, SUBMIT_SM, DELIVER_SM, ENQUIRE_LINK = 0x09, 0x04, 0x05, 0x15
RESPONSE = 0x80000000


class Tally:
    """What was sent and what came back."""

    def __init__(self) -> None:
        self.sent = 0
        self.wanted = float("inf")
        self.is_complete = asyncio.Event()
        """Set once as many are answered, and reported, as are wanted."""
        self.statuses: dict[int, int] = {}
        self.ids: set[bytes] = set()
        self.receipts: set[bytes] = set()
        self.repeated = 0
        self.first = 0.0
        self.last = 0.0
        self.last_receipt = 0.0
        self.latencies: list[float] = []

    def look(self, registered: int) -> None:
        """Looks whether this was all."""
        if sum(self.statuses.values()) >= self.wanted and (
            not registered or len(self.receipts) >= len(self.ids)
        ):
            self.is_complete.set()


class Esme(asyncio.Protocol):
    """One bind."""

    def __init__(self, tally: Tally, bind: bytes, window: int, registered: int) -> None:
        self._tally = tally
        self._bind = bind
        self._window = window
        self._registered = registered
        self._head = b"\0\x05\0TEST\0\x01\x014512345678\0\0\0\0\0\0%c\0\0\0" % registered
        self._rest = b""
        self._sequence = 1
        self._sent_at: dict[int, float] = {}
        self.submitting = False
        self.bound = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio.Transport.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._bind)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.bound.done():
            self.bound.set_exception(ConnectionError("not bound"))

    def begin(self) -> None:
        """Fills the window."""
        self.submitting = True
        now = time.perf_counter()
        self._tally.first = self._tally.first or now
        self._transport.write(b"".join(self._submit(now) for _ in range(self._window)))

    def _submit(self, now: float) -> bytes:
        tally = self._tally
        tally.sent += 1
        self._sequence += 1
        self._sent_at[self._sequence] = now
        text = b"Hello world number %010d" % tally.sent
        body = self._head + bytes((len(text),)) + text
        return HEAD.pack(16 + len(body), SUBMIT_SM, 0, self._sequence) + body

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at, out = 0, []
        now = time.perf_counter()
        while len(data) - at >= HEAD.size:
            length, command, status, sequence = HEAD.unpack_from(data, at)
            if len(data) - at < length:
                break
            if command == SUBMIT_SM | RESPONSE:
                self._note(status, data[at + 16 : at + length - 1], sequence, now)
                if self.submitting and self._tally.sent < self._tally.wanted:
                    out.append(self._submit(now))
            elif command == DELIVER_SM:
                self._receive(data[at : at + length], now)
                out.append(HEAD.pack(17, DELIVER_SM | RESPONSE, 0, sequence) + b"\0")
            elif command == ENQUIRE_LINK:
                out.append(HEAD.pack(16, ENQUIRE_LINK | RESPONSE, 0, sequence))
            elif command == BIND_TRANSCEIVER | RESPONSE and not self.bound.done():
                if status:
                    self.bound.set_exception(ConnectionError(f"bind refused with {status:#x}"))
                else:
                    self.bound.set_result(None)
            at += length
        self._rest = data[at:]
        self._tally.look(self._registered)
        if out:
            self._transport.write(b"".join(out))

    def _note(self, status: int, message_id: bytes, sequence: int, now: float) -> None:
        tally = self._tally
        tally.last = now
        tally.statuses[status] = tally.statuses.get(status, 0) + 1
        tally.latencies.append(now - self._sent_at.pop(sequence))
        if not status:
            tally.ids.add(message_id)

    def _receive(self, pdu: bytes, now: float) -> None:
        begin = pdu.find(b"id:") + 3
        message_id = pdu[begin : pdu.find(b" ", begin)]
        self._tally.last_receipt = now
        self._tally.repeated += message_id in self._tally.receipts
        self._tally.receipts.add(message_id)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--system-id", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--binds", type=int, default=4)
    parser.add_argument("--window", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--quiet", type=float, default=3.0)
    parser.add_argument("--registered", type=int, default=1)
    parser.add_argument("--messages", type=int)
    parser.add_argument("--idle", action="store_true")
    options = parser.parse_args()
    tally, loop = Tally(), asyncio.get_running_loop()
    body = f"{options.system_id}\0{options.password}\0\0".encode() + b"\x34\0\0\0"
    bind = HEAD.pack(16 + len(body), BIND_TRANSCEIVER, 0, 1) + body
    esmes = []
    for _ in range(options.binds):
        _, esme = await loop.create_connection(
            lambda: Esme(tally, bind, options.window, options.registered), "127.0.0.1", options.port
        )
        await esme.bound
        esmes.append(esme)
    if options.idle:
        print(json.dumps({"bound": len(esmes)}), flush=True)
        await loop.run_in_executor(None, sys.stdin.readline)
        return
    if options.messages:
        tally.wanted = options.messages
    for esme in esmes:
        esme.begin()
    if options.messages:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(tally.is_complete.wait(), options.seconds)
    else:
        await asyncio.sleep(options.seconds)
        for esme in esmes:
            esme.submitting = False
        await asyncio.sleep(options.quiet)
    ordered = sorted(tally.latencies) or [0.0]
    seconds = tally.last - tally.first
    print(
        json.dumps(
            {
                "sent": tally.sent,
                "accepted": len(tally.ids),
                "statuses": tally.statuses,
                "receipts": len(tally.receipts),
                "known_receipts": len(tally.receipts & tally.ids),
                "repeated": tally.repeated,
                "per_second": round(len(tally.ids) / seconds) if seconds > 0 else 0,
                "receipts_s": round(tally.last_receipt - tally.first, 2),
                "p50_ms": round(ordered[len(ordered) // 2] * 1000, 1),
                "p99_ms": round(ordered[len(ordered) * 99 // 100] * 1000, 1),
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    try:
        import uvloop
    except ImportError:
        asyncio.run(main())
    else:
        uvloop.run(main())
