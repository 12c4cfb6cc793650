"""Texts that phones send to us: stored, then acknowledged; long ones put together in any order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from dragoman.domain.messages import InboundPartReport
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
from dragoman.services.accounts import Accounts
from dragoman.services.meters import Meters
from dragoman.services.persistence import persist
from dragoman.storage.engine import Storage
from dragoman.storage.repositories import inbound

PARTS_WAIT_S = 24 * 3600
"""A text whose parts do not all come in this time is shown as far as it came."""
EXPIRY_CHECK_S = 60.0
MAX_KEYWORD = 40

Acknowledge = Callable[[bool], None]


class Inbound:
    """Takes texts, finds whose number they came to, and keeps them for queries."""

    def __init__(
        self,
        *,
        storage: Storage,
        accounts: Accounts,
        ids: IdSource,
        clock: Clock,
        meters: Meters,
        numbers: Mapping[str, str],
    ) -> None:
        self._storage = storage
        self._accounts = accounts
        self._ids = ids
        self._clock = clock
        self._meters = meters
        self._numbers = numbers
        """User names by the numbers and short codes they own."""
        self._reassembler = Reassembler()
        self._owners: dict[str, int | None] = {}

    async def restore(self) -> None:
        """Takes up the parts that an earlier run had stored."""
        for part in await self._storage.read(inbound.load_parts):
            self._reassemble(part, identifiers.time_of(part.part_id))
        for number, username in self._numbers.items():
            accounts = {a.username: a.account_id for a in await self._accounts.list_all()}
            self._owners[_digits(number)] = accounts.get(username)

    async def run(self) -> None:
        """Gives up waiting for parts that do not come; runs until cancelled."""
        while True:
            await asyncio.sleep(EXPIRY_CHECK_S)
            oldest = self._clock.now_ms() - PARTS_WAIT_S * 1000
            for partial in self._reassembler.expire(oldest):
                self._store_joined(partial)

    def receive(self, report: InboundPartReport, acknowledge: Acknowledge) -> None:
        """Takes a text or part; `acknowledge(True)` follows once it is on disk."""
        self._meters.inbound[report.carrier] += 1
        if report.total <= 1 or report.reference is None:
            whole = _utf16(report.text).decode("utf-16-be", "replace")
            text = self._text(report.source, report.destination, whole, report.alphabet)
            self._store(text, report.carrier, (), acknowledge, report.account_id)
            return
        part = inbound.StoredInboundPart(
            part_id=self._ids.next(),
            carrier=report.carrier,
            sender=report.source,
            recipient=report.destination,
            reference=report.reference,
            total=report.total,
            number=report.number,
            content=_utf16(report.text),
            alphabet=report.alphabet.value,
        )

        def stored(on_disk: bool) -> None:
            # The part is safe on its own, so the carrier need not wait for the others.
            acknowledge(on_disk)
            if on_disk:
                self._reassemble(part, self._clock.now_ms())

        persist(self._storage.writer, inbound.store_parts, part, stored)

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
        if isinstance(result, Complete):
            self._store_joined(result)
        elif isinstance(result, Duplicate):
            if isinstance(result.released, inbound.StoredInboundPart):
                self._drop(result.released)
        elif result.displaced is not None:
            self._store_joined(result.displaced)

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
        )
        part_ids = tuple(row.part_id for row in rows)
        self._store(text, first.carrier, part_ids, _ignore)

    def _text(
        self,
        sender: str,
        recipient: str,
        text: str,
        alphabet: str,
        parts: int = 1,
        complete: bool = True,
    ) -> _Text:
        words = text.split(maxsplit=1)
        return _Text(
            sender=_digits(sender),
            recipient=_digits(recipient),
            text=text.replace("\0", "\N{REPLACEMENT CHARACTER}"),
            alphabet=str(alphabet),
            keyword=words[0].upper()[:MAX_KEYWORD].replace("\0", "") if words else "",
            parts=parts,
            complete=complete,
        )

    def _store(
        self,
        text: _Text,
        carrier: str,
        part_ids: tuple[int, ...],
        done: Acknowledge,
        account_id: int | None = None,
    ) -> None:
        if account_id is None:
            account_id = self._owners.get(_digits(text.recipient))
        row = inbound.StoredInbound(
            inbound_id=self._ids.next(),
            account_id=account_id,
            carrier=carrier,
            sender=text.sender,
            recipient=text.recipient,
            text=text.text,
            alphabet=text.alphabet,
            keyword=text.keyword,
            parts=text.parts,
            complete=text.complete,
        )
        new = inbound.NewInbound(text=row, part_ids=part_ids)
        persist(self._storage.writer, inbound.store_texts, new, done)

    def _drop(self, part: inbound.StoredInboundPart) -> None:
        persist(self._storage.writer, inbound.drop_parts, part.part_id, _ignore)


class _Text(msgspec.Struct, frozen=True, kw_only=True):
    sender: str
    recipient: str
    text: str
    alphabet: str
    keyword: str
    parts: int
    complete: bool


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def _digits(number: str) -> str:
    return number.removeprefix("+")


def _ignore(_stored: bool) -> None:
    """The parts are on disk and come back with the next start."""
