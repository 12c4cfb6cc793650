"""The library that makes a machine lose power, fail to sync, fill up or change its clock."""

from __future__ import annotations

import mmap
import random
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

SOURCE = Path(__file__).with_name("library.c")
SECTOR = 512
"""Octets that a disk writes whole or not at all."""
DAY_S = 86_400

_CONTROL = struct.Struct("<iiiiqqq")
_RECORD = struct.Struct("<qqqqq")
_WRITE, _TRUNCATE = 1, 2
_SUFFIXES = {1: "", 2: "-wal", 3: "-journal"}


class NotPossible(Exception):
    """Why a fault cannot be made on this machine."""


class Sync(IntEnum):
    """What a sync of the database does."""

    REAL = 0
    LIE = 1
    """It succeeds, and nothing is on the disk: what `synchronous=OFF` comes to."""
    FAIL = 2


def compile_library(folder: Path) -> Path:
    """The compiled library; raises `NotPossible` without a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NotPossible("no C compiler; on Debian: apt-get install gcc libc6-dev")
    library = folder / "faults.so"
    command = [compiler, "-std=gnu11", "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
    done = subprocess.run(
        [*command, "-ldl", "-lpthread"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        first = (done.stderr.strip() or "no reason given").splitlines()[0]
        raise NotPossible(f"{compiler} cannot compile {SOURCE.name}: {first}")
    return library


class Machine:
    """A machine for one gateway, which the runner can break while the gateway runs."""

    def __init__(self, library: Path, folder: Path, database: Path) -> None:
        self._library = library
        self._database = database
        self._journals = folder / "journals"
        self._journals.mkdir()
        control = folder / "control"
        control.write_bytes(bytes(_CONTROL.size))
        self._path = control
        with control.open("r+b") as file:
            self._control = mmap.mmap(file.fileno(), _CONTROL.size)

    @property
    def environment(self) -> dict[str, str]:
        """What a process must be started with to run on this machine."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAULTS_DATABASE": str(self._database),
            "FAULTS_JOURNALS": str(self._journals),
            "FAULTS_CONTROL": str(self._path),
        }

    def set_sync(self, sync: Sync, failures: int = -1) -> None:
        """What syncs do from now on; with `FAIL`, how many fail before the next succeed."""
        self._control[0:8] = struct.pack("<ii", sync.value, failures)

    def set_full(self, is_full: bool) -> None:
        """Whether the disk has no room left."""
        self._control[8:12] = struct.pack("<i", is_full)

    def slow_syncs(self, seconds: float) -> None:
        """How much longer every sync takes: as long as nothing of its group is on the disk."""
        self._control[12:16] = struct.pack("<i", round(seconds * 1e6))

    def move_clock(self, seconds: float) -> None:
        """Puts the wall clock this far from the true time."""
        self._control[16:24] = struct.pack("<q", round(seconds * 1e9))

    @property
    def failed_syncs(self) -> int:
        """Syncs that failed, or did nothing."""
        return int(_CONTROL.unpack(self._control)[5])

    @property
    def syncs(self) -> int:
        """Syncs that put something on the disk."""
        return int(_CONTROL.unpack(self._control)[6])

    def cut_power(self, chance: random.Random | None = None) -> int:
        """Drops what was not synced, once everything on the machine was killed; how many writes.

        With `chance`, every sector that was not synced is on the disk or is not.
        """
        dropped = 0
        for kind, suffix in _SUFFIXES.items():
            journal = self._journals / str(kind)
            if journal.exists():
                dropped += _revert(Path(f"{self._database}{suffix}"), journal, chance)
                journal.unlink()
        Path(f"{self._database}-shm").unlink(missing_ok=True)  # was never on the disk
        self.set_sync(Sync.REAL)
        self.set_full(False)
        return dropped

    def close(self) -> None:
        self._control.close()


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of a file: what was there, what came."""

    kind: int
    offset: int
    size_before: int
    old: bytes
    new: bytes


def _revert(path: Path, journal: Path, chance: random.Random | None) -> int:
    changes = list(_read(journal.read_bytes()))
    if not path.exists():
        return 0
    with path.open("r+b") as file:
        for change in reversed(changes):
            file.seek(change.offset)
            file.write(change.old)
            file.truncate(change.size_before)
        for change in changes if chance is not None else ():
            assert chance is not None
            for at in range(0, len(change.new), SECTOR):
                if chance.random() < 0.5:
                    file.seek(change.offset + at)
                    file.write(change.new[at : at + SECTOR])
    return len(changes)


def _read(journal: bytes) -> Iterator[_Change]:
    """The changes in a journal; the last may be incomplete, and was then never made."""
    at = 0
    while at + _RECORD.size <= len(journal):
        kind, offset, size, old_length, new_length = _RECORD.unpack_from(journal, at)
        at += _RECORD.size
        if at + old_length + new_length > len(journal):
            return
        old = journal[at : at + old_length]
        new = journal[at + old_length : at + old_length + new_length]
        at += old_length + new_length
        yield _Change(kind, offset, size, old, new)
