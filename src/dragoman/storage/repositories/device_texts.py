"""Texts that devices have handed in, by what makes each of them itself."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, select

from dragoman.storage.bulk import BulkInsert
from dragoman.storage.tables import device_texts


class NewDeviceText(msgspec.Struct, frozen=True, kw_only=True):
    """A text that a device has handed in."""

    device_id: int
    digest: bytes
    inbound_id: int


_INSERT = BulkInsert(device_texts, suffix="ON CONFLICT DO NOTHING")


def insert_texts(connection: Connection, texts: Sequence[NewDeviceText]) -> None:
    """Stores that texts were handed in."""
    _INSERT.run(connection, [msgspec.structs.astuple(text) for text in texts])


def is_known(connection: Connection, device_id: int, digest: bytes) -> bool:
    """Whether a device has handed in a text before."""
    query = select(device_texts.c.inbound_id).where(
        device_texts.c.device_id == device_id, device_texts.c.digest == digest
    )
    return connection.execute(query).first() is not None
