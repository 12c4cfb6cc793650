"""Price lists of carriers: imported ones, stored, and those in files that the configuration names.

A carrier with a file has its prices from there. An import is compared with what it replaces before
it is stored; a list with a mistake changes nothing.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Collection, Mapping
from dataclasses import field
from itertools import islice
from typing import Final

import msgspec

from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.billing.model.costs import (
    CostList,
    Costs,
    compare_costs,
    parse_price_list,
    render_price_list,
    with_costs,
)
from dragoman.core.delivery.model.price_lists import PriceListChange, PriceListView
from dragoman.core.delivery.sql import price_lists
from dragoman.core.delivery.sql.price_lists import ImportedList, PriceListChanged
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.storage.engine import Storage

LINES_SHOWN: Final = 100
MAX_LIST_BYTES: Final = 4 << 20
"""Of an import; longer lists, of about 150,000 rows, stay in files."""


@use_case(kw_only=True)
class PriceLists:
    """Imports price lists and gives them to those who choose by cost."""

    storage: Storage
    clock: Clock
    costs: Costs
    in_files: Collection[str]
    """Carriers whose prices are in files."""
    files: Mapping[str, CostList] = field(default_factory=dict)
    """What these files say; empty without a gateway."""
    _imported: dict[str, CostList] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._publish()

    async def restore(self) -> None:
        """Takes the lists that were imported in earlier runs."""
        for row in await self.storage.read(price_lists.load):
            self._imported[row.carrier] = await asyncio.to_thread(_read, row)
        self._publish()

    def take_files(self, files: Mapping[str, CostList]) -> None:
        """Takes what the files of a changed configuration say."""
        self.files, self.in_files = dict(files), frozenset(files)
        self._publish()

    async def views(self) -> tuple[PriceListView, ...]:
        """Every list."""
        found = {
            row.carrier: PriceListView(
                carrier=row.carrier, rows=row.size, imported_ms=row.imported_ms
            )
            for row in await self.storage.read(price_lists.load)
        }
        for carrier in self.in_files:
            rows = len(self.files.get(carrier, ()))
            found[carrier] = PriceListView(carrier=carrier, rows=rows)
        return tuple(found[carrier] for carrier in sorted(found))

    async def export(self, carrier: str) -> str:
        """A list as CSV; raises `Refused` where there is none."""
        if carrier in self.files:
            return await asyncio.to_thread(render_price_list, self.files[carrier])
        rows = await self.storage.read(lambda c: price_lists.load(c, carrier))
        if not rows:
            raise Refused(RefusalCode.NOT_FOUND, carrier[:64], "no price list of this carrier")
        return zlib.decompress(rows[0].content).decode()

    async def change(
        self,
        carrier: str,
        text: str,
        *,
        add: bool = False,
        check: bool = False,
        audit: tuple[AuditEntry, ...] = (),
    ) -> PriceListChange:
        """Imports a CSV in place of a carrier's list, or adds its rows, unless it is only checked.

        Raises `InvalidPriceList` with the rows that are wrong, and `Refused`.
        """
        self._check_place(carrier)
        if len(text) > MAX_LIST_BYTES:
            detail = f"longer than {MAX_LIST_BYTES >> 20} MiB; name its file in [[price_lists]]"
            raise Refused(RefusalCode.INVALID_FIELD, "content", detail)
        rows = await self.storage.read(lambda c: price_lists.load(c, carrier))
        old = await asyncio.to_thread(_read, rows[0]) if rows else CostList()
        new, change = await asyncio.to_thread(_changed, carrier, old, text, add)
        if check:
            return change
        stored = ImportedList(
            carrier=carrier,
            imported_ms=self.clock.now_ms(),
            size=len(new),
            content=await asyncio.to_thread(_pack, new),
        )
        item = PriceListChanged(carrier=carrier, new=stored, audit=audit)
        await self.storage.writer.write(price_lists.put, item)
        self._imported[carrier] = new
        self._publish()
        return msgspec.structs.replace(change, applied=True)

    async def remove(self, carrier: str, audit: tuple[AuditEntry, ...] = ()) -> None:
        """Removes an imported list; raises `Refused` where there is none."""
        self._check_place(carrier)
        if not await self.storage.read(lambda c: price_lists.load(c, carrier)):
            raise Refused(RefusalCode.NOT_FOUND, carrier[:64], "no price list of this carrier")
        item = PriceListChanged(carrier=carrier, new=None, audit=audit)
        await self.storage.writer.write(price_lists.put, item)
        self._imported.pop(carrier, None)
        self._publish()

    def _check_place(self, carrier: str) -> None:
        if carrier in self.in_files:
            detail = "its prices are in a file; change that and reload, or take it out of"
            detail += " [[price_lists]]"
            raise Refused(RefusalCode.NOT_SUPPORTED, carrier[:64], detail)

    def _publish(self) -> None:
        self.costs.replace({**self._imported, **self.files})


def _read(row: ImportedList) -> CostList:
    return CostList(parse_price_list(zlib.decompress(row.content).decode()))


def _pack(costs: CostList) -> bytes:
    return zlib.compress(render_price_list(costs).encode())


def _changed(carrier: str, old: CostList, text: str, add: bool) -> tuple[CostList, PriceListChange]:
    given = parse_price_list(text)
    new = CostList(with_costs(old, given) if add else given)
    changes = compare_costs(old, new)
    lines = changes.lines()
    shown = tuple(islice(lines, LINES_SHOWN))
    return new, PriceListChange(
        carrier=carrier,
        rows=len(new),
        new=len(changes.new),
        changed=len(changes.changed),
        removed=len(changes.removed),
        summary=changes.summary,
        lines=shown,
        more=sum(1 for _ in lines),
        applied=False,
    )
