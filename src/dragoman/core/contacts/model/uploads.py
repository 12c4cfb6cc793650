"""Files of contacts that people upload: what is known of one, and what becomes of its columns."""

from __future__ import annotations

from enum import StrEnum

import msgspec

NUMBER_COLUMN = "+"
"""Stands for the number among the fields of columns; a column without a field is left out."""


class UploadState(StrEnum):
    """How far an upload is."""

    ARRIVING = "arriving"
    """Pieces of it are missing."""
    WAITING = "waiting"
    """It is there, and nobody has said what its columns are."""
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    """It ended before its end; `problem` says why."""


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """What is to become of a file."""

    fields: tuple[str, ...]
    """For each column a merge field, `NUMBER_COLUMN`, or nothing."""
    calling_code: str = ""
    """Of the country as which numbers are read that have none."""
    list_id: int | None = None
    list_name: str = ""
    """A new list; used where there is no `list_id`."""
    drop_duplicates: bool = True
    clean: bool = False
    """Whether the list is emptied first."""


class FaultCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows have a fault."""

    fault: str
    field: str
    rows: int


class FaultyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was left out."""

    row: int
    """Its number in the file, from 1, as spreadsheets count."""
    fault: str
    field: str
    value: str


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A file, as it is remembered beside it until its contacts are stored."""

    key: str
    account_id: int
    name: str
    """As its sender called it."""
    size: int = 0
    """Octets."""
    created_ms: int
    state: UploadState = UploadState.ARRIVING
    mapping: Mapping | None = None
    import_key: str = ""
    list_id: int | None = None
    rows: int = 0
    """About as many rows as it has."""
    read: int = 0
    """Rows looked at so far."""
    groups: int = 0
    """Groups of rows that are stored."""
    faulty: int = 0
    faults: tuple[FaultCount, ...] = ()
    problem: str = ""

    @property
    def stored(self) -> int:
        """Rows that were valid; of a number that comes twice, the second may have been left out."""
        return self.read - self.faulty
