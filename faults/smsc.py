"""An SMSC that keeps a record of what arrived, owes receipts until they are acknowledged, and can
misbehave. It shares no code with Dragoman (SMPP 3.4 s. 4)."""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import cast

HEAD = struct.Struct(">IIII")
BINDS = {0x01: "receiver", 0x02: "transmitter", 0x09: "transceiver"}
SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK = 0x04, 0x05, 0x06, 0x15
RESPONSE = 0x80000000
OK, ALREADY_BOUND, QUEUE_FULL, THROTTLED = 0x00, 0x05, 0x14, 0x58
DELIVERED, UNDELIVERABLE = "DELIVRD", "UNDELIV"
RECEIPT, TEXT = 0x04, 0x00
UNREAD_S = 0.2
"""How long a link is read before it is reset, for everything that was sent to arrive."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 10.0
"""Before a receipt or text that was refused is sent again; twice as long each time."""

SpellId = Callable[[int], tuple[str, str]]
"""The id of a message as its response has it, and as its receipt has it."""


def spell_decimal(number: int) -> tuple[str, str]:
    return str(number), str(number)


@dataclass(frozen=True, slots=True)
class Submit:
    """A message that arrived, after so many faults."""

    faults: int
    text: str
    target: str
    at: float
    link: int


@dataclass
class Manners:
    """How the SMSC behaves; may be changed at any time."""

    answer_after_s: float = 0.0
    receipt_after_s: float | None = 0.02
    """None sends no receipts."""
    receipt_state: Callable[[Submit], str] = lambda _: DELIVERED
    receipt_times: int = 1
    receipt_first: bool = False
    """The receipt leaves before the response."""
    in_one_segment: bool = False
    """Response and receipt leave in one write."""
    on_other_link: bool = False
    """Receipts leave on another link than the one their message came on, if there is one."""
    spell_id: SpellId = spell_decimal
    allowed_per_s: float | None = None
    """Submits above this rate are throttled."""
    throttle_status: int = THROTTLED
    one_bind: bool = False
    """A second bind is refused."""
    is_silent: bool = False
    """Reads everything and answers nothing, to probes neither."""
    is_deaf: bool = False
    """Reads nothing and answers nothing, as a machine that vanished."""
    by_octets: bool = False
    """Writes every octet by itself."""
    cut_responses: int = 0
    """Next responses that are cut in the middle, with their link."""
    lose_responses: int = 0
    """Next submits that are taken without an answer; then their link is reset, once what was
    under way has arrived."""


@dataclass
class Owed:
    """A receipt or text that is owed until it is acknowledged."""

    body: bytes
    not_on: int = -1
    """The link it should not take, if there is another."""
    sent_on: int = -1
    refused: int = 0
    """How often it was."""


@dataclass
class Smsc:
    """Listens on a port of its own; everything that arrived stays known when links go."""

    manners: Manners = field(default_factory=Manners)
    port: int = 0
    faults: int = 0
    """Faults so far, counted by whoever makes them."""
    submits: list[Submit] = field(default_factory=list)
    throttled: int = 0
    bind_attempts: int = 0
    acknowledged: int = 0
    refused: list[int] = field(default_factory=list)
    """Command statuses other than 0 that receipts and texts were answered with."""
    links: list[Link] = field(default_factory=list)
    holds_back: bool = False
    """Whether receipts and texts are owed and not sent."""
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _owed: dict[int, Owed] = field(default_factory=dict)
    _owed_keys: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _server: asyncio.Server | None = None
    _allowance: float = 1.0
    _allowance_at: float = 0.0

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._server = await loop.create_server(lambda: Link(self), sock=listener)

    def close(self) -> None:
        """Unreachable from now on, with every link cut."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut_links()

    def cut_links(self) -> None:
        for link in list(self.links):
            link.reset()

    @property
    def is_open(self) -> bool:
        return self._server is not None

    @property
    def bound(self) -> list[Link]:
        return [link for link in self.links if link.mode]

    @property
    def owed(self) -> int:
        """Receipts and texts that are not acknowledged."""
        return len(self._owed)

    @property
    def arrivals(self) -> list[tuple[int, str]]:
        return [(submit.faults, submit.text) for submit in self.submits]

    def describe_owed(self) -> str:
        """How many are owed: on a link that did not answer yet, refused, or on none."""
        alive = {link.number: {*link.delivering} for link in self.links}
        silent = sum(key in alive.get(owed.sent_on, ()) for key, owed in self._owed.items())
        refused = sum(owed.refused > 0 for owed in self._owed.values())
        return f"{self.owed}, of them {silent} not answered yet, {refused} refused before"

    def describe_links(self) -> str:
        """Each link: how long it has been there, and what it did not answer for how long."""
        now = time.monotonic()
        links = (
            f"{link.number}: {link.mode or 'not bound'} for {now - link.since:.0f} s,"
            f" {len(link.delivering)} not answered for {now - link.heard_at:.0f} s"
            for link in self.links
        )
        return "; ".join(links)

    def owe_text(self, source: str, target: str, text: str) -> None:
        """Owes a text of a phone, sent at once if a link can take it."""
        body = deliver_body(source, target, TEXT, text.encode("latin-1"))
        self.owe(Owed(body=body))

    def owe_receipt(self, submit: Submit, receipt_id: str, state: str, error: str = "000") -> None:
        self.owe(Owed(body=receipt_body(submit.target, receipt_id, state, error)))

    def owe(self, owed: Owed, link: Link | None = None) -> None:
        """Owes a receipt or text, and sends it: on a certain link, or on any."""
        key = next(self._owed_keys)
        self._owed[key] = owed
        self.send_owed(key, link)

    def send_owed(self, key: int, link: Link | None = None) -> None:
        owed = self._owed.get(key)
        if owed is None or self.holds_back:
            return
        able = [link for link in self.bound if link.mode != "transmitter"]
        link = link or next((link for link in able if link.number != owed.not_on), None)
        link = link or next(iter(able), None)
        if link is not None:
            owed.sent_on = link.number
            link.deliver(key, owed.body)

    def let_go(self) -> None:
        """Sends what was held back, all of it at once."""
        self.holds_back = False
        for key in [*self._owed]:
            self.send_owed(key)

    def send_again(self) -> None:
        """Sends on links that are there what was sent on links that are gone."""
        alive = {link.number for link in self.links}
        for key, owed in list(self._owed.items()):
            if owed.sent_on not in alive:
                self.send_owed(key)

    def settle(self, key: int, status: int) -> None:
        """A receipt or text was answered."""
        if status:
            self.refused.append(status)
            self._send_later(key)
        elif self._owed.pop(key, None) is not None:
            self.acknowledged += 1

    def _send_later(self, key: int) -> None:
        """Waits ever longer, as SMSCs do: thousands at once, over and over, would drown a node."""
        owed = self._owed.get(key)
        if owed is not None:
            wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**owed.refused)
            owed.refused += 1
            asyncio.get_running_loop().call_later(wait_s, self.send_owed, key)

    def next_number(self) -> int:
        return next(self._numbers)

    def allows(self) -> bool:
        """Takes one from the allowance, which grows to a second's at most."""
        rate = self.manners.allowed_per_s
        if rate is None:
            return True
        now = time.monotonic()
        grown = self._allowance + (now - self._allowance_at) * rate
        self._allowance, self._allowance_at = min(rate, grown), now
        if self._allowance < 1.0:
            return False
        self._allowance -= 1.0
        return True


class Link(asyncio.Protocol):
    """One connection of a gateway."""

    _next_number = itertools.count(1)

    def __init__(self, smsc: Smsc) -> None:
        self._smsc = smsc
        self._rest = b""
        self._out = bytearray()
        self._dripping = False
        self._sequence = 0
        self._delivering: dict[int, int] = {}
        self.number = next(self._next_number)
        self.mode = ""
        self.closed = False
        self._is_mute = False
        self.probes_answered = 0
        self.since = self.heard_at = time.monotonic()
        """When it came, and when it last acknowledged or refused something."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._smsc.manners.is_deaf:
            self._transport.pause_reading()
        self._smsc.links.append(self)

    @property
    def delivering(self) -> Collection[int]:
        """The keys of what was sent here and not answered."""
        return self._delivering.values()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        self.mode = ""
        if self in self._smsc.links:
            self._smsc.links.remove(self)
            self._smsc.send_again()  # another link may have come before this one was gone

    def reset(self) -> None:
        """Ends the connection without a goodbye."""
        self.mode = ""
        self._transport.abort()

    def probe(self) -> None:
        """Asks whether the other side is alive."""
        self._sequence = self._sequence % 0x7FFFFFFF + 1
        self.write(HEAD.pack(16, ENQUIRE_LINK, OK, self._sequence))

    def _lose_responses(self) -> None:
        if not self.closed:
            self._smsc.faults += 1
            self.reset()

    def go_deaf(self) -> None:
        self._transport.pause_reading()

    def hear_again(self) -> None:
        if not self.closed:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at = 0
        while len(data) - at >= HEAD.size:
            length, command, status, sequence = HEAD.unpack_from(data, at)
            if len(data) - at < length:
                break
            self._handle(data[at : at + length], command, status, sequence)
            at += length
        self._rest = data[at:]

    def _handle(self, pdu: bytes, command: int, status: int, sequence: int) -> None:
        manners = self._smsc.manners
        if command == SUBMIT_SM:
            self._take(pdu, sequence)
        elif command == DELIVER_SM | RESPONSE:
            key = self._delivering.pop(sequence, None)
            self.heard_at = time.monotonic()
            if key is not None:
                self._smsc.settle(key, status)
        elif command == ENQUIRE_LINK | RESPONSE:
            self.probes_answered += 1
        elif manners.is_silent:
            return
        elif command in BINDS:
            self._bind(command, sequence)
        elif command in (UNBIND, ENQUIRE_LINK):
            self.write(HEAD.pack(16, command | RESPONSE, OK, sequence))

    def _bind(self, command: int, sequence: int) -> None:
        self._smsc.bind_attempts += 1
        if self._smsc.manners.one_bind and self._smsc.bound:
            self.write(HEAD.pack(16, command | RESPONSE, ALREADY_BOUND, sequence))
            return
        self.mode = BINDS[command]
        self.write(HEAD.pack(21, command | RESPONSE, OK, sequence) + b"smsc\0")
        self._smsc.send_again()

    def _take(self, pdu: bytes, sequence: int) -> None:
        smsc, manners = self._smsc, self._smsc.manners
        if not smsc.allows():
            smsc.throttled += 1
            response = HEAD.pack(16, SUBMIT_SM | RESPONSE, manners.throttle_status, sequence)
            self.write(response)
            return
        target, text, wants_receipt = read_submit(pdu)
        submit = Submit(smsc.faults, text, target, time.monotonic(), self.number)
        smsc.submits.append(submit)
        if manners.is_silent or self._is_mute:
            return
        if manners.lose_responses:
            manners.lose_responses -= 1
            if not manners.lose_responses:
                self._is_mute = True
                asyncio.get_running_loop().call_later(UNREAD_S, self._lose_responses)
            return
        number = smsc.next_number()
        response_id, receipt_id = manners.spell_id(number)
        coded = response_id.encode("latin-1") + b"\0"
        response = HEAD.pack(16 + len(coded), SUBMIT_SM | RESPONSE, OK, sequence) + coded
        if manners.cut_responses:
            manners.cut_responses -= 1
            self.write(response[: len(response) // 2])
            asyncio.get_running_loop().call_later(0.05, self._lose_responses)
            return
        if wants_receipt and manners.receipt_after_s is not None:
            state = manners.receipt_state(submit)
            error = "000" if state == DELIVERED else f"{number % 1000:03d}"
            body = receipt_body(submit.target, receipt_id, state, error)
            self._answer_and_report(response, body)
        else:
            self._later(manners.answer_after_s, self.write, response)

    def _answer_and_report(self, response: bytes, body: bytes) -> None:
        smsc, manners = self._smsc, self._smsc.manners
        not_on = self.number if manners.on_other_link else -1
        owed = [Owed(body=body, not_on=not_on) for _ in range(manners.receipt_times)]

        def report() -> None:
            for one in owed:
                smsc.owe(one)

        def report_then_answer() -> None:
            report()
            self._later(0.05, self.write, response)

        def answer_with_report() -> None:
            self._out += response
            for one in owed:
                smsc.owe(one, self)

        if manners.receipt_first:
            self._later(manners.answer_after_s, report_then_answer)
        elif manners.in_one_segment:
            self._later(manners.answer_after_s, answer_with_report)
        else:
            self._later(manners.answer_after_s, self.write, response)
            wait_s = manners.answer_after_s + (manners.receipt_after_s or 0)
            asyncio.get_running_loop().call_later(wait_s, report)

    def _later(self, wait_s: float, do: Callable[..., None], *arguments: object) -> None:
        if wait_s:
            asyncio.get_running_loop().call_later(wait_s, do, *arguments)
        else:
            do(*arguments)

    def deliver(self, key: int, body: bytes) -> None:
        """Sends a deliver_sm; its answer settles what is owed under the key."""
        self._sequence = self._sequence % 0x7FFFFFFF + 1
        self._delivering[self._sequence] = key
        self.write(HEAD.pack(16 + len(body), DELIVER_SM, OK, self._sequence) + body)

    def write(self, data: bytes) -> None:
        if self._transport.is_closing() or self._smsc.manners.is_deaf:
            return
        self._out += data
        if self._smsc.manners.by_octets or self._dripping:
            if not self._dripping:
                self._dripping = True
                self._drip()
        else:
            self._transport.write(bytes(self._out))
            self._out.clear()

    def _drip(self) -> None:
        if self.closed or not self._out:
            self._dripping = False
            return
        self._transport.write(bytes(self._out[:1]))
        del self._out[:1]
        asyncio.get_running_loop().call_soon(self._drip)


def read_submit(pdu: bytes) -> tuple[str, str, bool]:
    """Destination, text and whether a receipt is wanted, of a submit_sm (SMPP 3.4 s. 4.4.1)."""
    at = pdu.index(0, HEAD.size) + 1  # service_type
    at = pdu.index(0, at + 2) + 1  # source
    end = pdu.index(0, at + 2)
    target = pdu[at + 2 : end].decode("latin-1")
    at = pdu.index(0, end + 4) + 1  # schedule_delivery_time
    at = pdu.index(0, at) + 1  # validity_period
    text = pdu[at + 5 : at + 5 + pdu[at + 4]].decode("latin-1")
    return target, text, bool(pdu[at] & 1)


def deliver_body(source: str, target: str, esm_class: int, text: bytes) -> bytes:
    """The body of a deliver_sm (SMPP 3.4 s. 4.6.1)."""
    head = b"\0\1\1" + source.encode() + b"\0\1\1" + target.encode() + b"\0"
    return head + bytes([esm_class]) + bytes(8) + bytes([len(text)]) + text


def receipt_body(source: str, receipt_id: str, state: str, error: str) -> bytes:
    """A receipt as SMPP 3.4 App. B suggests it; an id of 65 characters leaves no room for dates."""
    date = time.strftime("%y%m%d%H%M")
    text = (
        f"id:{receipt_id} sub:001 dlvrd:001 submit date:{date} done date:{date}"
        f" stat:{state} err:{error} text:"
    )
    return deliver_body(source, "1204", RECEIPT, text.encode("latin-1"))
