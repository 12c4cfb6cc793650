"""What accounts make and keep in one provider's API only, under names that the dialect gives.

The core does not read them: a record is JSON that its dialect writes and reads.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import field
from typing import Final

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.sql import dialect_records
from dragoman.core.accounts.sql.dialect_records import RecordKey, RecordPut, StoredRecord
from dragoman.core.model.use_case import use_case
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage

MAX_RECORDS: Final = 1_000
"""Of one kind of one account."""
MAX_REMEMBERED: Final = 10_000


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A record and whose it is."""

    account_id: int
    name: str
    position: int
    """Grows with each new one; its time is that of an identifier."""
    content: bytes
    """JSON."""


@use_case(kw_only=True)
class DialectRecords:
    """Keeps records; those that were looked up are remembered until one changes."""

    storage: Storage
    ids: IdSource
    _remembered: OrderedDict[tuple[str, str, str], Record] = field(
        default_factory=OrderedDict, init=False
    )
    _generation: int = field(default=0, init=False)
    """Counts changes, so that what was read before one is not remembered after it."""

    async def put(
        self, account: Account, dialect: str, kind: str, name: str, content: bytes
    ) -> Record:
        """Adds a record, or replaces the account's with that name; raises `Refused`.

        There may be too many, or the name may be another account's.
        """
        known = await self.find(dialect, kind, name)
        row = StoredRecord(
            dialect=dialect,
            kind=kind,
            name=name,
            account_id=account.account_id,
            position=known.position if known is not None else self.ids.next(),
            record=content.decode(),
        )
        try:
            item = RecordPut(row=row, most=MAX_RECORDS)
            await self.storage.writer.write(dialect_records.put, item)
        finally:
            self._forget()
        return _record(row)

    async def remove(self, account: Account, dialect: str, kind: str, name: str) -> bool:
        """Removes one of an account's records; whether there was one."""
        key = RecordKey(dialect=dialect, kind=kind, name=name, account_id=account.account_id)
        try:
            return await self.storage.writer.write(dialect_records.remove, key)
        finally:
            self._forget()

    async def find(self, dialect: str, kind: str, name: str) -> Record | None:
        """One record, whoever has it."""
        key = (dialect, kind, name)
        known = self._remembered.get(key)
        if known is not None:
            return known
        generation = self._generation
        row = await self.storage.read(lambda c: dialect_records.find(c, dialect, kind, name))
        if row is None:
            return None
        found = _record(row)
        if generation == self._generation:
            self._remembered[key] = found
            if len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)
        return found

    async def of_account(self, account: Account, dialect: str, kind: str) -> list[Record]:
        """The records of an account, newest first."""
        account_id = account.account_id
        rows = await self.storage.read(lambda c: dialect_records.load(c, account_id, dialect, kind))
        return list(map(_record, rows))

    def _forget(self) -> None:
        self._generation += 1
        self._remembered.clear()


def _record(row: StoredRecord) -> Record:
    return Record(
        account_id=row.account_id,
        name=row.name,
        position=row.position,
        content=row.record.encode(),
    )
