"""Files of partitions, in the shared schema: a note on each, and its content in pieces."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection, text

from dragoman.storage.partitions import SHARED_SCHEMA
from dragoman.storage.work import one_by_one

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS file_notes (
    partition integer NOT NULL, key text NOT NULL, note bytea NOT NULL,
    PRIMARY KEY (partition, key)
);
CREATE TABLE IF NOT EXISTS file_pieces (
    partition integer NOT NULL, key text NOT NULL, place bigint NOT NULL, content bytea NOT NULL,
    PRIMARY KEY (partition, key, place)
);
"""


class FileNote(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a file."""

    partition: int
    key: str
    note: bytes


class FilePiece(msgspec.Struct, frozen=True, kw_only=True):
    """Octets of a file from a place on."""

    partition: int
    key: str
    place: int
    content: bytes


class FileEnd(msgspec.Struct, frozen=True, kw_only=True):
    """A file whose content is not needed any more, or that is forgotten."""

    partition: int
    key: str
    is_forgotten: bool


@one_by_one("put_file_note")
def put_note(connection: Connection, item: FileNote) -> None:
    """Notes what is known of a file."""
    connection.execute(_PUT_NOTE, msgspec.structs.asdict(item))


@one_by_one("put_file_piece")
def put_piece(connection: Connection, item: FilePiece) -> None:
    """Stores a piece of a file, again where it came before."""
    connection.execute(_PUT_PIECE, msgspec.structs.asdict(item))


@one_by_one("end_file")
def end(connection: Connection, item: FileEnd) -> None:
    """Deletes the content of a file, and what is known of one that is forgotten."""
    values = {"partition": item.partition, "key": item.key}
    connection.execute(_DROP_PIECES, values)
    if item.is_forgotten:
        connection.execute(_DROP_NOTE, values)


def load_notes(connection: Connection, partition: int) -> list[bytes]:
    """The notes on all files of a partition."""
    return [bytes(row.note) for row in connection.execute(_NOTES, {"partition": partition})]


def load_piece(connection: Connection, partition: int, key: str, place: int) -> bytes | None:
    """The piece of a file at a place; None behind the last."""
    values = {"partition": partition, "key": key, "place": place}
    content = connection.scalar(_PIECE, values)
    return None if content is None else bytes(content)


_PUT_NOTE: Final = text(
    f"INSERT INTO {SHARED_SCHEMA}.file_notes VALUES (:partition, :key, :note)"
    " ON CONFLICT (partition, key) DO UPDATE SET note = excluded.note"
)
_PUT_PIECE: Final = text(
    f"INSERT INTO {SHARED_SCHEMA}.file_pieces VALUES (:partition, :key, :place, :content)"
    " ON CONFLICT (partition, key, place) DO UPDATE SET content = excluded.content"
)
_DROP_NOTE: Final = text(
    f"DELETE FROM {SHARED_SCHEMA}.file_notes WHERE partition = :partition AND key = :key"
)
_DROP_PIECES: Final = text(
    f"DELETE FROM {SHARED_SCHEMA}.file_pieces WHERE partition = :partition AND key = :key"
)
_NOTES: Final = text(
    f"SELECT note FROM {SHARED_SCHEMA}.file_notes WHERE partition = :partition ORDER BY key"
)
_PIECE: Final = text(
    f"SELECT content FROM {SHARED_SCHEMA}.file_pieces"
    " WHERE partition = :partition AND key = :key AND place = :place"
)
