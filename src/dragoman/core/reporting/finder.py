"""The one search box: a number, an identifier of any kind, or words.

A number that has messages comes first, since a carrier's ID can look like one by chance. Then what
names one thing exactly: an identifier, an order, a reference, a carrier's ID. All else is words.
"""

from __future__ import annotations

from typing import Final

from dragoman.core.model.texts import is_storable
from dragoman.core.model.written_numbers import read_written
from dragoman.core.reporting.model.finding import Finding, Named
from dragoman.core.reporting.sql import finding
from dragoman.kit.ids import (
    LIMIT,
    parse_base64,
    parse_dashed,
    parse_hex,
    parse_number,
    parse_prefixed,
)
from dragoman.protocols.smpp.message_ids import IdReading, id_spellings
from dragoman.storage.engine import Storage
from dragoman.storage.short_ids import ShortIds

MAX_BATCHES: Final = 200
"""Batches of one reference that are shown."""
_SPELLINGS: Final = (parse_number, parse_hex, parse_prefixed, parse_base64, parse_dashed)


def read_identifiers(text: str) -> tuple[int, ...]:
    """Every identifier that a text can be the spelling of, in any API."""
    read = [parse(text) for parse in _SPELLINGS]
    return tuple(dict.fromkeys(one for one in read if one is not None and 0 <= one < LIMIT))


class Finder:
    """Reads what people type."""

    def __init__(self, storage: Storage, short_ids: ShortIds, carriers: tuple[str, ...]) -> None:
        self._storage = storage
        self._short_ids = short_ids
        self._carriers = carriers

    async def find(self, account_ids: tuple[int, ...], text: str, region: str = "") -> Finding:
        """What a text names among the messages of some accounts.

        `region` is the country (ISO 3166-1 alpha-2) whose numbers may come without their code.
        """
        text = text.strip()
        words = Finding(named=Named.WORDS, words=tuple(text.split()))
        if not text or not is_storable(text):
            return words
        numbers = read_written(text, region)
        of_number = Finding(named=Named.NUMBER, numbers=numbers) if numbers else None
        if of_number is not None and (
            text.startswith("+") or await self._knows(account_ids, numbers)
        ):
            return of_number
        found = await self.find_identifier(account_ids, text)
        found = found or await self._find_name(account_ids, text)
        return found or of_number or words

    async def _knows(self, account_ids: tuple[int, ...], numbers: tuple[str, ...]) -> bool:
        """Whether any message went to one of the numbers."""
        return await self._storage.read(lambda c: finding.has_messages_to(c, account_ids, numbers))

    async def find_identifier(self, account_ids: tuple[int, ...], text: str) -> Finding | None:
        """The message, batch or callback of any spelling of its identifier; None for none."""
        for written in read_identifiers(text):
            identifier = await self._short_ids.identifier_of(written)
            if identifier is None:
                continue
            meant = identifier
            owner = await self._storage.read(lambda c: finding.owner_of(c, meant))  # noqa: B023
            if owner is not None and owner[1] in account_ids:
                return Finding(named=Named(owner[0]), identifiers=(identifier,))
        return None

    async def _find_name(self, account_ids: tuple[int, ...], text: str) -> Finding | None:
        """What a customer or a carrier calls it."""
        read = self._storage.read
        if orders := await read(lambda c: finding.find_order(c, account_ids, text)):
            return Finding(named=Named.ORDER, identifiers=tuple(orders))
        batches = await read(lambda c: finding.find_reference(c, account_ids, text, MAX_BATCHES))
        if batches:
            return Finding(named=Named.REFERENCE, identifiers=tuple(batches))
        keys = id_spellings(text, IdReading.AS_SENT)
        messages = await read(
            lambda c: finding.find_carrier_ids(c, account_ids, self._carriers, keys)
        )
        if messages:
            return Finding(named=Named.CARRIER_ID, identifiers=tuple(messages))
        return None
