"""Texts exported by devices, with the SIM of each and a digest that identifies it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from dragoman.core.devices.sql.tables import device_texts
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.rows import is_any


class NewDeviceText(msgspec.Struct, frozen=True, kw_only=True):
    """A text exported by a device."""

    inbound_id: int
    device_id: int
    slot: int | None
    """The SIM it came to, from 1."""
    digest: bytes | None = None
    """None if the phone reports nothing that identifies the text."""


_INSERT = BulkInsert(device_texts)


def insert_texts(connection: Connection, texts: Sequence[NewDeviceText]) -> None:
    """Inserts exported texts."""
    _INSERT.run(connection, [msgspec.structs.astuple(text) for text in texts])


def is_known(connection: Connection, device_id: int, digest: bytes) -> bool:
    """Whether a device has exported a text before."""
    table = device_texts.c
    return is_any(connection, table.device_id == device_id, table.digest == digest)
