"""Uploaded files that are not imported yet, as a gateway moves into a cluster and back.

A single gateway has them in a folder, a cluster in its database, where the next owner of their
partition finds them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from dragoman.core.contacts.model.uploads import Upload, UploadState
from dragoman.core.contacts.uploads import load_all, note_path, path_of, replace_note
from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.placement.sql import copies

PIECE_BYTES: Final = 1 << 20

_WITH_CONTENT: Final = frozenset({UploadState.WAITING, UploadState.RUNNING})


class Changed(Exception):
    """A file is not what its note says: its key."""


def bring_in(cluster: Any, folder: Path, partition_of: Callable[[int], int]) -> int:
    """Stores the files of a folder in a cluster, each in the partition of its account; how many.

    Those whose pieces were still arriving are left: a restart forgets them too. Raises `Changed`,
    `StorageUnavailable`.
    """
    uploads = [one for one in load_all(folder) if one.state is not UploadState.ARRIVING]
    for upload in uploads:
        partition = partition_of(upload.account_id)
        if upload.state in _WITH_CONTENT:
            _bring_content(cluster, folder, upload, partition)
        note = msgspec.json.encode(upload)
        copies.put_note.run(
            cluster, [copies.FileNote(partition=partition, key=upload.key, note=note)]
        )
    return len(uploads)


def _bring_content(cluster: Any, folder: Path, upload: Upload, partition: int) -> None:
    place = 0
    try:
        with path_of(folder, upload.key).open("rb") as file:
            while content := file.read(PIECE_BYTES):
                piece = copies.FilePiece(
                    partition=partition, key=upload.key, place=place, content=content
                )
                copies.put_piece.run(cluster, [piece])
                place += len(content)
    except OSError as error:
        raise StorageUnavailable(f"{upload.key}: {error.strerror}") from None
    if place != upload.size:
        raise Changed(upload.key)


def bring_out(cluster: Any, folder: Path, partitions: int) -> int:
    """Writes the files of a cluster to a folder; how many. Raises as `bring_in` does."""
    count = 0
    for partition in range(partitions):
        for note in copies.load_notes(cluster, partition):
            upload = msgspec.json.decode(note, type=Upload)
            if upload.state is UploadState.ARRIVING:
                continue
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                if upload.state in _WITH_CONTENT:
                    _write_content(cluster, folder, upload, partition)
                replace_note(note_path(folder, upload.key), upload)
            except OSError as error:
                raise StorageUnavailable(f"{upload.key}: {error.strerror}") from None
            count += 1
    return count


def _write_content(cluster: Any, folder: Path, upload: Upload, partition: int) -> None:
    place = 0
    with path_of(folder, upload.key).open("wb") as file:
        while content := copies.load_piece(cluster, partition, upload.key, place):
            file.write(content)
            place += len(content)
    if place != upload.size:
        raise Changed(upload.key)
