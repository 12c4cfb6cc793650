"""Imports of many contacts at once (LINK v2 s. 06)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.contacts.contacts import MAX_FIELD_VALUE
from dragoman.core.contacts.import_rows import Fault, FaultyRows
from dragoman.core.contacts.imports import ImportedRows
from dragoman.core.contacts.model.contacts import ImportJob
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility.calls import CREATED, OK, CallGroup
from dragoman.dialects.linkmobility.contacts import reading, schemas
from dragoman.dialects.linkmobility.reading import read_flag, read_text, render_log_time
from dragoman.dialects.wording import quoted
from dragoman.kit.ids import time_of
from dragoman.web.bodies import decode_body
from dragoman.web.requests import Request

FAULTS: Final = MappingProxyType(
    {
        Fault.MOBILE: reading.INVALID_MOBILE,
        Fault.VALUE: f"{{field}} is not valid! Remember a value must be a text of at most"
        f" {MAX_FIELD_VALUE} characters",
        Fault.SHAPE: "Row is not valid! Remember a row must be a list with a value for each key",
    }
)
"""What the report says of rows that are no contacts."""


class Rows(Sequence[Any]):
    """Rows of a JSON body, which are read when a slice of them is taken."""

    def __init__(self, rows: list[msgspec.Raw]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, taken: Any) -> Any:
        if not isinstance(taken, slice):
            return _read_row(self._rows[taken])
        rows = self._rows[taken]
        try:
            return _decode_rows(b"[" + b",".join(rows) + b"]")
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return [_read_row(row) for row in rows]


class MobileFirst(Sequence[Any]):
    """Rows whose number stands in another column, with it in front."""

    def __init__(self, rows: Sequence[Any], column: int) -> None:
        self._rows, self._column = rows, column

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, taken: Any) -> Any:
        found = self._rows[taken]
        return list(map(self._moved, found)) if isinstance(taken, slice) else self._moved(found)

    def _moved(self, row: Any) -> Any:
        if not isinstance(row, list):
            return row
        at = self._column
        return [row[at], *row[:at], *row[at + 1 :]] if at < len(row) else ["", *row]


class ContactImports(CallGroup):
    """Answers the calls on imports."""

    async def create(self, account: Account, request: Request) -> schemas.ImportAnswer:
        """Opens an import; raises `Refused`."""
        body = decode_body(request, schemas.ImportBody)
        job = await self._services.imports.create(
            account,
            list_id=reading.read_list_id("listid", body.listid),
            name=read_text(body.name),
            clean=bool(read_flag("clean", body.clean)),
            drop_duplicates=bool(read_flag("duplicate", body.duplicate)),
        )
        return self._answer(account, job, CREATED)

    async def one(self, account: Account, request: Request) -> schemas.ImportAnswer:
        """How far an import is; raises `Refused`."""
        job = await self._services.imports.find(account, request.path_params["hash"])
        return self._answer(account, job, OK)

    async def add_rows(self, account: Account, request: Request) -> schemas.RowsAnswer:
        """Imports rows; raises `Refused`."""
        keys, rows, digest = await asyncio.to_thread(_read_body, request)
        mobile = reading.MOBILE.lower()
        at = next((n for n, key in enumerate(keys) if key.strip().lower() == mobile), None)
        if at is None:
            raise Refused(RefusalCode.INVALID_FIELD, "keys", f"one must be {reading.MOBILE}")
        if at:
            rows = MobileFirst(rows, at)
        fields = await self._services.contacts.merge_fields(account)
        names = [reading.read_column(key, fields) for key in (*keys[:at], *keys[at + 1 :])]
        key = request.path_params["hash"]
        imported = await self._services.imports.add_rows(account, key, names, rows, digest)
        return self._rows_answer(account, imported)

    def _answer(self, account: Account, job: ImportJob, status: int) -> schemas.ImportAnswer:
        state = schemas.ImportState(**self._state(account, job))
        return schemas.ImportAnswer(import_=state, status=status)

    def _rows_answer(self, account: Account, imported: ImportedRows) -> schemas.RowsAnswer:
        job = imported.job
        state = schemas.RowsState(**self._state(account, job), duplicate=int(job.drop_duplicates))
        errors = tuple(map(_errors, imported.faults))
        return schemas.RowsAnswer(import_=state, errors=errors, status=OK)

    def _state(self, account: Account, job: ImportJob) -> dict[str, Any]:
        zone = self._zone_of(account)
        return {
            "hash": job.key,
            "created": render_log_time(time_of(job.import_id), zone),
            "listid": job.list_id or 0,
            "name": job.name,
            "clean": int(job.clean),
            "total": job.total,
            "processed": job.processed,
        }


def _read_body(request: Request) -> tuple[list[str], Sequence[Any], str]:
    """The keys, the rows, and a digest of the body."""
    digest = hashlib.sha256(request.body).hexdigest()
    if not reading.is_xml(request):
        body = decode_body(request, schemas.RowsBody)
        return body.keys, Rows(body.values), digest
    xml = decode_body(request, schemas.XmlRowsBody)
    keys = [_row_of_elements(key) for key in xml.keys]
    names = [name if isinstance(name, str) else "" for key in keys for name in key or [None]]
    return names, [_row_of_elements(row) for row in _rows_of(xml.values)], digest


def _rows_of(values: list[Any]) -> list[Any]:
    """The rows: the elements `values`, or the elements within a single one that holds rows."""
    if len(values) != 1 or not isinstance(values[0], dict):
        return values
    held = [one for row in values[0].values() for one in (row if isinstance(row, list) else [row])]
    return held if held and all(isinstance(row, dict) for row in held) else values


def _row_of_elements(row: Any) -> Any:
    """The values of a row, whatever their elements are called."""
    if not isinstance(row, dict):
        return [row] if isinstance(row, str) else None
    values = []
    for element in row.values():
        values += element if isinstance(element, list) else [element]
    return values


def _read_row(row: msgspec.Raw) -> Any:
    try:
        return _decode_row(row)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


_Value = str | int | float | bool | None
_decode_row: Final = msgspec.json.Decoder(list[_Value]).decode
_decode_rows: Final = msgspec.json.Decoder(list[list[_Value]]).decode


def _errors(faulty: FaultyRows) -> schemas.RowErrors:
    return schemas.RowErrors(
        message=FAULTS[faulty.fault].format(field=faulty.field),
        count=len(faulty.values),
        errors={str(index): quoted(value) for index, value in faulty.values.items()},
    )
