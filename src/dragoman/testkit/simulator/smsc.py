"""The simulated SMSC: accepts messages, sends scripted receipts, and sends texts of phones.

Everything may be changed while it runs: attributes for the SMSC as a whole, `behave` for numbers,
gates for the order of what it sends.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Final

import msgspec

from dragoman.kit.token_bucket import TokenBucket
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.protocols.gsm.segmentation import PLAIN, Repertoire, segment_text
from dragoman.protocols.smpp.constants import (
    ESM_UDHI,
    REGISTERED_FAILURE,
    REGISTERED_RECEIPT_MASK,
    CommandStatus,
    MessageState,
    Tag,
)
from dragoman.protocols.smpp.events import BindRequested
from dragoman.protocols.smpp.layouts import RESPONSE_CLASSES
from dragoman.protocols.smpp.pdus import (
    BindResp,
    DeliverSm,
    Pdu,
    QuerySm,
    QuerySmResp,
    SubmitSm,
    SubmitSmResp,
)
from dragoman.protocols.smpp.session_settings import SessionSettings
from dragoman.protocols.smpp.tlvs import integer_tlv
from dragoman.testkit.simulator.behaviour import Answer, Behaviour, ReceiptTiming
from dragoman.testkit.simulator.gate import Gate
from dragoman.testkit.simulator.ids import IdStyle, spell_id
from dragoman.testkit.simulator.phones import Phone, ReceivedText, SubmittedText, read_submit
from dragoman.testkit.simulator.reports import build_receipt
from dragoman.testkit.simulator.rules import Rules
from dragoman.testkit.simulator.schedule import Schedule
from dragoman.testkit.simulator.wire import Delivery, Wire

SESSION: Final = SessionSettings(
    silent_while_unbinding=False,
    window=100,
    response_timeout_s=30.0,
    bind_timeout_s=10.0,
    enquire_interval_s=60.0,
    enquire_timeout_s=10.0,
)
_ANSWERED: Final = (Answer.SENT, Answer.RESET_AFTER)
_CODINGS: Final = {Alphabet.GSM7: 0, Alphabet.UCS2: 8}
_DELIVERED: Final = Behaviour()
_REFUSALS: Final = {
    "QuerySm": CommandStatus.ESME_RQUERYFAIL,
    "CancelSm": CommandStatus.ESME_RCANCELFAIL,
    "ReplaceSm": CommandStatus.ESME_RREPLACEFAIL,
}


class Submit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A submit_sm as it arrived and what it was answered with."""

    system_id: str
    link: int
    pdu: SubmitSm
    content: SubmittedText
    status: int
    message_id: str = ""


class Simulator:
    """An SMSC on a TCP port.

    `accounts` maps system_id to password, None lets everyone in. `ledger` names a file that gets
    a line for each submit taken, before its response is written: destination, header in
    hexadecimal, text in hexadecimal of UTF-8, message id, with tabs between. `remember` bounds how
    many submits and phones are kept. Message ids count up from `first_id`: a simulator that is
    started again and again needs ones it has not given before.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        accounts: Mapping[str, str] | None = None,
        ledger: Path | None = None,
        remember: int | None = None,
        first_id: int = 1,
        session: SessionSettings | None = None,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.host = host
        self.port = port
        self.accounts = accounts
        self.session_settings = session or SESSION
        self.tls = tls
        # Scripts may change these at any time.
        self.default = _DELIVERED
        self.id_style = IdStyle.DECIMAL
        self.silent = False
        """Half open: the connection stays, nothing is read or written."""
        self.write_size: int | None = None
        """Octets a write; 1 for one byte at a time."""
        self.stray = b""
        """Octets behind the last field of every PDU, as some servers leave there."""
        self.window: int | None = None
        """Submits of one link that may wait for their response; more get ESME_RMSGQFUL."""
        self.bind_status = 0
        """Status of every bind response; with any other than 0, no client is admitted."""
        self.redeliver_after_s = 0.2
        """When a deliver_sm that was refused or not answered is sent again."""
        self.counts_texts = False
        """Whether rules with a number of uses count whole texts, not parts."""
        self.on_text: Callable[[str, ReceivedText], None] | None = None
        """Called with each text that a phone shows, and the phone's number."""
        self.on_rule_spent: Callable[[str], None] | None = None
        """Called with the number or prefix of a rule when its last use is over."""
        self.answers = Gate()
        """Shut, it holds up the responses to submits, and the receipts that go out after them."""
        self.receipts = Gate()
        """Shut, it holds up the receipts."""
        # Scripts may read these.
        self.submits: deque[Submit] = deque(maxlen=remember)
        self.phones: dict[str, Phone] = {}
        self.taken = 0
        self.refused = 0
        self.receipts_acknowledged = 0
        self.wires: list[Wire] = []
        self._remember = remember
        self._ledger_path = ledger
        self._ledger: IO[str] | None = None
        self._clock = clock
        self._schedule = Schedule(clock)
        self._rules = Rules(self._rule_spent)
        self._throttle: TokenBucket | None = None
        self._throttle_status = CommandStatus.ESME_RTHROTTLED.value
        self._server: asyncio.Server | None = None
        self._all_closed = asyncio.Event()
        self._all_closed.set()
        self._wires_made = 0
        self._next_id = first_id
        self._next_reference = 1
        self._states: dict[str, MessageState] = {}
        self._waiting: dict[str, deque[Delivery]] = {}

    async def start(self) -> None:
        """Listens; `port` is the real one afterwards."""
        if self._ledger_path is not None:
            self._ledger = self._ledger_path.open("a", encoding="ascii")
        self._server = await asyncio.get_running_loop().create_server(
            self._make_wire, self.host, self.port, ssl=self.tls
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Closes the port and every connection."""
        if self._server is not None:
            self._server.close()
        self._schedule.clear()
        for wire in tuple(self.wires):
            wire.reset()
        if self._server is not None:
            await self._server.wait_closed()
        await self._all_closed.wait()
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None

    # Scripts

    def behave(self, prefix: str, behaviour: Behaviour, *, times: int | None = None) -> None:
        """Decides the fate of messages to a number or prefix; the longest prefix counts.

        After `times` messages the rule is gone.
        """
        self._rules.add(prefix, behaviour, times)

    def forget_behaviours(self) -> None:
        """Drops every rule; `default` stays."""
        self._rules.clear()

    def throttle(
        self,
        per_s: float | None,
        *,
        burst: float | None = None,
        status: int = CommandStatus.ESME_RTHROTTLED.value,
    ) -> None:
        """Accepts at most `per_s` messages a second and answers the others with `status`.

        `burst` may come at once; a second's worth if None.
        """
        self._throttle_status = int(status)
        self._throttle = (
            None
            if per_s is None
            else TokenBucket(rate_per_s=per_s, burst=max(1.0, burst or per_s), now=self._clock())
        )

    def reset_links(self) -> None:
        """Cuts every connection."""
        for wire in tuple(self.wires):
            wire.reset()

    def phone(self, number: str) -> Phone:
        """Returns the phone with this number, a new one if it has received nothing yet."""
        phone = self.phones.get(number)
        if phone is None:
            if self._remember is not None and len(self.phones) >= self._remember:
                del self.phones[next(iter(self.phones))]
            phone = self.phones[number] = Phone(number)
        return phone

    async def send_text(
        self,
        source: str,
        destination: str,
        text: str,
        *,
        system_id: str | None = None,
        order: Sequence[int] | None = None,
        spread: bool = False,
        repertoire: Repertoire = PLAIN,
    ) -> None:
        """Sends a text from a phone and returns when every part has been acknowledged.

        `order` lists the part indexes in the order of sending (a part may be left out or come
        twice); `spread` sends the parts over different links; `system_id` is the account it is
        for, the first that is bound if None; `repertoire` is what the phone uses in 7 bits.
        """
        segmentation = segment_text(text, repertoire=repertoire)
        parts = segmentation.user_data(self._next_reference)
        self._next_reference += 1
        indexes = range(len(parts)) if order is None else order
        account = self._account_for(system_id)
        links = [wire for wire in self.wires if wire.system_id == account and wire.receives]
        loop = asyncio.get_running_loop()
        acknowledgements = []
        for place, index in enumerate(indexes):
            part = parts[index]
            delivery = Delivery(
                DeliverSm(
                    source_addr_ton=1,
                    source_addr_npi=1,
                    source_addr=source,
                    dest_addr_npi=1,
                    destination_addr=destination,
                    esm_class=ESM_UDHI if part.udh else 0,
                    data_coding=_CODINGS[segmentation.alphabet],
                    short_message=part.udh + part.data,
                ),
                system_id=account,
                prefer=links[place % len(links)] if spread and links else None,
            )
            delivery.acknowledged = loop.create_future()
            acknowledgements.append(delivery.acknowledged)
            self.deliver(delivery)
        await asyncio.gather(*acknowledgements)

    def deliver(self, delivery: Delivery) -> None:
        """Sends a deliver_sm to its account as soon as that has a link with a free window."""
        wire = self._wire_for(delivery)
        if wire is None or self._waiting.get(delivery.system_id):
            self._waiting.setdefault(delivery.system_id, deque()).append(delivery)
        else:
            wire.deliver(delivery)

    # Events of connections

    def opened(self, wire: Wire) -> None:
        """Counts a connection."""
        self.wires.append(wire)
        self._all_closed.clear()

    def closed(self, wire: Wire) -> None:
        """Removes a closed connection."""
        self.wires.remove(wire)
        if not self.wires:
            self._all_closed.set()

    def bind_requested(self, wire: Wire, event: BindRequested) -> None:
        """Accepts or refuses a bind."""
        request = event.request
        status = self.bind_status
        if not status and self.accounts is not None:
            password = self.accounts.get(request.system_id)
            if password is None:
                status = CommandStatus.ESME_RINVSYSID.value
            elif password != request.password:
                status = CommandStatus.ESME_RINVPASWD.value
        answer = RESPONSE_CLASSES[type(request)]
        assert issubclass(answer, BindResp)
        wire.respond(
            request,
            answer(
                command_status=status,
                system_id="DRAGOMAN",
                tlvs=() if status else (integer_tlv(Tag.SC_INTERFACE_VERSION, 0x34, 1),),
            ),
        )
        if not status:
            wire.system_id = request.system_id
            self._pass_on(request.system_id)

    def requested(self, wire: Wire, pdu: Pdu) -> None:
        """Answers a request of a client."""
        if isinstance(pdu, SubmitSm):
            self._on_submit(wire, pdu)
        elif isinstance(pdu, QuerySm) and pdu.message_id in self._states:
            state = self._states[pdu.message_id]
            wire.respond(pdu, QuerySmResp(message_id=pdu.message_id, message_state=state.value))
        else:
            status = _REFUSALS.get(type(pdu).__name__, CommandStatus.ESME_RINVCMDID)
            wire.respond(pdu, RESPONSE_CLASSES[type(pdu)](command_status=status.value))

    def answered(self, delivery: Delivery, status: int) -> None:
        """Handles a deliver_sm_resp; a refused delivery is repeated later."""
        delivery.statuses.append(status)
        if status:
            self.unanswered(delivery)
            return
        if delivery.acknowledged is None:
            self.receipts_acknowledged += 1
        elif not delivery.acknowledged.done():
            delivery.acknowledged.set_result(None)

    def unanswered(self, delivery: Delivery) -> None:
        """Repeats a delivery later, over any link."""
        delivery.prefer = delivery.avoid = None
        self._schedule.after(self.redeliver_after_s, lambda: self.deliver(delivery))

    def turn_over(self, wire: Wire) -> None:
        """Flushes the ledger before answers are written, and uses the freed window."""
        if self._ledger is not None:
            self._ledger.flush()
        if self._waiting.get(wire.system_id):
            self._pass_on(wire.system_id)

    # Submits

    def _on_submit(self, wire: Wire, pdu: SubmitSm) -> None:
        throttle = self._throttle
        if throttle is not None and not throttle.take(self._clock()):
            self._refuse(wire, pdu, self._throttle_status)
            return
        if self.window is not None and wire.pending >= self.window:
            self._refuse(wire, pdu, CommandStatus.ESME_RMSGQFUL.value)
            return
        behaviour = self._rules.find(pdu, self.default, whole_texts=self.counts_texts)
        if behaviour.status:
            self._refuse(wire, pdu, behaviour.status, behaviour.answer_delay_s)
            return
        given_id, receipt_id = spell_id(self._next_id, self.id_style)
        self._next_id += 1
        self._take(wire, pdu, given_id, behaviour)
        receipts = self._receipts(wire, pdu, receipt_id, behaviour)
        if behaviour.timing is ReceiptTiming.BEFORE_RESPONSE:
            self._report(receipts, behaviour.receipt_delay_s)
            receipts = []
        wire.pending += 1
        if behaviour.answer is Answer.RESET_BEFORE:
            wire.reset()
        conclude = partial(self._conclude, wire, pdu, given_id, behaviour, receipts)
        self._answer(conclude, behaviour.answer_delay_s)

    def _refuse(self, wire: Wire, pdu: SubmitSm, status: int, delay_s: float = 0.0) -> None:
        self.refused += 1
        self.submits.append(
            Submit(
                system_id=wire.system_id,
                link=wire.number,
                pdu=pdu,
                content=read_submit(pdu),
                status=status,
            )
        )
        self._answer(partial(wire.respond, pdu, SubmitSmResp(command_status=status)), delay_s)

    def _take(self, wire: Wire, pdu: SubmitSm, message_id: str, behaviour: Behaviour) -> None:
        content = read_submit(pdu)
        self.taken += 1
        self.submits.append(
            Submit(
                system_id=wire.system_id,
                link=wire.number,
                pdu=pdu,
                content=content,
                status=0,
                message_id=message_id,
            )
        )
        if self._remember is None or len(self._states) < self._remember:
            self._states[message_id] = behaviour.state or MessageState.ENROUTE
        if behaviour.state in (None, MessageState.DELIVERED):
            shown = self.phone(pdu.destination_addr).receive(pdu.source_addr, content)
            if shown is not None and self.on_text is not None:
                self.on_text(pdu.destination_addr, shown)
        if self._ledger is not None:
            text = content.text.encode("utf-8", "replace").hex()
            self._ledger.write(
                f"{pdu.destination_addr}\t{content.udh.hex()}\t{text}\t{message_id}\n"
            )

    def _answer(self, answer: Callable[[], None], delay_s: float) -> None:
        if delay_s:
            self._schedule.after(delay_s, partial(self.answers.pass_, answer))
        else:
            self.answers.pass_(answer)

    def _conclude(
        self,
        wire: Wire,
        pdu: SubmitSm,
        message_id: str,
        behaviour: Behaviour,
        receipts: list[Delivery],
    ) -> None:
        """Writes the response, and sends the receipts that follow it."""
        if behaviour.answer in _ANSWERED:
            wire.pending -= 1
            wire.respond(pdu, SubmitSmResp(message_id=message_id))
        if behaviour.answer is Answer.RESET_AFTER:
            wire.flush()
            # A reset now could overtake the response in the client's kernel.
            self._schedule.after(0.05, wire.reset)
        self._report(receipts, behaviour.receipt_delay_s)

    def _receipts(
        self, wire: Wire, pdu: SubmitSm, receipt_id: str, behaviour: Behaviour
    ) -> list[Delivery]:
        wanted = pdu.registered_delivery & REGISTERED_RECEIPT_MASK
        state = behaviour.state
        if state is None or not wanted:
            return []
        if wanted == REGISTERED_FAILURE and state is MessageState.DELIVERED:
            return []
        receipt = build_receipt(pdu, receipt_id, behaviour, state)
        prefer, avoid = (None, wire) if behaviour.other_link else (wire, None)
        return [
            Delivery(receipt, system_id=wire.system_id, prefer=prefer, avoid=avoid)
            for _ in range(behaviour.receipts)
        ]

    def _report(self, receipts: list[Delivery], delay_s: float) -> None:
        for receipt in receipts:
            deliver = partial(self.deliver, receipt)
            if delay_s:
                self._schedule.after(delay_s, partial(self.receipts.pass_, deliver))
            else:
                self.receipts.pass_(deliver)

    def _rule_spent(self, prefix: str) -> None:
        if self.on_rule_spent is not None:
            self.on_rule_spent(prefix)

    def _account_for(self, system_id: str | None) -> str:
        if system_id is not None:
            return system_id
        return next((wire.system_id for wire in self.wires if wire.receives), "")

    def _wire_for(self, delivery: Delivery) -> Wire | None:
        prefer = delivery.prefer
        if prefer is not None and prefer.has_room:
            return prefer
        fallback = None
        for wire in self.wires:
            if wire.system_id == delivery.system_id and wire.has_room:
                if wire is not delivery.avoid:
                    return wire
                fallback = wire
        return fallback

    def _pass_on(self, system_id: str) -> None:
        waiting = self._waiting.get(system_id)
        while waiting:
            wire = self._wire_for(waiting[0])
            if wire is None:
                return
            wire.deliver(waiting.popleft())

    def _make_wire(self) -> Wire:
        self._wires_made += 1
        return Wire(self, self.session_settings, self._clock, self._wires_made)
