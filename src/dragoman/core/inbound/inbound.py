"""Inbound texts: stored, then acknowledged; long ones are reassembled in any order.

The routing of a text (its owner, forwardings, opt-out or opt-in) is decided from memory and stored
with it, before its carrier gets the acknowledgement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import field
from itertools import chain

import msgspec
import structlog

from dragoman.core.devices.sql.device_events import NewDeviceEvent
from dragoman.core.devices.sql.device_texts import NewDeviceText
from dragoman.core.inbound.auto_answers import AutoAnswers
from dragoman.core.inbound.model.auto_answers import AnswerKind
from dragoman.core.inbound.model.inbound import (
    Handling,
    OptOut,
    OptOutKey,
    OptOutOrigin,
    StoredInbound,
)
from dragoman.core.inbound.model.keywords import MAX_KEYWORD, words_of
from dragoman.core.inbound.opt_outs import ALL_SENDERS, OptOuts
from dragoman.core.inbound.repeats import REMEMBERED, Repeats
from dragoman.core.inbound.routing import Destination, InboundRouting
from dragoman.core.inbound.services import TextServices
from dragoman.core.inbound.sql import inbound
from dragoman.core.messages.model.callbacks import TextFacts, renderer_of_texts
from dragoman.core.messages.model.messages import Holder, InboundPartReport
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.metrics import Metrics
from dragoman.core.model.errors import Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.core.model.stored import OnStored, ignore
from dragoman.core.model.urls import origin_of
from dragoman.core.model.use_case import use_case
from dragoman.kit import ids as identifiers
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.protocols.gsm.reassembly import (
    Complete,
    Duplicate,
    InboundPart,
    Partial,
    Reassembler,
)
from dragoman.protocols.gsm.udh import without_place
from dragoman.storage.engine import Storage
from dragoman.storage.persistence import persist

log = structlog.get_logger(__name__)

PARTS_WAIT_S = 24 * 3600
"""A text whose parts do not all arrive in this time is stored incomplete."""
EXPIRY_CHECK_S = 60.0

FindEvents = Callable[[StoredInbound, Holder | None], tuple[NewCallback, ...]]
"""From a text and the phone it came to: the calls of its receiver's webhooks."""


@use_case(kw_only=True)
class Inbound:
    """Routes and stores inbound texts; `find_events` finds the webhooks for a text."""

    storage: Storage
    inbound_routing: InboundRouting
    opt_outs: OptOuts
    ids: IdSource
    clock: Clock
    metrics: Metrics
    announce: Callable[[NewCallback], None]
    stop_words: Collection[str]
    start_words: Collection[str]
    find_events: FindEvents
    services: TextServices
    answers: AutoAnswers
    _reassembler: Reassembler = field(default_factory=Reassembler, init=False)
    _repeats: Repeats = field(default_factory=Repeats, init=False)
    _unstored: dict[int, None] = field(default_factory=dict, init=False)
    """Texts on their way to disk, oldest first."""

    @property
    def stored_before(self) -> int:
        """All texts below this identifier are on disk; no further ones will be stored.

        After an outage texts are stored in another order than they arrived in.
        """
        return next(iter(self._unstored), self.ids.last + 1)

    async def restore(self) -> None:
        """Loads what an earlier run stored: parts, and the IDs that carriers gave texts."""
        known, parts = await self.storage.read(
            lambda c: (inbound.load_carriers_ids(c, REMEMBERED), inbound.load_parts(c))
        )
        self._repeats.restore(known)
        for part in parts:
            self._reassemble(part, identifiers.time_of(part.part_id))

    async def run(self) -> None:
        """Gives up waiting for missing parts; runs until cancelled."""
        while True:
            await asyncio.sleep(EXPIRY_CHECK_S)
            oldest = self.clock.now_ms() - PARTS_WAIT_S * 1000
            for partial in self._reassembler.expire(oldest):
                self._store_joined(partial)

    def receive(self, report: InboundPartReport, on_stored: OnStored) -> None:
        """Handles a text or part; `on_stored(True)` follows once it is on disk.

        One that its carrier gave us before, by its own ID, is on disk already.
        """
        if report.provider_id:
            first = self._repeats.first((report.carrier, report.provider_id), on_stored)
            if first is None:
                return
            on_stored = first
        self.metrics.inbound[report.carrier] += 1
        try:
            self._take(report, on_stored)
        except Exception as error:  # whoever brings it, or brings it again, must hear
            log.error("text_failed", carrier=report.carrier, reason=type(error).__name__)
            on_stored(False)

    def _take(self, report: InboundPartReport, on_stored: OnStored) -> None:
        if report.total <= 1 or report.reference is None:
            whole = _utf16(report.text).decode("utf-16-be", "replace")
            text = self._text(
                report.source, report.destination, whole, report.alphabet, header=_header_of(report)
            )
            self._store(
                text, report.carrier, (), on_stored, report.holder, provider_id=report.provider_id
            )
            return
        part = inbound.StoredInboundPart(
            part_id=self.ids.next(),
            carrier=report.carrier,
            sender=report.source,
            recipient=report.destination,
            reference=report.reference,
            total=report.total,
            number=report.number,
            content=_utf16(report.text),
            alphabet=report.alphabet.value,
            header=_header_of(report),
        )

        def stored(on_disk: bool) -> None:
            # The part is safe on its own, so the carrier need not wait for the others.
            on_stored(on_disk)
            if on_disk:
                self._reassemble(part, self.clock.now_ms())

        new = inbound.NewInboundPart(part=part, provider_id=report.provider_id)
        persist(self.storage.writer, inbound.store_parts, new, stored)

    def _reassemble(self, part: inbound.StoredInboundPart, received_ms: int) -> None:
        result = self._reassembler.add(
            InboundPart(
                source=part.sender,
                destination=part.recipient,
                reference=part.reference,
                total=part.total,
                number=part.number,
                content=part.content,
                received_ms=received_ms,
                handle=part,
            )
        )
        if isinstance(result, Duplicate):
            if isinstance(result.released, inbound.StoredInboundPart):
                self._drop(result.released)
            return
        if result.displaced is not None:
            self._store_joined(result.displaced)
        if isinstance(result, Complete):
            self._store_joined(result)

    def _store_joined(self, joined: Complete | Partial) -> None:
        rows = [row for row in joined.handles if isinstance(row, inbound.StoredInboundPart)]
        first, content = rows[0], joined.content
        assert isinstance(content, bytes)
        text = self._text(
            first.sender,
            first.recipient,
            content.decode("utf-16-be", "replace"),
            first.alphabet,
            parts=first.total,
            complete=isinstance(joined, Complete),
            header=first.header,
        )
        part_ids = tuple(row.part_id for row in rows)
        self._store(text, first.carrier, part_ids, ignore)

    def _text(
        self,
        sender: str,
        recipient: str,
        text: str,
        alphabet: str,
        parts: int = 1,
        complete: bool = True,
        header: str = "",
    ) -> _Text:
        words = words_of(text)
        return _Text(
            sender=_digits(sender),
            recipient=_digits(recipient),
            text=text.replace("\0", "\N{REPLACEMENT CHARACTER}"),
            alphabet=str(alphabet),
            words=words,
            parts=parts,
            complete=complete,
            header=header,
        )

    def _store(
        self,
        text: _Text,
        carrier: str,
        part_ids: tuple[int, ...],
        done: OnStored,
        holder: Holder | None = None,
        provider_id: str = "",
    ) -> None:
        inbound_id = self.ids.next()
        meaning = self._read(text, holder)
        row = StoredInbound(
            inbound_id=inbound_id,
            account_id=meaning.destination.account_id,
            carrier=carrier,
            sender=text.sender,
            recipient=text.recipient,
            text=text.text,
            alphabet=text.alphabet,
            keyword=text.words[0][:MAX_KEYWORD] if text.words else "",
            parts=text.parts,
            complete=text.complete,
            handling=meaning.handling.value,
            header=text.header,
        )
        services = self.services.about_text(row)
        if services and meaning.handling is Handling.KEPT:
            row = msgspec.structs.replace(row, handling=Handling.FORWARDED.value)
        callbacks = self._callbacks(row, meaning.destination)
        callbacks += services + self.find_events(row, holder)
        callbacks += self._answer(row, text, meaning, holder)
        new = inbound.NewInbound(
            text=row,
            part_ids=part_ids,
            callbacks=callbacks,
            opt_outs=self._note(inbound_id, meaning.opted_out),
            opt_ins=meaning.opted_in,
            event=self._event(holder),
            device_text=_device_text(inbound_id, holder),
            provider_id=provider_id,
        )
        for key in meaning.opted_in:
            self.opt_outs.forget(key)

        def stored(on_disk: bool) -> None:
            del self._unstored[inbound_id]
            if on_disk:
                for callback in callbacks:
                    self.announce(callback)
            done(on_disk)

        self._unstored[inbound_id] = None
        persist(self.storage.writer, inbound.store_texts, new, stored)

    def _answer(
        self, row: StoredInbound, text: _Text, meaning: _Meaning, holder: Holder | None
    ) -> tuple[NewCallback, ...]:
        """The answer to STOP, START or HELP; before an opt-out counts, which tells a new one."""
        kind, accounts = None, [row.account_id] if row.account_id is not None else []
        if meaning.handling is Handling.OPTED_OUT:
            fresh = [key for key in meaning.opted_out if not self.opt_outs.holds(key)]
            kind = AnswerKind.STOP
            accounts = [one for one in accounts if any(k.account_id == one for k in fresh)]
            accounts += [key.account_id for key in fresh if key.account_id not in accounts]
        elif meaning.handling is Handling.OPTED_IN:
            kind = AnswerKind.START
            accounts += [k.account_id for k in meaning.opted_in if k.account_id not in accounts]
        elif (
            self.answers.asks_for_help(text.words)
            and self.inbound_routing.keyword(text.recipient, text.words, holder) is None
        ):
            kind = AnswerKind.HELP
        if kind is None:
            return ()
        return self.answers.about_text(row, kind, accounts, holder)

    def _event(self, holder: Holder | None) -> NewDeviceEvent | None:
        if holder is None:
            return None
        return NewDeviceEvent(
            device_id=holder.device_id, event_id=holder.event_id, at_ms=self.clock.now_ms()
        )

    def _read(self, text: _Text, holder: Holder | None) -> _Meaning:
        """The meaning of a text: an opt-out, an opt-in, or a text for its receiver."""
        number, words = text.recipient, text.words
        destination = self.inbound_routing.find(number, words, holder)
        if words and words[0] in self.stop_words:
            return self._read_wish(text, Handling.OPTED_OUT, holder)
        # Only the word alone, or followed by a keyword, opts in.
        alone = (
            len(words) == 1 or self.inbound_routing.keyword(number, words[1:], holder) is not None
        )
        if words and words[0] in self.start_words and alone:
            return self._read_wish(text, Handling.OPTED_IN, holder)
        return _plain(destination)

    def _read_wish(self, text: _Text, handling: Handling, holder: Holder | None) -> _Meaning:
        """An opt-out or opt-in: for a keyword's account, or all accounts on the number."""
        number, rest = text.recipient, text.words[1:]
        keyword = self.inbound_routing.keyword(number, rest, holder)
        if keyword is not None:
            destination = self.inbound_routing.find(number, rest, holder)
            accounts = [keyword.account_id]
        else:
            destination = self.inbound_routing.find(number, (), holder)
            accounts = self.inbound_routing.accounts_on(number, holder)
        try:
            recipient = normalise(text.sender)
        except Refused:  # a number that cannot be sent to
            accounts = []
        if not accounts:
            return _plain(destination)
        senders = (ALL_SENDERS,) if handling is Handling.OPTED_OUT else (ALL_SENDERS, number)
        keys = tuple(
            OptOutKey(account_id=account_id, sender=sender, recipient=recipient)
            for account_id in accounts
            for sender in senders
        )
        if handling is Handling.OPTED_OUT:
            return _Meaning(destination=destination, handling=handling, opted_out=keys)
        taken_back = tuple(chain.from_iterable(map(self.opt_outs.spellings, keys)))
        return _Meaning(destination=destination, handling=handling, opted_in=taken_back)

    def _note(self, inbound_id: int, keys: Sequence[OptOutKey]) -> tuple[OptOut, ...]:
        """Makes opt-outs effective at once; the rows are still to be stored."""
        for key in keys:
            self.opt_outs.note(key)
        return tuple(
            OptOut(
                opt_out_id=self.ids.next(),
                account_id=key.account_id,
                sender=key.sender,
                recipient=key.recipient,
                inbound_id=inbound_id,
                origin=OptOutOrigin.STOP,
            )
            for key in keys
        )

    def _callbacks(self, text: StoredInbound, destination: Destination) -> tuple[NewCallback, ...]:
        """The callbacks that forward a text, one for each receiver."""
        now_ms = self.clock.now_ms()
        callbacks = []
        for forwarding in destination.forwardings:
            facts = TextFacts(
                inbound_id=text.inbound_id,
                sender=text.sender,
                recipient=text.recipient,
                text=text.text,
                charset=forwarding.charset,
                carrier=text.carrier,
                alphabet=text.alphabet,
                account_id=forwarding.account_id,
                parts=text.parts,
                header=text.header,
            )
            callback_id = self.ids.next()
            callbacks.append(
                NewCallback(
                    callback_id=callback_id,
                    account_id=forwarding.account_id,
                    # One per receiver, so that an unreachable one delays no other.
                    message_id=callback_id,
                    dialect=renderer_of_texts(forwarding.dialect),
                    origin=origin_of(forwarding.url),
                    url=forwarding.url,
                    payload=msgspec.json.encode(facts).decode(),
                    due_ms=now_ms,
                )
            )
        return tuple(callbacks)

    def _drop(self, part: inbound.StoredInboundPart) -> None:
        persist(self.storage.writer, inbound.drop_parts, part.part_id, ignore)


class _Text(msgspec.Struct, frozen=True, kw_only=True):
    sender: str
    recipient: str
    text: str
    alphabet: str
    words: tuple[str, ...]
    parts: int
    complete: bool
    header: str


class _Meaning(msgspec.Struct, frozen=True, kw_only=True):
    destination: Destination
    handling: Handling
    opted_out: tuple[OptOutKey, ...] = ()
    opted_in: tuple[OptOutKey, ...] = ()


def _plain(destination: Destination) -> _Meaning:
    handling = Handling.FORWARDED if destination.forwardings else Handling.KEPT
    return _Meaning(destination=destination, handling=handling)


def _device_text(inbound_id: int, holder: Holder | None) -> NewDeviceText | None:
    if holder is None:
        return None
    return NewDeviceText(
        inbound_id=inbound_id,
        device_id=holder.device_id,
        slot=holder.sim,
        digest=holder.digest or None,
    )


def _header_of(report: InboundPartReport) -> str:
    return without_place(report.udh).hex() if report.udh else ""


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def _digits(number: str) -> str:
    return number.removeprefix("+")
