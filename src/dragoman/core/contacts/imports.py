"""Imports: jobs that create contacts in a list from many rows, which come in groups.

A group is stored in steps, each of which stores the progress in its transaction. So a group that a
crash interrupted continues when it is sent again, and a complete one adds nothing. A group is
recognised by its content, and only the last one is.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from typing import Any, Final
from weakref import WeakValueDictionary

import msgspec
import structlog

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.contacts.contacts import DELETED_AT_ONCE, check_list_name, check_values
from dragoman.core.contacts.import_rows import FaultReport, FaultyRows, read_rows
from dragoman.core.contacts.model.contacts import ImportJob
from dragoman.core.contacts.sql import imports, merge_fields
from dragoman.core.model.errors import RefusalCode, Refused, existing
from dragoman.core.model.texts import is_storable
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource, first_at
from dragoman.kit.periodic import repeat
from dragoman.storage.engine import Storage

MAX_IMPORT_ROWS: Final = 100_000
"""The limit of contacts in one group of an import."""
STEP_ROWS: Final = 1_024
"""Rows that are read, and stored, in one step; bounds how long other writes wait."""
LIFETIME_MS: Final = 24 * 3600 * 1000
"""Age at which a job is forgotten (LINK v2 s. 06); its contacts stay."""
DROP_EVERY_S: Final = 600.0
KEY_BYTES: Final = 32

log = structlog.get_logger(__name__)


class ImportedRows(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of a job after a group of rows, and the faulty rows."""

    job: ImportJob
    faults: tuple[FaultyRows, ...]


@use_case(kw_only=True)
class Imports:
    """Runs the import jobs of accounts."""

    storage: Storage
    ids: IdSource
    clock: Clock
    new_key: Callable[[], str] = lambda: secrets.token_hex(KEY_BYTES)
    _turns: WeakValueDictionary[int, asyncio.Lock] = field(
        default_factory=WeakValueDictionary, init=False
    )
    """One group of a job at a time, by job."""

    async def run(self) -> None:
        """Deletes expired jobs; runs until cancelled."""
        await repeat(DROP_EVERY_S, self.drop_old, "imports_not_dropped")

    async def drop_old(self) -> None:
        """Deletes expired jobs."""
        await self.storage.writer.write(imports.drop, first_at(self._oldest_ms()))

    async def create(
        self,
        account: Account,
        *,
        list_id: int | None = None,
        name: str = "",
        clean: bool = False,
        drop_duplicates: bool = False,
    ) -> ImportJob:
        """Opens a job for a list, or for a new one that the first rows create; raises `Refused`.

        `clean` empties the list before the first rows; `drop_duplicates` keeps only the first
        contact of a number.
        """
        if list_id is None or name:
            check_list_name(name)
        job = ImportJob(
            import_id=self.ids.next(),
            account_id=account.account_id,
            key=self.new_key(),
            list_id=list_id,
            name=name,
            clean=clean,
            drop_duplicates=drop_duplicates,
            cleaned=not clean,
        )
        await self.storage.writer.write(imports.create, job)
        return job

    async def find(self, account: Account, key: str) -> ImportJob:
        """One of the account's jobs; raises `Refused`."""
        since_ms = self._oldest_ms()
        found = None
        if is_storable(key):
            found = await self.storage.read(
                lambda c: imports.find(c, account.account_id, key, since_ms)
            )
        return existing(found, Refused(RefusalCode.NOT_FOUND, key, "import"))

    async def add_rows(
        self, account: Account, key: str, names: Sequence[str], rows: Sequence[Any], digest: str
    ) -> ImportedRows:
        """Creates contacts from a group of rows; raises `Refused`.

        A row is a list of a number and a value for each of `names`, which are merge fields, created
        if missing. Faulty rows are skipped and reported. `digest` identifies the group. Slices of
        `rows` are read in another thread.
        """
        check_values(dict.fromkeys(names, ""))
        if len(set(names)) < len(names):
            raise Refused(RefusalCode.INVALID_FIELD, "keys", "one comes twice")
        if len(rows) > MAX_IMPORT_ROWS:
            raise Refused(RefusalCode.INVALID_FIELD, "values", f"at most {MAX_IMPORT_ROWS} rows")
        job = await self.find(account, key)
        turn = self._turns.setdefault(job.import_id, asyncio.Lock())
        async with turn:
            report = await self._add_rows(job, names, rows, digest)
        return ImportedRows(job=await self.find(account, key), faults=report.faults())

    async def _add_rows(
        self, job: ImportJob, names: Sequence[str], rows: Sequence[Any], digest: str
    ) -> FaultReport:
        write = self.storage.writer.write
        begun = imports.RowsBegun(
            import_id=job.import_id,
            fresh_list_id=await self.storage.short_ids.next(),
            fresh={name: self.ids.next() for name in names},
            digest=digest,
            rows=len(rows),
        )
        done = await write(imports.begin, begun)
        fields = await self._fields(job, names)
        await self._clean(job)
        report = FaultReport()
        storing: asyncio.Future[None] | None = None
        for start, end in _steps(done, len(rows)):
            good = await asyncio.to_thread(read_rows, rows, start, end, fields, report)
            if start < done:
                continue  # stored before, and read again for the report
            if storing is not None:
                await storing  # while the next rows were read
            taken = self.ids.take(len(good)) if good else range(0)
            stored = imports.RowsStored(
                import_id=job.import_id,
                first_id=taken.start,
                step=taken.step,
                at_ms=self.clock.now_ms(),
                contacts=good,
                looked_at=end - start,
            )
            storing = write(imports.store, stored)
        if storing is not None:
            await storing
        return report

    async def _fields(self, job: ImportJob, names: Sequence[str]) -> list[tuple[str, int]]:
        """Names with the identifiers of their fields; 0 for a deleted one."""
        found = await self.storage.read(lambda c: merge_fields.load(c, job.account_id))
        ids = {field.name: field.field_id for field in found}
        return [(name, ids.get(name, 0)) for name in names]

    async def _clean(self, job: ImportJob) -> None:
        if job.cleaned:
            return
        step = imports.ListCleaning(
            import_id=job.import_id, at_ms=self.clock.now_ms(), limit=DELETED_AT_ONCE
        )
        while not await self.storage.writer.write(imports.clean, step):
            pass

    def _oldest_ms(self) -> int:
        return self.clock.now_ms() - LIFETIME_MS


def _steps(done: int, count: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows to read at once, none of which spans `done`."""
    for first, last in ((0, done), (done, count)):
        for start in range(first, last, STEP_ROWS):
            yield start, min(start + STEP_ROWS, last)
