"""Copies of a partition's files in the database: its next owner may be on another machine."""

from __future__ import annotations

from pathlib import Path

from dragoman.core.model.use_case import use_case
from dragoman.core.placement.sql import copies
from dragoman.storage.engine import Storage


@use_case(kw_only=True)
class FileCopies:
    """Keeps copies; every call raises `StorageUnavailable` as storage does."""

    storage: Storage
    partition: int

    async def put_note(self, key: str, note: bytes) -> None:
        """Notes what is known of a file."""
        item = copies.FileNote(partition=self.partition, key=key, note=note)
        await self.storage.writer.write(copies.put_note, item)

    async def add(self, key: str, place: int, content: bytes) -> None:
        """Stores the piece of a file from a place on."""
        item = copies.FilePiece(partition=self.partition, key=key, place=place, content=content)
        await self.storage.writer.write(copies.put_piece, item)

    async def end(self, key: str, *, is_forgotten: bool) -> None:
        """Deletes the content of a file, and what is known of one that is forgotten."""
        item = copies.FileEnd(partition=self.partition, key=key, is_forgotten=is_forgotten)
        await self.storage.writer.write(copies.end, item)

    async def notes(self) -> list[bytes]:
        """The notes on all files."""
        return await self.storage.read(lambda c: copies.load_notes(c, self.partition))

    async def write_to(self, path: Path, key: str) -> None:
        """Writes the content of a file to a path; raises OSError where it cannot."""
        place = 0
        with path.open("wb") as file:
            while content := await self._piece(key, place):
                file.write(content)
                place += len(content)

    async def _piece(self, key: str, place: int) -> bytes | None:
        return await self.storage.read(lambda c: copies.load_piece(c, self.partition, key, place))
