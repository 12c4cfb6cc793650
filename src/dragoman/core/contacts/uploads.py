"""Uploaded files of contacts: kept in a folder, looked at, and imported in the background.

What can go wrong: the gateway stops in between. A small file beside each upload says what its
columns are and how many groups of rows are stored, so the next run goes on; a group that was being
stored is sent again, and `Imports` knows it by its digest. The disk fills up: a piece that cannot
be written is refused, and sent again. Files are deleted a day after they came, imported or not.
In a cluster the folder is a working copy: the next owner of a partition finds its files in the
database.
"""

from __future__ import annotations

import asyncio
import csv
import itertools
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import field
from pathlib import Path
from typing import Final

import msgspec
import structlog

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.contacts.contacts import check_field_name, check_list_name
from dragoman.core.contacts.csv_files import (
    NotATable,
    TableShape,
    inspect_file,
    read_file,
    read_phone,
)
from dragoman.core.contacts.imports import ImportedRows, Imports
from dragoman.core.contacts.model.uploads import (
    NUMBER_COLUMN,
    FaultCount,
    FaultyRow,
    Mapping,
    Upload,
    UploadState,
)
from dragoman.core.model.errors import RefusalCode, Refused, StorageUnavailable
from dragoman.core.model.texts import is_storable
from dragoman.core.model.use_case import use_case
from dragoman.core.placement.copies import FileCopies
from dragoman.kit.clock import Clock

MAX_BYTES: Final = 256 << 20
"""Size of one file; three million rows of ordinary contacts."""
MAX_KEPT: Final = 10
"""Files of one account at a time."""
GROUP_ROWS: Final = 8_192
MAX_FAULTS_KEPT: Final = 100_000
"""Faulty rows of one file that can be looked at; the others are counted."""
LIFETIME_MS: Final = 24 * 3600 * 1000
AT_ONCE: Final = 2
CLEAN_EVERY_S: Final = 600.0
RETRY_S: Final = 2.0
_KEY_BYTES: Final = 16

log = structlog.get_logger(__name__)


@use_case(kw_only=True)
class Uploads:
    """Takes files of accounts, and imports them."""

    folder: Path
    imports: Imports
    accounts: Accounts
    clock: Clock
    copies: FileCopies | None = None
    """In a cluster, where the next owner of a partition may have another disk."""
    new_key: Callable[[], str] = lambda: secrets.token_hex(_KEY_BYTES)
    _known: dict[str, Upload] = field(default_factory=dict, init=False)
    _shapes: dict[str, TableShape] = field(default_factory=dict, init=False)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _forgetting: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE), init=False)

    async def run(self) -> None:
        """Takes up what an earlier run left, and deletes old files; runs until cancelled."""
        await self._restore()
        try:
            while True:
                await asyncio.sleep(CLEAN_EVERY_S)
                self._delete_old()
        finally:
            for task in self._tasks.values():
                task.cancel()

    async def add(self, account: Account, name: str, data: bytes) -> Upload:
        """Takes a whole file; raises `Refused`."""
        begun = await self.begin(account, name)
        await self.add_piece(account, begun.key, 0, data)
        return await self.complete(account, begun.key)

    async def begin(self, account: Account, name: str) -> Upload:
        """Begins a file that comes in pieces; raises `Refused`."""
        mine = self.of_account(account)
        for old in mine[MAX_KEPT - 1 :]:
            if old.state is UploadState.RUNNING:
                raise Refused(RefusalCode.UNAVAILABLE, "file", "too many files at a time")
            self._forget(old.key)
        upload = Upload(
            key=self.new_key(),
            account_id=account.account_id,
            name=name[:200] if is_storable(name) else "",
            created_ms=self.clock.now_ms(),
        )
        await asyncio.to_thread(self._make, upload)
        if self.copies is not None:
            await self.copies.put_note(upload.key, msgspec.json.encode(upload))
        self._known[upload.key] = upload
        return upload

    async def add_piece(self, account: Account, key: str, at: int, data: bytes) -> Upload:
        """Adds octets at a place; what is there already is left as it is. Raises `Refused`."""
        upload = self.find(account, key)
        if upload.state is not UploadState.ARRIVING or at > upload.size:
            raise Refused(RefusalCode.INVALID_FIELD, "file", "a piece of it is missing")
        fresh = data[upload.size - at :]
        if upload.size + len(fresh) > MAX_BYTES:
            self._forget(key)
            raise Refused(RefusalCode.INVALID_FIELD, "file", f"more than {MAX_BYTES >> 20} MB")
        if self.copies is not None and fresh:
            await self.copies.add(key, upload.size, fresh)
        await asyncio.to_thread(_append, self._path(key), upload.size, fresh)
        return self._note(msgspec.structs.replace(upload, size=upload.size + len(fresh)))

    async def complete(self, account: Account, key: str) -> Upload:
        """Looks how a whole file is written; raises `Refused` where it is no table."""
        upload = self.find(account, key)
        try:
            shape = await self.shape(account, key)
        except Refused:
            self._forget(key)
            raise
        known = msgspec.structs.replace(upload, state=UploadState.WAITING, rows=shape.lines)
        return await self._save(known)

    def of_account(self, account: Account) -> list[Upload]:
        """The account's files, newest first."""
        mine = [one for one in self._known.values() if one.account_id == account.account_id]
        return sorted(mine, key=lambda one: one.created_ms, reverse=True)

    def find(self, account: Account, key: str) -> Upload:
        """One of the account's files; raises `Refused`."""
        upload = self._known.get(key)
        if upload is None or upload.account_id != account.account_id:
            raise Refused(RefusalCode.NOT_FOUND, key, "file")
        return upload

    async def shape(self, account: Account, key: str) -> TableShape:
        """How a file is written; raises `Refused`."""
        self.find(account, key)
        if key not in self._shapes:
            try:
                found = await asyncio.to_thread(inspect_file, self._path(key))
            except NotATable as problem:
                raise Refused(RefusalCode.INVALID_FIELD, "file", str(problem)) from None
            except OSError as error:
                raise StorageUnavailable(error.strerror or "") from None
            self._shapes[key] = found
        return self._shapes[key]

    async def start(self, account: Account, key: str, mapping: Mapping) -> Upload:
        """Begins to import a file; raises `Refused`. A second time changes nothing."""
        upload = self.find(account, key)
        if upload.state is not UploadState.WAITING:
            return upload
        shape = await self.shape(account, key)
        _check(mapping, shape)
        job = await self.imports.create(
            account,
            list_id=mapping.list_id,
            name="" if mapping.list_id is not None else mapping.list_name.strip(),
            clean=mapping.clean,
            drop_duplicates=mapping.drop_duplicates,
        )
        if self._known[key].state is not UploadState.WAITING:
            return self._known[key]  # two people pressed the button
        upload = await self._save(
            msgspec.structs.replace(
                upload, state=UploadState.RUNNING, mapping=mapping, import_key=job.key
            )
        )
        self._spawn(upload)
        return upload

    async def discard(self, account: Account, key: str) -> None:
        """Stops an import and deletes its file; contacts that are stored stay. Raises `Refused`."""
        self.find(account, key)
        self._forget(key)

    async def faulty_rows(self, account: Account, key: str, limit: int) -> list[FaultyRow]:
        """The first rows of a file that were left out; raises `Refused`."""
        self.find(account, key)
        return await asyncio.to_thread(_read_faults, self._faults_path(key), limit)

    async def settled(self, key: str) -> None:
        """Waits until an import is over."""
        task = self._tasks.get(key)
        if task is not None:
            await asyncio.wait([task])

    # The import of one file

    def _spawn(self, upload: Upload) -> None:
        task = asyncio.ensure_future(self._import(upload))
        self._tasks[upload.key] = task
        task.add_done_callback(lambda _: self._tasks.pop(upload.key, None))

    async def _import(self, upload: Upload) -> None:
        async with self._room:
            try:
                account = await self.accounts.find_by_id(upload.account_id)
                if account is None:
                    raise Refused(RefusalCode.NOT_FOUND, "account")
                await self._import_rows(account, upload)
            except Refused as refused:
                await self._fail(upload.key, refused.detail or str(refused))
            except (OSError, csv.Error) as error:
                await self._fail(
                    upload.key, f"The file could not be read ({type(error).__name__})."
                )
            except Exception as error:
                log.error("upload_not_imported", reason=type(error).__name__)
                await self._fail(upload.key, "Something went wrong in the gateway.")

    async def _import_rows(self, account: Account, upload: Upload) -> None:
        mapping = upload.mapping
        assert mapping is not None
        shape = await self.shape(account, upload.key)
        at = mapping.fields.index(NUMBER_COLUMN)
        chosen = [(n, name) for n, name in enumerate(mapping.fields) if name and n != at]
        rows = read_file(self._path(upload.key), shape)
        counts = Counter({(one.fault, one.field): one.rows for one in upload.faults})

        def next_group() -> tuple[list[int], list[list[str | None]]]:
            numbers: list[int] = []
            group: list[list[str | None]] = []
            for number, cells in itertools.islice(rows, GROUP_ROWS):
                numbers.append(number)
                group.append(_row_for_import(cells, at, chosen, mapping.calling_code))
            return numbers, group

        index = 0
        while True:
            numbers, group = await asyncio.to_thread(next_group)
            if not group:
                break
            index += 1
            if index <= upload.groups:
                continue  # an earlier run stored it
            stored = await self._add_group(
                account, upload, [name for _, name in chosen], group, index
            )
            faults = [
                FaultyRow(row=numbers[i], fault=one.fault.value, field=one.field, value=value)
                for one in stored.faults
                for i, value in one.values.items()
            ]
            faults.sort(key=lambda one: one.row)
            counts.update((one.fault, one.field) for one in faults)
            if faults and upload.faulty < MAX_FAULTS_KEPT:
                await asyncio.to_thread(_write_faults, self._faults_path(upload.key), faults)
            upload = await self._save(
                msgspec.structs.replace(
                    upload,
                    read=upload.read + len(group),
                    groups=index,
                    faulty=upload.faulty + len(faults),
                    faults=tuple(
                        FaultCount(fault=fault, field=name, rows=rows_)
                        for (fault, name), rows_ in counts.most_common()
                    ),
                    list_id=stored.job.list_id,
                )
            )
        await self._save(msgspec.structs.replace(upload, state=UploadState.DONE, rows=upload.read))
        self._path(upload.key).unlink(missing_ok=True)
        if self.copies is not None:
            await self.copies.end(upload.key, is_forgotten=False)

    async def _add_group(
        self,
        account: Account,
        upload: Upload,
        names: list[str],
        group: list[list[str | None]],
        n: int,
    ) -> ImportedRows:
        while True:
            try:
                return await self.imports.add_rows(
                    account, upload.import_key, names, group, f"{upload.key}:{n}"
                )
            except StorageUnavailable as unavailable:
                if unavailable.sync_failed:
                    raise
                await asyncio.sleep(RETRY_S)

    async def _fail(self, key: str, problem: str) -> None:
        if (known := self._known.get(key)) is not None:
            await self._save(
                msgspec.structs.replace(known, state=UploadState.FAILED, problem=problem)
            )

    # Files

    async def _restore(self) -> None:
        if self.copies is not None:
            await self._restore_copies(self.copies)
        else:
            for upload in await asyncio.to_thread(load_all, self.folder):
                self._known.setdefault(upload.key, upload)
        self._delete_old()
        for upload in list(self._known.values()):
            if upload.state is UploadState.ARRIVING:
                self._forget(upload.key)
            elif upload.state is UploadState.RUNNING and upload.key not in self._tasks:
                self._spawn(upload)

    async def _restore_copies(self, copies: FileCopies) -> None:
        """Brings the files here that an earlier owner took, wherever that was."""
        await asyncio.to_thread(self._empty_folder, frozenset(self._known))
        for note in await copies.notes():
            upload = msgspec.json.decode(note, type=Upload)
            if upload.key in self._known:
                continue
            if upload.state in (UploadState.WAITING, UploadState.RUNNING):
                await copies.write_to(self._path(upload.key), upload.key)
            self._known[upload.key] = upload

    def _empty_folder(self, kept: frozenset[str]) -> None:
        """Deletes what an earlier ownership of the partition left here."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self.folder.iterdir():
            if path.stem not in kept:
                path.unlink(missing_ok=True)

    def _delete_old(self) -> None:
        oldest_ms = self.clock.now_ms() - LIFETIME_MS
        for upload in list(self._known.values()):
            if upload.created_ms < oldest_ms:
                self._forget(upload.key)

    def _forget(self, key: str) -> None:
        if task := self._tasks.get(key):
            task.cancel()
        self._known.pop(key, None)
        self._shapes.pop(key, None)
        for path in (self._path(key), self._faults_path(key), self._note_path(key)):
            path.unlink(missing_ok=True)
        if self.copies is not None:
            task = asyncio.ensure_future(self._forget_copies(self.copies, key))
            self._forgetting.add(task)
            task.add_done_callback(self._forgetting.discard)

    async def _forget_copies(self, copies: FileCopies, key: str) -> None:
        try:
            await copies.end(key, is_forgotten=True)
        except StorageUnavailable as error:  # forgotten a day later, by whoever has it then
            log.warning("upload_not_forgotten", reason=str(error))

    def _note(self, upload: Upload) -> Upload:
        if upload.key not in self._known:  # it was deleted meanwhile
            raise Refused(RefusalCode.NOT_FOUND, upload.key, "file")
        self._known[upload.key] = upload
        return upload

    async def _save(self, upload: Upload) -> Upload:
        self._note(upload)
        try:
            await asyncio.to_thread(replace_note, self._note_path(upload.key), upload)
        except OSError as error:
            raise StorageUnavailable(error.strerror or "") from None
        if self.copies is not None:
            await self.copies.put_note(upload.key, msgspec.json.encode(upload))
        return upload

    def _make(self, upload: Upload) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _append(self._path(upload.key), 0, b"")
            replace_note(self._note_path(upload.key), upload)
        except OSError as error:
            raise StorageUnavailable(error.strerror or "") from None

    def _path(self, key: str) -> Path:
        return path_of(self.folder, key)

    def _faults_path(self, key: str) -> Path:
        return self.folder / f"{key}.faults"

    def _note_path(self, key: str) -> Path:
        return note_path(self.folder, key)


def path_of(folder: Path, key: str) -> Path:
    """Where the content of a file is."""
    return folder / f"{key}.csv"


def note_path(folder: Path, key: str) -> Path:
    """Where the note on a file is."""
    return folder / f"{key}.json"


def _check(mapping: Mapping, shape: TableShape) -> None:
    """Raises `Refused` for columns that cannot be imported so."""
    named = [name for name in mapping.fields if name]
    if named.count(NUMBER_COLUMN) != 1:
        detail = "exactly one column must hold the numbers"
        raise Refused(RefusalCode.INVALID_FIELD, "columns", detail)
    if len(mapping.fields) != len(shape.columns):
        raise Refused(RefusalCode.INVALID_FIELD, "columns", "the file has other columns")
    if len(set(named)) != len(named):
        raise Refused(RefusalCode.INVALID_FIELD, "columns", "two columns have the same field")
    for name in named:
        if name != NUMBER_COLUMN:
            check_field_name(name)
    if mapping.list_id is None:
        check_list_name(mapping.list_name.strip())


def _row_for_import(
    cells: Sequence[str], at: int, chosen: Sequence[tuple[int, str]], calling_code: str
) -> list[str | None]:
    """A row as imports take it; the number stays as it was written where it is none."""
    if len(cells) <= at:
        return []
    written = cells[at]
    digits = read_phone(written, calling_code)
    number = written if digits is None else f"+{digits}"
    values = (cells[n].strip() if n < len(cells) else "" for n, _ in chosen)
    return [number, *(value or None for value in values)]


def _append(path: Path, at: int, data: bytes) -> None:
    try:
        with path.open("r+b" if path.exists() else "xb") as file:
            file.seek(at)
            file.write(data)
            file.truncate()
    except OSError as error:
        raise StorageUnavailable(error.strerror or "") from None


def replace_note(path: Path, upload: Upload) -> None:
    """Writes the note on a file; raises OSError."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(upload))
    fresh.replace(path)


def load_all(folder: Path) -> list[Upload]:
    """What the notes in a folder say of its files."""
    found = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=Upload))
        except (OSError, msgspec.DecodeError) as error:
            log.warning("upload_not_readable", reason=type(error).__name__)
    return found


def _write_faults(path: Path, faults: Sequence[FaultyRow]) -> None:
    with path.open("ab") as file:
        file.writelines(msgspec.json.encode(one) + b"\n" for one in faults)


def _read_faults(path: Path, limit: int) -> list[FaultyRow]:
    if not path.exists():
        return []
    with path.open("rb") as file:
        lines = itertools.islice(file, limit)
        return [msgspec.json.decode(line, type=FaultyRow) for line in lines]
